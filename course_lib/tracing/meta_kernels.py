"""Our own versions of PyTorch's slowest functions on the meta device, some of which take half a millisecond there.

Each gives a tensor of the right shape, dtype and memory layout. They answer only where the answer is certain;
everything else, and every call that would be refused, goes to PyTorch itself. The tests compare all of it with real
forwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from course_lib.tracing import windows
from course_lib.tracing.records import Shape

__all__ = [
    "FACTORIES", "KERNELS", "POINTWISE", "Kernel", "adaptive_shape", "answer_under_autocast", "convolution_shape",
    "pooled_shape",
]  # fmt: skip

#: In PyTorch's words.
_TOO_SMALL = "Kernel size can't be greater than actual input size"

Kernel = Callable[[Mapping[str, Any]], Any]

#: Functions that make a tensor from nothing; on the meta device the tensor must be there too.
FACTORIES = frozenset({
    "empty", "zeros", "ones", "full", "rand", "randn", "randint", "arange", "linspace", "logspace", "eye", "tensor",
    "randperm", "tril_indices", "triu_indices", "new_zeros", "new_ones", "new_empty", "new_full", "new_tensor",
    "empty_strided", "as_tensor",
})  # fmt: skip


def _like(value: Tensor) -> Tensor:
    """As ``torch.empty_like``, whose meta kernel is written in Python and slow."""
    if value.is_contiguous():
        return torch.empty(value.shape, dtype=value.dtype, device="meta")
    if 0 in value.stride():
        return torch.empty_like(value)
    return torch.empty_strided(value.shape, value.stride(), dtype=value.dtype, device="meta")


def _same(bound: Mapping[str, Any]) -> Any:
    value = bound["input"]
    if not isinstance(value, Tensor) or not value.is_floating_point():
        return NotImplemented
    return value if bound.get("inplace") else _like(value)


def _in_place(bound: Mapping[str, Any]) -> Any:
    value = bound["input"]
    return value if isinstance(value, Tensor) and value.is_floating_point() else NotImplemented


def _batch_norm(bound: Mapping[str, Any]) -> Any:
    value = bound["input"]
    if value.dim() < 2:
        return NotImplemented
    channels = value.shape[1]
    for name in ("running_mean", "weight"):
        if bound.get(name) is not None and bound[name].numel() != channels:
            # On the meta device PyTorch's words are others than the learner would get.
            raise RuntimeError(f"{name} should contain {channels} elements not {bound[name].numel()}")
    if bound.get("training") and value.numel() == channels:
        raise ValueError(f"Expected more than 1 value per channel when training, got input size {value.shape}")
    return _like(value)


def _layer_norm(bound: Mapping[str, Any]) -> Any:
    value, shape = bound["input"], tuple(bound["normalized_shape"])
    if tuple(value.shape[value.dim() - len(shape) :]) != shape:
        return NotImplemented
    return torch.empty(value.shape, dtype=value.dtype, device="meta")


def _binary(bound: Mapping[str, Any]) -> Any:
    first, second = bound.get("input"), bound.get("other")
    if len(bound) != 2 or not isinstance(first, Tensor) or not first.is_floating_point():
        return NotImplemented
    if type(second) in (int, float):
        return _like(first)
    if not isinstance(second, Tensor) or second.dtype != first.dtype:
        return NotImplemented
    ours, theirs = first.shape, second.shape
    if ours == theirs:
        return _like(first)
    if len(ours) == len(theirs) and ours[2:] == (1, 1) and ours[:2] == theirs[:2] and second.is_contiguous():
        return _like(second)  # a gate times its map: squeeze and excitation
    return NotImplemented


def _binary_in_place(bound: Mapping[str, Any]) -> Any:
    first, second = bound.get("input"), bound.get("other")
    same = isinstance(second, int | float) or (isinstance(second, Tensor) and second.shape == first.shape)  # type: ignore[union-attr]
    return first if same and _binary(bound) is not NotImplemented else NotImplemented


def _adaptive_pool(bound: Mapping[str, Any]) -> Any:
    value = bound["input"]
    if value.dim() not in (3, 4) or not value.is_floating_point() or bound.get("return_indices"):
        return NotImplemented
    shape = adaptive_shape(value.shape, bound.get("output_size"))
    return NotImplemented if shape is None else torch.empty(shape, dtype=value.dtype, device="meta")


def adaptive_shape(shape: Sequence[int], size: Any) -> Shape | None:
    """The map (…, height, width) that adaptive pooling gives; None where that is not certain.

    Example:
        >>> adaptive_shape((1, 8, 7, 7), (1, None))
        (1, 8, 1, 7)
    """
    sizes = tuple(size) if isinstance(size, tuple | list) else (size, size)
    if 0 in shape or len(sizes) != 2 or not all(n is None or (type(n) is int and n > 0) for n in sizes):
        return None
    height, width = sizes
    return (*shape[:-2], shape[-2] if height is None else height, shape[-1] if width is None else width)


def _linear(bound: Mapping[str, Any]) -> Any:
    value, weight, bias = bound.get("input"), bound.get("weight"), bound.get("bias")
    if not (isinstance(value, Tensor) and isinstance(weight, Tensor) and value.is_floating_point()):
        return NotImplemented
    rows, wide = value.shape, weight.shape
    if len(wide) != 2 or not rows or rows[-1] != wide[1] or value.dtype != weight.dtype:
        return NotImplemented
    if bias is not None and bias.shape != wide[:1]:
        return NotImplemented
    return torch.empty((*rows[:-1], wide[0]), dtype=value.dtype, device="meta")


def _pair(value: Any) -> tuple[int, int] | None:
    if type(value) is int:
        return value, value
    if isinstance(value, tuple | list) and len(value) == 2 and type(value[0]) is int and type(value[1]) is int:
        return value[0], value[1]
    return None


def _laid_out(value: Tensor, shape: tuple[int, ...]) -> Tensor:
    """A new tensor in the memory layout that windows keep: channels last where the map already is."""
    if not value.is_contiguous() and value.is_contiguous(memory_format=torch.channels_last):
        return torch.empty(shape, dtype=value.dtype, device="meta", memory_format=torch.channels_last)
    return torch.empty(shape, dtype=value.dtype, device="meta")


def _conv2d(bound: Mapping[str, Any]) -> Any:
    value, weight, groups = bound.get("input"), bound.get("weight"), bound.get("groups", 1)
    stride, padding, dilation = (_pair(bound.get(n, d)) for n, d in (("stride", 1), ("padding", 0), ("dilation", 1)))
    if not (isinstance(value, Tensor) and isinstance(weight, Tensor) and stride and padding and dilation):
        return NotImplemented
    if value.dim() != 4 or value.dtype != weight.dtype:
        return NotImplemented
    shape = convolution_shape(value.shape, weight.shape, stride, padding, dilation, groups)
    if shape is None:
        return NotImplemented
    if min(shape) < 1:
        raise RuntimeError(_TOO_SMALL)
    return _laid_out(value, shape)


def convolution_shape(
    batch: Sequence[int], weight: Sequence[int], stride: Shape, padding: Shape, dilation: Shape, groups: int
) -> Shape | None:
    """The map that a convolution gives, in any number of dimensions; None where the arguments do not fit each other.

    A size below 1 says that the window is larger than the padded map.

    Example:
        >>> convolution_shape((1, 3, 224, 224), (64, 3, 7, 7), (2, 2), (3, 3), (1, 1), 1)
        (1, 64, 112, 112)
    """
    if len(batch) != len(weight) or batch[1] != weight[1] * groups or weight[0] % groups or 0 in batch:
        return None
    if not len(batch) - 2 == len(stride) == len(padding) == len(dilation):
        return None
    if min(stride) < 1 or min(dilation) < 1 or min(padding) < 0:
        return None
    return (batch[0], weight[0], *map(windows.fits, batch[2:], weight[2:], stride, padding, dilation))


def _other_conv(bound: Mapping[str, Any]) -> Any:
    """PyTorch answers, but for a map that is too small: up to torch 2.6 its meta device lets it pass with no cells."""
    value, weight, padding = bound.get("input"), bound.get("weight"), bound.get("padding", 0)
    if isinstance(value, Tensor) and isinstance(weight, Tensor) and not isinstance(padding, str):
        kernel = tuple(weight.shape[2:])
        each = (n if isinstance(n, tuple | list) else [n] * 3 for n in (padding, bound.get("dilation", 1)))
        cells = zip(value.shape[-len(kernel) :], kernel, *each, strict=False)
        if value.dim() > len(kernel) and any(n + 2 * p < d * (k - 1) + 1 for n, k, p, d in cells):
            raise RuntimeError(_TOO_SMALL)
    return NotImplemented


def _embedding(bound: Mapping[str, Any]) -> Any:
    """PyTorch answers, but for floats: up to torch 2.11 its meta device takes them as rows' numbers."""
    rows = bound.get("input")
    if isinstance(rows, Tensor) and rows.is_floating_point():
        raise RuntimeError("Expected tensor for argument #1 'indices' to have one of the scalar types: Long, Int")
    return NotImplemented


