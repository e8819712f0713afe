"""The exercises of lesson 01, inference. Each solution is the code that ``.solution()`` shows and the tests run."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as F
from torchvision.transforms._presets import ImageClassification

from course_lib.exercises.checks import random_arguments
from course_lib.exercises.checks.inference_checks import INFERENCE_PROPERTIES, check_careful_forward
from course_lib.exercises.engine.exercise import exercise
from course_lib.exercises.engine.requirements import (
    Wrong,
    call,
    need_function,
    need_number,
    need_shape,
    need_tensor,
    same_tensor,
)
from course_lib.exercises.engine.variants import Variants, spelled
from course_lib.measuring.scoring import answer_under
from course_lib.models.classifier import Classifier, load_classifier
from course_lib.models.predictions import Prediction
from course_lib.models.weights.efficientnet_lite import EfficientNet_Lite0_Weights
from course_lib.pictures.mistakes import MISTAKES
from course_lib.pictures.sample_pictures import samples


# -- 1: preprocessing by hand -----------------------------------------------------------------------------------------
@exercise(
    id="01_preprocess",
    title="Preprocessing by hand",
    minutes=8,
    difficulty="hard",
    hints=[
        "There are four steps, in this order: resize, crop the middle, make a tensor, normalise.",
        "torchvision.transforms.functional has resize, center_crop and to_tensor. Give resize [256], not [256, 256].",
        "resize takes interpolation=InterpolationMode.BICUBIC; without it, it's bilinear.",
        "to_tensor already divides by 255, so the last step is (255 * tensor - 127) / 128.",
    ],
    praise="Your function gives the same numbers as the weights' own transforms, for pictures of any shape.",
)
def preprocess(picture: Image.Image) -> Tensor:
    """RGB picture → (3, 224, 224), as EfficientNet-Lite0 expects it."""
    from torchvision.transforms import InterpolationMode
    from torchvision.transforms import functional as F

    resized = F.resize(picture, [256], interpolation=InterpolationMode.BICUBIC, antialias=True)
    cropped = F.center_crop(resized, [224, 224])
    tensor: Tensor = F.to_tensor(cropped)
    return (255 * tensor - 127) / 128


def _some_picture(width: int, height: int, seed: int) -> Image.Image:
    values = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(values)


def _near_misses(picture: Image.Image) -> list[tuple[Tensor, float, str]]:
    """What the usual slips give for a picture: the tensor, how near counts as the same, and the sentence for it."""
    right = EfficientNet_Lite0_Weights.DEFAULT.transforms()
    plain = (128 * right(picture) + 127) / 255
    imagenet = ImageClassification(crop_size=224)
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (imagenet.mean, imagenet.std))
    bilinear = ImageClassification(crop_size=224, mean=right.mean, std=right.std)
    squashed = [
        (255 * F.to_tensor(F.center_crop(F.resize(picture, [side, side], how, antialias=True), [224, 224])) - 127) / 128
        for side in (224, 256)
        for how in (InterpolationMode.BICUBIC, InterpolationMode.BILINEAR)
    ]
    return [
        (plain, 1e-3, "it isn't normalised: subtract 127 and divide by 128, on the scale from 0 to 255"),
        (right(picture).flip(0), 1e-3, "the channels are in the order BGR; the weights want RGB"),
        ((255 * plain * 255 - 127) / 128, 1e-1, "values run far too high: to_tensor has divided by 255 already, so "
         "multiply once at most"),
        ((plain - 127) / 128, 1e-3, "127 and 128 belong to values from 0 to 255, but to_tensor's run from 0 to 1: "
         "multiply by 255 first"),
        (255 * plain - 127, 1e-2, "127 is subtracted, but nothing is divided by 128"),
        ((plain - mean) / std, 1e-3, "it's normalised with ImageNet's usual mean and std; these weights have others"),
        (imagenet(picture), 1e-3, "it's normalised with ImageNet's usual mean and std, and resized without bicubic "
         "interpolation; these weights have their own"),
        ((plain - 0.5) / 0.5, 1e-4, "it's normalised with 0.5 and 0.5: close, but these weights were trained with "
         "(x - 127) / 128"),
        (bilinear(picture), 1e-3, "the picture is resized with bilinear interpolation; these weights want bicubic"),
        *((values, 1e-3, "the picture is squashed: give resize one number, and the longer side follows")
          for values in squashed),
    ]  # fmt: skip


@preprocess.checker
def _(answer: Any) -> None:
    need_function(answer)
    right = EfficientNet_Lite0_Weights.DEFAULT.transforms()
    for width, height, seed in ((320, 240, 0), (240, 400, 1), (500, 180, 3), (224, 224, 2)):
        picture, case = _some_picture(width, height, seed), f"a picture of {width}×{height}"
        value = need_tensor(call(answer, picture.copy(), case=case), (3, 224, 224), case=case)
        truth = right(picture)
        if torch.allclose(value, truth, atol=1e-5):
            continue
        for wrong, tolerance, sentence in _near_misses(picture):
            if torch.allclose(value, wrong, atol=tolerance):
                raise Wrong(f"On {case} {sentence}.")
        same_tensor(value, truth, case=case, tolerance=1e-5)


preprocess.hidden_cases(lambda source: (random_arguments.picture(source, *random_arguments.pixels(source)),), count=5)


# -- 2: an input that is refused --------------------------------------------------------------------------------------
@exercise(
    id="01_repaired",
    title="Repair it",
    background="A batch is (B, 3, H, W), float32: the pictures, the channels red, green and blue, the height, and the "
    "width. In the five inputs, either the channels come last, or the picture is grey and has one channel, or it has "
    "an alpha channel as its fourth, or its values are bytes from 0 to 255 (torch.uint8), or they are float64.",
    minutes=6,
    difficulty="medium",
    hints=[
        "Repair one thing after the other, each with an if: first the batch dimension, and then the order of the axes.",
        "If tensor.shape[1] is none of 1, 3 and 4, the channels come last. tensor.permute(0, 3, 1, 2) moves them.",
        "tensor.expand(-1, 3, -1, -1) repeats a single channel, and tensor[:, :3] leaves the fourth one out.",
        "For bytes, call .float() before you subtract 127. Otherwise the small ones wrap around and become large.",
    ],
    praise="Whatever comes in, the network gets (1, 3, H, W) in float32.",
)
def repaired(wrong: Tensor) -> Tensor:
    """A tensor that a network refuses → (1, 3, H, W), float32."""
    batch = wrong if wrong.dim() == 4 else wrong.unsqueeze(0)
    if batch.shape[1] not in (1, 3, 4):
        batch = batch.permute(0, 3, 1, 2)  # the channels came last
    if batch.shape[1] == 1:
        batch = batch.expand(-1, 3, -1, -1)
    batch = batch[:, :3]  # without alpha
    if batch.dtype == torch.uint8:
        batch = (batch.float() - 127) / 128
    return batch.float()


_FAULTS: dict[str, Callable[[Tensor], Tensor]] = {
    "height, width, channels": lambda batch: batch.permute(0, 2, 3, 1),
    "a grey picture": lambda batch: batch[:, :1],
    "an alpha channel": lambda batch: torch.cat([batch, batch[:, :1].flip(2)], dim=1),
    "bytes": lambda batch: (batch * 128 + 127).round().clamp(0, 255).to(torch.uint8),
    "float64": lambda batch: batch.double(),
    "no batch dimension": lambda batch: batch[0],
}


@repaired.checker
def _(answer: Any) -> None:
    need_function(answer)
    generator = torch.Generator().manual_seed(3)
    for height, width in ((224, 224), (9, 12)):
        for name, fault in _FAULTS.items():
            wrong = fault(torch.rand(1, 3, height, width, generator=generator) * 1.9 - 0.95)
            case, truth = f"{name}, {tuple(wrong.shape)},", repaired(wrong)
            value = call(answer, wrong.clone(), case=case)
            if isinstance(value, Tensor) and value.dtype == torch.float64:
                raise Wrong(f"On {case} the values are still float64. .float() turns them into float32.")
            value = need_tensor(value, (1, 3, height, width), case=case)
            if name == "bytes" and torch.allclose(value, wrong.float(), atol=1e-4):
                raise Wrong(f"On {case} the values still run from 0 to 255: subtract 127 and divide by 128.")
            if name == "bytes" and torch.allclose(value, (wrong - 127).float() / 128, atol=1e-4):
                raise Wrong(f"On {case} values below 127 wrapped around. Call .float() before you subtract.")
            if name == "height, width, channels" and torch.allclose(value, wrong.reshape(value.shape), atol=1e-6):
                raise Wrong(f"On {case} the pixels are scrambled: reshape and view don't move axes, permute does.")
            same_tensor(value, truth, case=case, tolerance=1e-5)


@repaired.hidden_cases
def _refused(source: random.Random) -> tuple[Tensor]:
    batch = random_arguments.tensor(source, 1, 3, source.randint(5, 20), source.randint(5, 20)).clamp(-0.95, 0.95)
    return (_FAULTS[source.choice(list(_FAULTS))](batch),)


# -- 3: the dim of a softmax -------------------------------------------------------------------------------------------
@exercise(
    id="01_softmax_dim",
    title="Which dim?",
    minutes=1,
    difficulty="mild",
    cell_name="dim",
    hints=[
        "Which numbers must sum to 1: a picture's ten, or a class's sixteen?",
        "Count the dims from 0.",
    ],
    praise="Each row is one picture and sums to 1. dim=-1 says the same, and works for a single picture too.",
)
def softmax_dim() -> int:
    """The classes lie along dim 1 of (batch, classes)."""
    logits = torch.zeros(16, 10)
    sums = [logits.softmax(dim).sum(1) for dim in (0, 1)]
    return next(dim for dim in (0, 1) if torch.allclose(sums[dim], torch.ones(16)))


@softmax_dim.checker
def _(answer: Any) -> None:
    dim = need_number(answer, whole=True)
    if dim == 0:
        raise Wrong("Over dim 0 the sixteen pictures would compete with each other: every column sums to 1.")
    if dim not in (1, -1):
        raise Wrong(f"A (16, 10) tensor has the dims 0 and 1 (or -2 and -1), not {dim:g}.")


# -- 4: is one of them better? -----------------------------------------------------------------------------------------
_SPLITS = ((4, 1), (6, 1), (7, 2), (8, 2), (6, 2), (9, 3))


@exercise(
    id="01_coins",
    title="Is one of them better?",
    background="Only pictures on which one was right and the other wrong tell the two apart. If $d$ is the number of "
    "these pictures, and $m$ of them are on the smaller side, McNemar's exact test gives "
    "$p = \\min(1,\\; 2 \\sum_{i \\le m} \\binom{d}{i} 2^{-d})$.",
    minutes=3,
    difficulty="mild",
    cell_name="p",
    hints=[
        "How many pictures tell the two apart, and how many of these are on the smaller side?",
        "math.comb(d, i) is the binomial coefficient. The sum begins at i = 0.",
    ],
    praise="Two that are equally good would often give a split like this one. So it doesn't show that the first is "
    "better, and it doesn't show that they're equally good, either.",
    variants=Variants(
        lambda source: dict(zip(("first", "second"), source.choice(_SPLITS), strict=True)),
        "first alone got {first} pictures right, and the second alone got {second}.",
    ),
)
def coins(*, first: int = 5, second: int = 1) -> float:
    """McNemar's exact test for pictures that only the first, or only the second, got right."""
    from math import comb

    told = first + second
    tail = sum(comb(told, heads) for heads in range(min(first, second) + 1))
    return float(min(1, 2 * tail / 2**told))


