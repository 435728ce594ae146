"""Every benchmark by one command; see docs/performance.md.

    cd app && python -m benchmarks [--quick] [--only adapter] [--rounds 5] [--recordings FOLDER] [--json FILE]
"""

import argparse
import json
import os
from pathlib import Path

from benchmarks import bench_adapter, frames
from benchmarks.report import Row