def _pool(bound: Mapping[str, Any]) -> Any:
    value = bound.get("input")
    if not isinstance(value, Tensor) or not value.is_floating_point() or bound.get("return_indices"):
        return NotImplemented
    shape = pooled_shape(value.shape, bound)
    return NotImplemented if shape is None else _laid_out(value, shape)


def pooled_shape(shape: Sequence[int], bound: Mapping[str, Any]) -> Shape | None:
    """The map that max or average pooling gives; None where that is not certain, or the window does not fit.

    Args:
        shape: (B, C, H, W).
        bound: kernel_size, stride, padding, dilation, ceil_mode.

    Example:
        >>> pooled_shape((1, 64, 112, 112), {"kernel_size": 3, "stride": 2, "padding": 1})
        (1, 64, 56, 56)
    """
    if len(shape) != 4 or 0 in shape:
        return None
    kernel, padding = _pair(bound.get("kernel_size")), _pair(bound.get("padding", 0))
    dilation = _pair(bound.get("dilation", 1))
    stride = _pair(bound.get("stride") or kernel)
    if not (kernel and stride and padding and dilation) or min(*kernel, *stride, *dilation) < 1:
        return None
    if padding[0] * 2 > kernel[0] or padding[1] * 2 > kernel[1] or min(padding) < 0:
        return None
    ceil = bool(bound.get("ceil_mode"))
    height = windows.fits(shape[2], kernel[0], stride[0], padding[0], dilation[0], ceil=ceil)
    width = windows.fits(shape[3], kernel[1], stride[1], padding[1], dilation[1], ceil=ceil)
    return (*shape[:2], height, width) if height > 0 and width > 0 else None


