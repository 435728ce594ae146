"""Run the command line as ``python -m marketprism``."""

from marketprism.cli import main

main()
