"""How long a widget takes to show what a control was moved to, the model's own forward left out.

    python benchmarks/redraw.py

Widgets are found by their declarations, which say what they are built from and how they are moved. Every model answers
at once with fixed logits, or has answered before where a widget looks inside it; all else is as a learner has it: a
sample picture is opened and prepared, the figure is drawn and encoded, the widget gets it. Seconds of processor time on
one core, so that a busy machine measures the same as a quiet one; the median over the moves of a widget's controls.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor, nn
from torchvision.models import get_model, get_model_weights

from course_lib import load_classifier, samples, scene, widgets, write_folder
from course_lib.measuring.choosing import points
from course_lib.measuring.clock import Timing
from course_lib.models.classifier import Classifier
from course_lib.models.predictions import FolderPredictions, FolderRow, from_logits
from course_lib.networks.training import Epoch
from course_lib.widgets.declaration import Given
from course_lib.widgets.explorer import Explorer

BAR = 0.050
ROUNDS = 3


class AtOnce(nn.Module):
    """A model with all of its layers, whose forward costs nothing."""

    def __init__(self, inner: nn.Module, logits: Tensor) -> None:
        super().__init__()
        self.inner, self.answer = inner, logits

    def forward(self, batch: Tensor) -> Tensor:
        return self.answer.expand(len(batch), -1)


def classifier(name: str) -> Classifier:
    weights = get_model_weights(name).DEFAULT
    logits = torch.randn(1000, generator=torch.Generator().manual_seed(0)) * 3
    model = AtOnce(get_model(name, weights=None), logits).eval()
    transforms, categories = weights.transforms(), tuple(weights.meta["categories"])
    return Classifier(name, model, weights, transforms, categories, torch.device("cpu"))


def given(folder: Path) -> Given:
    """What a learner has: sample pictures, ResNet18 with the course's weights, every model of the registry."""
    found = samples()
    ants = write_folder(folder, ("ant", "bee"), n=12)
    rows = []
    for number, path in enumerate(sorted(ants.glob("*/*.png"))):
        logits = torch.tensor([0.1 * number + 0.1, 0.0])
        taken_for = (path.parent.name == "bee") != (number % 3 == 0)
        rows.append(FolderRow(path, from_logits(logits.flip(0) if taken_for else logits, ("ant", "bee"), k=2), 0.01))
    every = points()
    seconds = {point.name: point.ms / 2000 for point in every}

    def in_no_time(names: list[str], *, device: str, budget: float) -> dict[str, Timing]:
        return {n: Timing(*[seconds[n]] * 3, 5, 2, 1, device, (1, 3, 224, 224), None, "here") for n in names}

    return Given(
        classifiers=[classifier(name) for name in ("shufflenet_v2_x0_5", "squeezenet1_1")],
        resnet=load_classifier("resnet18", weights="course", device="cpu"),
        squeezenet=load_classifier("squeezenet1_1", weights="course", device="cpu"),
        pictures={"dog": found["chelsea"].open(), "car": found["astronaut"].open()},
        scenes={
            "camel": scene("camel", seed=1, size=(387, 1024)),
            "empty": scene((), seed=2, size=(387, 1024)),
        },
        folder=FolderPredictions(tuple(rows), (), 0.5, "cpu"),
        points=every,
        measure=in_no_time,
        epochs=tuple(Epoch(k, 0.9 / k, 1 - 0.5 / k, 0.8 / k, 1 - 0.4 / k, 3.0) for k in range(1, 7)),
    )


def seconds(explorer: Explorer, start: Mapping[str, object], moves: Sequence[Mapping[str, object]]) -> Iterator[float]:
    """Every move in turn, several times over; each round begins where the widget began, but for what was typed."""
    for _ in range(ROUNDS):
        explorer.set(**start)
        for move in moves:
            shown = explorer.still
            began = time.process_time()
            explorer.set(**move)
            spent = time.process_time() - began
            if explorer.message:
                raise SystemExit(f"{move}: {explorer.message}")
            if explorer.still is not shown:
                yield spent


def main() -> int:
    torch.set_num_threads(1)
    medians = {}
    with TemporaryDirectory() as place:
        examples = given(Path(place))
        for name in sorted(name for name in widgets.__all__ if hasattr(getattr(widgets, name), "declaration")):
            make = getattr(widgets, name)
            explorer, moves = make(**make.declaration.example(examples)), make.declaration.moves
            start = {key: value for key, value in explorer.state.items() if key not in ("upload", "address")}
            # The first time includes forwards and gradients that are then kept, as a learner's are.
            first = max(seconds(explorer, start, moves))
            times = sorted(seconds(explorer, start, moves))
            medians[name] = statistics.median(times)
            told = f"{name:24} {1000 * medians[name]:5.1f} ms, slowest {1000 * times[-1]:5.1f} ms"
            print(f"{told}, slowest of the first time {1000 * first:6.1f} ms, {len(times)} moves")
    print(f"redraw, median of the slowest widget: {1000 * max(medians.values()):.1f} ms (bar: {1000 * BAR:.0f} ms)")
    for name in ("resnet18", "efficientnet_lite0"):
        began = time.process_time()
        widgets.network_explorer(load_classifier(name, device="cpu"), samples()["chelsea"].open())
        print(f"first picture of {name}, loaded: {time.process_time() - began:.2f} s (bar: 2 s)")
    return 0 if max(medians.values()) <= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
