"""How long a widget takes to show what a control was moved to, the model's own forward left out.

    python benchmarks/redraw.py

Every model answers at once with fixed logits, or has answered before where a widget looks inside it; all else is as a
learner has it: a sample picture is opened, prepared, the model's twin is made, the figure is drawn and encoded, the
widget gets it. Seconds of processor time on one core, so that a busy machine measures the same as a quiet one; the
median over the moves of all of a widget's controls.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Iterator
from tempfile import TemporaryDirectory

import torch
from torch import Tensor, nn
from torchvision.models import get_model, get_model_weights

from course_lib import widgets
from course_lib.drawing.model_marks import LOOKS
from course_lib.models.classifier import Classifier, load_classifier
from course_lib.networks.fcn import convert
from course_lib.networks.training import Epoch
from course_lib.pictures.images import samples
from course_lib.widgets.cell_explorer import ITS_OWN
from course_lib.widgets.explorer import Explorer
from course_lib.widgets.model_chooser import ANY
from course_lib.widgets.response_map_explorer import BEST
from picturebook import scene, write_folder

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


def explorers() -> Iterator[tuple[str, Explorer, dict[str, list[object]]]]:
    """Every widget and the values that its controls are moved to."""
    found = samples()
    pictures = {name: found[name].open() for name in ("cat", "chelsea", "astronaut")}
    light = [classifier(name) for name in ("squeezenet1_1", "mobilenet_v3_small", "shufflenet_v2_x0_5")]
    resnet = classifier("resnet18")
    names = [one.name for one in light]
    yield "crop_explorer", widgets.crop_explorer(resnet, pictures["cat"]), {"percent": [10, 30, 50, 70]}
    yield (
        "preprocessing_explorer",
        widgets.preprocessing_explorer(resnet, pictures),
        {"picture": list(pictures), "stage": [1, 2, 3, 4, 5], "mistake": ["BGR", "0-255", "squashed", "as trained"]},
    )
    yield (
        "prediction_explorer",
        widgets.prediction_explorer(light, pictures),
        {"picture": list(pictures), "models": [names[:1], names[:2], names]},
    )
    yield (
        "eval_or_train",
        widgets.eval_or_train([resnet, *light], pictures["cat"]),
        {"model": names, "mode": ["eval", "train"], "runs": [1, 5, 10, 20]},
    )
    yield (
        "cfg_builder",
        widgets.cfg_builder(),
        {"cfg": ["64, M", "A", "C", "E"], "batch_norm": [True, False], "side": [32, 128, 224]},
    )
    yield (
        "cfg_stepper",
        widgets.cfg_stepper(),
        {
            "column": ["VGG A", "VGG C", "VGG E"],
            "token": [1, 9, 21],
            "batch_norm": [True, False],
            "answer": [False, True],
        },
    )
    yield (
        "convolution_arithmetic",
        widgets.convolution_arithmetic(),
        {"n": [5, 7, 10], "k": [3, 1, 5, 3], "s": [1, 2], "p": [0, 1, 3], "d": [1, 2], "row": [0, 3], "column": [0, 3]},
    )
    yield (
        "block_explorer",
        widgets.block_explorer(kind="bottleneck"),
        {
            "in_channels": [64, 256, 512], "planes": [64, 128], "stride": [1, 2], "groups": [32, 1],
            "base_width": [4, 128, 64], "dilation": [2, 1], "kind": ["basic", "bottleneck"],
            "shortcut": ["x itself, fits or not", "always a 1×1 conv", "as torchvision makes it"],
        },
    )  # fmt: skip
    yield "stage_stepper", widgets.stage_stepper(), {
        "model": ["resnet18", "resnet50", "resnet152"], "step": [1, 4, 9, 50], "answer": [False, True],
    }  # fmt: skip
    real = load_classifier("resnet18", weights="course", device="cpu")
    yield warmed(
        "feature_map_explorer",
        widgets.feature_map_explorer(real, pictures),
        {
            "layer": ["layer1.0.relu_1", "layer4.0.add", "conv1"], "row": [0, 3], "column": [6, 2],
            "count": [4, 24, 12], "second": ["chelsea", "none"], "scale": ["shared", "each its own"],
            "picture": ["astronaut", "cat"],
        },
    )  # fmt: skip
    yield warmed(
        "receptive_field_explorer",
        widgets.receptive_field_explorer(real, pictures),
        {
            "layer": ["conv1", "layer2.0.add", "layer4.0.add"],
            "row": [0, 3],
            "column": [6, 2],
            "picture": list(pictures),
        },
    )
    wide = {name: scene("camel", seed=seed, size=(387, 1024)) for name, seed in (("one", 1), ("other", 2))}
    yield warmed(
        "response_map_explorer",
        widgets.response_map_explorer(wide, real),
        {
            "kind": ["dense", "dilated", "pyramid"], "threshold": [0.2, 0.6, 0.8, 0.4], "label": ["camel", "dog", BEST],
            "scene": list(wide), "scale": ["half of it", "its own size"],
        },
    )  # fmt: skip
    yield warmed(
        "cell_explorer",
        widgets.cell_explorer(wide["one"].picture, convert(real, dense=True)),
        {"row": [0, 3, 6], "column": [2, 20], "label": ["camel", "dog", ITS_OWN]},
    )
    yield (
        "weights_browser",
        widgets.weights_browser(pictures),
        {
            "model": ["vit_h_14", "course_resnet18", "alexnet", "resnet50"],
            "entry": ["IMAGENET1K_V1", "IMAGENET1K_V2"],
            "beside": ["resnet50, IMAGENET1K_V1", "vgg16, IMAGENET1K_FEATURES", "course_resnet18, PICTUREBOOK_V1"],
            "picture": list(pictures),
            "word": ["cat", "terrier", ""],
        },
    )
    with TemporaryDirectory() as place:
        drawn = write_folder(place, n=12, difficulty="extreme")
        found = load_classifier("shufflenet_v2_x0_5", weights="course", device="cpu").predict_folder(drawn)
        yield (
            "folder_browser",
            widgets.folder_browser(found),
            {
                "page": [2, 3, 7, 1], "verdict": ["wrong", "all"], "order": ["least sure first", "by file"],
                "truth": ["dog", ""], "said": ["cat", ""],
            },
        )  # fmt: skip
    grown = tuple(Epoch(k, 0.9 / k, 1 - 0.5 / k, 0.8 / k, 1 - 0.4 / k, 3.0) for k in range(1, 7))
    yield (
        "training_curves",
        widgets.training_curves("to come", beside={"everything": grown, "from scratch": grown}),
        {"across": ["seconds", "epochs"], "lines": ["validation", "training", "training and validation"],
         "log": [True, False]},
    )  # fmt: skip
    yield "model_chooser", widgets.model_chooser(), {
        "selected": ["resnet50", "vit_b_16", "none"], "max_error": [30, 22, ANY], "max_ms": [100, 30, 500, ANY],
        "max_megabytes": [20, 50, 300, ANY], "front": [False, True],
        "kinds": [("classic",), ("light-weight", "found by search"), tuple(LOOKS)[:5]],
    }  # fmt: skip
    yield (
        "temperature",
        widgets.temperature(resnet.logits(torch.zeros(1, 3, 224, 224))[0], resnet.categories),
        {"temperature": [0.2, 2.0, 10.0], "shift": [-5.0, 0.0, 5.0]},
    )


def warmed(
    name: str, explorer: Explorer, moves: dict[str, list[object]]
) -> tuple[str, Explorer, dict[str, list[object]]]:
    """A widget that has made all the moves once: its forwards are done, and kept as a learner's are."""
    for _ in range(2):  # the second time the moves begin where the first time ended
        for _ in seconds(explorer, moves):
            pass
    return name, explorer, moves


def seconds(explorer: Explorer, moves: dict[str, list[object]]) -> Iterator[float]:
    for _ in range(ROUNDS):
        for name, values in moves.items():
            for value in values:
                shown = explorer.still
                start = time.process_time()
                explorer.set(**{name: value})
                spent = time.process_time() - start
                if explorer.message:
                    raise SystemExit(f"{name}={value!r}: {explorer.message}")
                if explorer.still is not shown:
                    yield spent


def main() -> int:
    torch.set_num_threads(1)
    medians = {}
    for name, explorer, moves in explorers():
        explorer.set(**{control: values[-1] for control, values in moves.items()})  # fonts and caches
        times = sorted(seconds(explorer, moves))
        medians[name] = statistics.median(times)
        print(f"{name:24} {1000 * medians[name]:5.1f} ms, slowest {1000 * times[-1]:5.1f} ms, {len(times)} moves")
    print(f"redraw, median of the slowest widget: {1000 * max(medians.values()):.1f} ms (bar: {1000 * BAR:.0f} ms)")
    return 0 if max(medians.values()) <= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
