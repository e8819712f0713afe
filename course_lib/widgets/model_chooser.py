"""Which model for my task? Kinds, limits on error, time and size, the front, and times measured here when asked for."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import ipywidgets as widgets

from course_lib.drawing.bubble_chart import bubbles
from course_lib.drawing.model_charts import LOOKS
from course_lib.drawing.still import Still
from course_lib.errors import CourseError
from course_lib.measuring.choosing import Limits, Point, answer, find, pareto, points, within
from course_lib.measuring.clock import Timing, devices
from course_lib.measuring.timing import measure_models
from course_lib.widgets.declaration import widget
from course_lib.widgets.explorer import Explorer, Touched, choice, switch

__all__ = ["ANY", "HERE_FITTING", "HERE_SELECTED", "NONE", "TABLE", "draw_choice", "model_chooser"]

#: What stands among the models when none is selected.
NONE = "none"
#: A limit that is none.
ANY = math.inf
#: Where the times come from.
TABLE, HERE_SELECTED, HERE_FITTING = (
    "the stored table",
    "measured here: the selected",
    "measured here: the best that fit",
)
_DEVICES = {"cpu": "CPU", "cuda": "GPU", "mps": "GPU (Apple)"}
_MOST = 6  # models that one move measures

_ERRORS = (12, 14, 16, 18, 20, 22, 25, 30, 35, 40)
_MILLISECONDS = (2, 5, 10, 15, 20, 30, 50, 75, 100, 200, 500, 1000)
_MEGABYTES = (5, 10, 20, 30, 50, 100, 200, 300, 500, 1000)

Measure = Callable[..., Mapping[str, Timing]]


def draw_choice(
    among: Sequence[Point], *, kinds: Iterable[str], limits: Limits, front: bool = True, selected: str | None = None
) -> Still:
    """The points of some kinds as bubbles, with what keeps to the limits as a sentence above them.

    Args:
        among: all points, from one device.
        kinds: those that are shown.
        limits: what breaks them turns grey.
        front: whether the front is marked.
        selected: a name; one that is of another kind is not shown.
    """
    wanted = set(kinds)
    shown = [point for point in among if point.kind in wanted]
    if not shown:
        raise CourseError("Choose at least one kind (Ctrl-click or Cmd-click to choose several).")
    there = selected if any(point.name == selected for point in shown) else None
    stops = {"max_error": (*_ERRORS, ANY), "max_ms": (*_MILLISECONDS, ANY)}
    return bubbles(shown, front=front, limits=limits, selected=there, title=answer(shown, limits), stops=stops)


@widget(
    example=lambda given: {"among": given.points, "measure": given.measure},
    moves=[
        {"selected": "resnet50"},
        {"max_megabytes": 50},
        {"max_ms": 100},
        {"max_error": 25},
        {"front": False},
        {"kinds": ("classic", "found by search")},
        {"times": HERE_SELECTED},
        {"times": HERE_FITTING},
        {"times": TABLE},
    ],
    refuses=[({"among": []}, "no model"), ({"selected": "resnet51"}, "resnet51")],
)
def model_chooser(
    among: Sequence[Point] | None = None,
    *,
    max_error: float | None = None,
    max_ms: float | None = None,
    max_megabytes: float | None = None,
    selected: str = NONE,
    measure: Measure = measure_models,
) -> Explorer:
    """Kinds × limits × front × a model's figures × where the times come from (and CPU or GPU, where there is one).

    Args:
        among: the models, with times of the CPU; all of torchvision's with the stored table's times, when left out.
        max_error, max_ms, max_megabytes: the limits at first; None where anything goes.
        selected: the model whose figures are written beside it at first.
        measure: what measures models by their names, as ``measuring.measure_models`` does.
    """
    table = tuple(points() if among is None else among)
    if not table:
        raise CourseError("There is no model to choose from: give points from course_lib.measuring.choosing.points().")
    if selected != NONE:
        find(table, selected)
    measured: dict[tuple[str, str], Timing] = {}
    gpus = devices()[1:]

    def timed(device: str) -> list[Point]:
        """The points with what has been measured here; on a GPU only those that have been, or are in the table."""
        stored = table if device == "cpu" else points(device=device)
        by_name = {point.name: point for point in stored}
        for name, where in measured:
            if where == device:
                by_name[name] = _with(find(table, name), measured[name, where])
        return list(by_name.values())

    def draw(
        kinds: tuple[str, ...], selected: str, max_error: float, max_ms: float, max_megabytes: float, front: bool,
        times: str, device: str = "cpu",
    ) -> Still:  # fmt: skip
        limits = Limits(*(None if limit == ANY else limit for limit in (max_error, max_ms, max_megabytes)))
        if times != TABLE:
            names = [selected] if times == HERE_SELECTED else _best(timed(device) or table, kinds, limits)
            if names == [NONE]:
                raise CourseError("Select the model to be measured here.")
            new = [name for name in names if (name, device) not in measured]
            if new:
                found = measure(new, device=device, budget=0.5)
                measured.update({(name, device): timing for name, timing in found.items()})
        shown = timed(device) if times != TABLE else list(table) if device == "cpu" else list(points(device=device))
        if not shown:
            raise CourseError(f"No times are stored for this {_DEVICES[device]}: choose “{HERE_FITTING}”.")
        chosen = None if selected == NONE else selected
        return draw_choice(shown, kinds=kinds, limits=limits, front=front, selected=chosen)

    kinds = [kind for kind in LOOKS if any(point.kind == kind for point in table)]
    controls = {
        "kinds": widgets.SelectMultiple(
            options=kinds, value=tuple(kinds), description="kinds", rows=len(kinds), style={"description_width": "9em"},
        ),
        "selected": choice("figures of", [NONE, *sorted(point.name for point in table)], selected),
        "max_error": _limit("at most, % error", _ERRORS, max_error),
        "max_ms": _limit("at most, ms", _MILLISECONDS, max_ms),
        "max_megabytes": _limit("at most, MB", _MEGABYTES, max_megabytes),
        "times": choice("times", [TABLE, HERE_SELECTED, HERE_FITTING]),
        "front": switch("mark the front", value=True),
    }  # fmt: skip
    if gpus:
        controls["device"] = choice("on the", [(_DEVICES[name], name) for name in ("cpu", *gpus)])

    def settle(moved: str, _before: Any) -> None:
        if moved == "kinds" and controls["kinds"].value:  # only what is shown has figures
            wanted, chosen = controls["kinds"].value, controls["selected"].value
            names = [NONE, *sorted(point.name for point in table if point.kind in wanted)]
            controls["selected"].options = names
            controls["selected"].value = chosen if chosen in names else NONE
            if controls["selected"].value == NONE and controls["times"].value == HERE_SELECTED:
                controls["times"].value = TABLE  # nobody is left to be measured
        offer_front()

    def offer_front() -> None:
        """Where nothing fits there is no front to mark."""
        values = (controls[name].value for name in ("max_error", "max_ms", "max_megabytes"))
        limits = Limits(*(None if limit == ANY else limit for limit in values))
        fits = [point for point in table if point.kind in controls["kinds"].value and limits.allows(point)]
        controls["front"].disabled = not fits

    offer_front()
    touch: dict[str, Touched] = {"model": "selected", "max_error": "max_error", "max_ms": "max_ms"}
    return Explorer(draw, controls, settle=settle, touch=touch)


def _with(point: Point, time: Timing) -> Point:
    return replace(
        point, ms=time.ms, low_ms=1000 * time.low, high_ms=1000 * time.high, device=time.device, machine=time.machine,
        stored=time.stored,
    )  # fmt: skip


def _best(among: Iterable[Point], kinds: Iterable[str], limits: Limits) -> list[str]:
    """The models that are worth measuring here: on the front of what fits, the quickest few."""
    wanted = set(kinds)
    front = pareto([point for point in among if point.kind in wanted and limits.allows(point)])
    if not front:
        raise CourseError("Nothing fits these limits, so there is nothing to measure: loosen one of them first.")
    return [point.name for point in sorted(within(front), key=lambda point: point.ms)[:_MOST]]


def _limit(name: str, steps: Sequence[float], value: float | None) -> widgets.Widget:
    """A slider over round numbers; its right end is no limit at all."""
    known = sorted({*steps, *(() if value is None else (value,))})
    options: list[tuple[str, Any]] = [(f"{step:g}", step) for step in known]
    return widgets.SelectionSlider(
        options=[*options, ("any", ANY)], value=ANY if value is None else value, description=name,
        continuous_update=False, style={"description_width": "9em"},
    )  # fmt: skip
