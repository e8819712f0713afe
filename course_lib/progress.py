"""Progress for everything that takes more than two seconds.

In a terminal this is tqdm. In a notebook the bar is a widget; since this file stands below the widgets, it only
knows the *name* of the module that draws it (set in ``course_lib/__init__.py``) and imports that on first use.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

__all__ = ["in_notebook", "track"]

T = TypeVar("T")

#: The module whose ``track(items, label, total)`` draws the bar in a notebook; set by the package's ``__init__``.
notebook_module: str | None = None


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
    if notebook_module is not None and in_notebook():
        yield from importlib.import_module(notebook_module).track(items, label, total)
        return
    from tqdm import tqdm

    yield from tqdm(items, desc=label, total=total, delay=1.0, leave=False, disable=None)
