"""The pointer: an overlay beside a widget's picture that shows the words of its spots and reports what is touched.

Its front end is ``pointer.js``, one ES module without a build step; messages are acknowledged one by one, so that a
picture that takes long is never asked for twice. The picture itself stays ipywidgets' own: where anywidget is not
installed or its module cannot be loaded, picture and controls are there as before.
"""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import traitlets

from course_lib.drawing.spots import Spot
from course_lib.drawing.still import Still

__all__ = ["Pointer", "touch"]

_HERE = Path(__file__).parent
_EAGER = 400  # regions of a grid whose words are sent with the picture; those of larger ones are asked for
_KEPT = 8  # scenes that a message may still speak of
_STYLE = (
    "<style>.course-touch .jupyter-widgets-error-widget{{display:none}}</style>"
    '<span class="course-alt" style="position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)">'
    "{}</span>"
)
_asked: bool | None = None


def touch(on: bool = True) -> None:
    """Let the pictures of widgets that are made from now on answer to the pointer, or no longer.

    It is on at first, but on Colab: there it moves every widget of the notebook to another widget manager, which is
    fetched from the network, so it waits for your word.

    Args:
        on: whether pictures answer to the pointer; controls answer in any case.
    """
    global _asked
    _asked = on


def _wanted() -> bool:
    return "google.colab" not in sys.modules if _asked is None else _asked


@cache
def _overlay() -> Any:
    """The overlay's class, or None without anywidget."""
    try:
        import anywidget
    except ImportError:
        return None

    class Overlay(anywidget.AnyWidget):  # type: ignore[misc,unused-ignore]
        _esm = (_HERE / "pointer.js").read_text(encoding="utf-8")
        _css = (_HERE / "pointer.css").read_text(encoding="utf-8")
        scene = traitlets.Dict().tag(sync=True)

    return Overlay


class Pointer:
    """A picture and the overlay above it.

    Args:
        still: shown first.
        moves: the kinds of spots that a touch of moves something; all others show their words alone.
        picked: called with a spot and the row and column of its region.

    Attributes:
        view: the widget to display.
        picture: the ``widgets.Image`` in it.
        overlay: None where there is no pointer.
    """

    def __init__(self, still: Still, moves: Sequence[str], picked: Callable[[Spot, int, int], None]) -> None:
        self._moves, self._picked = frozenset(moves), picked
        self._scenes: OrderedDict[int, tuple[Spot, ...]] = OrderedDict()
        self._serial = 0
        self.picture = widgets.Image()
        self._words = widgets.HTML(layout=widgets.Layout(height="0", margin="0", overflow="visible"))
        self._links = widgets.HTML()
        kind = _overlay() if _wanted() else None
        self.overlay: Any = kind() if kind else None
        below = [self.overlay, self._links] if self.overlay else [self._links]
        self.view = widgets.VBox([self.picture, self._words, *below])
        self.view.add_class("course-touch")
        if self.overlay:
            self.overlay.on_msg(self._heard)
        self.show(still)

    def show(self, still: Still) -> None:
        """Another picture, with its own spots."""
        self.picture.format, self.picture.value = still.format, still.data
        self.picture.layout.width, self.picture.layout.max_width = f"{still.width}px", "100%"
        self._words.value = _STYLE.format(escape(still.alt))
        self._links.value = " · ".join(
            f'<a href="{escape(address)}" target="_blank" rel="noopener"><u>{escape(words)}</u></a>'
            for words, address in still.links
        )
        self._links.layout.display = None if still.links else "none"
        if self.overlay:
            self._serial += 1
            self._scenes[self._serial] = still.spots
            while len(self._scenes) > _KEPT:
                self._scenes.popitem(last=False)
            self.overlay.scene = {
                "serial": self._serial, "alt": still.alt, "spots": [self._described(spot) for spot in still.spots],
            }  # fmt: skip

    def busy(self) -> None:
        """A new picture is on its way; the browser says so when it takes long."""
        if self.overlay:
            self.overlay.send({"kind": "busy"})

    def ready(self) -> None:
        """It is there, or will not come."""
        if self.overlay:
            self.overlay.send({"kind": "ready"})

    def _described(self, spot: Spot) -> dict[str, Any]:
        tips = None
        if isinstance(spot.tip, str) or 1 < spot.rows * spot.columns <= _EAGER:
            tips = [spot.words(row, column) for row in range(spot.rows) for column in range(spot.columns)]
        return {
            "of": spot.of, "box": [float(share) for share in spot.box], "rows": spot.rows, "columns": spot.columns,
            "tips": tips, "gesture": spot.gesture if spot.of in self._moves else None, "round": spot.round,
            "outline": spot.outline and [float(share) for share in spot.outline],
        }  # fmt: skip

    def _heard(self, _widget: Any, message: Any, _buffers: Any) -> None:
        """A message from the browser: {kind: "pick" or "ask", serial, spot, row, column}; each is acknowledged."""
        answer: dict[str, Any] = {"kind": "ack"}
        try:
            spot = self._scenes[message["serial"]][message["spot"]]
            place = (int(message["row"]), int(message["column"]))
            if message["kind"] == "ask":
                answer["tip"] = spot.words(*place)
            elif spot.of in self._moves:
                self._picked(spot, *place)
        except (KeyError, IndexError):  # of a picture that is long gone
            answer["tip"] = ""
        finally:
            self.overlay.send(answer)
