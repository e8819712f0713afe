"""Every widget with the example of its own declaration, built from small models and pictures."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from PIL import Image
from torchvision.models import ResNet, get_model, get_model_weights
from torchvision.models.resnet import BasicBlock

from course_lib import widgets
from course_lib.measuring.choosing import Point
from course_lib.measuring.clock import Timing
from course_lib.models.classifier import Classifier
from course_lib.models.predictions import FolderPredictions, FolderRow, from_logits
from course_lib.networks.training import Epoch
from course_lib.widgets.declaration import Declaration, Given
from picturebook import CLASSES, scene

#: The name of every widget → its declaration.
DECLARED: dict[str, Declaration] = {
    name: value.declaration for name, value in vars(widgets).items() if hasattr(value, "declaration")
}
POINTS = tuple(
    Point(name, kind, error, ms, megabytes, machine="another machine", stored=True)
    for name, kind, error, ms, megabytes in (
        ("alexnet", "classic", 43.5, 18.0, 233.0), ("resnet50", "classic", 19.1, 52.0, 98.0),
        ("vgg16", "classic", 28.4, 162.0, 528.0), ("mobilenet_v3_small", "found by search", 32.3, 5.0, 10.0),
        ("efficientnet_b0", "found by search", 22.3, 20.0, 20.0), ("squeezenet1_1", "light-weight", 41.8, 8.0, 5.0),
    )
)  # fmt: skip
EPOCHS = (Epoch(1, 0.60, 0.70, 0.50, 0.85, 3.0), Epoch(2, 0.20, 0.95, 0.10, 0.98, 2.5))
_PLACE = TemporaryDirectory()  # of the folder of ants and bees


def in_no_time(names: list[str], *, device: str, budget: float) -> dict[str, Timing]:
    """Measured: twice as fast as the table says."""
    seconds = {point.name: point.ms / 2000 for point in POINTS}
    return {name: Timing(*[seconds[name]] * 3, 5, 2, 1, device, (1, 3, 224, 224), None, "here") for name in names}


def classifier(name: str, model: torch.nn.Module | None = None) -> Classifier:
    """A model with random weights for the ten classes, sure enough of itself for answers to differ."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = (model or get_model(name, weights=None, num_classes=10)).eval()
    weights = get_model_weights(name).DEFAULT
    return Classifier(name, network, weights, weights.transforms(), CLASSES, torch.device("cpu"))


def small_resnet() -> Classifier:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return classifier("resnet18", ResNet(BasicBlock, [1, 1, 1, 1], num_classes=10))


def ants_and_bees(folder: Path, *, side: int = 40) -> FolderPredictions:
    """24 pictures of ants and bees; every third one is taken for the other."""
    rows = []
    for number in range(24):
        truth, path = number % 2, folder / ("ant", "bee")[number % 2] / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (side, side - 10 + number), (10 * number, 90, 200 * truth)).save(path)
        logits = torch.tensor([0.1 * number + 0.1, 0.0])
        taken_for = (truth + (number % 3 == 0)) % 2
        prediction = from_logits(logits.flip(0) if taken_for else logits, ("ant", "bee"), k=2)
        rows.append(FolderRow(path, prediction, 0.001 * (number * 7 % 24)))
    return FolderPredictions(tuple(rows), (), 0.5, "cpu")


@cache
def given() -> Given:
    return Given(
        classifiers=[classifier("shufflenet_v2_x0_5"), classifier("squeezenet1_1")],
        resnet=small_resnet(),
        squeezenet=classifier("squeezenet1_1"),
        pictures={
            label: scene(label, seed=1, size=size).picture for label, size in (("dog", (180, 240)), ("car", (200, 200)))
        },
        scenes={"camel": scene("camel", seed=1, size=(300, 400)), "empty": scene((), seed=2, size=(300, 400))},
        folder=ants_and_bees(Path(_PLACE.name)),
        points=POINTS,
        measure=in_no_time,
        epochs=EPOCHS,
    )


def built(name: str, **other: Any) -> widgets.Explorer:
    """The widget with its example's arguments, some of them others."""
    explorer: widgets.Explorer = getattr(widgets, name)(**{**DECLARED[name].example(given()), **other})
    return explorer
