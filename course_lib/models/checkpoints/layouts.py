"""Where the state dict lies in what was saved: bare, inside a checkpoint, under prefixes that wrappers left.

Layouts met in the wild: ``torch.save(model.state_dict(), …)``; a dict with ``model_state_dict`` (PyTorch's tutorial),
``state_dict`` (its ImageNet example) or ``model`` (torchvision's scripts); names that begin with ``module.``
(DataParallel, AveragedModel) or hold ``_orig_mod.`` (torch.compile). Reading the file is in ``reader``.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from course_lib.errors import CheckpointError

__all__ = ["PREFIXES", "Checkpoint", "find", "is_state_dict", "unwrapped", "without_prefixes"]

#: Keys under which people save the state dict, the most usual first.
KEYS = ("model_state_dict", "state_dict", "model", "net", "network", "weights")
#: What wrappers write before a name, and which wrapper it was.
PREFIXES = {"module.": "nn.DataParallel", "_orig_mod.": "torch.compile"}
_CATEGORIES = ("categories", "classes", "class_names")
_AVERAGED = "n_averaged"  # what torch.optim.swa_utils.AveragedModel counts beside its module


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """What a checkpoint holds.

    Attributes:
        path: the file.
        state_dict: the model's names → tensors, on the CPU, without prefixes.
        epoch: the epoch it was saved after, where it says so.
        categories: the classes' names, in the order of the outputs, where it says so.
        entries: all else that lies beside the state dict, such as ``optimizer_state_dict``; plain values and tensors.
        layout: how the state dict lay in the file, in words.

    Example:
        >>> checkpoint = Checkpoint(Path("a.pth"), {}, 14, ("ant", "bee"), {"val_accuracy": 0.97}, "bare")
        >>> checkpoint
        <Checkpoint a.pth: 0 tensors (bare), epoch 14, 2 categories, also 'val_accuracy'>
    """

    path: Path
    state_dict: dict[str, Tensor]
    epoch: int | None
    categories: tuple[str, ...] | None
    entries: Mapping[str, Any]
    layout: str

    def __repr__(self) -> str:
        parts = [f"{len(self.state_dict)} tensors ({self.layout})"]
        parts += [] if self.epoch is None else [f"epoch {self.epoch}"]
        parts += [] if self.categories is None else [f"{len(self.categories)} categories"]
        parts += ["also " + ", ".join(repr(key) for key in self.entries)] if self.entries else []
        return f"<Checkpoint {self.path.name}: {', '.join(parts)}>"


def unwrapped(model: nn.Module) -> nn.Module:
    """The model inside DataParallel and torch.compile: the one whose names have no prefixes.

    Example:
        >>> unwrapped(nn.DataParallel(nn.Linear(2, 1)))
        Linear(in_features=2, out_features=1, bias=True)
    """
    while True:
        if isinstance(model, nn.DataParallel | nn.parallel.DistributedDataParallel):
            model = model.module
        elif isinstance(inner := getattr(model, "_orig_mod", None), nn.Module):
            model = inner
        else:
            return model


def is_state_dict(value: Any) -> bool:
    """Whether this is names and tensors, and nothing else."""
    return (
        isinstance(value, Mapping)
        and bool(value)
        and all(isinstance(name, str) and isinstance(tensor, Tensor) for name, tensor in value.items())
    )


def find(path: Path, content: Any, key: str | None = None) -> Checkpoint:
    """The checkpoint in what a file held.

    Args:
        path: the file, for the sentences.
        content: what was read.
        key: under which key the state dict lies; None looks for it.

    Raises:
        CheckpointError: no state dict is in it, or several, and none under a usual key.
    """
    if key is None and is_state_dict(content):
        key, given, rest, where = None, content, {}, "bare"
    else:
        inside = _inside(content)
        key = _chosen(path, content, list(inside), key)
        given, where = inside[key], f"under {key!r}"
        rest = {str(other): value for other, value in content.items() if other != key}
    state, removed, counted = without_prefixes(given)
    where += "".join(f", {prefix!r} taken off" for prefix in removed)
    epoch = rest.get("epoch")
    if type(epoch) is int:
        del rest["epoch"]
    named = next((name for name in _CATEGORIES if _are_words(rest.get(name))), None)
    categories = None if named is None else tuple(rest.pop(named))
    return Checkpoint(path, state, epoch if type(epoch) is int else None, categories, {**rest, **counted}, where)


def without_prefixes(state: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], tuple[str, ...], dict[str, Tensor]]:
    """A state dict without what wrappers wrote into its names; the prefixes; and what AveragedModel counted.

    ``module.`` goes only where every name begins with it; ``_orig_mod.``, which no person writes, wherever it stands.

    Example:
        >>> import torch
        >>> state, removed, _ = without_prefixes({"module._orig_mod.fc.bias": torch.zeros(2)})
        >>> list(state), removed
        (['fc.bias'], ('module.', '_orig_mod.'))
    """
    names = [name for name in state if name != _AVERAGED]
    order: list[str] = []
    while names:
        if all(name.startswith("module.") for name in names):
            order.append("module.")
        elif any("._orig_mod." in f".{name}" for name in names):
            order.append("_orig_mod.")
        else:
            break
        names = [_cleaned(name, order[-1:]) for name in names]
    counted = _AVERAGED in state and "module." in order
    new = {_cleaned(name, order): tensor for name, tensor in state.items() if not (counted and name == _AVERAGED)}
    if not order or "" in new or len(new) + counted < len(state):
        return dict(state) if type(state) is not OrderedDict else state, (), {}
    clean: OrderedDict[str, Tensor] = OrderedDict(new)
    versions = getattr(state, "_metadata", None)  # of the layers' formats, by module
    if isinstance(versions, Mapping):
        clean._metadata = {_cleaned(f"{path}.", order).rstrip("."): version for path, version in versions.items()}  # type: ignore[attr-defined]
    return clean, tuple(dict.fromkeys(order)), {_AVERAGED: state[_AVERAGED]} if counted else {}


def _cleaned(name: str, order: list[str]) -> str:
    for prefix in order:
        name = name.removeprefix(prefix) if prefix == "module." else f".{name}".replace("._orig_mod.", ".")[1:]
    return name


def _inside(content: Any) -> dict[str, Mapping[str, Tensor]]:
    if not isinstance(content, Mapping):
        return {}
    return {str(key): value for key, value in content.items() if is_state_dict(value)}


def _chosen(path: Path, content: Any, inside: list[str], key: str | None) -> str:
    """The key under which the state dict lies."""
    if isinstance(content, Mapping):
        what = "a dict with " + (", ".join(repr(name) for name in list(content)[:4]) or "nothing in it")
        what += ", …" if len(content) > 4 else ""
    else:
        what = f"one {type(content).__name__}"
    if key is not None:
        if key in inside:
            return key
        have = f"there are {_list(inside)}" if inside else f"it holds {what}"
        raise CheckpointError(f"{path} holds no state dict under {key!r}; {have}.")
    usual = [name for name in KEYS if name in inside]
    if usual or len(inside) == 1:
        return (usual or inside)[0]
    if inside:
        raise CheckpointError(
            f"{path} holds several state dicts: say which, such as key={inside[0]!r} (of {_list(inside)})."
        )
    raise CheckpointError(f"{path} holds {what}, expected a state dict: the names of weights and their tensors.")


def _list(keys: list[str]) -> str:
    return ", ".join(repr(key) for key in keys[:4]) + (", …" if len(keys) > 4 else "")


def _are_words(value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(word, str) for word in value)
