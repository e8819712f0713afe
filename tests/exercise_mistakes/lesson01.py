"""Known mistakes in the exercises of lesson 01, inference, and what each must be told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torchvision.models import ResNet18_Weights
from torchvision.transforms import functional as F

from course_lib.exercises.engine.exercise import Exercise
from course_lib.exercises.lessons import lesson01
from course_lib.models.weights.efficientnet_lite import EfficientNet_Lite0_Weights
from tests.exercise_edits import edited

RIGHT = EfficientNet_Lite0_Weights.DEFAULT.transforms()
IMAGENET = ResNet18_Weights.DEFAULT.transforms()
MEAN, STD = (torch.tensor(values).view(3, 1, 1) for values in (IMAGENET.mean, IMAGENET.std))


class OwnRules(torch.Tensor):
    """A tensor whose class decides what every operation on it gives."""

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return torch.zeros(3)


def prepared(picture: Any, resize: Any = 256, how: F.InterpolationMode = F.InterpolationMode.BICUBIC) -> torch.Tensor:
    """All steps but the last: (3, 224, 224), from 0 to 1."""
    return F.to_tensor(F.center_crop(F.resize(picture, resize, how), [224, 224]))


def normalised(tensor: torch.Tensor) -> torch.Tensor:
    return (255 * tensor - 127) / 128


def forward(*, mode: bool | None = False, grad: bool = False, back: bool = True, safe: bool = True, hide: bool = False):
    """A forward with the parts that are asked for."""

    def function(model: Any, batch: torch.Tensor) -> Any:
        was = model.training
        if mode is not None:
            model.train(mode)
        try:
            with torch.set_grad_enabled(grad):
                out = model(batch)
        except ValueError:
            if safe and back:
                model.train(was)
            if hide:
                return None
            raise
        if back:
            model.train(was)
        return out

    return function


def softmax_top(logits: torch.Tensor, k: int) -> Any:
    return logits.softmax(0).topk(k)


def own_softmax(logits: torch.Tensor) -> torch.Tensor:
    shifted = (logits - logits.max()).exp()
    return shifted / shifted.sum()


def naive_top(logits: torch.Tensor, k: int) -> Any:
    shares = logits.exp() / logits.exp().sum()
    order = shares.argsort(descending=True)[:k]
    return shares[order], order


def cv(*, flip: bool = True, scale: float = 255, mixed: bool = False) -> Callable[[Any], torch.Tensor]:
    def function(array: Any) -> torch.Tensor:
        rgb = torch.from_numpy(array[:, :, ::-1].copy() if flip else array).float() / scale
        return rgb.reshape(1, 3, *array.shape[:2]) if mixed else rgb.permute(2, 0, 1)[None]

    return function


def right_ones(logits: torch.Tensor, targets: torch.Tensor) -> float:
    return float((logits.argmax(1) == targets).float().mean())


MISTAKES: dict[Exercise, list[tuple[Any, str]]] = {
    lesson01.repaired: [
        (edited(lesson01.repaired, ("permute(0, 3, 1, 2)", "reshape(1, 3, *batch.shape[1:3])")), "scrambled"),
        (edited(lesson01.repaired, ("(batch.float() - 127) / 128", "batch.float()")), "still run from 0 to 255"),
        (edited(lesson01.repaired, ("(batch.float() - 127)", "(batch - 127)")), "wrapped around"),
        (edited(lesson01.repaired, ("return batch.float()", "return batch")), "still float64"),
        (edited(lesson01.repaired, ("batch = batch[:, :3]", "pass")), "an alpha channel.*shape"),
        (lambda wrong: wrong, "height, width, channels.*shape"), (3, "The answer is a function"),
    ],
    lesson01.coins: [
        (0.109, "one side only"), (0.1875, "last term of the sum"), (0.094, "a single term"), (21.9, "a percentage"),
        (0.1667, "share of the smaller side"), (0.5, "0.5 isn't it"), (3, "isn't a probability"),
        ("0.2", "is a number"),
    ],
    lesson01.batch_shape: [
        ((16, 224, 224, 3), "another order"), ((3, 224, 224), "one picture"), ((1, 3, 224, 224), "batch of one"),
        ((16, 3, 256, 256), r"\(16, 3, 256, 256\) isn't it"), ((16.0, 3), "whole numbers only"), (16, "is a shape"),
    ],
    lesson01.preprocess: [
        (prepared, "isn't normalised"), (lambda p: normalised(prepared(p, 250)), "values differ by up to"),
        (lambda p: normalised(prepared(p)).flip(0), "BGR"),
        (lambda p: normalised(prepared(p) * 255), "multiply once"),
        (lambda p: (prepared(p) - 127) / 128, "multiply by 255 first"),
        (lambda p: 255 * prepared(p) - 127, "nothing is divided"),
        (lambda p: (prepared(p) - MEAN) / STD, "usual mean and std; these"),
        (IMAGENET, "resized without bicubic"), (lambda p: (prepared(p) - 0.5) / 0.5, "0.5 and 0.5"),
        (lambda p: normalised(prepared(p, how=F.InterpolationMode.BILINEAR)), "bilinear interpolation"),
        (lambda p: normalised(prepared(p, [256, 256])), "squashed"),
        (lambda p: RIGHT(p)[None], r"shape should be \(3, 224, 224\), but it is \(1, 3, 224, 224\)"),
        (lambda p: RIGHT(p).double(), "dtype should be torch.float32"), (np.asarray, "should return a tensor"),
        (lambda p: RIGHT(p).as_subclass(OwnRules), "Return a plain tensor, not one of the class OwnRules"),
        (3, "The answer is a function"),
    ],
    lesson01.top_k: [
        (lambda logits, k: logits.topk(k), "logits themselves"), (naive_top, "exp overflows"),
        (lambda logits, k: [part.flip(0) for part in softmax_top(logits, k)], "smallest comes first"),
        (lambda logits, k: softmax_top(-logits, k), "indices should be"),
        (lambda logits, k: softmax_top(logits, k).values, "two tensors"),
        (lambda logits, k: (softmax_top(logits * 1.1, k)), "values differ"),
        (lambda logits, k: softmax_top(logits, k)[::-1], "dtype should be"),
        (softmax_top, "softmax did the work"),
        (lambda logits, k: own_softmax(logits).topk(k), "topk did the work"),
    ],
    lesson01.softmax_dim: [(0, "compete with each other"), (2, "has the dims 0 and 1")],
    lesson01.careful_forward: [
        (forward(mode=None), "running statistics changed"), (forward(grad=True), "carries a graph"),
        (forward(back=False), "left it in the other mode"), (forward(safe=False), "try ... finally"),
        (forward(hide=True), "let it through"),
        (forward(), "the mode of every module"),
        (lambda model, batch: torch.zeros(2, 4), "values differ"),
    ],
    lesson01.from_opencv: [
        (cv(flip=False), "still BGR"), (cv(scale=1), "from 0 to 255"), (cv(mixed=True), "scrambled"),
        (lambda array: cv()(array)[0], "shape should be"), (lambda array: cv()(array).double(), "dtype should be"),
    ],
    lesson01.accuracy: [
        (lambda *given: 100 * right_ones(*given), "percentage"),
        (lambda *given: 1 - right_ones(*given), "that is wrong"),
        (lambda *given: right_ones(*given) * len(given[1]), "divide by how many"),
        (lambda *given: 0.123, "share should be"),
        (lambda *given: "all", "is a number"),
    ],
    lesson01.bens_mistake: [
        ("BGR", "drilling platform, 33% sure"), ("no normalise", "missile, 22% sure"),
        ("train mode", "none of the names"), (3, "the name of a mistake"),
    ],
}  # fmt: skip
