"""A VGG column turned into layers, token by token: guess what comes out, then look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from course_lib.drawing.cfg_figure import cfg_steps
from course_lib.drawing.still import Still
from course_lib.errors import CourseError
from course_lib.networks.vgg import COLUMNS, Step, Token, read_cfg, steps
from course_lib.widgets.declaration import widget
from course_lib.widgets.explorer import Explorer, choice, number, switch

__all__ = ["cfg_stepper", "draw_cfg_step"]


def draw_cfg_step(found: Sequence[Step], *, name: str, token: int, batch_norm: bool, answer: bool = True) -> Still:
    """One token being turned into layers; ``token`` counts from 1, and one beyond the last is the last.

    Args:
        found: ``vgg.steps`` of the cfg, for a picture of 3×224×224 and the same ``batch_norm``.
    """
    return cfg_steps(found, min(token, len(found)), name=name, batch_norm=batch_norm, answer=answer)


@widget(
    moves=[{"token": 2}, {"batch_norm": True}, {"answer": False}, {"column": "VGG C"}, {"token": 18}, {"answer": True}],
    refuses=[({"columns": []}, "no cfg"), ({"token": 99}, "no token 99"), ({"columns": ["Z"]}, "Z")],
)
def cfg_stepper(
    columns: Sequence[str] | Mapping[str, str | Sequence[Token]] | None = None,
    *,
    token: int = 1,
    batch_norm: bool = False,
    answer: bool = True,
) -> Explorer:
    """Column × token × batch norm × whether the answer is shown.

    Args:
        columns: names of the paper's columns, all six when left out; or cfgs of one's own by name.
        token: which one is shown first, from 1.
        answer: whether what comes out is told, or left to be guessed.

    Raises:
        CfgError: a cfg cannot be read or built.
        CourseError: there is no column, or no such token in the first one.

    Example:
        >>> cfg_stepper(token=4)
        VGG A, token 4 of 13, M: 128×112×112 → 128×56×56, ...
    """
    if isinstance(columns, Mapping):
        known = {name: read_cfg(cfg) for name, cfg in columns.items()}
    else:
        known = {f"VGG {name}": read_cfg(name) for name in (COLUMNS if columns is None else columns)}
    if not known:
        raise CourseError('There is no cfg to step through: give at least one column, such as "A".')
    first = next(iter(known))
    if not 1 <= token <= len(known[first]):
        raise CourseError(f"There is no token {token}: {first} has {len(known[first])}, from 1 on.")

    @lru_cache(maxsize=64)
    def steps_of(name: str, batch_norm: bool) -> tuple[Step, ...]:
        return steps(known[name], batch_norm=batch_norm)

    def draw(column: str, token: int, batch_norm: bool, answer: bool) -> Still:
        found = steps_of(column, batch_norm)
        return draw_cfg_step(found, name=column, token=token, batch_norm=batch_norm, answer=answer)

    controls = {
        "column": choice("column", known),
        "token": number("token", 1, len(known[first]), token),
        "batch_norm": switch("batch norm", value=batch_norm),
        "answer": switch("show what comes out", value=answer),
    }

    def settle(_moved: str, _before: Any) -> None:
        controls["token"].max = len(known[controls["column"].value])

    return Explorer(draw, controls, settle=settle, touch={"token": "token"})
