"""Checks of lesson 08: code that reads and writes checkpoints, and that resumes a training.

The files are made here, in a folder that is gone afterwards: clean ones, dirty ones, one whose saving breaks off, one
that would run code. They are a few numbers each, so a check takes no time.
"""

from __future__ import annotations

import contextlib
import random
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.exercises.checks import random_arguments
from course_lib.exercises.engine.requirements import Wrong, call, need_function, need_tensor, same_tensor

__all__ = ["Hostile", "check_read_any", "check_resume", "check_save_whole", "need_state_dict", "went_off"]

#: Gets an entry whenever a hostile file's code runs.
went_off: list[int] = []


def _bang() -> dict[str, Tensor]:
    went_off.append(1)
    return {}


class Hostile:
    """Pickled, it asks whoever unpickles it to call a function; a harmless one, which leaves a note in ``went_off``."""

    def __reduce__(self) -> tuple[Callable[[], Any], tuple[()]]:
        return _bang, ()


def need_state_dict(value: Any, truth: dict[str, Tensor], *, case: str) -> None:
    """A value must be a dictionary with these names and tensors.

    Raises:
        Wrong: with the first thing that differs.
    """
    if not isinstance(value, dict):
        told = "nothing: is the return missing?" if value is None else f"a value of type {type(value).__name__}."
        raise Wrong(f"On {case} the result should be a dictionary of tensors, but it is {told}")
    if set(value) != set(truth):
        raise Wrong(f"On {case} the names are {', '.join(truth)}, not {_names(value)}.")
    for key, right in truth.items():
        where = f"{key} of {case}"
        same_tensor(need_tensor(value[key], tuple(right.shape), case=where, dtype=right.dtype), right, case=where)


def _names(value: dict[Any, Any]) -> str:
    return ", ".join(str(key)[:30] for key in list(value)[:3]) or "none at all"


# -- a reader for dirty checkpoints -----------------------------------------------------------------------------------
def check_read_any(answer: Any, source: random.Random | None = None) -> None:
    """Check a learner's function from a path to a clean state dict, with every layout that the lesson met.

    Args:
        answer: the learner's.
        source: draws what is in the files, and mixes the layouts.

    Raises:
        Wrong: with the layout that it does not read, or the harm that it lets happen.
    """
    need_function(answer)
    # The second layer is called "module" by its owner: such a name in the middle belongs there.
    truth = {"conv.weight": torch.arange(6.0).view(2, 3), "head.module.bias": torch.ones(2), "seen": torch.tensor(7)}
    if source:
        truth = random_arguments.state_dict(source, owner=source.choice(("module", "_orig_mod")))
    beside = {"epoch": 14, "optimizer_state_dict": {"state": {}, "param_groups": [{"lr": 0.1}]}}

    def named(prefix: str) -> dict[str, Tensor]:
        return {prefix + key: tensor for key, tensor in truth.items()}

    files = {
        "a bare state dict": truth,
        "a checkpoint with model_state_dict": {**beside, "model_state_dict": truth},
        "a checkpoint with state_dict": {"state_dict": truth, "epoch": 14},
        "a state dict saved from nn.DataParallel": named("module."),
        "a state dict saved from a compiled model": named("_orig_mod."),
        "a checkpoint with module. before every name": {**beside, "state_dict": named("module.")},
        "a model that was compiled, then made parallel": {"model_state_dict": named("module._orig_mod.")},
        "a model that was made parallel, then compiled": {"model_state_dict": named("_orig_mod.module.")},
    }
    if source:
        key, prefix = source.choice(("model_state_dict", "state_dict")), source.choice(("module.", "_orig_mod."))
        first = {key: named(prefix), "epoch": source.randint(0, 99)}
        files = {f"a checkpoint with {key}, and {prefix} before every name": first, **_mixed(source, files)}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / (f"{random_arguments.word(source)}.pt" if source else "some.pth")
        for case, content in files.items():
            torch.save(content, path)
            need_state_dict(call(answer, path, case=case), truth, case=case)
        went_off.clear()
        torch.save({**truth, "gift": Hostile()}, path)
        try:
            answer(path)
        except Exception:  # as it should
            pass
        else:
            if not went_off:
                raise Wrong("A file with code in it was accepted without a word; it should be refused, with an error.")
        if went_off:
            raise Wrong("A file with code in it was opened, and its code ran: torch.load(..., weights_only=True).")


def _mixed(source: random.Random, files: dict[str, Any]) -> dict[str, Any]:
    return {case: files[case] for case in source.sample(list(files), len(files))}


