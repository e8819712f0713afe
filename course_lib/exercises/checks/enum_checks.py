"""Checks of two small functions: from words to an entry of an enum, and from a file's name to whether its hash fits."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from torchvision import models

from course_lib.exercises.engine.exercise import Wrong, call, need_function

__all__ = ["check_hash_fits", "check_verify", "on_disk", "telling_errors"]


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
        what = f"verify(ResNet50_Weights, {_word(weights)})"
        truth, value = _outcome(mine.verify, weights), _outcome(partial(answer, mine), weights)
        if value is truth or (isinstance(truth, Exception) and type(value) is type(truth)):
            continue
        if isinstance(truth, Exception) and isinstance(value, Exception):
            raise Wrong(f"{what} should raise {type(truth).__name__}, but it raises {type(value).__name__}.")
        if isinstance(value, Exception):
            raise Wrong(f"{what} is {truth!r}, but yours raises {type(value).__name__}: {_first(value)}.")
        if isinstance(truth, TypeError):
            raise Wrong(
                f"{what} gives {_word(value)}: weights of another kind should raise TypeError, not pass through."
            )
        if isinstance(truth, KeyError):
            raise Wrong(f"{what} gives {_word(value)}: a name that the enum lacks should raise KeyError.")
        raise Wrong(f"{what} should give {truth!r}, but it gives {_word(value)}.")


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
        (f"net-{other[:8]}.pth", content, False, "the name has another file's digits"),
        (f"net-{digits}.pth", content, True, "all 64 digits stand there"),
        (f"my-net_v2-{digits[:8]}.pth", content, True, "the digits stand behind the last dash"),
        (f"net-{digits[:7]}{'0' if digits[7] != '0' else '1'}.pth", content, False, "the eighth digit is wrong"),
        ("net-.pth", content, False, "no digits stand behind the dash"),
        (f"net-{digits[:4]}.pth", content, False, "four digits are too few: at least eight are asked for"),
        ("network.pth", content, False, "the name has no digits"),
    )
    with tempfile.TemporaryDirectory() as folder:
        for name, data, truth, why in cases:
            path = Path(folder) / name
            path.write_bytes(data)
            value = call(answer, path, what=f"the file {name[:40]}")
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
