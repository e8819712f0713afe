"""The progress bar of a notebook. What it leaves in a saved file is one line that says what was done."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

import ipywidgets as widgets
from IPython.display import display

__all__ = ["track"]

T = TypeVar("T")
_EVERY = 0.1  # seconds between two updates: a bar must cost nothing


class _Bar:
    """A bar with words beside it, shown once; in a saved file only ``label`` is left of it."""

    def __init__(self, label: str, total: int | None) -> None:
        self.label, self.total = label, total
        self._bar = widgets.IntProgress(value=0, max=total or 1, layout=widgets.Layout(width="16em"))
        self._words = widgets.Label(value=label)
        self._view = widgets.HBox([self._bar, self._words])
        self._start = self._last = time.perf_counter()
        view = {"version_major": 2, "version_minor": 0, "model_id": self._view.model_id}
        display({"application/vnd.jupyter.widget-view+json": view, "text/plain": label}, raw=True)

    def move(self, done: int, *, last: bool = False) -> None:
        now = time.perf_counter()
        if now - self._last < _EVERY and not last:
            return
        self._last, spent = now, now - self._start
        if self.total:
            left = spent / max(done, 1) * (self.total - done)
            self._bar.value = done
            self._words.value = f"{self.label}: {done} of {self.total}, " + (
                f"{spent:.1f} s" if last else f"{left:.0f} s to go"
            )
        else:
            self._words.value = f"{self.label}: {done}, {spent:.1f} s"

    def finish(self, done: int, *, whole: bool) -> None:
        self.move(done, last=True)
        self._bar.bar_style = "success" if whole else "warning"
        if whole and not self.total:
            self._bar.value = self._bar.max


def track(items: Iterable[T], label: str, total: int | None) -> Iterator[T]:
    """Yield ``items`` under a bar; it turns orange when the loop is left before its end."""
    bar, done = _Bar(label, total), 0
    whole = False
    try:
        for done, item in enumerate(items, 1):
            yield item
            bar.move(done)
        whole = True
    finally:
        bar.finish(done, whole=whole)
