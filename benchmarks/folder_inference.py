"""`predict_folder` on 256 pictures against the bare forward pass, in one run.

    python benchmarks/folder_inference.py [--model resnet18]

The bare forward has its batches ready and does nothing else: `model(batch)`, in torch's ordinary layout and in the
channels-last layout that `predict_folder` uses on a CPU. Opening and transforming the pictures takes the same cores, so
on a CPU nothing can be faster than both after each other, each on all cores: that is the limit. The rounds alternate;
the figures are medians of the rounds' ratios.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torchvision.models import get_model, get_model_weights

from course_lib.models.classifier import Classifier
from course_lib.pictures.images import read_image

BAR = 0.95
PICTURES = 256
BATCH = 16
ROUNDS = 5


def write_pictures(folder: Path) -> None:
    """JPEGs of 500x375, ImageNet's usual size, smooth enough to be as large on disk as photographs are."""
    rng = np.random.default_rng(0)
    for number in range(PICTURES):
        pixels = Image.fromarray(rng.integers(0, 256, (24, 32, 3), dtype=np.uint8)).resize((500, 375))
        pixels.save(folder / f"{number:03}.jpg", quality=90)


def bare(classifier: Classifier, layout: torch.memory_format) -> float:
    """Pictures a second of the forward pass alone."""
    batch = torch.randn(BATCH, 3, 224, 224, device=classifier.device).contiguous(memory_format=layout)
    with torch.inference_mode():
        classifier.model(batch).cpu()
        start = time.perf_counter()
        for _ in range(PICTURES // BATCH):
            answer = classifier.model(batch)
        answer.cpu()
    return PICTURES / (time.perf_counter() - start)


def prepare_alone(classifier: Classifier, folder: Path) -> float:
    """Pictures a second that are opened and transformed on all cores, while nothing else runs."""
    paths = sorted(folder.iterdir())
    start = time.perf_counter()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(lambda path: classifier.transforms(read_image(path)), paths):
            pass
    return len(paths) / (time.perf_counter() - start)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", default="resnet18")
    name = parser.parse_args().model
    weights = get_model_weights(name).DEFAULT
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = get_model(name, weights=None).eval().to(device)  # random numbers take as long as trained ones
    classifier = Classifier(name, model, weights, weights.transforms(), tuple(weights.meta["categories"]), device)
    rounds = []
    with tempfile.TemporaryDirectory() as folder:
        write_pictures(Path(folder))
        classifier.predict_folder(folder, batch_size=BATCH)
        for _ in range(ROUNDS):
            ordinary = bare(classifier, torch.contiguous_format)
            last = bare(classifier, torch.channels_last)
            alone = prepare_alone(classifier, Path(folder))
            found = classifier.predict_folder(folder, batch_size=BATCH)
            limit = 1 / (1 / last + 1 / alone) if device.type == "cpu" else min(last, alone)
            rounds.append((ordinary, last, limit, PICTURES / found.total_seconds))
    print(f"{name} on {device}, {torch.get_num_threads()} threads, {PICTURES} pictures, batches of {BATCH}")
    print("  pictures a second    bare   bare, channels last   limit   predict_folder")
    for ordinary, last, limit, ours in rounds:
        print(f"                     {ordinary:>6.1f} {last:>14.1f} {limit:>14.1f} {ours:>12.1f}")
    against = [statistics.median(row[3] / row[k] for row in rounds) for k in range(3)]
    possible = statistics.median(row[2] / row[1] for row in rounds)
    print(f"  predict_folder / bare forward: {against[0]:.2f}")
    print(f"  predict_folder / bare forward, channels last: {against[1]:.2f}, where {possible:.2f} is possible")
    print(f"  predict_folder / limit: {against[2]:.2f} (bar: {BAR})")
    return 0 if against[2] >= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
