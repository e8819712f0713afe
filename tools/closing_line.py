"""One closing line over several pytest runs, from their JUnit files; used by .ci/run.

Exit status 1 when a file is missing or cut off, a test failed, a file named with --whole has a skipped test, or
nothing ran whose name starts with one of the --must prefixes.
"""

from __future__ import annotations

import argparse
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path


def outcome(case: ET.Element) -> str:
    kinds = {"failure": "failed", "error": "errors", "skipped": "skipped"}
    return next((kinds[child.tag] for child in case if child.tag in kinds), "passed")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--whole", nargs="*", default=[], type=Path, help="files in which nothing may be skipped")
    parser.add_argument("--must", nargs="*", default=[], help="prefixes of names of which something must have passed")
    parser.add_argument("--also", type=int, default=0, help="failures seen elsewhere")
    options = parser.parse_args(arguments)
    counts: Counter[str] = Counter()
    passed: list[str] = []
    complaints: list[str] = []
    seconds = 0.0
    for file in options.files:
        if not file.is_file():
            counts["errors"] += 1
            complaints.append(f"{file.name} is missing: that run did not end")
            continue
        try:
            run = ET.parse(file).getroot()
        except ET.ParseError as error:
            counts["errors"] += 1
            complaints.append(f"{file.name} is cut off ({error}): was the disk full?")
            continue
        for suite in run.iter("testsuite"):
            seconds += float(suite.get("time", "0"))
        for case in run.iter("testcase"):
            name, how = f"{case.get('classname')}::{case.get('name')}", outcome(case)
            counts[how] += 1
            if how == "passed":
                passed.append(name)
            elif how != "skipped":
                complaints.append(f"{how}: {name} ({file.stem})")
            elif file in options.whole:
                complaints.append(f"skipped, and must not be: {name}")
    for prefix in options.must:
        if not any(name.startswith(prefix) for name in passed):
            complaints.append(f"nothing of {prefix} passed")
    if (complaints or options.also) and not counts["failed"] + counts["errors"]:
        counts["errors"] += len(complaints) or options.also
    print(*complaints, sep="\n", end="\n" if complaints else "")
    parts = [f"{counts[key]} {key}" for key in ("failed", "passed", "skipped", "errors") if counts[key]]
    print(f" {', '.join(parts) or 'no tests ran'} in {seconds:.2f}s ".center(80, "="))
    return 1 if counts["failed"] or counts["errors"] or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
