"""The exercises of lesson 02, choosing a model. Each solution is the code that ``.solution()`` shows and the tests run.

What is right is asked of torchvision's registry when the check runs: a newer torchvision may have more models.
"""

from __future__ import annotations

import inspect
import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torchvision
from torch import Tensor
from torchvision.models import get_model_builder, get_model_weights, list_models

from course_lib.exercises.checks import random_arguments
from course_lib.exercises.checks.stopwatch_checks import check_stopwatch
from course_lib.exercises.engine.exercise import exercise
from course_lib.exercises.engine.requirements import Wrong, call, need_choice, need_function, need_number
from course_lib.exercises.engine.variants import Variants, literal, spelled
from course_lib.measuring import paired
from course_lib.measuring import pareto as front
from course_lib.models import catalog
from course_lib.models.builders import class_of


# -- 1: a separable convolution ---------------------------------------------------------------------------------------
@exercise(
    id="02_separable",
    title="What a separable convolution saves",
    background="At each position of the output map, a convolution with a $k \\times k$ kernel takes "
    "$k^2 \\cdot C_\\text{in} \\cdot C_\\text{out}$ multiply-adds, and a depthwise one takes $k^2 \\cdot C$, because "
    "it filters each of its $C$ channels on its own. The depthwise convolution of the pair has a 3×3 kernel.",
    minutes=4,
    difficulty="medium",
    cell_name="saving",
    hints=[
        "The number of positions is the same for all three convolutions, so it cancels. Count for a single position.",
        "The 1×1 convolution has a kernel with k = 1, and it combines every channel with every other.",
        "Add up the depthwise convolution and the 1×1 convolution before you divide.",
    ],
    praise="Of the pair's multiply-adds, nearly all belong to the 1×1 convolution. That's why a 5×5 depthwise kernel "
    "is hardly more expensive than a 3×3 one.",
    variants=Variants(
        lambda source: {"channels": source.choice((24, 32, 48, 64, 80, 96, 192, 256, 384))}, "{channels} channels"
    ),
)
def separable(*, channels: int = 128) -> float:
    """The multiply-adds at one position: of a 3×3 convolution, divided by those of the pair that replaces it."""
    single = 3 * 3 * channels * channels
    depthwise = 3 * 3 * channels
    pointwise = 1 * 1 * channels * channels
    return single / (depthwise + pointwise)


@separable.checker
def _(answer: Any, channels: int) -> None:
    number, right = need_number(answer), separable(channels=channels)
    if abs(number - right) <= 0.05:
        return
    for wrong, sentence in (
        (channels, "That's the depthwise convolution alone. The 1×1 convolution behind it takes multiply-adds, too."),
        (9, "That's the 1×1 convolution alone. The depthwise one takes few multiply-adds, but it takes some."),
        (1 / right, "That's the pair's share of the single convolution. Divide the other way round."),
        (0.9 * channels, "That counts one output channel of the 1×1 convolution, but it has as many as it has inputs."),
    ):
        if abs(number - wrong) <= 0.005 * wrong:
            raise Wrong(sentence)
    raise Wrong(
        f"{number:g} isn't it. Count the multiply-adds at one position of the map: of the single convolution, of the "
        "depthwise one, and of the 1×1 one."
    )


# -- 2: beaten in everything ------------------------------------------------------------------------------------------
_FIVE = ("alexnet", "vgg16", "resnet50", "mobilenet_v3_large", "convnext_tiny")
_OTHERS = ("vgg11", "vgg19", "resnet18", "resnet101", "mobilenet_v2", "efficientnet_b0", "densenet121", "vit_b_32")


def _unbeaten(names: Sequence[str]) -> set[str]:
    """Those that no other one beats, found by the front of ``measuring``."""
    rows = [catalog()[name] for name in names]
    worse = [lambda row: row.top1 or 0.0, lambda row: row.megabytes or 0.0, lambda row: row.gmacs or 0.0]
    return {row.builder for row in front(rows, worse)}


def _other_five(source: random.Random) -> dict[str, tuple[str, ...]]:
    """Five of which one to three are beaten, and other letters than in the lesson and in its examples."""
    while True:
        names = tuple(source.sample((*_FIVE, *_OTHERS), 5))
        beaten = [letter for letter, name in zip("ABCDE", names, strict=True) if name not in _unbeaten(names)]
        if 1 <= len(beaten) <= 3 and "".join(beaten) not in ("AB", "BC", "CE"):
            return {"names": names}


