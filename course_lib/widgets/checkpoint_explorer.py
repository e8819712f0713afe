"""Does this file fit this model? Open its entries, take a prefix off, try another model, and watch. (lesson 08)"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from course_lib.drawing.fit_figure import Entry, draw_fit, fit_of
from course_lib.drawing.still import Still
from course_lib.errors import CourseError
from course_lib.models.checkpoints.fitting import shapes_of
from course_lib.models.checkpoints.layouts import without_prefixes
from course_lib.widgets.declaration import widget
from course_lib.widgets.explorer import Explorer, choice, switch

__all__ = ["checkpoint_explorer", "draw_checkpoint"]

_WHOLE = "the whole file"


def draw_checkpoint(
    content: Mapping[str, Any], model: nn.Module, *, file: str, name: str, entry: str, bare: bool, strict: bool
) -> Still:
    """What a file holds beside what a model expects, and what ``load_state_dict`` says to it.

    Args:
        content: as ``torch.load`` gives it.
        model: on the meta device: nothing is copied.
        file, name: what the file and the model are called.
        entry: the key that is looked into, or "the whole file".
        bare: whether ``module.`` and its like are taken off the names.
        strict: as ``load_state_dict`` has it.

    Raises:
        CourseError: the file has no such entry.
    """
    if entry != _WHOLE and not isinstance(content.get(entry), Mapping):
        inside = [key for key, value in content.items() if isinstance(value, Mapping)]
        has = f"it has {', '.join(map(repr, inside))}" if inside else "it is a bare state dict, so take the whole file"
        raise CourseError(f"{file} has no entry {entry!r} to look into: {has}.")
    state = content if entry == _WHOLE else content[entry]
    if bare and all(isinstance(value, Tensor) for value in state.values()):
        state = without_prefixes(state)[0]
    others = [
        Entry(str(key), _words(value), isinstance(value, Mapping))
        for key, value in state.items()
        if not isinstance(value, Tensor)
    ]
    said = _verdict(state, model, strict=strict)
    title, back = (file, None) if entry == _WHOLE else (f"{file}, {entry!r}", _WHOLE)
    shapes = shapes_of(state), shapes_of(model.state_dict())
    holds = "what the file holds" + bare * ", without prefixes such as module."
    return draw_fit(*shapes, others, file=title, model=name, verdict=said, holds=holds, back=back)


def _words(value: Any) -> str:
    if isinstance(value, Mapping):
        tensors = sum(isinstance(item, Tensor) for item in value.values())
        return f"{tensors} tensors" if tensors else f"{len(value)} entries"
    return str(value)[:40] if isinstance(value, (int, float, str, bool)) else f"a {type(value).__name__}"


def _verdict(state: Mapping[str, Any], model: nn.Module, *, strict: bool) -> str:
    """What PyTorch says, in one sentence."""
    meta = {key: value.to("meta") if isinstance(value, Tensor) else value for key, value in state.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            model.load_state_dict(meta, strict=strict)
        except RuntimeError:
            return f"With strict={strict} it raises an error."
    own = shapes_of(model.state_dict())
    left = len(own) - len(fit_of(shapes_of(state), own).fits)
    return f"With strict={strict} " + (f"there's no error, and {left} stay as they were." if left else "it fits.")


def _files(given: Any) -> dict[str, dict[str, Any]]:
    return {
        "bare.pth": nn.Linear(4, 2).state_dict(),
        "dirty.pth": {"state_dict": nn.DataParallel(nn.Linear(4, 2)).state_dict(), "epoch": 3},
    }


@widget(
    example=lambda given: {"files": _files(given), "models": {"2": nn.Linear(4, 2), "3": nn.Linear(4, 3)},
                           "file": "dirty.pth"},
    moves=[{"entry": "state_dict"}, {"bare": True}, {"model": "3"}, {"model": "2"}, {"bare": False}, {"strict": False},
           {"entry": "the whole file"}, {"file": "bare.pth"}],
    refuses=[({"files": {}}, "at least one file"), ({"models": {"x": 3}}, "type int"), ({"file": "x.pth"}, "no file")],
)  # fmt: skip
def checkpoint_explorer(
    files: Mapping[str, Mapping[str, Any]], models: Mapping[str, nn.Module], *, file: str | None = None
) -> Explorer:
    """A file beside a model: click an entry to look into it, click a prefix to take it off.

    Args:
        files: a name → its content, as ``torch.load`` gives it.
        models: a name → a model, which is left as it is.
        file: which comes first; the first one when left out.

    Raises:
        CourseError: no file or no model, or something that isn't one.
    """
    if not files or not models:
        raise CourseError("There is nothing to compare: give at least one file's content and one model.")
    for name, content in files.items():
        if not isinstance(content, Mapping):
            raise CourseError(f"{name} holds a {type(content).__name__}; give the dictionary that torch.load gave.")
    for name, model in models.items():
        if not isinstance(model, nn.Module):
            raise CourseError(f"The model {name!r} is a value of type {type(model).__name__}; give an nn.Module.")
    shells = {name: copy.deepcopy(model).to("meta") for name, model in models.items()}
    entries = {
        name: [_WHOLE, *(key for key, value in content.items() if isinstance(value, Mapping))]
        for name, content in files.items()
    }
    first = choice("file", files, file)
    controls = {
        "file": first,
        "entry": choice("entry", entries[first.value]),
        "bare": switch("remove prefixes"),
        "model": choice("model", models),
        "strict": switch("strict", value=True),
    }

    def draw(file: str, entry: str, bare: bool, model: str, strict: bool) -> Still:
        return draw_checkpoint(files[file], shells[model], file=file, name=model, entry=entry, bare=bare, strict=strict)

    def settle(moved: str, _before: object) -> None:
        if moved == "file":
            controls["entry"].options = entries[controls["file"].value]
            controls["entry"].value = _WHOLE

    return Explorer(draw, controls, settle=settle, touch={"entry": "entry", "prefix": lambda _: {"bare": True}})
