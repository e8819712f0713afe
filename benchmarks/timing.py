"""How well two measurements of the same model agree: the spread of medians over three runs.

    python benchmarks/timing.py [--runs 3] [--budget 2]

Each run is a process of its own, as a learner's next session is, and calls ``timing.measure_models`` for the same
models; between two measurements of one all the others are measured. The spread is (largest - smallest) / smallest
median. The load is printed beside it: on a busy machine the spread is the machine's, not ours.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys

NAMES = ("squeezenet1_1", "mobilenet_v3_small", "shufflenet_v2_x0_5", "alexnet", "resnet18", "resnet50",
         "densenet121", "efficientnet_b0", "convnext_tiny", "swin_t", "vit_b_16", "vgg16")  # fmt: skip
BAR = 0.10

_CHILD = """
import json, sys
from course_lib.measuring.timing import measure_models
found = measure_models(sys.argv[2:], budget=float(sys.argv[1]), spread=0.02)
print(json.dumps({name: [one.median, one.spread, one.repeats, one.threads] for name, one in found.items()}))
"""


def main() -> int:
    parser = argparse.ArgumentParser(description="Spread of medians over several runs.")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--budget", type=float, default=2.0, help="seconds for each model in each run")
    given = parser.parse_args()
    runs = []
    for number in range(given.runs):
        load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
        print(f"run {number + 1} of {given.runs}, load {load:.1f} on {os.cpu_count()} cores", flush=True)
        command = [sys.executable, "-c", _CHILD, str(given.budget), *NAMES]
        answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        runs.append(json.loads(answer.splitlines()[-1]))
    spreads = []
    for name in NAMES:
        medians = [run[name][0] for run in runs]
        spreads.append(max(medians) / min(medians) - 1)
        inside = statistics.median(run[name][1] for run in runs)
        print(
            f"{name:20} {', '.join(f'{1000 * one:7.2f}' for one in medians)} ms; apart {spreads[-1]:6.1%}, "
            f"quartiles within a run {inside:6.1%}, {runs[0][name][2]} calls, {runs[0][name][3]} threads"
        )
    middle = statistics.median(spreads)
    print(f"spread of medians over {given.runs} runs: {middle:.1%}, worst {max(spreads):.1%} (bar: {BAR:.0%})")
    return 0 if middle <= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
