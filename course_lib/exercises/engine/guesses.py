"""Guesses: what a learner commits to before an answer is shown, how near it came, and the file that keeps it.

Four kinds of question: a number on a scale, one of a few choices, an order, and a line of text such as a shape. Each
kind reads a guess, says it in words and compares it with the truth. The file lies beside the one that keeps the
exercises' outcomes, on the learner's own disk and nowhere else.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from course_lib.errors import CourseError, closest
from course_lib.exercises.engine.outcomes import place, write_json

__all__ = ["Choice", "Comparison", "Kind", "Order", "Scale", "Text", "in_words", "keep_guess", "kept_guesses"]

_DIGITS = 3  # of a number in a sentence
_PLURAL = re.compile(r"(?<=[a-z]{3})(?:(?<=s|x|z)e|(?<=ch|sh)e)?s$")


@dataclass(frozen=True)
class Comparison:
    """How a guess came out.

    Attributes:
        sentence: guess, truth and the distance between them, in words.
        near: whether the guess counts as near.
        offset: guess minus truth as a share of the scale, below 0 when the guess is too low; None without a scale.
    """

    sentence: str
    near: bool
    offset: float | None = None


def in_words(number: float, unit: str = "") -> str:
    """A number as it is said: at most three significant digits unless it is whole, and its unit, a plural, after it.

    Example:
        >>> in_words(1234567.0), in_words(0.123456, "seconds"), in_words(-2.5, "%"), in_words(1, "answers")
        ('1,234,567', '0.123 seconds', '−2.5%', '1 answer')
    """
    whole = float(number).is_integer() and abs(number) < 1e15
    digits = f"{number:,.0f}" if whole else f"{number:,.{max(0, _DIGITS - 1 - math.floor(math.log10(abs(number))))}f}"
    digits = digits.rstrip("0").rstrip(".") if "." in digits else digits
    if digits in ("1", "-1") and not unit.startswith("of "):
        unit = _PLURAL.sub("", unit)
    return f"{digits} {unit}".strip().replace(" %", "%").replace("-", "\N{MINUS SIGN}")


@dataclass(frozen=True)
class Scale:
    """A number from ``low`` to ``high``, in steps, on a linear or a logarithmic scale."""

    low: float
    high: float
    unit: str = ""
    step: float | None = None
    log: bool = False
    near: float | None = None

    def __post_init__(self) -> None:
        numbers = [self.low, self.high]
        if not all(_is_number(number) for number in numbers) or self.low >= self.high:
            raise CourseError(f"between={(self.low, self.high)!r} was given; give two numbers, the lower one first.")
        if self.log and self.low <= 0:
            raise CourseError(f"A logarithmic scale starts above 0; between={(self.low, self.high)!r} was given.")

    def read(self, guess: Any) -> float:
        """A guess as a number; a ``CourseError`` for what is none, or lies outside the scale."""
        if not _is_number(guess) or not self.low <= guess <= self.high:
            asked = f"a number from {in_words(self.low)} to {in_words(self.high, self.unit)}"
            raise CourseError(f"{str(guess)[:60]!r} was given as a guess; give {asked}.")
        return float(guess) if not float(guess).is_integer() else int(guess)

    def say(self, value: Any) -> str:
        """A value of this scale in words."""
        return in_words(float(value), self.unit)

    def share(self, value: float) -> float:
        """Where a value lies between the ends of the scale: 0 at its low end, 1 at its high end, cut off outside."""
        low, high, here = (math.log(max(n, 1e-300)) if self.log else n for n in (self.low, self.high, value))
        return min(max((here - low) / (high - low), 0.0), 1.0)

    def compare(self, guess: float, truth: float) -> Comparison:
        """How far a guess is off: in units, or as a factor where the scale is logarithmic."""
        offset = self.share(guess) - self.share(truth)
        if self.log:
            factor = max(guess, truth) / max(min(guess, truth), 1e-300)
            near = factor <= (self.near or 1.5)
            far = f"{in_words(round(factor, 1))} times too {'low' if guess < truth else 'high'}"
        else:
            near = abs(guess - truth) <= (self.near if self.near is not None else 0.1 * (self.high - self.low))
            unit = "percentage points" if self.unit == "%" else self.unit
            far = f"{in_words(float(f'{abs(guess - truth):.3g}'), unit)} too {'low' if guess < truth else 'high'}"
        said = f"You guessed {self.say(guess)}, and it is {self.say(truth)}"
        return Comparison(f"{said}: {'exactly right' if self.say(guess) == self.say(truth) else far}.", near, offset)


@dataclass(frozen=True)
class Choice:
    """One of a few options."""

    options: tuple[str, ...]

    def read(self, guess: Any) -> str:
        """A guess that is one of the options; a ``CourseError`` for anything else."""
        if guess not in self.options:
            near = closest(str(guess), self.options)
            raise CourseError(f"{str(guess)[:60]!r} was given; choose one of {', '.join(self.options)}.{near}")
        return str(guess)

    def say(self, value: Any) -> str:
        """An option in words: itself."""
        return str(value)

    def compare(self, guess: str, truth: str) -> Comparison:
        """Right or not."""
        if guess == truth:
            return Comparison(f'You guessed "{guess}", and that\'s right.', True)
        return Comparison(f'You guessed "{guess}". The answer is "{truth}".', False)


@dataclass(frozen=True)
class Order:
    """An order of a few things."""

    options: tuple[str, ...]

    def read(self, guess: Any) -> list[str]:
        """A guess that names each thing once; a ``CourseError`` for anything else."""
        if not isinstance(guess, list | tuple) or sorted(map(str, guess)) != sorted(self.options):
            raise CourseError(
                f"{str(guess)[:90]} was given; put each of these in order, once: {', '.join(self.options)}."
            )
        return [str(option) for option in guess]

    def say(self, value: Any) -> str:
        """The order in words."""
        return ", ".join(map(str, value))

    def compare(self, guess: Sequence[str], truth: Sequence[str]) -> Comparison:
        """How many pairs stand in the right order; near when at most one in five is exchanged."""
        pairs = list(combinations(truth, 2))
        right = sum(guess.index(first) < guess.index(second) for first, second in pairs)
        said = f"Your order: {self.say(guess)}. The right order: {self.say(truth)}."
        if right == len(pairs):
            return Comparison(f"{said} The whole order is right.", True)
        return Comparison(f"{said} {right} of {len(pairs)} pairs are in the right order.", right >= 0.8 * len(pairs))


@dataclass(frozen=True)
class Text:
    """A line of text, such as a shape; spaces, brackets and the sign between numbers do not matter."""

    example: str

    def read(self, guess: Any) -> str:
        """A guess with something in it; a ``CourseError`` for an empty one."""
        said = self.say(guess).strip()
        if not said or len(said) > 200:
            raise CourseError(f"A guess of {len(said)} letters was given; write a short line, such as {self.example}.")
        return said

    def say(self, value: Any) -> str:
        """Text as it is; a shape as its numbers with commas."""
        return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)

    def compare(self, guess: str, truth: Any) -> Comparison:
        """Right when the words and numbers are the same."""
        if _tokens(guess) == _tokens(self.say(truth)):
            return Comparison(f"You wrote {guess}, and that's right.", True)
        return Comparison(f"You wrote {guess}, but it is {self.say(truth)}.", False)


Kind = Scale | Choice | Order | Text


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _tokens(text: str) -> list[str]:
    return re.findall(r"[a-z_]+(?:\d+)?|\d+(?:\.\d+)?", re.sub(r"(?<=\d)\s*[x×]\s*(?=\d)", " ", text.lower()))


# -- what is kept on the learner's disk --------------------------------------------------------------------------------
def _file() -> Path:
    return place().with_suffix(".guesses.json")


def kept_guesses() -> dict[str, dict[str, Any]]:
    """A question's id → its guess, and once the truth was shown, the comparison; empty where nothing can be read."""
    try:
        content: Any = json.loads(_file().read_text(encoding="utf-8"))
        return {str(id): dict(entry) for id, entry in content.items()}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return {}


def keep_guess(id: str, question: str, guess: Any, comparison: Comparison | None = None) -> None:
    """Write a guess down; None forgets it. A disk that cannot be written to stops nobody."""
    kept = kept_guesses()
    if guess is None:
        kept.pop(id, None)
    else:
        kept[id] = {"question": question, "guess": guess} | (asdict(comparison) if comparison else {})
    write_json(_file(), kept)