@coins.checker
def _(answer: Any, first: int, second: int) -> None:
    number, right = need_number(answer), coins(first=first, second=second)
    told, fewer = first + second, min(first, second)
    if abs(number - right) <= 0.005:
        return
    for wrong, sentence in (
        (right / 2, "That's one side only. Such a split would be as surprising the other way round, so double it."),
        (2 * math.comb(told, fewer) / 2**told, "That's the last term of the sum alone. The sum begins at i = 0."),
        (math.comb(told, fewer) / 2**told, "That's a single term. Add those for smaller i, and double the sum."),
        (100 * right, "That's a percentage. p is a number from 0 to 1."),
        (fewer / told, "That's the share of the smaller side. How often would tossed coins be this one-sided?"),
    ):
        if abs(number - wrong) <= 0.005 * max(1, wrong):
            raise Wrong(sentence)
    if not 0 <= number <= 1:
        raise Wrong(f"{number:g} isn't a probability: p lies between 0 and 1.")
    raise Wrong(f"{number:g} isn't it. {told} pictures tell the two apart. How many of them are on the smaller side?")


# -- 5: what Ben did ---------------------------------------------------------------------------------------------------
@exercise(
    id="01_bens_mistake",
    title="What did Ben do?",
    background="`MISTAKES` from `course_lib.pictures` holds typical mistakes by their names. "
    '`load_classifier("efficientnet_lite0")` loads the network, and `samples()["rocket"].open()` '
    "opens the photograph; both come from `course_lib`.",
    minutes=4,
    difficulty="medium",
    cell_name="mistake",
    hints=[
        "Move the last menu of preprocessing_explorer and watch the bars for the rocket. Which ones are Ben's?",
        "MISTAKES holds all five by name, and answer_under(classifier, picture, MISTAKES[name]) gives the answer.",
    ],
    praise="That's it. No error, no warning, and a network that is twice as sure of a worse answer.",
)
def bens_mistake() -> Any:
    """Make each mistake, and take the one that gives Ben's answer."""
    from course_lib import load_classifier, samples
    from course_lib.measuring import answer_under
    from course_lib.pictures import MISTAKES

    classifier = load_classifier("efficientnet_lite0", device="cpu")
    rocket = samples()["rocket"].open()
    for name, mistake in MISTAKES.items():
        answer = answer_under(classifier, rocket, mistake)
        if answer.label == "drilling platform" and answer.probability > 0.5:
            return name
    return None


