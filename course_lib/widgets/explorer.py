"""The one mechanism behind every widget: controls whose values go to a plain ``draw`` function, and a picture.

A widget holds no logic. ``draw(**state)`` gives a ``Still``; the same function makes the still picture of a saved
notebook, the lesson's figure and the test's subject. The picture sits in ``widgets.Image``, not in an ``Output``; only
controls that ipywidgets 7 and 8 share are used, so Colab shows the same thing. The still's spots answer to the pointer
(``pointer.py``): ``touch=`` says which control each kind of spot moves. How a widget declares itself to the tests and
the benchmark is ``declaration.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from typing import Any

import ipywidgets as widgets
from traitlets import TraitError

from course_lib.drawing.spots import Spot
from course_lib.drawing.still import Still
from course_lib.errors import CourseError, closest
from course_lib.widgets.pointer import Pointer

__all__ = ["Explorer", "Touched", "choice", "number", "switch", "words"]

#: What a touched spot moves: a control; several, which take its value's parts in turn; or a function of its value that
#: gives values by control.
Touched = str | tuple[str, ...] | Callable[[Any], Mapping[str, Any]]

_WIDE = widgets.Layout(width="auto", max_width="46em")
_STYLE = {"description_width": "9em"}
_OLD = "The picture below is the last one that could be drawn."
_KEPT = "course-kept-picture"
_FADED = f"<style>.{_KEPT}{{opacity:.4}}</style>"
_FEW = 4  # controls that stand below each other


def choice(name: str, options: Any, value: Any = None) -> widgets.Widget:
    """A control that picks one of ``options`` (names, or (name, value) pairs)."""
    options = list(options)
    if not options:
        raise CourseError(f"There is no {name} to choose from: give at least one.")
    values = [option[1] if isinstance(option, tuple) else option for option in options]
    start = values[0] if value is None else value
    if start not in values:
        near = closest(str(start), map(str, values))
        raise CourseError(f"There is no {name} {start!r}: choose one of {', '.join(map(str, values[:12]))}.{near}")
    return widgets.Dropdown(options=options, value=start, description=name, layout=_WIDE, style=_STYLE)


def number(name: str, low: float, high: float, value: float, *, step: float = 1) -> widgets.Widget:
    """A slider from ``low`` to ``high``; whole numbers when all of them are whole. It answers when it is let go."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise CourseError(f"{name}: {value!r} was given; give a number from {low:g} to {high:g}.")
    kind = widgets.IntSlider if all(isinstance(n, int) for n in (low, high, value, step)) else widgets.FloatSlider
    how = {"continuous_update": False, "layout": _WIDE, "style": _STYLE}
    return kind(min=low, max=high, value=value, step=step, description=name, **how)


def switch(name: str, *, value: bool = False) -> widgets.Widget:
    """A tick box."""
    return widgets.Checkbox(value=value, description=name, layout=_WIDE, style=_STYLE)


def words(name: str, value: str) -> widgets.Widget:
    """A line of text; it answers on Enter, or when another control is chosen."""
    return widgets.Text(value=value, description=name, continuous_update=False, layout=_WIDE, style=_STYLE)


