"""``PictureBookError``, and the suggestion of a name that was perhaps meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["PictureBookError", "did_you_mean"]


class PictureBookError(ValueError):
    """An unknown class or difficulty, a size or place that makes no sense, or a folder that cannot be written."""


def did_you_mean(name: str, known: Iterable[str], n: int = 3) -> str:
    """A sentence with a leading space that names what is spelled alike; "" when nothing is.

    Example:
        >>> did_you_mean("camle", ["camel", "car"], 1)
        " Did you mean 'camel'?"
    """
    near = difflib.get_close_matches(name, list(known), n=n)
    return f" Did you mean {', '.join(map(repr, near))}?" if near else ""
