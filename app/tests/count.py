"""Add up the JUnit reports of the slices and print the plain counts; fails when no test ran."""

import sys
from pathlib import Path
from xml.etree import ElementTree


def count(reports: list[Path]) -> tuple[int, int, int]:
    """Return passed, failed and skipped tests."""
    total = failed = skipped = 0
    for report in reports:
        for suite in ElementTree.parse(report).getroot().iter("testsuite"):
            total += int(suite.get("tests", 0))
            failed += int(suite.get("failures", 0)) + int(suite.get("errors", 0))
            skipped += int(suite.get("skipped", 0))
    return total - failed - skipped, failed, skipped


def main(results: str, *slices: str) -> int:
    """Count the named slices; a slice without a report (lint) counts nothing."""
    reports = [path for name in slices if (path := Path(results, f"{name}.xml")).exists()]
    passed, failed, skipped = count(reports)
    sys.stdout.write(f"{passed} passed, {failed} failed, {skipped} skipped\n")
    only_lint = set(slices) <= {"lint"}
    return 0 if failed == 0 and (passed > 0 or only_lint) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