def bens_answer(classifier: Classifier, picture: Image.Image) -> Prediction:
    """What Ben's laptop answers. How it comes to that answer is an exercise."""
    return answer_under(classifier, picture, MISTAKES["squashed"])


@bens_mistake.checker
def _(answer: Any) -> None:
    if not isinstance(answer, str):
        raise Wrong("The answer is the name of a mistake, in quotes. print(list(MISTAKES)) shows the names.")
    if answer not in MISTAKES:
        raise Wrong(f"{answer[:40]!r} is none of the names in MISTAKES. print(list(MISTAKES)) shows them.")
    if answer != "squashed":
        classifier, rocket = load_classifier("efficientnet_lite0", device="cpu"), samples()["rocket"].open()
        said = answer_under(classifier, rocket, MISTAKES[answer])
        raise Wrong(
            f"With the mistake {answer!r} the network says {said.label}, {100 * said.probability:.0f}% sure. Compare "
            "that with Ben's answer."
        )


# -- 6: a forward that leaves no trace ---------------------------------------------------------------------------------
@exercise(
    id="01_careful_forward",
    title="A forward that leaves no trace",
    background="In train mode BatchNorm and Dropout answer differently, and BatchNorm changes its statistics. "
    "`module.training` says which mode a module is in.",
    minutes=6,
    difficulty="hard",
    hints=[
        "model.training says which mode the model is in.",
        "model.eval() sets the mode of every module in it; model.modules() lists them, each with its own .training.",
        "The finally part of a try always runs, even if the forward pass raises an error.",
    ],
    praise="It gives the right answers, builds no graph, and leaves the model as it was, even after an error.",
    properties=INFERENCE_PROPERTIES,
    check=check_careful_forward,
    hidden_check=check_careful_forward,
)
def careful_forward(model: nn.Module, batch: Tensor) -> Tensor:
    """Logits in eval mode, without a graph; every module is left in the mode it was in."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        with torch.no_grad():
            logits: Tensor = model(batch)
    finally:
        for module, training in modes.items():
            module.training = training
    return logits


# -- 7: the shape of a batch -------------------------------------------------------------------------------------------
@exercise(
    id="01_batch_shape",
    title="The shape of a batch",
    minutes=1,
    difficulty="mild",
    cell_name="shape",
    hints=[
        "One prepared picture is (3, 224, 224).",
        "torch.stack puts a new dimension in front.",
    ],
    praise="Batch first, channels second: that's what every torchvision classifier expects.",
    variants=Variants(
        lambda source: {"count": source.choice((4, 6, 8, 10, 12, 20)), "side": source.choice((192, 240, 256, 288))},
        "(3, {side}, {side})",
        lambda count, side: f"{spelled(count).capitalize()} colour pictures",
    ),
)
def batch_shape(*, count: int = 16, side: int = 224) -> tuple[int, ...]:
    """The prepared pictures, stacked."""
    picture = torch.zeros(3, side, side)
    return tuple(torch.stack([picture] * count).shape)


@batch_shape.checker
def _(answer: Any, count: int, side: int) -> None:
    shape, right = need_shape(answer), batch_shape(count=count, side=side)
    if sorted(shape) == sorted(right) and shape != right:
        raise Wrong(
            "Those are the right numbers in another order. PyTorch puts the batch first, then channels, height, width."
        )
    if shape == (3, side, side):
        raise Wrong(f"That's one picture. Where do the {spelled(count)} go?")
    if shape == (1, 3, side, side):
        raise Wrong(f"That's a batch of one, and there are {spelled(count)} pictures.")
    if shape != right:
        raise Wrong(f"{shape} isn't it: give four numbers, batch, channels, height and width.")


# -- 8: top k ----------------------------------------------------------------------------------------------------------
@exercise(
    id="01_top_k",
    title="Top k without topk",
    background="The softmax turns logits $z$ into probabilities, $e^{z_i} / \\sum_j e^{z_j}$. The top k are the "
    "k largest of them.",
    minutes=6,
    difficulty="hard",
    hints=[
        "First the softmax: exp of every logit, divided by the sum of all of them.",
        "tensor.argsort(descending=True) gives the positions of the values, largest first.",
        "exp(300) is infinite. Subtract the largest logit first: adding one number to all logits changes nothing.",
    ],
    praise="It even works for logits of several hundred, where a plain exp overflows.",
)
def top_k(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """(classes,) logits → the k largest probabilities and their indices, largest first."""
    shifted = (logits - logits.max()).exp()
    probabilities = shifted / shifted.sum()
    order = probabilities.argsort(descending=True)[:k]
    return probabilities[order], order


class _Calls(TorchFunctionMode):
    """Writes down which of torch's functions are called."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.add(getattr(func, "__name__", ""))
        return func(*args, **(kwargs or {}))


