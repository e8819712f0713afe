"""Build a model around a state dict, without filling memory twice.

Torchvision's own way constructs the model (random numbers for every weight), reads the file into memory, and copies it
over. Here the model is constructed on PyTorch's meta device (shapes without memory), the file is mapped rather than
read, and the mapped tensors become the weights. The pages belong to the file, so kernels on one machine share them;
changing a weight changes this process's copy, never the file.

Reading the file is ``reading.py``; why a state dict does not fit is ``causes.py``.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.errors import CheckpointError
from course_lib.models.checkpoints.causes import misfit

__all__ = ["load_model"]


def load_model(builder: Callable[..., nn.Module], state_dict: Mapping[str, Tensor], /, **kwargs: Any) -> nn.Module:
    """Build a model around the tensors of a state dict.

    The model takes the tensors over instead of copying them: for a second, independent model read the file again.
    Numbers in another precision than the model's own (a half-precision file), and whole ones, are converted. The global
    random number generator is left as it was.

    Args:
        builder: what makes the model, such as ``torchvision.models.resnet18``.
        state_dict: names → tensors, as ``read_state_dict`` gives them.
        kwargs: what the builder takes, such as ``num_classes=10``.

    Returns:
        The model on the CPU, in eval mode.

    Raises:
        CheckpointError: this is no state dict, or its tensors do not fit the model; the sentence names the first that
            do not, the likely cause and the repair.

    Example:
        >>> from torchvision.models import squeezenet1_1
        >>> state_dict = squeezenet1_1(num_classes=10).state_dict()
        >>> model = load_model(squeezenet1_1, state_dict, num_classes=10)
        >>> model.training, next(model.parameters()).device.type
        (False, 'cpu')
    """
    if not isinstance(state_dict, Mapping):
        raise CheckpointError(
            f"load_model wants a state dict, names and their tensors; it was given {type(state_dict).__name__}. "
            "A file is read by read_state_dict(path)."
        )
    for name, tensor in state_dict.items():
        if not isinstance(name, str):
            raise CheckpointError(
                f"load_model wants a state dict, names and their tensors; {name!r} is no name but of type "
                f"{type(name).__name__}."
            )
        if isinstance(tensor, Tensor) and tensor.is_meta:
            raise CheckpointError(f"{name} has no numbers, it is on the meta device: read the file they are in.")
    with torch.random.fork_rng(devices=[]):
        model = _on_meta(builder, kwargs)
        if model is not None:
            _fill(model, state_dict, builder, assign=True)
        if model is None or any(tensor.is_meta for tensor in _tensors(model)):
            # The constructor computes with real numbers, or keeps some that the file does not hold.
            model = builder(**kwargs)
            _fill(model, state_dict, builder, assign=False)
    return model.eval()


def _on_meta(builder: Callable[..., nn.Module], kwargs: dict[str, Any]) -> nn.Module | None:
    try:
        with torch.device("meta"):
            return builder(**kwargs)
    except Exception:  # whatever it is: the ordinary construction will raise it again if it is a real mistake
        return None


def _fill(
    model: nn.Module, state_dict: Mapping[str, Tensor], builder: Callable[..., nn.Module], *, assign: bool
) -> None:
    own = model.state_dict()
    fitting: OrderedDict[str, Tensor] = OrderedDict()
    for name, tensor in state_dict.items():
        convert = name in own and isinstance(tensor, Tensor) and not tensor.is_complex()
        fitting[name] = tensor.to(own[name].dtype) if convert and own[name].is_floating_point() else tensor
    # Layers read their format's version here: BatchNorm's num_batches_tracked is newer than many files.
    fitting._metadata = getattr(state_dict, "_metadata", None)  # type: ignore[attr-defined]
    try:
        model.load_state_dict(fitting, assign=assign)
    except RuntimeError:
        # PyTorch's own message, a line for every name, says less than the sentence and hides it.
        name = getattr(builder, "__name__", "")
        raise CheckpointError(misfit(model, state_dict, name if name.isidentifier() else "builder")) from None


def _tensors(model: nn.Module) -> Iterator[Tensor]:
    """Every tensor a model holds: parameters, buffers (also those that no file keeps) and plain attributes."""
    for module in model.modules():
        yield from module.parameters(recurse=False)
        yield from module.buffers(recurse=False)
        yield from (value for value in vars(module).values() if isinstance(value, Tensor))
