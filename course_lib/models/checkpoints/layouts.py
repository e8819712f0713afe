"""Where the state dict lies in what was saved: bare, inside a checkpoint, under prefixes that wrappers left.

Layouts met in the wild: ``torch.save(model.state_dict(), …)``; a dict with ``model_state_dict`` (PyTorch's tutorial),
``state_dict`` (its ImageNet example) or ``model`` (torchvision's scripts); names that begin with ``module.``
(DataParallel, AveragedModel) or hold ``_orig_mod.`` (torch.compile), ``_fsdp_wrapped_module.`` (FSDP),
``_checkpoint_wrapped_module.`` (activation checkpointing); an average of the weights under ``ema_model.``
(ema_pytorch); PyTorch Lightning's files, whose names begin with the attribute that holds the network. Reading the file
is in ``reader``.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from course_lib.errors import CheckpointError
from course_lib.models.checkpoints.refusals import printable

__all__ = ["PREFIXES", "Checkpoint", "find", "is_state_dict", "unwrapped", "versions_of", "without_prefixes"]

#: Keys under which people save the state dict, the most usual first.
KEYS = ("model_state_dict", "state_dict", "model", "net", "network", "weights")
#: What wrappers write before a name, and which wrapper it was.
PREFIXES = {
    "module.": "nn.DataParallel",
    "_orig_mod.": "torch.compile",
    "_fsdp_wrapped_module.": "FSDP",
    "_checkpoint_wrapped_module.": "activation checkpointing",
}
#: Prefixes that no person writes, so that they go wherever they stand.
_ANYWHERE = tuple(prefix for prefix in PREFIXES if prefix.startswith("_"))
_EMA = "ema_model."  # beside it ema_pytorch keeps the network in training and two counters
_ONLINE, _COUNTERS = "online_model.", ("initted", "step")
_LIGHTNING = "pytorch-lightning_version"
#: What a LightningModule usually calls the network that it trains.
_LIGHTNING_PREFIXES = ("model.", "net.", "network.", "backbone.", "_forward_module.")
_EXTRA = "_extra_state"  # what a module's get_extra_state gives: any value
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
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        return False
    tensors = [isinstance(item, Tensor) for name, item in value.items() if name.rpartition(".")[2] != _EXTRA]
    return bool(tensors) and all(tensors)


def versions_of(state: Any) -> dict[str, dict[str, Any]]:
    """The versions of the layers' formats that a state dict carries (``_metadata``), by module path.

    Example:
        >>> versions_of(nn.BatchNorm1d(2).state_dict())
        {'': {'version': 2}}
    """
    given = getattr(state, "_metadata", None)
    if not isinstance(given, Mapping):
        return {}
    return {
        path: dict(entry)
        for path, entry in given.items()
        if isinstance(path, str) and isinstance(entry, Mapping) and isinstance(entry.get("version", 1), int | None)
    }


def _tidied(value: Any) -> Any:
    """A dict with nothing but its items and the versions: a file can set any attribute of an OrderedDict."""
    if type(value) is not OrderedDict or not vars(value):
        return value
    clean = OrderedDict(OrderedDict.items(value))
    if versions := versions_of(value):
        clean._metadata = versions  # type: ignore[attr-defined]
    return clean


def find(path: Path, content: Any, key: str | None = None) -> Checkpoint:
    """The checkpoint in what a file held.

    Args:
        path: the file, for the sentences.
        content: what was read.
        key: under which key the state dict lies; None looks for it.

    Raises:
        CheckpointError: no state dict is in it, or several, and none under a usual key.
    """
    content = _tidied(content)
    if isinstance(content, Mapping):
        content = {name: _tidied(value) for name, value in content.items()} if not is_state_dict(content) else content
    if key is None and is_state_dict(content):
        key, given, rest, where = None, content, {}, "bare"
    else:
        inside = _inside(content)
        key = _chosen(path, content, list(inside), key)
        given, where = inside[key], f"under {key!r}"
        rest = {str(other): value for other, value in content.items() if other != key}
    state, removed, counted = without_prefixes(given, lightning=_LIGHTNING in rest)
    where += "".join(f", {prefix!r} removed" for prefix in removed)
    epoch = rest.get("epoch")
    if type(epoch) is int:
        del rest["epoch"]
    named = next((name for name in _CATEGORIES if _are_words(rest.get(name))), None)
    categories = None if named is None else tuple(rest.pop(named))
    return Checkpoint(path, state, epoch if type(epoch) is int else None, categories, {**rest, **counted}, where)


def without_prefixes(
    state: Mapping[str, Tensor], *, lightning: bool = False
) -> tuple[dict[str, Tensor], tuple[str, ...], dict[str, Tensor]]:
    """A state dict without what wrappers wrote into its names; the prefixes; and what lay beside the names.

    ``module.`` goes only where every name begins with it; ``_orig_mod.`` and its like, which no person writes, wherever
    they stand; ``ema_model.`` with the names beside it that ema_pytorch writes, which come back as the third value, as
    does AveragedModel's counter; ``model.`` and its like only in a file of PyTorch Lightning.

    Example:
        >>> import torch
        >>> state, removed, _ = without_prefixes({"module._orig_mod.fc.bias": torch.zeros(2)})
        >>> list(state), removed
        (['fc.bias'], ('module.', '_orig_mod.'))
    """
    beside = _beside(state)
    order = [_EMA] if _averages(state) else []
    wholes = ("module.", *(_LIGHTNING_PREFIXES if lightning else ()))
    names = [_cleaned(name, order) for name in state if name not in beside]
    while names:
        prefix = next((prefix for prefix in wholes if all(name.startswith(prefix) for name in names)), "") or next(
            (prefix for prefix in _ANYWHERE if any(f".{prefix}" in f".{name}" for name in names)), ""
        )
        if not prefix:
            break
        order.append(prefix)
        names = [_cleaned(name, [prefix]) for name in names]
    if _AVERAGED in beside and "module." not in order:
        beside = {}
    new = {_cleaned(name, order): tensor for name, tensor in state.items() if name not in beside}
    if not order or "" in new or len(new) + len(beside) < len(state):
        return dict(state) if type(state) is not OrderedDict else state, (), {}
    clean: OrderedDict[str, Tensor] = OrderedDict(new)
    if versions := versions_of(state):
        clean._metadata = {_cleaned(f"{path}.", order).rstrip("."): version for path, version in versions.items()}  # type: ignore[attr-defined]
    return clean, tuple(dict.fromkeys(order)), beside


def _averages(state: Mapping[str, Tensor]) -> bool:
    """Whether these are the names of ema_pytorch: the average, and what it keeps beside it."""
    others = [name for name in state if not name.startswith(_EMA)]
    return len(others) < len(state) and all(name.startswith(_ONLINE) or name in _COUNTERS for name in others)


def _beside(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What averaging wrappers keep beside the names of the model."""
    if _averages(state):
        return {name: tensor for name, tensor in state.items() if not name.startswith(_EMA)}
    return {_AVERAGED: state[_AVERAGED]} if _AVERAGED in state else {}