_READY_MADE = ("softmax", "log_softmax", "topk")


def _ready_made_told(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, which gives its result and which of the ready-made functions it called."""

    def watched(logits: Tensor, k: int) -> tuple[Any, list[str]]:
        with (calls := _Calls()):
            result = function(logits, k)
        return result, [name for name in _READY_MADE if name in calls.names]

    return watched


@top_k.checker
def _(answer: Any) -> None:
    need_function(answer)
    calls = _Calls()
    generator = torch.Generator().manual_seed(0)
    for classes, k, scale in ((10, 1, 1.0), (10, 5, 3.0), (1000, 5, 2.0), (7, 7, 1.0), (10, 1, 200.0)):
        logits, case = torch.randn(classes, generator=generator) * scale, f"{classes} logits and k={k}"
        if scale > 100:
            case = "logits of several hundred"
        with calls:
            result = call(answer, logits.clone(), k, case=case)
        if not isinstance(result, (tuple, list)) or len(result) != 2:
            raise Wrong(f"On {case} your function should return two tensors: the probabilities and the indices.")
        truth, places = logits.softmax(0).topk(k)
        values = need_tensor(result[0], (k,), case=case)
        indices = need_tensor(result[1], (k,), case=case, dtype=torch.int64)
        if torch.isnan(values).any():
            raise Wrong(f"On {case} the probabilities are nan: exp overflows. Subtract the largest logit first.")
        if torch.allclose(values, logits.topk(k).values, atol=1e-6) and k < classes:
            raise Wrong(f"On {case} these are the logits themselves; take their softmax.")
        if torch.equal(indices, places.flip(0)) and k > 1:
            raise Wrong(f"On {case} the smallest comes first; the largest should.")
        if not torch.equal(indices, places):
            raise Wrong(f"On {case} the indices should be {places.tolist()}, but they are {indices.tolist()}.")
        same_tensor(values, truth, case=case, tolerance=1e-5)
    for name in _READY_MADE:
        if name in calls.names:
            raise Wrong(f"The numbers are right, but {name} did the work. Write it without softmax and topk.")


def _draw_top_k(source: random.Random) -> tuple[Tensor, int]:
    classes = source.choice((1, 10, source.randint(2, 40)))
    logits = random_arguments.distinct(source, classes, around=source.choice((0.0, 0.0, 300.0, -300.0)))
    return logits, source.choice((1, classes, source.randint(1, classes)))


top_k.hidden_cases(_draw_top_k, around=_ready_made_told)


# -- 9: accuracy -------------------------------------------------------------------------------------------------------
@exercise(
    id="01_accuracy",
    title="Accuracy of a batch",
    minutes=3,
    difficulty="medium",
    cell_name="accuracy_of",
    hints=[
        "argmax over the classes gives one answer for each picture.",
        "Comparing two tensors gives True and False, and their mean is the share.",
    ],
    praise="That's the measure of this whole course, in one line.",
)
def accuracy(logits: Tensor, targets: Tensor) -> float:
    """(B, classes) logits and (B,) true classes → the share that is right, from 0 to 1."""
    return (logits.argmax(dim=1) == targets).float().mean().item()


@accuracy.checker
def _(answer: Any) -> None:
    need_function(answer)
    generator = torch.Generator().manual_seed(1)
    for count, classes in ((8, 4), (10, 10), (1, 3), (50, 10)):
        logits = torch.randn(count, classes, generator=generator)
        targets = torch.randint(0, classes, (count,), generator=generator)
        targets[: count // 2] = logits.argmax(1)[: count // 2]
        truth = float((logits.argmax(1) == targets).double().mean())
        case = f"{count} pictures and {classes} classes"
        value = need_number(call(answer, logits.clone(), targets.clone(), case=case))
        if abs(value - truth) <= 1e-6:
            continue
        if abs(value - truth * 100) <= 1e-4:
            raise Wrong(f"On {case} you gave a percentage; the share goes from 0 to 1.")
        if abs(value - truth * count) <= 1e-6:
            raise Wrong(f"On {case} you counted the right ones; divide by how many pictures there are.")
        if abs(value - (1 - truth)) <= 1e-6:
            raise Wrong(f"On {case} you gave the share that is wrong.")
        raise Wrong(f"On {case} the share should be {truth:.3f}, but your function gave {value:.3f}.")


accuracy.hidden_cases(random_arguments.scored)


# -- 10: a picture from OpenCV -----------------------------------------------------------------------------------------
@exercise(
    id="01_from_opencv",
    title="A picture from OpenCV",
    minutes=5,
    difficulty="medium",
    hints=[
        "Three things have to change: the order of the channels, the order of the axes, and the range.",
        "array[:, :, ::-1] reverses the last axis; .copy() makes it a plain array that torch accepts.",
        "tensor.permute(2, 0, 1) moves the channels to the front; unsqueeze(0) adds the batch.",
    ],
    praise="RGB, channels first, a batch of one, values from 0 to 1: ready to be normalised.",
)
def from_opencv(picture: NDArray[np.uint8]) -> Tensor:
    """(H, W, 3) bytes in the order BGR → (1, 3, H, W) floats from 0 to 1 in the order RGB."""
    rgb = torch.from_numpy(picture[:, :, ::-1].copy())  # (H, W, 3)
    return rgb.permute(2, 0, 1).unsqueeze(0).float() / 255  # (1, 3, H, W)


@from_opencv.checker
def _(answer: Any) -> None:
    need_function(answer)
    for height, width, seed in ((4, 6, 0), (5, 5, 1), (1, 3, 2)):
        values = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
        case = f"an array of shape {values.shape}"
        value = need_tensor(call(answer, values.copy(), case=case), (1, 3, height, width), case=case)
        truth = torch.from_numpy(np.moveaxis(values[:, :, ::-1], 2, 0)[None].copy()).float() / 255
        if torch.allclose(value, truth.flip(1), atol=1e-6):
            raise Wrong(f"On {case} the channels are still BGR.")
        if torch.allclose(value, truth * 255):
            raise Wrong(f"On {case} the values run from 0 to 255; they should run from 0 to 1.")
        mixed = torch.from_numpy(values[:, :, ::-1].reshape(1, 3, height, width).copy()).float() / 255
        if height * width > 1 and torch.allclose(value, mixed, atol=1e-6):
            raise Wrong(f"On {case} the pixels are scrambled: reshape and view don't move axes, permute does.")
        same_tensor(value, truth, case=case, tolerance=1e-6)


from_opencv.hidden_cases(
    lambda source: (random_arguments.bytes_of(source, source.randint(1, 9), source.randint(1, 9), 3),), tolerance=1e-6
)
