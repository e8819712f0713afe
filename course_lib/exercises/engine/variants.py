"""Other numbers for an exercise, so that every student of a class has a question of their own.

A question that asks for a value may declare how its numbers are drawn, and how they stand in the lesson's words. The
numbers are the solution's keyword parameters with the lesson's own as defaults; the check is given them by name:

    @exercise(id="01_pixels", …, variants=Variants(lambda source: {"side": source.choice((96, 128))}, "{side}×{side}"))
    def pixels(*, side=224):
        return side * side


    @pixels.checker
    def _(answer, side): …
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["Form", "Variants", "literal", "spelled"]

#: How numbers stand in a text: a format string, or a function that is given the numbers by name.
Form = str | Callable[..., str]
_SPELLED = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
            "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty")  # fmt: skip


class Variants:
    """How an exercise's numbers are drawn, and where they stand in its words.

    Args:
        draw: a source of random numbers → the numbers by name; those of the lesson may be among them.
        forms: how they stand in texts. The question's words hold each of these with the lesson's numbers.

    Example:
        >>> sides = Variants(lambda source: {"side": source.choice((96, 128))}, "{side}×{side}")
        >>> sides.reworded("Cut it to 224×224.", {"side": 224}, {"side": 96})
        'Cut it to 96×96.'
        >>> sides.numbers("anna", 4711, "01_pixels") == sides.numbers("anna", 4711, "01_pixels")
        True
    """

    def __init__(self, draw: Callable[[random.Random], Mapping[str, Any]], *forms: Form) -> None:
        self.draw = draw
        self.forms = forms

    def numbers(self, student: str, seed: int, exercise: str) -> Mapping[str, Any]:
        """The numbers of one student, which depend on student, seed and exercise alone."""
        return self.draw(random.Random(f"{seed} {exercise} {student}"))

    def written(self, numbers: Mapping[str, Any]) -> tuple[str, ...]:
        """The forms with these numbers."""
        return tuple(form.format(**numbers) if isinstance(form, str) else form(**numbers) for form in self.forms)

    def reworded(self, words: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
        """A text with other numbers wherever one of the forms stands in it."""
        for old, new in zip(self.written(before), self.written(after), strict=True):
            words = words.replace(old, new)
        return words


def literal(value: Any) -> str:
    """A number, a string or a tuple of them as it is written in code.

    Example:
        >>> print(literal(("vgg16", 3)))
        ("vgg16", 3)
    """
    text = repr(value)
    return text if '"' in text else text.replace("'", '"')


def spelled(number: int) -> str:
    """A small number as a word.

    Example:
        >>> spelled(12), spelled(32)
        ('twelve', '32')
    """
    return _SPELLED[number] if 0 <= number < len(_SPELLED) else str(number)
