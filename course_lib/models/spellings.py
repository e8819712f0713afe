"""What a line such as ``resnet50(weights="DEFAULT")`` asks torchvision for: an entry, with its warnings, or an error.

The line is run as it stands, by torchvision's own code, up to the place where the file would be read: there it is
stopped and the entry noted. So nothing is downloaded, and networks are made without memory for their weights.
Which lines a builder runs on its way is in ``builder_runs``.
"""

from __future__ import annotations

import linecache
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from itertools import count
from typing import Any

import torch
import torchvision
from torch import nn
from torch.overrides import TorchFunctionMode
from torchvision.models import WeightsEnum

from course_lib.errors import CourseError
from course_lib.tables import Column, Markup, html_table

__all__ = [
    "FileRequest",
    "Spelling",
    "SpellingTable",
    "Weightless",
    "hear",
    "hear_all",
    "replaced_files",
    "stopped_at_files",
]

_MARKS = {"trained": ("●", "#0072B2"), "random": ("○", "#666666"), "value": ("=", "#0072B2"), "error": ("✕", "#B25500")}
_numbers = count(1)


class FileRequest(BaseException):
    """Raised instead of reading a file; no ``except Exception`` on the way takes it for an error.

    Attributes:
        weights: the entry whose file would be read now.
    """

    def __init__(self, weights: WeightsEnum) -> None:
        super().__init__(weights)
        self.weights = weights


@dataclass(frozen=True)
class Spelling:
    """What came of one line.

    Attributes:
        code: the line.
        outcome: "trained" (a network whose weights would be read), "random" (a network of random numbers), "value"
            (no network: an entry, an enum, whatever it was), or "error".
        weights: the entry, for "trained", or where the value is one.
        value: for "value".
        warnings: what was warned of, in order.
        error: the exception, with its traceback, for ``clinic.explain``.
    """

    code: str
    outcome: str
    weights: WeightsEnum | None = None
    value: Any = None
    warnings: tuple[str, ...] = ()
    error: Exception | None = None

    @property
    def gives(self) -> str:
        """What it gives, in a word or two."""
        if self.error is not None:
            return type(self.error).__name__
        if self.outcome == "random":
            return "random numbers"
        value = self.weights if self.weights is not None else self.value
        return value.__name__ if isinstance(value, type) else repr(value)

    @property
    def says(self) -> tuple[str, ...]:
        """Its warnings, or the error's own words."""
        return (*self.warnings, *(() if self.error is None else (str(self.error).splitlines() or [""])[:1]))

    def __str__(self) -> str:
        lines = [f"{_MARKS[self.outcome][0]} {self.code}", f"    {'raises' if self.error else 'gives'} {self.gives}"]
        words = "" if self.error else "warns: "
        return "\n".join([*lines, *(f"    {words}{sentence}" for sentence in self.says)])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return SpellingTable((("", self),))._repr_html_()


@dataclass(frozen=True)
class SpellingTable:
    """Several lines and what came of them, each under a letter."""

    rows: tuple[tuple[str, Spelling], ...]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Spelling]:
        return (heard for _, heard in self.rows)

    def __getitem__(self, letter: str) -> Spelling:
        for own, heard in self.rows:
            if own == letter:
                return heard
        raise CourseError(f"There is no spelling {letter!r} here; there are {', '.join(own for own, _ in self.rows)}.")

    def where(self, outcome: str | None = None, *, warns: bool | None = None) -> str:
        """The letters of the lines with this outcome, or that do (not) warn."""
        return "".join(
            letter
            for letter, heard in self.rows
            if outcome in (None, heard.outcome) and (warns is None or warns == bool(heard.warnings))
        )

    def __str__(self) -> str:
        return "\n".join(f"{letter} {heard}".strip().replace("\n", "\n  ") for letter, heard in self.rows)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        cell = "vertical-align:top;padding:4px 12px 4px 0;border-bottom:1px solid rgba(128,128,128,.3)"
        columns = [
            Column(style=cell),
            Column("spelling", style=f"{cell};white-space:nowrap"),
            Column("gives", style=f"{cell};white-space:nowrap"),
            Column("warnings, or the error's words", style=f"{cell};max-width:30em;white-space:normal"),
        ]
        rows = [(letter, *_cells(spelling)) for letter, spelling in self.rows]
        style = "border-collapse:collapse;table-layout:auto;font:13px/1.45 system-ui,sans-serif;margin:4px 0"
        return html_table(rows, columns, row_heads=True, label="spellings and what they give", style=style)


