"""The fully convolutional network against the classifier in a sliding window: the same scores, how much faster?

    python benchmarks/sliding_window.py [--rounds N]

Both look at a 387×1024 scene in windows of 224 pixels, 32 apart: ResNet18 with the course's weights. Where must the
scores agree? A window that is cut out is padded with zeros at its edges by every convolution, where the network that
slides sees the picture go on. So:

* a picture that is one window gives equal scores;
* a window that is cut out with all that its cell can see around it (its receptive field) gives equal scores, too,
  wherever it lies in the scene;
* a window that is cut out as it is differs by what the padding does. How far, and how often the class is the same, is
  printed.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time

import torch

from course_lib.models.classifier import load_classifier
from course_lib.networks.fcn import FullyConvolutional, ResponseMap, convert, locating_scene, response_map, slide
from course_lib.tracing import trace
from tools.weight_seeds import SCENE_TUNING_SEEDS

STEP, WINDOW, MOST, SURE = 32, 224, 1e-5, 0.5


def field_difference(fcn: FullyConvolutional, batch: torch.Tensor, cells: ResponseMap) -> tuple[float, float]:
    """Windows with what is around them through the network by themselves: how far are their scores from the map's?

    Returns:
        The largest difference with all that a cell can see; and with 32 pixels to each side, which is too little.
    """
    height, width = batch.shape[-2:]
    field = trace(fcn.network, (3, height, width)).ops[-1].field
    assert field is not None  # ResNet18's is known
    margin = -(-(max(field.size) - WINDOW) // 2 // STEP) * STEP + STEP  # in whole steps, so that the cells fall alike
    rows, columns = cells.logits.shape[1:]

    def most(margin: int) -> float:
        apart = []
        for row in range(rows):
            for column in range(0, columns, 5):
                top, left = max(row * STEP - margin, 0), max(column * STEP - margin, 0)
                bottom = min(row * STEP + WINDOW + margin, height)
                right = min(column * STEP + WINDOW + margin, width)
                alone = fcn(batch[:, :, top:bottom, left:right])[0, :, row - top // STEP, column - left // STEP]
                apart.append(float((alone.cpu() - cells.logits[:, row, column]).abs().max()))
        return max(apart)

    with torch.inference_mode():
        return most(margin), most(STEP)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    classifier = load_classifier("resnet18", weights="course")
    fcn = convert(classifier, dense=True)
    picture = locating_scene(SCENE_TUNING_SEEDS[0]).picture
    times = []
    for number in range(rounds + 1):  # the first warms up
        start = time.perf_counter()
        seen = response_map(fcn, picture)
        middle = time.perf_counter()
        slid = slide(classifier, picture, step=STEP, window=WINDOW)
        if number:
            times.append((middle - start, time.perf_counter() - middle))
    _, rows, columns = slid.logits.shape
    print(f"course resnet18 on {classifier.device}, {torch.get_num_threads()} threads, 387×1024, {rounds} rounds")
    print(f"  windows in the picture       {rows}×{columns} = {rows * columns}")
    print(f"  sliding window               {statistics.median(slow for _, slow in times):8.3f} s")
    print(f"  fully convolutional          {statistics.median(fast for fast, _ in times):8.3f} s")
    print(f"  faster                       {statistics.median(slow / fast for fast, slow in times):8.1f} times")

    window = picture.crop((400, 80, 400 + WINDOW, 80 + WINDOW))
    one = float((slide(classifier, window).logits - response_map(fcn, window).logits).abs().max())
    around, near = field_difference(fcn, fcn.prepare(picture), seen)
    shared = seen.logits[:, :rows, :columns]  # the map has a row more: windows that reach beyond the picture
    apart = (slid.logits - shared).abs()
    agree = slid.logits.argmax(0) == shared.argmax(0)
    sure = slid.probabilities.amax(0) >= SURE
    print("largest difference of the logits")
    print(f"  a picture that is one window {one:8.1e}")
    print(f"  windows with all they see    {around:8.1e}")
    print(f"  windows with 32 pixels more  {near:8.1e}")
    spread = f"(mean {float(apart.mean()):.2f}, logits' own spread {float(shared.std()):.2f})"
    print(f"  windows as they are          {float(apart.max()):8.1e}  {spread}")
    print(f"the same class in {int(agree.sum())} of {agree.numel()} windows as they are;")
    print(f"where the classifier is at least {SURE:.0%} sure, in {int((agree & sure).sum())} of {int(sure.sum())}")
    print(f"the best window: {slid.label} {slid.cell} by sliding, {seen.label} {seen.cell} by the map")
    return 0 if max(one, around) <= MOST and slid.label == seen.label else 1


if __name__ == "__main__":
    sys.exit(main())