def _than_these(names: Sequence[str]) -> str:
    count = len(names) - len(_unbeaten(names))
    return "a better choice than " + ("this one" if count == 1 else f"these {spelled(count)}")


@exercise(
    id="02_dominated",
    title="Beaten in everything",
    background="A model is *beaten* when another one is nowhere worse and somewhere better. What counts here is "
    "the error, the size of the file, and the multiply-adds (GMACs); less is better in all three.",
    minutes=3,
    difficulty="mild",
    cell_name="beaten",
    hints=[
        "A model that is the best of all in one column can't be beaten.",
        "For each of the others, look for one model that has less in all three columns at once.",
    ],
    praise="Whatever matters to you, there's a better choice than these two.",
    variants=Variants(_other_five, lambda names: f"five = [{literal(names)[1:-1]}]", _than_these),
)
def dominated(*, names: tuple[str, ...] = _FIVE) -> str:
    """The letters of those that another one beats: nowhere worse in error, size and multiply-adds, better in one."""
    models = zip("ABCDE", names, strict=True)
    rows = {letter: catalog()[name] for letter, name in models}
    numbers: dict[str, Any] = {letter: (row.top1, row.megabytes, row.gmacs) for letter, row in rows.items()}
    found = ""
    for letter, mine in numbers.items():
        for other in numbers.values():
            nowhere_worse = all(a <= b for a, b in zip(other, mine, strict=True))
            if nowhere_worse and other != mine and letter not in found:
                found += letter
    return found


@dominated.checker
def _(answer: Any, names: Sequence[str]) -> None:
    chosen, five = need_choice(answer, "ABCDE"), dict(zip("ABCDE", names, strict=True))
    rows = {letter: catalog()[name] for letter, name in five.items()}
    numbers = {letter: (row.top1 or 0.0, row.megabytes or 0.0, row.gmacs or 0.0) for letter, row in rows.items()}
    unbeaten = {letter for letter, name in five.items() if name in _unbeaten(names)}
    for letter in sorted(chosen & unbeaten):
        best = next((case for k, case in enumerate(("error", "file", "number of multiply-adds"))
                     if all(numbers[letter][k] <= other[k] for other in numbers.values())), "")  # fmt: skip
        why = f"its {best} is the smallest of all" if best else "each of the others is worse in something"
        raise Wrong(f"{letter}, {five[letter]}, isn't beaten: {why}.")
    if chosen | unbeaten != set(five):
        raise Wrong(
            f"{len(chosen)} of them so far, and at least one more is beaten in all three columns by one and the "
            "same model: go through the rest again, pair by pair."
        )


# -- 3: the front -----------------------------------------------------------------------------------------------------
@exercise(
    id="02_pareto",
    title="The Pareto front",
    background="One model beats another if it is nowhere worse and somewhere better. Less is better in all three "
    "numbers.",
    minutes=10,
    difficulty="hard",
    hints=[
        "For every model, look at all the others. Does one of them beat it? Two loops are fine.",
        "A model is beaten by one that is nowhere worse (all <=) and somewhere better (any <).",
        "for index, mine in enumerate(candidates): keep the index unless any other beats mine.",
    ],
    praise="However you weigh error, time and size, your best choice is one of these.",
)
def pareto(candidates: Sequence[tuple[float, ...]]) -> list[int]:
    """The indices of those that no other one beats: as good in everything and better in something."""
    front = []
    for index, mine in enumerate(candidates):
        beaten = False
        for other in candidates:
            nowhere_worse = all(a <= b for a, b in zip(other, mine, strict=True))
            if nowhere_worse and other != mine:
                beaten = True
        if not beaten:
            front.append(index)
    return front


@pareto.checker
def _(answer: Any) -> None:
    need_function(answer)
    random = np.random.default_rng(0)
    drawn = [tuple(map(float, row)) for row in random.integers(1, 7, (14, 3))]
    cases: list[list[tuple[float, ...]]] = [
        [(30.0, 20.0, 45.0), (25.0, 20.0, 98.0), (31.0, 25.0, 45.0)],
        [tuple(map(float, row)) for row in ((20, 50, 90), (20, 50, 90), (25, 60, 10), (20, 50, 91))],
        [(43.5, 20.0, 233.0)],
        [],
        [(1.0, 9.0, 9.0), (9.0, 1.0, 9.0), (9.0, 9.0, 1.0), (5.0, 5.0, 5.0), (5.0, 5.0, 6.0)],
        drawn,
    ]
    for models in cases:
        _check_front(answer, models)


