"""Every benchmark by one command; see docs/performance.md.

cd app && python -m benchmarks [--quick] [--only adapter] [--rounds 5] [--recordings FOLDER] [--json FILE]
"""