def _cells(spelling: Spelling) -> tuple[Markup, Markup, Markup]:
    mark, color = _MARKS[spelling.outcome]
    warns = "" if spelling.error else "⚠ "
    return (
        Markup(f"<code>{escape(spelling.code)}</code>"),
        Markup(f'<b style="color:{color}">{mark}</b> {escape(spelling.gives)}'),
        Markup("".join(f"<div>{warns}{escape(sentence)}</div>" for sentence in spelling.says)),
    )


def hear(code: str, **names: Any) -> Spelling:
    """Run one line and say what it asks for.

    Args:
        code: an expression in which torchvision's models are known by their own names, as after
            ``from torchvision.models import *``.
        names: other names that it uses.

    Raises:
        CourseError: ``code`` is not a line of text.

    Example:
        >>> hear('resnet50(weights="DEFAULT")')
        ● resnet50(weights="DEFAULT")
            gives ResNet50_Weights.IMAGENET1K_V2
        >>> hear("resnet50(weights=ResNet18_Weights.DEFAULT)").outcome, hear("resnet50()").outcome
        ('error', 'random')
        >>> len(hear("resnet50(pretrained=True)").warnings)
        2
    """
    if not isinstance(code, str):
        raise CourseError(
            f"A spelling is a line of text such as 'resnet50()', not a value of type {type(code).__name__}."
        )
    space = {**vars(torchvision.models), "torchvision": torchvision, "models": torchvision.models, **names}
    name = f"<string> {next(_numbers)}"  # a place where the error clinic finds the line again
    linecache.cache[name] = (len(code), None, [code + "\n"], name)
    heard = _run(code, name, space)
    if heard.error is None:
        linecache.cache.pop(name, None)
    return heard


def hear_all(codes: Mapping[str, str] | Sequence[str], **names: Any) -> SpellingTable:
    """Run several lines, under letters from A on or under the mapping's keys.

    Example:
        >>> table = hear_all(['vgg11(weights="DEFAULT")', "vgg11(True)", "vgg11()"])
        >>> table.where("trained"), table.where(warns=True), table["C"].gives
        ('AB', 'B', 'random numbers')
    """
    if isinstance(codes, str):
        raise CourseError("Give several spellings as a list of lines; hear(...) takes one.")
    if not isinstance(codes, Mapping):
        codes = {chr(ord("A") + place): code for place, code in enumerate(codes)}
    return SpellingTable(tuple((letter, hear(code, **names)) for letter, code in codes.items()))


def _run(code: str, name: str, space: dict[str, Any]) -> Spelling:
    value: Any = None
    outcome, weights, error = "value", None, None
    with (
        warnings.catch_warnings(record=True) as caught,
        torch.random.fork_rng(devices=[]),
        stopped_at_files(),
        Weightless(),
    ):
        warnings.simplefilter("always")
        try:
            value = eval(compile(code, name, "eval"), dict(space))
        except FileRequest as asked:
            outcome, weights = "trained", asked.weights
        except Exception as problem:
            outcome, error = "error", problem
    if isinstance(value, nn.Module):
        outcome, value = "random", None
    if isinstance(value, WeightsEnum):
        weights = value
    return Spelling(code, outcome, weights, value, tuple(str(warning.message) for warning in caught), error)


@contextmanager
def stopped_at_files() -> Iterator[None]:
    """A context in which asking an entry for its state dict raises ``FileRequest``; no file is read or downloaded."""

    def stop(weights: WeightsEnum) -> dict[str, Any]:
        raise FileRequest(weights)

    with replaced_files(stop):
        yield


@contextmanager
def replaced_files(give: Callable[[WeightsEnum], dict[str, Any]]) -> Iterator[None]:
    """A context in which ``get_state_dict`` of every entry returns what ``give`` makes of the entry."""

    def given(self: WeightsEnum, *args: Any, **kwargs: Any) -> dict[str, Any]:
        return give(self)

    own = {cls: vars(cls)["get_state_dict"] for cls in _family(WeightsEnum) if "get_state_dict" in vars(cls)}
    try:
        for cls in own:
            cls.get_state_dict = given
        yield
    finally:
        for cls, theirs in own.items():
            cls.get_state_dict = theirs


class Weightless(TorchFunctionMode):
    """While it is on, the large tensors of layers are made on PyTorch's meta device: shapes without memory.

    Not ``torch.device("meta")``: that would take everything there, and RegNet computes with the values of a few.
    """

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        if func is torch.empty and kwargs.get("device") is None:
            kwargs["device"] = "meta"
        return func(*args, **kwargs)


def _family(cls: Any) -> Iterator[Any]:
    yield cls
    for child in cls.__subclasses__():
        yield from _family(child)