def _check_front(answer: Any, models: list[tuple[float, ...]]) -> None:
    case = "the list " + (f"{models}" if len(models) < 5 else f"of {len(models)} models, {models[:2]} and more")
    case = case.replace(".0", "")
    matrix: Any = np.array(models).reshape(-1, 3)
    as_good: Any = (matrix[:, None] <= matrix[None]).all(2)  # [i, j]: i is nowhere worse than j
    beats = as_good & ~as_good.T
    truth = [j for j in range(len(models)) if not beats[:, j].any()]
    value = call(answer, list(models), case=case)
    if isinstance(value, (list, tuple, set)) and value and all(isinstance(item, tuple) for item in value):
        raise Wrong(f"On {case} you gave the models themselves; their indices are asked for, counted from 0.")
    if not isinstance(value, (list, tuple, set)) or not all(isinstance(item, (int, np.integer)) for item in value):
        raise Wrong(
            f"On {case} your function should return a list of indices, not a value of type {type(value).__name__}."
        )
    given = sorted(int(item) for item in value)
    if given == truth:
        return
    for index in given:
        if not 0 <= index < len(models):
            raise Wrong(f"On {case} there is no model with the index {index}.")
        if beats[:, index].any():
            by = int(beats[:, index].argmax())
            told = f"model {by}, {models[by]}, is nowhere worse than model {index}, {models[index]}, and better in one"
            raise Wrong(f"On {case} {told}.".replace(".0", ""))
    if not given:
        raise Wrong(f"On {case} nothing is left: a model is as good as itself, and doesn't beat itself.")
    missing = next((index for index in truth if index not in given), None)
    if missing is None:
        raise Wrong(f"On {case} one index comes twice.")
    if models.count(models[missing]) > 1:
        raise Wrong(f"On {case} model {missing} has a twin with the same numbers: neither beats the other, both stay.")
    raise Wrong(f"On {case} nothing beats model {missing}, {models[missing]}: it should stay.".replace(".0", ""))


def _candidates(source: random.Random) -> tuple[list[tuple[float, ...]]]:
    most, count = source.choice((2, 4, 9)), source.choice((0, 1, source.randint(2, 12)))
    return ([tuple(float(source.randint(1, most)) for _ in range(3)) for _ in range(count)],)


pareto.hidden_cases(_candidates, count=30, result=sorted)


# -- 4: a choice ------------------------------------------------------------------------------------------------------
@exercise(
    id="02_choose",
    title="A choice for a bird feeder",
    background="`right` holds, for each model, whether its answers to the same pictures were right. `paired` from "
    "`course_lib.measuring` is called with two of these rows and compares them. Its result has a `p_value`, from "
    "McNemar's exact test.",
    minutes=6,
    difficulty="medium",
    hints=[
        "First make a list of the names that keep the limit. sum(right[name]) counts a model's right answers.",
        "max(names, key=...) and min(names, key=...) find the best model and the smallest file.",
        "Keep each name for which paired(right[best], right[name]).p_value is at least 0.05, and take the smallest.",
    ],
    praise="A rule that is written down can't be bent afterwards to fit the model you like best.",
)
def choose(right: Mapping[str, Sequence[bool]], megabytes: Mapping[str, float], limit: float) -> str:
    """The smallest file within the limit that these pictures can't tell apart from the best one."""
    fitting = [name for name in right if megabytes[name] <= limit]
    best = max(fitting, key=lambda name: sum(right[name]))
    level = [name for name in fitting if paired(right[best], right[name]).p_value >= 0.05]
    return min(level, key=lambda name: megabytes[name])


#: How many pictures of 60 each model gets wrong, from the best model to the worst, and the megabytes of its file.
_CHOICES: tuple[tuple[Mapping[str, int], Mapping[str, float], float], ...] = (
    ({"large": 2, "medium": 4, "small": 30}, {"large": 90.0, "medium": 40.0, "small": 5.0}, 100.0),
    ({"large": 1, "medium": 20, "small": 25}, {"large": 90.0, "medium": 40.0, "small": 5.0}, 100.0),
    ({"large": 1, "medium": 20, "small": 25}, {"large": 90.0, "medium": 40.0, "small": 5.0}, 40.0),
    ({"old": 9, "new": 2, "tiny": 3}, {"old": 200.0, "new": 20.0, "tiny": 30.0}, 500.0),
    ({"large": 0, "small": 5}, {"large": 90.0, "small": 5.0}, 100.0),
    ({"only": 59}, {"only": 3.0}, 3.0),
)


