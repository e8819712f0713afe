"""How many pictures of the picture book are drawn in a second on one core, at 224 pixels, for each difficulty.

    python benchmarks/drawing.py

All twelve classes in turn, seeds that no weights were trained on. Processor time of one thread, so that a busy
machine measures nearly the same as a quiet one; the figure is the median of the rounds.
"""

from __future__ import annotations

import statistics
import sys
import time

import torch

from picturebook import ALL_CLASSES, DIFFICULTIES, scene

BAR = 60
ROUNDS = 5
FIRST_SEED = 5_000_000


def pictures_a_second(difficulty: str, round_: int) -> float:
    start = time.process_time()
    for k, label in enumerate(2 * ALL_CLASSES):
        scene(label, seed=FIRST_SEED + 100 * round_ + k, difficulty=difficulty)
    return 2 * len(ALL_CLASSES) / (time.process_time() - start)


def main() -> int:
    torch.set_num_threads(1)
    for label in ALL_CLASSES:  # fonts, caches
        scene(label, seed=0)
    found = {dial: statistics.median(pictures_a_second(dial, k) for k in range(ROUNDS)) for dial in DIFFICULTIES}
    each = ", ".join(f"{dial} {rate:.0f}" for dial, rate in found.items())
    print(f"pictures of 224 px a second on one core: {each} (bar: {BAR})")
    return 0 if min(found.values()) >= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
