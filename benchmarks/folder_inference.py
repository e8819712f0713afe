"""`predict_folder` on 256 pictures against the bare forward pass, in one run.

    python benchmarks/folder_inference.py [--model resnet18]

The bare forward has its batches ready and does nothing else: `model(batch)`, in torch's ordinary layout and in the
channels-last layout that `predict_folder` uses on a CPU. The rounds alternate; the figure is the median of the rounds'
ratios.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torchvision.models import get_model, get_model_weights

from course_lib.models.classifier import Classifier

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
            found = classifier.predict_folder(folder, batch_size=BATCH)
            rounds.append((ordinary, last, PICTURES / found.total_seconds))
    print(f"{name} on {device}, {torch.get_num_threads()} threads, {PICTURES} pictures, batches of {BATCH}")
    print("  pictures a second    bare   bare, channels last   predict_folder")
    for ordinary, last, ours in rounds:
        print(f"                     {ordinary:>6.1f} {last:>14.1f} {ours:>20.1f}")
    against = statistics.median(ours / ordinary for ordinary, _, ours in rounds)
    against_last = statistics.median(ours / last for _, last, ours in rounds)
    print(f"  predict_folder / bare forward: {against:.2f} (bar: {BAR}); against channels last: {against_last:.2f}")
    return 0 if against >= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