# -- whole or not at all ----------------------------------------------------------------------------------------------
class _BreaksOff:
    """Pickled, it calls back, and raises then: as a full disk does in the middle of saving."""

    def __init__(self, look: Callable[[], None]) -> None:
        self.look = look

    def __reduce__(self) -> Any:
        self.look()
        raise OSError("No space left on device")


def check_save_whole(answer: Any, source: random.Random | None = None) -> None:
    """Check a learner's function that saves something to a path, whole or not at all.

    Args:
        answer: the learner's.
        source: draws the file's name, what is saved, and where it breaks off.

    Raises:
        Wrong: with the property that fails.
    """
    need_function(answer)
    old, new = {"weight": torch.zeros(3)}, {"weight": torch.arange(3.0)}
    called = "net.pth"
    if source:
        old, new = random_arguments.state_dict(source), random_arguments.state_dict(source)
        called = source.choice(
            (f"{random_arguments.word(source)}.pth", f"{random_arguments.word(source)}.v{source.randint(1, 9)}.pt")
        )
    before = b""
    with tempfile.TemporaryDirectory() as name:
        path, kept = Path(name) / "folder" / called, Path(name) / "kept"
        path.parent.mkdir()
        for case, content in (("a file that is not there yet", old), ("a file that is there", new)):
            call(answer, content, path, case=case)
            if not path.is_file():
                raise Wrong(f"On {case}: after the call there is no file {path.name}.")
            need_state_dict(_read(path), content, case=f"{case}, read again,")
            if kept.exists() and kept.read_bytes() != before:
                raise Wrong(
                    "The old file itself was overwritten: if the power fails in the middle, you have neither. Write "
                    "another file beside it, then part.replace(path)."
                )
            _nothing_beside(path, "After saving")
            before = path.read_bytes()
            if not kept.exists():
                kept.hardlink_to(path)  # a second name for the old file: shows whether somebody writes into it
        _check_break(answer, path, source)


def _check_break(answer: Any, path: Path, source: random.Random | None) -> None:
    whole, seen = path.read_bytes(), []
    astray: list[Path] = []
    elsewhere = path.parent.parent / "another disk"
    elsewhere.mkdir()

    def look() -> None:
        seen.append(path.exists() and path.read_bytes())
        astray.extend(elsewhere.iterdir())

    bad = _BreaksOff(look)
    breaks: dict[str, Any] = {"weight": torch.ones(3), "last": bad}
    if source:  # in the midst of others
        breaks = {
            **random_arguments.state_dict(source),
            "weight": torch.ones(3),
            "bad": bad,
            **random_arguments.state_dict(source),
        }
    usual, tempfile.tempdir = tempfile.tempdir, str(elsewhere)
    try:
        answer(breaks, path)
    except OSError:
        raised = True
    else:
        raised = False
    finally:
        tempfile.tempdir = usual
    if not seen:
        raise Wrong("The content never reached torch.save as it was given.")
    if astray:
        raise Wrong(
            "The new file is written to the system's folder for temporary files. That may be a different "
            "disk, and a file "
            "can't replace one on a different disk in a single step. Write it beside the target, in path.parent."
        )
    if seen[0] != whole or not path.exists() or path.read_bytes() != whole:
        raise Wrong("Saving was interrupted half-way, and the old file was gone or changed: it should still be whole.")
    if not raised:
        raise Wrong("Saving was interrupted half-way, and no error was raised: clean up, then let the error through.")
    _nothing_beside(path, "After an interrupted save")


def _read(path: Path) -> Any:
    return call(lambda: torch.load(path, weights_only=True), case="the file that was saved")


def _nothing_beside(path: Path, when: str) -> None:
    if rest := sorted(entry.name for entry in path.parent.iterdir() if entry != path):
        raise Wrong(f"{when} something is left next to the file: {rest[0][:40]}.")


# -- resuming ---------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class _Run:
    """A training that can be stopped: a small network with Dropout, an optimizer with a memory, and a schedule."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler

    @classmethod
    def fresh(cls, seed: int, *, adam: bool, width: int) -> _Run:
        """As a program has it when it starts."""
        torch.manual_seed(seed)
        model = nn.Sequential(
            nn.Linear(6, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Dropout(0.4), nn.Linear(width, 3)
        )
        kind = torch.optim.Adam if adam else partial(torch.optim.SGD, momentum=0.9)
        optimizer = kind(model.parameters(), lr=0.05)
        return cls(model, optimizer, torch.optim.lr_scheduler.StepLR(optimizer, 2, 0.5))

    def go_on(self, steps: int) -> None:
        """Train on batches drawn from torch's own random numbers."""
        self.model.train()
        for _ in range(steps):
            loss = nn.functional.cross_entropy(self.model(torch.randn(8, 6)), torch.randint(3, (8,)))
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.schedule.step()

    def content(self, step: int) -> dict[str, Any]:
        """What is saved of it."""
        return {
            "model_state_dict": self.model.state_dict(), "optimizer_state_dict": self.optimizer.state_dict(),
            "schedule_state_dict": self.schedule.state_dict(), "rng_state": torch.get_rng_state(), "step": step,
        }  # fmt: skip