def _rows(wrong: Mapping[str, int], shift: int) -> dict[str, list[bool]]:
    """Rows of 60 answers with so many wrong ones; each model begins its mistakes elsewhere."""
    return {
        name: [(picture - shift * place) % 60 >= count for picture in range(60)]
        for place, (name, count) in enumerate(wrong.items())
    }


@choose.checker
def _(answer: Any) -> None:
    need_function(answer)
    for wrong, megabytes, limit in _CHOICES:
        right, counts = _rows(wrong, 7), {name: 60 - count for name, count in wrong.items()}
        case = f"60 pictures with the right answers {counts}, the megabytes {dict(megabytes)} and the limit {limit:g}"
        value = call(answer, {name: list(row) for name, row in right.items()}, dict(megabytes), limit, case=case)
        if not isinstance(value, str) or value not in right:
            raise Wrong(f"On {case} your function should return one of the names, and it returned {str(value)[:40]!r}.")
        if value != (truth := choose(right, megabytes, limit)):
            raise Wrong(f"On {case} {_why_not_chosen(value, truth, right, megabytes, limit)}")


def _why_not_chosen(
    value: str, truth: str, right: Mapping[str, Sequence[bool]], megabytes: Mapping[str, float], limit: float
) -> str:
    if megabytes[value] > limit:
        return f"you took {value!r}, and its file is larger than the limit. A file as large as the limit fits."
    best = max((name for name in right if megabytes[name] <= limit), key=lambda name: sum(right[name]))
    p = paired(right[best], right[value]).p_value
    if p < 0.05:
        return f"you took {value!r}, but the pictures tell it apart from {best!r}, which is better: p is {p:.2g}."
    p = paired(right[best], right[truth]).p_value
    return f"you took {value!r}, but {truth!r} is smaller, and can't be told apart from {best!r}: p is {p:.2g}."


@choose.hidden_cases
def _some_models(source: random.Random) -> tuple[dict[str, list[bool]], dict[str, float], float]:
    names = [random_arguments.word(source) for _ in range(source.randint(1, 5))]
    wrong = dict(zip(names, source.sample(range(40), len(names)), strict=True))
    megabytes = dict(zip(names, map(float, source.sample(range(1, 100), len(names))), strict=True))
    sizes = sorted(megabytes.values())
    return _rows(wrong, source.randint(0, 20)), megabytes, source.choice(sizes)


