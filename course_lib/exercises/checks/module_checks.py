"""Checks of answers that are modules: made, given torchvision's weights, run, and compared.

Order: does it get made, has its state dict torchvision's keys, shapes and dtype, does it run, does it give the same
values up to rounding (a BatchNorm of one's own adds in another order). What knows about residual blocks is in
``residual_checks``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.exercises.engine.requirements import Wrong, call, need_tensor

__all__ = ["build", "first_difference", "load", "need_own", "output", "same_output", "scrambled"]

_Seen = dict[str, tuple[Tensor, Tensor]]


def build(maker: Callable[..., Any], *arguments: Any, case: str) -> nn.Module:
    """Make a module with a learner's class or function.

    Args:
        maker: the learner's.
        arguments: what it is given.
        case: the call in words, such as "BasicBlock(8, 16)".

    Raises:
        Wrong: it raised, or what it made isn't a module.
    """
    try:
        made = call(maker, *arguments, case=case)
    except Wrong as wrong:
        if "before Module.__init__() call" in str(wrong):
            raise Wrong("The first line of your __init__ should be super().__init__().") from wrong
        raise
    if not isinstance(made, nn.Module):
        told = f"{case} should be a torch.nn.Module, but it is a value of type {type(made).__name__}."
        raise Wrong(f"{told} Does your class inherit from nn.Module?" if isinstance(maker, type) else told)
    return made


def need_own(module: nn.Module, kinds: type[nn.Module] | tuple[type[nn.Module], ...], noun: str) -> None:
    """A module must be written by the learner: one of torch's or torchvision's own classes shows nothing.

    Raises:
        Wrong: the module is of one of ``kinds``.
    """
    if isinstance(module, kinds):
        raise Wrong(f"This is the library's own {noun}. Write the class yourself: inherit from nn.Module alone.")


def scrambled(make: Callable[[], nn.Module], seed: int = 0) -> nn.Module:
    """A module in eval mode whose every weight, bias and running statistic counts: none is 0 or 1.

    Args:
        make: makes it.
        seed: for the weights; the notebook's random numbers are left alone.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = make().eval()
        for norm in module.modules():
            if isinstance(norm, nn.BatchNorm2d) and norm.running_mean is not None and norm.running_var is not None:
                for values in (norm.weight.data, norm.running_var):
                    values.uniform_(0.5, 1.5)
                for values in (norm.bias.data, norm.running_mean):
                    values.normal_(0, 0.3)
    return module


def load(module: nn.Module, truth: nn.Module, *, case: str) -> None:
    """Load the truth's state dict strictly.

    Raises:
        Wrong: the first key that is missing, too much, or of another shape, dtype or device.
    """
    mine, theirs = module.state_dict(), truth.state_dict()
    extra = [key for key in mine if key not in theirs]
    for key in extra:
        owner = key.removesuffix(".bias")
        if f"{owner}.weight" in theirs and key.endswith(".bias"):
            raise Wrong(
                f"In {case} the layer {owner} has a bias. BatchNorm follows, so it doesn't need one, and torchvision's "
                f"has none: your state dict has the key {key} too much (bias=False)."
            )
    for key in (key for key in theirs if key not in mine):
        parts = key.split(".")
        for depth in range(1, len(parts)):
            path = ".".join(parts[:depth])
            if not any(own.startswith(f"{path}.") for own in mine):
                around = module.get_submodule(".".join(parts[: depth - 1]))
                names = ", ".join(name for name, _ in around.named_children()) or "none"
                raise Wrong(f"In {case} no layer with weights has the name {path}. The names there: {names}.")
        raise Wrong(f"In {case} torchvision's state dict has the key {key}, and yours does not.")
    if extra:
        raise Wrong(f"In {case} your state dict has the key {extra[0]} too much: torchvision's has none.")
    for key, right in theirs.items():
        if mine[key].shape != right.shape:
            raise Wrong(
                f"In {case} the shape of {key} should be {tuple(right.shape)}, but it is {tuple(mine[key].shape)}."
            )
        if (mine[key].dtype, mine[key].device) != (right.dtype, right.device):
            raise Wrong(
                f"In {case} {key} should be {right.dtype} on {right.device}, but it is {mine[key].dtype} on "
                f"{mine[key].device}."
            )
    module.load_state_dict(theirs)


def output(module: nn.Module, batch: Tensor, shape: tuple[int, ...], *, case: str) -> Tensor:
    """What a module gives in eval mode: a tensor of this shape, the input untouched, with a graph behind it."""
    module.eval()
    given = batch.clone()
    with torch.enable_grad():
        value = need_tensor(call(module, given, case=case), shape, case=case)
    if not torch.equal(given, batch):
        raise Wrong(f"On {case} the input itself was changed: an operation in place (+=, inplace=True) worked on x.")
    if not value.requires_grad:
        raise Wrong(f"On {case} the result carries no graph, so nothing could be learned: no no_grad() or detach().")
    return value.detach()


def same_output(module: nn.Module, truth: nn.Module, batch: Tensor, *, case: str) -> None:
    """Both must give the same values, up to the rounding of sums; if not, the first layer that differs is named."""
    with torch.no_grad():
        right = truth(batch)
    try:
        value = output(module, batch, tuple(right.shape), case=case)
    except Wrong as wrong:
        raise Wrong(f"{wrong} {first_difference(module, truth, batch)}".strip()) from wrong
    if not _alike(value, right):
        raise Wrong(f"On {case} the values are not torchvision's. {first_difference(module, truth, batch)}".strip())


def first_difference(module: nn.Module, truth: nn.Module, batch: Tensor) -> str:
    """A sentence that names the first layer of the truth whose input or output is another one."""
    right, mine = _record(truth, truth, batch), _record(module, truth, batch)
    before = "the input"
    for path, (goes_in, comes_out) in right.items():
        if path not in mine:
            return f"Up to {before} all agrees; {path} is not run."
        if not _alike(mine[path][0], goes_in):
            return f"Look between {before} and {path}: {path} should be given {_told(mine[path][0], goes_in)}."
        if not _alike(mine[path][1], comes_out):
            return f"The first layer that differs is {path}: it should give {_told(mine[path][1], comes_out)}."
        before = path
    return f"Every layer up to {before} agrees; look at what is done with its output."


def _record(module: nn.Module, truth: nn.Module, batch: Tensor) -> _Seen:
    """What went into and came out of the layers that the truth has too, in the order they ran; up to an error."""
    seen: _Seen = {}
    layers = {path for path, layer in truth.named_modules() if any(True for _ in layer.parameters(recurse=False))}

    def note(path: str) -> Callable[..., None]:
        def hook(layer: nn.Module, given: tuple[Any, ...], value: Any) -> None:
            if path not in seen and given and isinstance(given[0], Tensor) and isinstance(value, Tensor):
                seen[path] = (given[0].detach().clone(), value.detach().clone())

        return hook

    hooks = [layer.register_forward_hook(note(path)) for path, layer in module.named_modules() if path in layers]
    try:
        with torch.no_grad():
            module(batch.clone())
    except Exception:  # it was told already; what ran before it is what we want
        pass
    finally:
        for hook in hooks:
            hook.remove()
    return seen


def _alike(mine: Tensor, right: Tensor) -> bool:
    return mine.shape == right.shape and torch.allclose(mine, right, rtol=1e-4, atol=1e-5)


def _told(mine: Tensor, right: Tensor) -> str:
    if mine.shape != right.shape:
        return f"{tuple(right.shape)}, not {tuple(mine.shape)}"
    return "other values of this shape"