def check_resume(answer: Any, source: random.Random | None = None) -> None:
    """Check a learner's function (path, model, optimizer, schedule) → step, beside a run that was never interrupted.

    Args:
        answer: the learner's.
        source: draws the network, the optimizer and the numbers of steps.

    Raises:
        Wrong: with what was not restored.
    """
    need_function(answer)
    for adam in (True, False):
        steps, more = (source.randint(1, 9), source.randint(2, 5)) if source else (5, 4)
        width, seed = (source.randint(3, 9), source.getrandbits(32)) if source else (6, 0)
        case = f"a training run that stopped after step {steps}"
        with tempfile.TemporaryDirectory() as folder, torch.enable_grad():
            path = Path(folder) / (f"{random_arguments.word(source)}.pt" if source else "stopped.pth")
            whole = _Run.fresh(seed, adam=adam, width=width)
            whole.go_on(steps)
            torch.save(whole.content(steps), path)
            saved = torch.load(path, weights_only=True)
            whole.go_on(more)
            resumed = _Run.fresh(seed + 1, adam=adam, width=width)
            value = call(answer, path, resumed.model, resumed.optimizer, resumed.schedule, case=case)
            _check_restored(resumed, saved, case)
            _check_step(value, steps, case)
            resumed.go_on(more)
            _check_equal(resumed, whole, more)
            _check_code_stays_out(answer, path, saved, resumed)


def _check_restored(run: _Run, saved: dict[str, Any], case: str) -> None:
    random_numbers = torch.get_rng_state()
    weights = run.model.state_dict()
    if any(not torch.equal(weights[name], tensor) for name, tensor in saved["model_state_dict"].items()):
        raise Wrong(f"On {case} the model doesn't have the file's numbers: model.load_state_dict.")
    own, kept = run.optimizer.state_dict(), saved["optimizer_state_dict"]
    if not own["state"]:
        raise Wrong(
            f"On {case} the optimizer has no memory of the steps before: optimizer.load_state_dict. Without it, the "
            "first steps are wrong."
        )
    if own["param_groups"] != kept["param_groups"] or _differ(own["state"], kept["state"]):
        raise Wrong(f"On {case} the optimizer's state isn't the file's.")
    if run.schedule.last_epoch != saved["schedule_state_dict"]["last_epoch"]:
        raise Wrong(
            f"On {case} the schedule is at step {run.schedule.last_epoch} and should be at "
            f"{saved['schedule_state_dict']['last_epoch']}: schedule.load_state_dict."
        )
    if not torch.equal(random_numbers, saved["rng_state"]):
        raise Wrong(
            f"On {case} the random numbers don't continue where they stopped, so Dropout and the order of the pictures "
            "differ: call torch.set_rng_state last."
        )


def _differ(own: dict[Any, Any], kept: dict[Any, Any]) -> bool:
    return own.keys() != kept.keys() or any(
        not torch.equal(torch.as_tensor(own[weight][name]), torch.as_tensor(value))
        for weight, entries in kept.items()
        for name, value in entries.items()
    )


def _check_step(value: Any, steps: int, case: str) -> None:
    if value is None:
        raise Wrong(f"On {case} your function returned nothing: return the step that the file says.")
    if isinstance(value, bool) or not isinstance(value, int):
        raise Wrong(
            f"On {case} your function should return the step, an int, not a value of type {type(value).__name__}."
        )
    if value != steps:
        raise Wrong(
            f"On {case} your function should return {steps}, the number of steps done, but it returned {value}."
        )


def _check_equal(resumed: _Run, whole: _Run, more: int) -> None:
    other = whole.model.state_dict()
    if any(not torch.equal(tensor, other[name]) for name, tensor in resumed.model.state_dict().items()):
        raise Wrong(f"After {more} more steps the weights aren't those of a run that was never interrupted.")


def _check_code_stays_out(answer: Any, path: Path, saved: dict[str, Any], run: _Run) -> None:
    went_off.clear()
    torch.save({**saved, "gift": Hostile()}, path)
    with contextlib.suppress(Exception):  # it should raise
        answer(path, run.model, run.optimizer, run.schedule)
    if went_off:
        raise Wrong("A file with code in it was opened, and its code ran: torch.load(..., weights_only=True).")
