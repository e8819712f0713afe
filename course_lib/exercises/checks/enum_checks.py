"""Lesson 05's ``verify`` and ``hash_fits`` beside torchvision and hashlib, and what is drawn for hidden cases on enums.

Half of the drawn entries are torchvision's own, half are made up, with addresses that lead nowhere: no download.
"""

from __future__ import annotations

import hashlib
import math
import random
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torchvision
from torchvision import models
from torchvision.models import Weights, WeightsEnum, get_model_weights, list_models
from torchvision.transforms import InterpolationMode
from torchvision.transforms._presets import ImageClassification

from course_lib.exercises.checks.random_arguments import bytes_of, word
from course_lib.exercises.engine.requirements import Wrong, call, need_function

__all__ = [
    "check_hash_fits",
    "check_verify",
    "entries",
    "enum",
    "hashed_file",
    "looked_up",
    "on_disk",
    "telling_errors",
]


# -- verify by hand ---------------------------------------------------------------------------------------------------
def check_verify(answer: Any) -> None:
    """Check a learner's ``verify(enum, weights)`` beside torchvision's own.

    Raises:
        Wrong: with what should come of which weights.
    """
    need_function(answer)
    mine, other = models.ResNet50_Weights, models.ResNet18_Weights.DEFAULT
    for weights in (
        None, mine.IMAGENET1K_V1, mine.DEFAULT, "IMAGENET1K_V1", "DEFAULT", "ResNet50_Weights.IMAGENET1K_V2",
        "IMAGENET1K_V3", "ResNet18_Weights.DEFAULT", other, True, mine,
    ):  # fmt: skip
        case = f"verify(ResNet50_Weights, {_word(weights)})"
        truth, value = _outcome(mine.verify, weights), _outcome(partial(answer, mine), weights)
        if value is truth or (isinstance(truth, Exception) and type(value) is type(truth)):
            continue
        if isinstance(truth, Exception) and isinstance(value, Exception):
            raise Wrong(f"{case} should raise {type(truth).__name__}, but it raises {type(value).__name__}.")
        if isinstance(value, Exception):
            raise Wrong(f"{case} should give {truth!r}, but it raises {type(value).__name__}: {_first(value)}.")
        if isinstance(truth, TypeError):
            raise Wrong(f"{case} gives {_word(value)}, but weights of a different kind should raise TypeError.")
        if isinstance(truth, KeyError):
            raise Wrong(f"{case} gives {_word(value)}, but a name that isn't in the enum should raise KeyError.")
        raise Wrong(f"{case} should give {truth!r}, but it gives {_word(value)}.")


def _outcome(function: Callable[[Any], Any], weights: Any) -> Any:
    try:
        return function(weights)
    except (Exception, SystemExit) as problem:
        return problem if isinstance(problem, Exception) else RuntimeError("SystemExit")


def _word(value: Any) -> str:
    try:
        word = value.__name__ if isinstance(value, type) else repr(value)
    except Exception:
        word = ""
    return word if word and len(word) <= 60 and "\n" not in word else f"a value of type {type(value).__name__}"


def _first(problem: Exception) -> str:
    try:
        return (str(problem).strip().splitlines() or ["no words"])[0][:120].rstrip(".")
    except Exception:
        return "no words"


def telling_errors(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that gives the name of an error's type where this one raises.

    Example:
        >>> telling_errors(int)("four")
        ('raises', 'ValueError')
    """

    def run(*given: Any) -> Any:
        value = _outcome(partial(function, *given[:-1]), given[-1])
        return ("raises", type(value).__name__) if isinstance(value, Exception) else value

    return run


# -- does the hash fit ------------------------------------------------------------------------------------------------
def check_hash_fits(answer: Any) -> None:
    """Check a learner's function from a path to whether the digits in its name are those of the file.

    Raises:
        Wrong: with the file that is taken for another one.
    """
    need_function(answer)
    content = bytes(range(256)) * 3 + b"\r\n\x1a\xff"
    digits = hashlib.sha256(content).hexdigest()
    other = hashlib.sha256(content[:-1] + b"\xfe").hexdigest()
    cases: tuple[tuple[str, bytes, bool, str], ...] = (
        (f"net-{digits[-8:]}.pth", content, False, "those are the last digits, not the first"),
        (f"net-{digits[:8]}.pth", content, True, "the first eight digits are right"),
        (f"net-{digits[:8]}.pth", content[:-1] + b"\xfe", False, "one bit of the file was changed"),
        (f"net-{other[:8]}.pth", content, False, "the name has another file's hash"),
        (f"net-{digits}.pth", content, True, "all 64 digits are there, and they fit"),
        (f"my-net_v2-{digits[:8]}.pth", content, True, "only what comes after the last dash counts"),
        (f"net-{digits[:7]}{'0' if digits[7] != '0' else '1'}.pth", content, False, "the eighth digit is wrong"),
        ("net-.pth", content, False, "there are no digits after the dash"),
        (f"net-{digits[:4]}.pth", content, False, "four digits are too few; there should be at least eight"),
        ("network.pth", content, False, "the name has no digits"),
    )
    with tempfile.TemporaryDirectory() as folder:
        for name, data, truth, why in cases:
            path = Path(folder) / name
            path.write_bytes(data)
            value = call(answer, path, case=f"the file {name[:40]}")
            if not isinstance(value, bool):
                raise Wrong(f"The answer is True or False, not a value of type {type(value).__name__}.")
            if value != truth:
                raise Wrong(f"On the file {name[:40]} it should be {truth}: {why}.")
            path.unlink(missing_ok=True)


def on_disk(function: Callable[[Path], Any]) -> Callable[[str, bytes], Any]:
    """A function of a file's name and content, from one of a path; the file is gone afterwards.

    Example:
        >>> on_disk(lambda path: path.stat().st_size)("some.pth", b"1234")
        4
    """

    def run(name: str, content: bytes) -> Any:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            path.write_bytes(content)
            return function(path)

    return run


# -- drawn enums, entries and files -----------------------------------------------------------------------------------
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
        >>> all(isinstance(entry, WeightsEnum) for entry in entries(random.Random(0)))
        True
    """
    if source.random() < 0.4:
        names = list_models(module=torchvision.models)
        entry, other = (source.choice(list(get_model_weights(source.choice(names)))) for _ in range(2))
        return entry, source.choice((entry, other, other, other))
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
        >>> asked, weights = looked_up(random.Random(0))
        >>> issubclass(asked, WeightsEnum)
        True
    """
    names = list_models(module=torchvision.models)
    asked, other = (source.choice((enum(source), get_model_weights(source.choice(names)))) for _ in range(2))
    entry = source.choice(list(asked.__members__))
    stranger = other["DEFAULT"] if other.__name__ != asked.__name__ else True
    return asked, source.choice((
        None, asked[entry], entry, f"{asked.__name__}.{entry}", entry.lower(), f"{entry}9",
        f"{word(source)}_Weights.{entry}", stranger, source.randint(0, 3), asked, [entry],
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
