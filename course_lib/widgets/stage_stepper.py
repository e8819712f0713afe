"""A ResNet's stages made block by block: which line of ``_make_layer`` runs, and is there a conv on the shortcut?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from torch import nn

from course_lib.drawing.stage_figure import draw_stages as picture
from course_lib.drawing.still import Still
from course_lib.errors import CourseError
from course_lib.networks.resnet import StageStep, stage_steps
from course_lib.widgets.declaration import widget
from course_lib.widgets.explorer import Explorer, choice, number, switch

__all__ = ["NAMES", "draw_stage_step", "stage_stepper"]

#: The networks of the paper's table 1, and the two kinds that torchvision's constructor makes of them.
NAMES = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnext50_32x4d", "wide_resnet50_2")


def draw_stage_step(steps: Sequence[StageStep], *, name: str, step: int, answer: bool = True) -> Still:
    """One block being made; ``step`` counts from 1, and one beyond the last block is the last."""
    return picture(steps, min(step, len(steps)), name=name, answer=answer)


@widget(
    example=lambda given: {"names": ("resnet18", "resnet50")},
    moves=[{"step": 4}, {"answer": False}, {"model": "resnet50"}, {"answer": True}, {"step": 16}],
    refuses=[({"names": []}, "no network"), ({"step": 99}, "no block 99")],
)
def stage_stepper(
    names: Sequence[str] | Mapping[str, nn.Module] = NAMES, *, step: int | None = None, answer: bool = True
) -> Explorer:
    """Model × step × whether the answer is shown.

    Args:
        names: of torchvision's ResNets; or modules of one's own by name.
        step: which block is shown first, from 1; the first one that does not fit its shortcut when left out.
        answer: whether its shortcut is told, or left to be guessed.
    """
    known = dict(names) if isinstance(names, Mapping) else {name: name for name in names}
    if not known:
        raise CourseError('There is no network to step through: give at least one name, such as "resnet18".')

    @lru_cache(maxsize=64)
    def steps_of(name: str) -> tuple[StageStep, ...]:
        return stage_steps(known[name])

    @lru_cache(maxsize=128)
    def draw(model: str, step: int, answer: bool) -> Still:
        return draw_stage_step(steps_of(model), name=model, step=step, answer=answer)

    first = next(iter(known))
    count = len(steps_of(first))
    if step is None:
        step = next((made.number for made in steps_of(first)[1:] if made.downsample), 1)
    if not 1 <= step <= count:
        raise CourseError(f"There is no block {step}: {first} has {count}, from 1 to {count}.")
    controls = {
        "model": choice("model", known),
        "step": number("block", 1, count, step),
        "answer": switch("show what its shortcut is", value=answer),
    }

    def settle(_moved: str, _before: Any) -> None:
        controls["step"].max = len(steps_of(controls["model"].value))

    return Explorer(draw, controls, settle=settle, touch={"block": "step"})
