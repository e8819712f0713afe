"""Progress for everything that takes more than two seconds.

In a terminal this is tqdm, in a notebook a widget; both go away when the loop ends. ``course_lib/__init__.py`` hands
the widget to ``use``: this file stands below the widgets and imports none of them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

__all__ = ["in_notebook", "track", "use"]

T = TypeVar("T")

Bar = Callable[[Iterable[Any], str, int | None], Iterator[Any]]
_notebook_bar: Bar | None = None


def use(bar: Bar | None) -> None:
    """Draw progress in notebooks with ``bar(items, label, total)``, which yields the items; None for tqdm there too."""
    global _notebook_bar
    _notebook_bar = bar


def in_notebook() -> bool:
    """Whether this code runs in a Jupyter kernel (JupyterLab, Notebook, VS Code or Colab).

    Example:
        >>> in_notebook()
        False
    """
    module = sys.modules.get("IPython")
    shell = module.get_ipython() if module is not None else None
    return shell is not None and hasattr(shell, "kernel")


def track(items: Iterable[T], label: str, *, total: int | None = None) -> Iterator[T]:
    """Yield ``items`` while a bar shows how far we are.

    Args:
        items: anything to go through; it is not copied.
        label: what is being done, a few words.
        total: how many there are, when ``items`` has no length.

    Example:
        >>> list(track([1, 2], "counting"))
        [1, 2]
    """
    if total is None:
        try:
            total = len(items)  # type: ignore[arg-type]
        except TypeError:
            total = None
    if _notebook_bar is not None and in_notebook():
        yield from _notebook_bar(items, label, total)
        return
    from tqdm import tqdm

    yield from tqdm(items, desc=label, total=total, delay=1.0, leave=False, disable=None)