def _cat(bound: Mapping[str, Any]) -> Any:
    parts = bound.get("tensors")
    if not isinstance(parts, tuple | list) or not parts or bound.get("dim", 0) != 1:
        return NotImplemented
    channels, dtype, first, rest = 0, None, 0, None
    for part in parts:
        if not isinstance(part, Tensor):
            return NotImplemented
        shape = part.shape
        if rest is None and len(shape) > 1:
            dtype, first, rest = part.dtype, shape[0], shape[2:]
        if len(shape) < 2 or shape[0] != first or shape[2:] != rest or part.dtype != dtype or not part.is_contiguous():
            return NotImplemented
        channels += shape[1]
    return torch.empty((first, channels, *(rest or ())), dtype=dtype, device="meta")


_POINTWISE_TEXT = """
    relu relu6 hardtanh hardswish hardsigmoid silu gelu sigmoid tanh elu selu leaky_relu mish softplus dropout dropout2d
    local_response_norm
"""
#: Functions that keep a map's size, and work in place where they are told to.
POINTWISE = frozenset(_POINTWISE_TEXT.split())
KERNELS: dict[str, Kernel] = {
    **dict.fromkeys(POINTWISE, _same),
    **dict.fromkeys(("relu_", "sigmoid_", "tanh_", "bernoulli_", "normal_", "uniform_", "fill_", "zero_"), _in_place),
    **dict.fromkeys(("add", "sub", "mul", "div"), _binary),
    **dict.fromkeys(("add_", "sub_", "mul_", "div_"), _binary_in_place),
    "batch_norm": _batch_norm,
    "layer_norm": _layer_norm,
    "conv2d": _conv2d,
    "conv1d": _other_conv,
    "conv3d": _other_conv,
    "embedding": _embedding,
    "linear": _linear,
    "max_pool2d": _pool,
    "avg_pool2d": _pool,
    "cat": _cat,
    "adaptive_avg_pool2d": _adaptive_pool,
    "adaptive_max_pool2d": _adaptive_pool,
}


# -- autocast ---------------------------------------------------------------------------------------------------------
def answer_under_autocast(func: Callable[..., Any], args: Any, kwargs: Mapping[str, Any], device: str) -> Any:
    """What a function answers inside ``torch.autocast(device)``, which leaves tensors on the meta device alone.

    PyTorch's fake tensors have no memory either, but say that they are on ``device``, so autocast casts them by its own
    lists. NotImplemented where the answer is a view of an argument: no number is computed, and none is cast.
    """
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode():
        fakes: dict[int, Tensor] = {}  # id of an argument: its stand-in
        originals: dict[int, Tensor] = {}

        def faked(tensor: Tensor) -> Tensor:
            if id(tensor) not in fakes:
                fake = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device=device)
                fakes[id(tensor)], originals[id(fake)] = fake, tensor
            return fakes[id(tensor)]

        result = func(*_mapped(args, faked), **_mapped(dict(kwargs), faked))
        given = {fake.untyped_storage()._cdata for fake in fakes.values()}
        outputs = [output for output in _tensors_in(result) if id(output) not in originals]
        if any(output.untyped_storage()._cdata in given for output in outputs):
            return NotImplemented
    return _mapped(result, lambda fake: originals[id(fake)] if id(fake) in originals else _meta(fake))


def _meta(fake: Tensor) -> Tensor:
    return torch.empty_strided(fake.shape, fake.stride(), dtype=fake.dtype, device="meta")


def _mapped(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """A nest with every tensor changed."""
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, dict):
        return {key: _mapped(item, change) for key, item in value.items()}
    if isinstance(value, tuple | list):
        items = [_mapped(item, change) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    return value


def _tensors_in(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _tensors_in(item)
