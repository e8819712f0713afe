"""The progress bar of a notebook. It goes away when its loop ends, so a page and a saved file keep nothing of it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

import ipywidgets as widgets
from IPython.display import display

__all__ = ["track"]

T = TypeVar("T")
_EVERY = 0.1  # seconds between two updates: a bar must cost nothing


def _view(model_id: str) -> dict[str, Any]:
    """A widget in an output. There is no text beside it, which a saved file would keep; without an id it is hidden."""
    return {"application/vnd.jupyter.widget-view+json": {"version_major": 2, "version_minor": 0, "model_id": model_id}}


class _Bar:
    """A bar with words beside it: what is done, how far it is, and the seconds that are left."""

    def __init__(self, label: str, total: int | None) -> None:
        self.label, self.total = label, total
        self._bar = widgets.IntProgress(value=0, max=total or 1, layout=widgets.Layout(width="16em"))
        self._words = widgets.Label(value=label)
        self._row = widgets.HBox([self._bar, self._words])
        self._start = self._last = time.perf_counter()
        self._output = display(_view(self._row.model_id), raw=True, display_id=True)

    def move(self, done: int) -> None:
        now = time.perf_counter()
        if now - self._last < _EVERY:
            return
        self._last, spent = now, now - self._start
        if self.total:
            left = spent / max(done, 1) * (self.total - done)
            self._bar.value = done
            self._words.value = f"{self.label}: {done} of {self.total}, {left:.0f} s to go"
        else:
            self._words.value = f"{self.label}: {done}, {spent:.1f} s"

    def close(self) -> None:
        if self._output is not None:
            self._output.update(_view(""), raw=True)
        for part in (self._row, self._bar, self._words):
            part.close()


def track(items: Iterable[T], label: str, total: int | None) -> Iterator[T]:
    """Yield ``items`` under a bar that is removed when the loop ends, early or not."""
    bar = _Bar(label, total)
    try:
        for done, item in enumerate(items, 1):
            yield item
            bar.move(done)
    finally:
        bar.close()
