"""What `import course_lib` costs beyond torch, torchvision and matplotlib.

    python benchmarks/import_time.py

Median of several fresh processes that import the three first and then the course.
"""

from __future__ import annotations

import statistics
import subprocess
import sys

BAR = 0.15
ROUNDS = 7

_CHILD = """
import time
start = time.perf_counter()
import torch, torchvision, matplotlib.figure
middle = time.perf_counter()
import course_lib
print(middle - start, time.perf_counter() - middle)
"""


def main() -> int:
    runs = []
    for _ in range(ROUNDS + 1):
        answer = subprocess.run([sys.executable, "-c", _CHILD], capture_output=True, text=True, check=True)
        runs.append(tuple(float(number) for number in answer.stdout.split()))
    theirs, ours = (statistics.median(times) for times in zip(*runs[1:], strict=True))  # the first fills the caches
    print(f"torch, torchvision, matplotlib: {theirs:.2f} s; course_lib beyond them: {ours:.3f} s (bar: {BAR} s)")
    return 0 if ours <= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
