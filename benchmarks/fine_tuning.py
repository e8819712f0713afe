"""Ants against bees: what a few hundred pictures and the course's weights are worth, against the same net from scratch.

    python benchmarks/fine_tuning.py [--rounds 3] [--epochs 6]

Each round draws its own 240 training and 100 validation pictures; the course's ResNet18 has seen neither class. Three
trainings learn from the same pictures in the same order: the whole network, its head alone, and the same architecture
with random weights. Seconds on the clock (the opening of the pictures included, their drawing not) and of processor
time, since only the latter can be compared on a busy machine. The accuracy is the best epoch's, as a learner sees it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from statistics import mean

import torch
from torch import nn
from torchvision.models import get_model

from course_lib.models.classifier import load_classifier
from course_lib.models.heads import replace_head
from course_lib.networks.training import Training, fine_tune
from course_lib.pictures.folders import LabelledFolder, open_folder
from picturebook import HELD_BACK, write_folder

ACCURACY, SECONDS = 0.95, 120.0
FIRST_SEED = 2_000_000  # the picture book's; used here alone
PICTURES = {"train": 120, "val": 50}  # of each class


def folders(path: Path, turn: int) -> list[LabelledFolder]:
    first = FIRST_SEED + 1000 * turn
    return [
        open_folder(write_folder(path / str(turn), HELD_BACK, n, split, first_seed=first + 500 * (split == "val")))
        for split, n in PICTURES.items()
    ]


def from_scratch() -> nn.Module:
    torch.manual_seed(0)
    return get_model("resnet18", weights=None, num_classes=len(HELD_BACK))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=6)
    options = parser.parse_args()
    pretrained = replace_head(load_classifier("resnet18", weights="course", device="cpu").model, len(HELD_BACK))
    kinds = {
        "everything": (pretrained, False),
        "head only": (pretrained, True),
        "from scratch": (from_scratch(), False),
    }
    found: dict[str, list[tuple[Training, float]]] = {name: [] for name in kinds}
    with tempfile.TemporaryDirectory() as path:
        for turn in range(options.rounds):
            train, val = folders(Path(path), turn)
            for name, (model, head_only) in kinds.items():
                start = time.process_time()
                training = fine_tune(model, train, val, head_only=head_only, epochs=options.epochs)
                found[name].append((training, time.process_time() - start))
                print(f"round {turn + 1}, {name}: {training!r}", flush=True)
    pictures = " and ".join(f"{n} {split}" for split, n in PICTURES.items())
    print(f"\n{pictures} pictures a class, {torch.get_num_threads()} threads, {options.epochs} epochs")
    print(f"{'':14}{'accuracy of the rounds':>26}{'mean':>9}{'seconds':>9}{'processor':>11}")
    for name, several in found.items():
        accuracies = [100 * training.best.val_accuracy for training, _ in several]
        seconds, spent = mean(training.seconds for training, _ in several), mean(cpu for _, cpu in several)
        rounds = ", ".join(f"{one:.0f}%" for one in accuracies)
        print(f"{name:14}{rounds:>26}{mean(accuracies):>7.1f}%{seconds:>7.0f} s{spent:>9.0f} s")
    worst = min(training.best.val_accuracy for training, _ in found["everything"])
    slowest = max(training.seconds for training, _ in found["everything"])
    print(f"everything, the worst round: {100 * worst:.1f}% (bar: {100 * ACCURACY:.0f}%), {slowest:.0f} s "
          f"(bar: {SECONDS:.0f} s on two cores)")  # fmt: skip
    return 0 if worst >= ACCURACY and slowest <= SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