# -- 5: a stopwatch ---------------------------------------------------------------------------------------------------
@exercise(
    id="02_median_seconds",
    title="A stopwatch you can trust",
    background="A network's first calls take longer than the later ones, and a GPU answers before it has "
    "finished. `time.perf_counter()` reads the clock, in seconds.",
    minutes=8,
    difficulty="medium",
    hints=[
        "First call run() and wait() as often as warmups says, without looking at the clock.",
        "Then for each repeat: time.perf_counter(), run(), wait(), time.perf_counter(), and keep the difference.",
        "For the median of an odd number of values, sort them and take the one in the middle.",
    ],
    praise="With torch.cuda.synchronize as wait, it times a GPU. With a wait that does nothing, it times a CPU.",
    check=check_stopwatch,
    hidden_check=check_stopwatch,
)
def median_seconds(run: Callable[[], Any], wait: Callable[[], Any], warmups: int, repeats: int) -> float:
    """The median of an odd number of timed calls, after some that are not; wait() returns when the work is done."""
    for _ in range(warmups):
        run()
    wait()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        wait()  # a GPU answers before it has finished
        seconds.append(time.perf_counter() - start)
    return sorted(seconds)[repeats // 2]


# -- 6: which builders make a class -----------------------------------------------------------------------------------
@exercise(
    id="02_builders_of",
    title="Builders of a class",
    background="torchvision makes its classifiers with functions such as `resnet50`, which are called builders. "
    "`list_models(module=torchvision.models)` from `torchvision.models` lists their names, "
    "`get_model_builder(name)` gives you one, and its annotation names the class that it returns.",
    minutes=6,
    difficulty="medium",
    hints=[
        "models.list_models(module=models) has the names, models.get_model_builder(name) the function behind each.",
        "inspect.signature(builder).return_annotation is the class that a builder makes.",
        "Compare that class's __name__ with class_name, and collect the names where they agree.",
    ],
    praise="Ten builders make a ResNet, and the names of five of them don't begin with resnet.",
)
def builders_of(class_name: str) -> list[str]:
    """The classifiers' builders that say in their annotation that they make this class."""
    found = []
    for name in list_models(module=torchvision.models):
        made = inspect.signature(get_model_builder(name)).return_annotation
        if made.__name__ == class_name:
            found.append(name)
    return found


@builders_of.checker
def _(answer: Any) -> None:
    need_function(answer)
    classifiers = list_models(module=torchvision.models)
    for class_name in ("MobileNetV3", "ResNet", "VGG", "SwinTransformer", "MobileNetV2", "Flatten"):
        truth = [name for name in classifiers if class_of(name).__name__ == class_name]
        case = f"{class_name!r}"
        names = _need_names(call(answer, class_name, case=case), case)
        if extra := [name for name in names if name not in truth]:
            makes = f"it makes a {class_of(extra[0]).__name__}" if extra[0] in classifiers else "that is no classifier"
            if extra[0] in list_models() and extra[0] not in classifiers:
                makes = "torchvision has it in another module, or it is not torchvision's (module=torchvision.models)"
            raise Wrong(f"On {case} the name {extra[0][:40]!r} is too much: {makes}.")
        if missing := [name for name in truth if name not in names]:
            raise Wrong(
                f"On {case} {missing[0]!r} is missing: {len(truth)} builder{'s' * (len(truth) > 1)} make this class, "
                "whatever their names say."
            )
        _need_each_once(names, case)


def _need_names(value: Any, case: str) -> list[str]:
    """The value must be a list of names."""
    if value is None:
        raise Wrong(f"On {case} your function returned nothing: is the return missing?")
    if not isinstance(value, (list, tuple, set, frozenset)):
        raise Wrong(
            f"On {case} your function should return a list of names, not a value of type {type(value).__name__}."
        )
    if strange := [item for item in value if not isinstance(item, str)]:
        kind = type(strange[0]).__name__
        raise Wrong(f"On {case} the list should hold names, as strings, and it holds a value of type {kind}.")
    return list(value)


def _need_each_once(names: Sequence[str], case: str) -> None:
    if again := [name for k, name in enumerate(names) if name in names[:k]]:
        raise Wrong(f"On {case} {again[0]!r} comes twice.")


def _class_name(source: random.Random) -> tuple[str]:
    name = class_of(source.choice(list_models(module=torchvision.models))).__name__
    return (source.choice((name, name, name, name.lower(), name[:-1])),)


builders_of.hidden_cases(_class_name, count=6, result=sorted)


# -- 7: the error of a batch ------------------------------------------------------------------------------------------
@exercise(
    id="02_top_k_error",
    title="Top-k error",
    background="A picture counts as wrong if its true class isn't among the k classes with the largest logits.",
    minutes=6,
    difficulty="medium",
    hints=[
        "logits.topk(k, dim=1).indices has the k best classes of every picture: (B, k).",
        "Compare them with targets.unsqueeze(1), (B, 1): it broadcasts. A picture is right where any of its k is True.",
        "The error, as a percentage, is 100 minus 100 times the share of pictures that are right.",
    ],
    praise="With k=1 and k=5, these are the two columns of every table of ImageNet results.",
)
def top_k_error(logits: Tensor, targets: Tensor, k: int) -> float:
    """The percentage of pictures whose class is not among their k largest logits."""
    best = logits.topk(k, dim=1).indices  # (B, k)
    right = (best == targets.unsqueeze(1)).any(dim=1)  # (B,)
    return 100 - 100 * float(right.float().mean())


@top_k_error.checker
def _(answer: Any) -> None:
    need_function(answer)
    generator = torch.Generator().manual_seed(2)
    for count, classes, k in ((40, 10, 5), (40, 10, 1), (16, 16, 3), (1, 4, 2), (8, 3, 3)):
        logits = torch.randn(count, classes, generator=generator)
        targets = torch.randint(0, classes, (count,), generator=generator)
        above = (logits > logits.gather(1, targets[:, None])).sum(1)  # how many classes come before the true one
        truth, first = (100 * float((above >= n).double().mean()) for n in (k, 1))
        case = f"{count} picture{'s' * (count > 1)}, {classes} classes and k={k}"
        value = need_number(call(answer, logits.clone(), targets.clone(), k, case=case))
        if abs(value - truth) <= 1e-3:
            continue
        if abs(value - (100 - truth)) <= 1e-3:
            raise Wrong(f"On {case} you gave the accuracy; the error is what is left of 100.")
        if abs(value - truth / 100) <= 1e-5:
            raise Wrong(f"On {case} you gave a share from 0 to 1; torchvision's tables give percentages.")
        if abs(value - (1 - truth / 100)) <= 1e-5:
            raise Wrong(f"On {case} you gave the share that is right, from 0 to 1; return the percentage of errors.")
        if abs(value - truth * count / 100) <= 1e-3:
            raise Wrong(f"On {case} you counted the wrong pictures; say how many that would be out of 100.")
        if abs(value - first) <= 1e-3:
            raise Wrong(f"On {case} that is the top-1 error: the first of the k decides, and all k should.")
        raise Wrong(f"On {case} the error is {truth:.2f}%, but your function gave {value:.2f}.")


def _scored_and_k(source: random.Random) -> tuple[Tensor, Tensor, int]:
    logits, targets = random_arguments.scored(source)
    return logits, targets, source.choice((1, source.randint(1, logits.shape[1])))


top_k_error.hidden_cases(_scored_and_k, count=15, tolerance=1e-4)


# -- 8: how large a file is -------------------------------------------------------------------------------------------
#: Parameters → the network's name and how it is written. None of them has running statistics, which are no parameters.
_SIZED = {
    138_357_544: ("vgg16", "VGG16"), 143_667_240: ("vgg19", "VGG19"), 61_100_840: ("alexnet", "AlexNet"),
    28_589_128: ("convnext_tiny", "ConvNeXt-Tiny"), 50_223_688: ("convnext_small", "ConvNeXt-Small"),
    88_591_464: ("convnext_base", "ConvNeXt-Base"), 197_767_336: ("convnext_large", "ConvNeXt-Large"),
    86_567_656: ("vit_b_16", "ViT-B/16"), 304_326_632: ("vit_l_16", "ViT-L/16"),
}  # fmt: skip


@exercise(
    id="02_file_size",
    title="The size of a file",
    minutes=3,
    difficulty="mild",
    cell_name="megabytes",
    hints=[
        "A float32 has 32 bits.",
        "Four bytes each, and 2**20 bytes are a megabyte as torchvision counts.",
    ],
    praise="Apart from a few kilobytes for names, the file holds nothing but its parameters.",
    variants=Variants(
        lambda source: {"parameters": source.choice([*_SIZED][1:])},
        lambda parameters: f"{_SIZED[parameters][1]} has {parameters:,} parameters",
    ),
)
def file_size(*, parameters: int = 138_357_544) -> float:
    """Four bytes for each parameter, in units of 2**20 bytes."""
    return parameters * 4 / 2**20


@file_size.checker
def _(answer: Any, parameters: int) -> None:
    number, row = need_number(answer), catalog()[_SIZED[parameters][0]]
    size, count = float(row.megabytes or 0), float(row.parameters or 0)
    if abs(number - size) <= 0.005 * size:
        return
    for wrong, sentence in (
        (count * 4 / 1e6, "That is in units of 10**6 bytes; torchvision's tables count 2**20 to a megabyte."),
        (count / 2**20, "That is one byte for each parameter, but a float32 takes four."),
        (count / 1e6, "That is how many millions of parameters there are; each takes some bytes."),
        (count * 2 / 2**20, "That is half precision, two bytes each; torchvision's file holds float32."),
        (count * 8 / 2**20, "That is double precision, eight bytes each; a float32 has 32 bits."),
        (count * 32 / 2**20, "Those are bits: eight of them make a byte."),
        (count * 4 / 2**10, "That is in kilobytes."),
        (count * 4, "That is in bytes."),
        (count * 4 / 2**30, "That is in gigabytes."),
    ):
        if abs(number - wrong) <= 0.005 * wrong:
            raise Wrong(sentence)
    raise Wrong(
        f"{number:g} MB isn't right. Multiply the parameters by the bytes of each, and divide by those of a megabyte."
    )


# -- 9: do two rankings agree? ----------------------------------------------------------------------------------------
@exercise(
    id="02_rank_correlation",
    title="Whether two rankings agree",
    background="Rank both lists from the smallest value to the largest. With $d_i$ for how many places the two "
    "ranks of item $i$ are apart, and $n$ for the number of items, Spearman's rank correlation is "
    "$\\rho = 1 - 6 \\sum_i d_i^2 / (n (n^2 - 1))$.",
    minutes=7,
    difficulty="medium",
    hints=[
        "First turn values into places: the smallest gets 0, the next one 1. sorted(values).index(value) is one way.",
        "Then take the gap between the two places of each model, square it, and add them up.",
        "1 − 6 · sum / (n · (n² − 1)). Equal orders give 1, opposite orders give −1.",
    ],
    praise="This is Spearman's rank correlation of 1904. Only the order counts, not the distances.",
)
def rank_correlation(one: Sequence[float], other: Sequence[float]) -> float:
    """Spearman's rank correlation of two lists without ties: 1 for the same order, -1 for the opposite."""
    first, second = sorted(one), sorted(other)
    gaps = [first.index(a) - second.index(b) for a, b in zip(one, other, strict=True)]
    n = len(gaps)
    return 1 - 6 * sum(gap**2 for gap in gaps) / (n * (n**2 - 1))


_PAIRS: tuple[tuple[tuple[float, ...], tuple[float, ...]], ...] = (
    ((-1.5, 0.25, 8.0, 3.0, 100.0, 2.0, 7.0), (0.1, -4.0, 3.5, 12.0, 2.0, 900.0, 6.0)),
    ((30.0, 10.0, 20.0, 50.0, 40.0), (3.0, 9.0, 1.0, 0.5, 40.0)),
    ((1.0, 2.0, 3.0), (10.0, 200.0, 3000.0)),
    ((4.0, 3.0, 2.0, 1.0), (1.0, 5.0, 6.0, 70.0)),
    ((5.0, 6.0), (6.0, 5.0)),
)


@rank_correlation.checker
def _(answer: Any) -> None:
    need_function(answer)
    for first, other in _PAIRS:
        case = f"{[*map(_plain, first)]} and {[*map(_plain, other)]}"
        x, y = np.array(first), np.array(other)
        truth = _pearson(_places(x), _places(y))
        value = need_number(call(answer, list(first), list(other), case=case))
        if abs(value - truth) <= 1e-6:
            continue
        if abs(value + truth) <= 1e-6:
            raise Wrong(f"On {case} it is {truth:.3f}, not {value:.3f}: one of the lists is ranked in reverse.")
        if abs(value - _pearson(x, y)) <= 1e-6:
            raise Wrong(f"On {case} the values themselves are correlated; take their places in the order, 1st, 2nd, ….")
        if abs(value - _pearson(x.argsort(), y.argsort())) <= 1e-6:
            raise Wrong(
                f"On {case} it is {truth:.3f}, not {value:.3f}: argsort says which value stands at each place; you "
                "need the place of each value."
            )
        squares = float(((_places(x) - _places(y)) ** 2).sum())
        if abs(value - squares) <= 1e-6:
            raise Wrong(f"On {case} you gave the sum of the squared gaps; it still has to be scaled.")
        if abs(value - (1 - truth)) <= 1e-6:
            raise Wrong(f"On {case} you gave {value:.3f}: the same order should give 1, so subtract that from 1.")
        raise Wrong(f"On {case} the rank correlation is {truth:.3f}, and your function gave {value:.3f}.")


def _plain(value: float) -> float | int:
    return int(value) if value == int(value) else value


def _places(values: Any) -> Any:
    return values.argsort().argsort()


def _pearson(x: Any, y: Any) -> float:
    return float(np.corrcoef(x, y)[0, 1])


@rank_correlation.hidden_cases
def _(source: random.Random) -> tuple[list[float], list[float]]:
    count = source.randint(2, 12)
    values, other = ([value / 4 for value in source.sample(range(-400, 400), count)] for _ in range(2))
    return values, source.choice((other, other, [value**3 for value in values], [-value for value in values]))


# -- 10: the learner's own limits --------------------------------------------------------------------------------------
@exercise(
    id="02_within_limits",
    title="Under your limits",
    background="`list_models(module=torchvision.models)` from `torchvision.models` lists the classifiers. "
    "`get_model_weights(name).DEFAULT.meta` holds the top-1 accuracy, a percentage, under "
    '`["_metrics"]["ImageNet-1K"]["acc@1"]`, and the file\'s megabytes under `["_file_size"]`. The '
    "error is 100 minus the accuracy.",
    minutes=8,
    difficulty="medium",
    hints=[
        "models.get_model_weights(name).DEFAULT.meta has both: meta['_metrics']['ImageNet-1K']['acc@1'] and "
        "meta['_file_size'].",
        "The error is 100 minus acc@1. Collect (error, name), so that sorted() puts the smallest error first.",
    ],
    praise="With two limits, a long registry becomes a list short enough to try.",
)
def within_limits(max_error: float, max_megabytes: float) -> list[str]:
    """Classifiers whose default weights keep both limits, the smallest top-1 error first."""
    found = []
    for name in list_models(module=torchvision.models):
        meta = get_model_weights(name).DEFAULT.meta
        error = 100 - meta["_metrics"]["ImageNet-1K"]["acc@1"]
        if error <= max_error and meta["_file_size"] <= max_megabytes:
            found.append((error, name))
    return [name for _, name in sorted(found)]


@within_limits.checker
def _(answer: Any) -> None:
    need_function(answer)
    defaults = catalog().where(default=True)
    classifiers = list_models(module=torchvision.models)
    exactly = float(defaults["squeezenet1_1"].megabytes or 0)
    for max_error, max_megabytes in ((60, 10), (25, 30), (15, 400), (50, exactly), (10, 5000)):
        case = f"at most {max_error}% and {max_megabytes:g} MB"
        rows = defaults.where(max_top1=max_error, max_megabytes=max_megabytes).sorted("top1")
        truth = [row.builder for row in rows]
        names = _need_names(call(answer, max_error, max_megabytes, case=case), case)
        accurate = [
            row.builder for row in defaults.where(max_megabytes=max_megabytes) if 100 - (row.top1 or 0) <= max_error
        ]
        if accurate and sorted(names) == sorted(accurate) != sorted(truth):
            raise Wrong(f"On {case} you compared the accuracy with the limit; the error is 100 minus acc@1.")
        if unknown := [name for name in names if name not in classifiers]:
            raise Wrong(
                f"On {case} {unknown[0][:40]!r} is too much: it is not in list_models(module=torchvision.models)."
            )
        if extra := [name for name in names if name not in truth]:
            raise Wrong(f"On {case} {extra[0]!r} is too much: {_why_not(extra[0], max_error, max_megabytes)}.")
        if missing := [name for name in truth if name not in names]:
            row = defaults[missing[0]]
            raise Wrong(
                f"On {case} {missing[0]!r} is missing: its default weights have an error of {row.top1}% and "
                f"{row.megabytes} MB. At most means that the limit itself is allowed."
            )
        _need_each_once(names, case)
        errors = [float(defaults[name].top1 or 0) for name in names]
        if errors != sorted(errors):
            raise Wrong(f"On {case} the names are right, but not in order: the smallest error comes first.")


def _why_not(name: str, max_error: float, max_megabytes: float) -> str:
    row = catalog()[name]
    others = [entry for entry in catalog().where(builder=name) if not entry.default]
    if (row.top1 or 0) > max_error:
        if any((entry.top1 or 100) <= max_error for entry in others):
            return f"only another entry keeps the limit; its default weights have an error of {row.top1}%"
        return f"its default weights have an error of {row.top1}%"
    if (row.megabytes or 0) > max_megabytes >= (row.parameters or 0) / 1e6:
        return f"it has {(row.parameters or 0) / 1e6:.1f} million parameters, and its file has {row.megabytes} MB"
    return f"its file has {row.megabytes} MB"


def _two_limits(source: random.Random) -> tuple[float, float]:
    name = source.choice(list_models(module=torchvision.models))
    size = get_model_weights(name).DEFAULT.meta["_file_size"]  # a limit is allowed itself
    return source.uniform(12, 45), source.choice((size, source.uniform(5, 600)))


def _names_and_errors(names: Sequence[str]) -> tuple[list[str], list[float]]:
    """In any order where the error is the same."""
    metas = [get_model_weights(name).DEFAULT.meta for name in names]
    return sorted(names), [100 - meta["_metrics"]["ImageNet-1K"]["acc@1"] for meta in metas]


within_limits.hidden_cases(_two_limits, count=6, result=_names_and_errors)
