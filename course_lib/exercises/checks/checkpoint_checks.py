"""Checks of lessons 07 and 08: one training step, and code that reads and writes checkpoints.

The files are made here, in a folder that is gone afterwards: clean ones, dirty ones, one whose saving breaks off, one
that would run code. They are a few numbers each, so a check takes no time. What a training step should give is computed
from ``torch.autograd.grad`` and the rule of plain gradient descent, without an optimizer; so are the usual slips
(softmax first, gradients that pile up, the wrong mode), so that the learner can be told.
"""

from __future__ import annotations

import copy
import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.exercises.checks import random_arguments
from course_lib.exercises.engine.requirements import Wrong, call, need_function, need_tensor, same_tensor

__all__ = ["Hostile", "check_read_any", "check_save_whole", "check_train_step", "need_state_dict", "went_off"]

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
                raise Wrong("A file with code in it was taken without a word; it should be refused, with an error.")
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
                    "The old file itself was written over: if the power fails in the middle, neither is left. Write "
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
            "The new file is begun in the system's folder for temporary files. That may be another disk, and a file "
            "can't take another's place at a stroke across disks: write it beside the target, in path.parent."
        )
    if seen[0] != whole or not path.exists() or path.read_bytes() != whole:
        raise Wrong("Saving broke off in the middle, and the old file was gone or changed: it should still be whole.")
    if not raised:
        raise Wrong("Saving broke off in the middle, and nobody was told: let the error through, after cleaning up.")
    _nothing_beside(path, "After saving that broke off")


def _read(path: Path) -> Any:
    return call(lambda: torch.load(path, weights_only=True), case="the file that was saved")


def _nothing_beside(path: Path, when: str) -> None:
    if rest := sorted(entry.name for entry in path.parent.iterdir() if entry != path):
        raise Wrong(f"{when} something is left beside the file: {rest[0][:40]}.")


# -- one training step ------------------------------------------------------------------------------------------------
_RATE = 0.5
_Loss = Callable[[Tensor, Tensor], Tensor]


def _network() -> nn.Module:
    """Two steps of learning change every weight, and the two modes of its BatchNorm differ."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        network = nn.Sequential(nn.Flatten(), nn.Linear(12, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))
    norm = network[2]
    if isinstance(norm, nn.BatchNorm1d) and norm.running_var is not None:
        norm.running_var.fill_(4.0)
    return network.train()


def _batches() -> list[tuple[Tensor, Tensor]]:
    numbers = torch.linspace(-9, 9, 2 * 6 * 12).sin().view(2, 6, 3, 2, 2)
    return [(numbers[0], torch.tensor([0, 1, 2, 0, 1, 1])), (numbers[1] * 2, torch.tensor([2, 0, 1, 1, 2, 0]))]


def _by_hand(network: nn.Module, x: Tensor, y: Tensor, *, softmax: bool = False, train: bool = True) -> float:
    """One step, in place; gives the loss before it."""
    network.train(train)
    with torch.enable_grad():
        logits = network(x)
        loss = nn.functional.cross_entropy(logits.softmax(1) if softmax else logits, y)
    weights = list(network.parameters())
    gradients = torch.autograd.grad(loss, weights)
    with torch.no_grad():
        for weight, gradient in zip(weights, gradients, strict=True):
            weight.sub_(_RATE * gradient)
    return float(loss)


def check_train_step(answer: Any) -> None:
    """Check a learner's function (model, batch, labels, optimizer) → loss, over two steps.

    Raises:
        Wrong: with the property that fails.
    """
    need_function(answer)
    mine, right = _network(), _network()
    optimizer = torch.optim.SGD(mine.parameters(), lr=_RATE)
    for number, (x, y) in enumerate(_batches(), 1):
        case, start = f"step {number}", copy.deepcopy(right)
        with torch.enable_grad():
            value = call(answer, mine, x.clone(), y.clone(), optimizer, case=case)
        loss = _by_hand(right, x, y)
        _check_loss(value, loss, start, x, y, case)
        if not mine.training:
            raise Wrong(
                "Your step leaves the model in eval mode. The mode is the loop's business: don't touch it here."
            )
        _check_weights(mine, start, right, number)
    frozen = _network().eval()  # a body that must not move: the loop has put it into eval mode
    with torch.enable_grad():
        call(
            answer, frozen, *_batches()[0], torch.optim.SGD(frozen.parameters(), lr=_RATE), case="a model in eval mode"
        )
    if any(module.training for module in frozen.modules()):
        raise Wrong(
            "Your step calls model.train(). The loop around it sets the mode, and a frozen body has to stay in eval "
            "mode: leave that line out."
        )


def _check_loss(value: Any, loss: float, start: nn.Module, x: Tensor, y: Tensor, case: str) -> None:
    if isinstance(value, Tensor):
        raise Wrong("You give the loss as a tensor, which keeps the whole graph in memory: loss.item() is the number.")
    if isinstance(value, bool) or not isinstance(value, float):
        told = "nothing: is the return missing?" if value is None else f"a value of type {type(value).__name__}."
        raise Wrong(f"On {case} your function should return the loss, a number, but it returned {told}")
    if abs(value - loss) < 1e-5:
        return
    slips = {
        "cross_entropy takes logits: it does the softmax itself, and yours is done twice.": {"softmax": True},
        "BatchNorm used its running numbers: your step switched to eval mode. Leave the mode to the loop.": {
            "train": False
        },
    }
    for sentence, slip in slips.items():
        if abs(_by_hand(copy.deepcopy(start), x, y, **slip) - value) < 1e-5:
            raise Wrong(f"On {case} the loss is not the right one. {sentence}")
    raise Wrong(f"On {case} the loss should be {loss:.4f}, the mean cross-entropy before the step; it is {value:.4f}.")


def _check_weights(mine: nn.Module, start: nn.Module, right: nn.Module, number: int) -> None:
    pairs = list(zip(mine.parameters(), start.parameters(), right.parameters(), strict=True))
    if all(torch.allclose(value, wanted, atol=1e-5) for value, _, wanted in pairs):
        return
    if all(torch.equal(value, before) for value, before, _ in pairs):
        if all(value.grad is None or not value.grad.any() for value, _, _ in pairs):
            raise Wrong(
                "No weight changed, and no gradient is there: is loss.backward() called, and zero_grad() before it?"
            )
        raise Wrong("The gradients are there, and no weight changed: optimizer.step() is missing.")
    if number == 2:
        raise Wrong("Step 1 is right, step 2 is not: its gradients were added to those of step 1. zero_grad() first.")
    raise Wrong("The loss is right, but the weights are not where one step of the optimizer leads.")