class Explorer:
    """Controls above a picture that follows them.

    Args:
        draw: the controls' values, by name → what to show.
        controls: the name of each of ``draw``'s arguments → its control.
        settle: called with the name of the control that was moved and the value it had, before anything is drawn. It
            may move other controls, or change what they offer; then the picture is drawn once.
        touch: a kind of spot (``Spot.of``) → what a touch of one moves.

    Attributes:
        state: the values shown now; ``set(...)`` changes them as a learner's hand would.
        still: what is shown now.

    Example:
        >>> from course_lib.drawing.charts import bars
        >>> explorer = Explorer(lambda n: bars({"n": n}, title="value"), {"n": number("n", 1, 9, 3)})
        >>> explorer
        value: n 3.0
        >>> explorer.set(n=5).still
        value: n 5.0
    """

    def __init__(
        self,
        draw: Callable[..., Still],
        controls: Mapping[str, widgets.Widget],
        *,
        settle: Callable[[str, Any], None] | None = None,
        touch: Mapping[str, Touched] | None = None,
    ) -> None:
        self._draw, self.controls = draw, dict(controls)
        self._settle, self._settling = settle, False
        self._touch = dict(touch or {})
        self.still = draw(**self.state)
        self._pointer = Pointer(self.still, list(self._touch), self.touch)
        self._picture = self._pointer.picture
        self._message = widgets.HTML()
        self.view = widgets.VBox([*_side_by_side(list(self.controls.values())), self._message, self._pointer.view])
        self.view.add_class("course-explorer")
        for control in self.controls.values():
            control.observe(self._follow, names="value")

    @property
    def state(self) -> dict[str, Any]:
        """What the controls say, by name."""
        return {name: control.value for name, control in self.controls.items()}

    def set(self, **values: Any) -> Explorer:
        """Move controls, as a hand would; gives the explorer back."""
        for name, value in values.items():
            if name not in self.controls:
                raise CourseError(f"This widget has no control {name!r}; it has {', '.join(self.controls)}.")
            try:
                self.controls[name].value = value
            except TraitError as problem:
                raise CourseError(f"The control {name!r} cannot be moved to {value!r}: {problem}.") from problem
        return self

    def touch(self, spot: Spot, row: int = 0, column: int = 0) -> None:
        """Move what a spot moves, as a click on it, or on a region of it, would; the picture is drawn once."""
        target, value = self._touch[spot.of], spot.chosen(row, column)
        if isinstance(target, str):
            values: Mapping[str, Any] = {target: value}
        else:
            values = dict(zip(target, value, strict=True)) if isinstance(target, tuple) else target(value)
        if all(self.controls[name].value == new for name, new in values.items()):
            return
        try:
            self._settling = True
            for name, new in values.items():  # an earlier one may have moved a later one
                before, self.controls[name].value = self.controls[name].value, new
                if self._settle is not None and before != new:
                    self._settle(name, before)
        except (CourseError, TraitError) as problem:
            self._refuse(str(problem))
            return
        finally:
            self._settling = False
        self._redraw()

    def _follow(self, change: Any) -> None:
        if self._settling:  # one move moves others: it is drawn when all of them are where they belong
            return
        moved = next(name for name, control in self.controls.items() if control is change["owner"])
        self._redraw(moved, change["old"])

    def _redraw(self, moved: str = "", before: Any = None) -> None:
        # Nothing may vanish in a callback: a sentence for what we know, the error's own words for the rest.
        self._pointer.busy()
        try:
            if moved and self._settle is not None:
                self._settling = True
                try:
                    self._settle(moved, before)
                finally:
                    self._settling = False
            self.still = self._draw(**self.state)
        except CourseError as problem:
            self._refuse(str(problem))
        except Exception as problem:
            self._refuse(f"{type(problem).__name__}: {str(problem).rstrip('.')}.")
        else:
            self._say("")
            self._picture.remove_class(_KEPT)
            self._pointer.show(self.still)
        finally:
            self._pointer.ready()

    def _say(self, sentence: str) -> None:
        box = '<p role="status" style="border-left:4px solid #D55E00;padding:4px 10px;margin:4px 0">{}</p>'
        self._message.value = box.format(escape(sentence)) if sentence else ""

    def _refuse(self, sentence: str) -> None:
        """The picture belongs to an older setting: said in words, and shown."""
        self._say(f"{sentence} {_OLD}")
        self._message.value += _FADED  # no widget of ipywidgets 7 has an opacity, but every one has classes
        self._picture.add_class(_KEPT)

    @property
    def message(self) -> str:
        """What the last setting was answered with in words; empty when all is well."""
        return str(self._message.value)

    def __repr__(self) -> str:
        return self.still.alt

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict[str, Any], dict[str, Any]]:
        data, how = self.still.bundle()
        view = {"version_major": 2, "version_minor": 0, "model_id": self.view.model_id}
        return {"application/vnd.jupyter.widget-view+json": view, **data}, how


def _side_by_side(controls: list[widgets.Widget]) -> list[widgets.Widget]:
    """More than a few controls stand in two columns where the page is wide enough: the picture stays in sight."""
    if len(controls) <= _FEW:
        return controls
    for control in controls:
        control.layout = widgets.Layout(width="auto", max_width="26em", flex="1 1 22em")
    return [widgets.HBox(controls, layout=widgets.Layout(flex_flow="row wrap", max_width="54em"))]