def _cleaned(name: str, order: list[str]) -> str:
    for prefix in order:
        name = f".{name}".replace(f".{prefix}", ".")[1:] if prefix in _ANYWHERE else name.removeprefix(prefix)
    return name


def _inside(content: Any) -> dict[str, Mapping[str, Tensor]]:
    if not isinstance(content, Mapping):
        return {}
    return {str(key): value for key, value in content.items() if is_state_dict(value)}


def _chosen(path: Path, content: Any, inside: list[str], key: str | None) -> str:
    """The key under which the state dict lies."""
    if isinstance(content, Mapping):
        what = f"a dict with {_list(list(content)) or 'nothing in it'}"
    else:
        what = f"one {type(content).__name__}"
    if key is not None:
        if key in inside:
            return key
        have = f"there are {_list(inside)}" if inside else f"it holds {what}"
        raise CheckpointError(f"{printable(path)} holds no state dict under {key!r}; {have}.")
    usual = [name for name in KEYS if name in inside]
    if usual or len(inside) == 1:
        return (usual or inside)[0]
    if inside:
        raise CheckpointError(
            f"{printable(path)} holds several state dicts: say which, such as key={_list(inside[:1])} "
            f"(of {_list(inside)})."
        )
    raise CheckpointError(
        f"{printable(path)} holds {what}, expected a state dict: the names of weights and their tensors."
    )


def _list(keys: list[Any]) -> str:
    words = [repr(key) if isinstance(key, str | int | float) else f"a {type(key).__name__}" for key in keys[:4]]
    cut = [word if len(word) <= 50 else f"{word[:47]}…" for word in words]
    return ", ".join(cut) + (", …" if len(keys) > 4 else "")


def _are_words(value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(word, str) for word in value)
