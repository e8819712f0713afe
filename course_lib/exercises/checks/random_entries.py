"""Arguments for hidden cases about weight enums: enums with figures, entries to compare, what verify is given, files.

Half of the entries are torchvision's own, half are made up, whose addresses lead nowhere: nothing is ever fetched.
"""

from __future__ import annotations

import hashlib
import math
import random
from functools import partial
from typing import Any

import torchvision
from torchvision.models import Weights, WeightsEnum, get_model_weights, list_models
from torchvision.transforms import InterpolationMode
from torchvision.transforms._presets import ImageClassification

from course_lib.exercises.checks.random_arguments import bytes_of, word

__all__ = ["entries", "enum", "hashed_file", "looked_up"]


def enum(source: random.Random) -> type[WeightsEnum]:
    """An enum of 2 to 6 entries, some without a measured accuracy, no two alike; DEFAULT may be any of them.

    Example:
        >>> made = enum(random.Random(0))
        >>> made.DEFAULT in list(made) and made.__name__.endswith("_Weights")
        True
    """
    count = source.randint(2, 6)
    figures = [n / 10 for n in source.sample(range(400, 950), count)]
    for place in source.sample(range(count), source.choice((0, 1, count - 1))):
        figures[place] = math.nan
    values = {}
    for number, top1 in enumerate(figures, 1):
        meta = {"_metrics": {"ImageNet-1K": {"acc@1": top1, "acc@5": 99.0 - source.random() * 30}}}
        address = f"https://example.org/{word(source)}-{source.getrandbits(32):08x}.pth"
        values[f"{word(source, 3).upper()}_V{number}"] = Weights(
            address, partial(ImageClassification, crop_size=224), meta
        )
    values["DEFAULT"] = source.choice(list(values.values()))
    made: Any = WeightsEnum(f"{word(source).capitalize()}_Weights", values)
    return made  # type: ignore[no-any-return]


def _settings(source: random.Random) -> dict[str, Any]:
    crop = source.choice((192, 224, 256))
    return {
        "crop_size": crop, "resize_size": crop + source.choice((0, 8, 32)),
        "interpolation": source.choice((InterpolationMode.BILINEAR, InterpolationMode.BICUBIC)),
        "mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225),
    }  # fmt: skip


def entries(source: random.Random) -> tuple[WeightsEnum, WeightsEnum]:
    """Two entries: made up, whose transforms agree or differ in one setting; or any two of torchvision's classifiers.

    Example:
        >>> all(isinstance(one, WeightsEnum) for one in entries(random.Random(0)))
        True
    """
    if source.random() < 0.4:
        names = list_models(module=torchvision.models)
        one, other = (source.choice(list(get_model_weights(source.choice(names)))) for _ in range(2))
        return one, source.choice((one, other, other, other))
    first = _settings(source)
    second = dict(first)
    change: dict[str, Any] = {
        "crop_size": first["crop_size"] - source.choice((1, 32)), "resize_size": first["resize_size"] + 4,
        "interpolation": InterpolationMode.NEAREST, "mean": (0.5, 0.5, 0.5), "std": (0.229, 0.224, 0.226),
    }  # fmt: skip
    if source.random() < 0.6:
        key = source.choice(list(change))
        second[key] = change[key]
    values = {
        name: Weights(f"https://example.org/{word(source)}.pth", partial(ImageClassification, **settings), {})
        for name, settings in (("A", first), ("B", second))
    }
    made: Any = WeightsEnum(f"{word(source).capitalize()}_Weights", values)
    return made.A, made.B


def looked_up(source: random.Random) -> tuple[type[WeightsEnum], Any]:
    """An enum, and what a builder may be given as weights: right in one of four ways, or wrong in one of seven.

    Example:
        >>> one, weights = looked_up(random.Random(0))
        >>> issubclass(one, WeightsEnum)
        True
    """
    names = list_models(module=torchvision.models)
    one, other = (source.choice((enum(source), get_model_weights(source.choice(names)))) for _ in range(2))
    entry = source.choice(list(one.__members__))
    stranger = other["DEFAULT"] if other.__name__ != one.__name__ else True
    return one, source.choice((
        None, one[entry], entry, f"{one.__name__}.{entry}", entry.lower(), f"{entry}9",
        f"{word(source)}_Weights.{entry}", stranger, source.randint(0, 3), one, [entry],
    ))  # fmt: skip


def hashed_file(source: random.Random) -> tuple[str, bytes]:
    """A file's name and its content: with the digits of its SHA-256, with wrong ones, too few, or none."""
    content = b"\x80\x02" + bytes_of(source, source.randint(30, 3000)).tobytes()  # no text in any alphabet
    right = hashlib.sha256(content).hexdigest()
    spoilt = source.randrange(8)
    other = f"{int(right[spoilt], 16) ^ 1:x}"
    digits = source.choice((
        right[:8], right, right[: source.randint(9, 63)], right[:8], right[: source.randint(1, 7)], right[-8:], "",
        right[:7] + f"{int(right[7], 16) ^ 1:x}", right[:spoilt] + other + right[spoilt + 1 : 12],
        hashlib.sha256(content + b".").hexdigest()[:8], hashlib.md5(content).hexdigest()[:8],
    ))  # fmt: skip
    name = source.choice((word(source), f"{word(source)}-{word(source, 3)}", f"{word(source)}_v{source.randint(1, 9)}"))
    return f"{name}-{digits}.pth" if source.random() < 0.9 else f"{name}.pth", content
