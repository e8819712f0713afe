"""PyTorch's functions as the recorder meets them: their plain names, their arguments' names, how each is treated.

Modules call most functions by position, and many of those are built in and have no signature that Python can read; so
the names of arguments, by which an op's settings can be read, are listed here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from course_lib.tracing.meta_kernels import FACTORIES, KERNELS, Kernel

__all__ = ["LOOKS", "Treatment", "bind", "kind_of", "treatment"]

_CONV = "input weight bias stride padding dilation groups"
_CONV_TRANSPOSED = "input weight bias stride padding output_padding groups dilation"
_MAX_POOL = "input kernel_size stride padding dilation ceil_mode return_indices"
_AVG_POOL = "input kernel_size stride padding ceil_mode count_include_pad divisor_override"
_MHA = (
    "query key value embed_dim_to_check num_heads in_proj_weight in_proj_bias bias_k bias_v add_zero_attn dropout_p "
    "out_proj_weight out_proj_bias training key_padding_mask need_weights attn_mask"
)
_CONVOLUTION = "input weight bias stride padding dilation transposed output_padding groups"
_RECURRENTS = ("lstm", "gru", "rnn_tanh", "rnn_relu")
_RECURRENT = "input hx params has_biases num_layers dropout training bidirectional batch_first"
_PACKED = "input batch_sizes hx params has_biases num_layers dropout training bidirectional"
_CELL = "input hx weight_ih weight_hh bias_ih bias_hh"
_QUANTIZED = """
    conv1d conv2d conv3d conv1d_relu conv2d_relu conv3d_relu linear linear_relu linear_dynamic linear_relu_dynamic
    linear_dynamic_fp16
"""
#: The first argument is added to the product of the others.
_ADDED = ("addmm", "baddbmm", "addmv", "addbmm", "addr")
_SIGNATURES = {
    **{f"conv{n}d": _CONV for n in (1, 2, 3)},
    **{f"conv_transpose{n}d": _CONV_TRANSPOSED for n in (1, 2, 3)},
    **{f"max_pool{n}d": _MAX_POOL for n in (1, 2, 3)},
    **{f"avg_pool{n}d": _AVG_POOL for n in (1, 2, 3)},
    **{f"adaptive_{way}_pool{n}d": "input output_size return_indices" for way in ("avg", "max") for n in (1, 2, 3)},
    **dict.fromkeys(("add", "sub", "mul", "div", "matmul", "bmm", "mm", "pow", "maximum", "minimum"), "input other"),
    **dict.fromkeys(("relu", "relu6", "hardswish", "hardsigmoid", "silu", "mish", "selu"), "input inplace"),
    **dict.fromkeys(("dropout", "dropout1d", "dropout2d", "dropout3d"), "input p training inplace"),
    "hardtanh": "input min_val max_val inplace",
    "elu": "input alpha inplace",
    "leaky_relu": "input negative_slope inplace",
    "batch_norm": "input running_mean running_var weight bias training momentum eps",
    "layer_norm": "input normalized_shape weight bias eps",
    "group_norm": "input num_groups weight bias eps",
    "linear": "input weight bias",
    **dict.fromkeys(_ADDED, "bias input other"),
    **dict.fromkeys(("mv", "dot", "vdot", "outer", "ger", "inner", "linalg_vecdot", "linalg_matmul"), "input other"),
    **dict.fromkeys(("_int_mm", "_scaled_mm"), "input other"),
    "rmatmul": "other input",
    "tensordot": "input other dims",
    "matrix_power": "input n",
    "linalg_matrix_power": "input n",
    "bilinear": "input other weight bias",
    "conv_tbc": "input weight bias pad",
    "convolution": _CONVOLUTION,
    "_convolution": _CONVOLUTION,
    "deform_conv2d": "input weight offset mask bias",
    **dict.fromkeys(_RECURRENTS, _RECURRENT),
    **dict.fromkeys(("lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell"), _CELL),
    **{f"quantized::{kind}": "input packed" for kind in _QUANTIZED.split()},
    "affine_grid": "input size align_corners",
    "embedding": "input weight padding_idx",
    "flatten": "input start_dim end_dim",
    "unflatten": "input dim sizes",
    "cat": "tensors dim",
    "stack": "tensors dim",
    "chunk": "input chunks dim",
    "split": "input split_size dim",
    "softmax": "input dim",
    "normalize": "input p dim",
    "mean": "input dim keepdim",
    "sum": "input dim keepdim",
    "amax": "input dim keepdim",
    "transpose": "input dim0 dim1",
    "swapaxes": "input dim0 dim1",
    "unsqueeze": "input dim",
    "squeeze": "input dim",
    "getitem": "input index",
    "setitem": "input index value",
    "pad": "input pad mode value",
    "roll": "input shifts dims",
    "clamp": "input min max",
    "interpolate": "input size scale_factor mode align_corners",
    "einsum": "equation operands",
    "scaled_dot_product_attention": "query key value attn_mask dropout_p is_causal",
    "multi_head_attention_forward": _MHA,
}
_NAMES = {kind: tuple(text.split()) for kind, text in _SIGNATURES.items()}
_PACKED_NAMES = tuple(_PACKED.split())
_SPREAD = {"view": "shape", "reshape": "shape", "permute": "dims", "expand": "sizes", "repeat": "sizes"}
_OTHER_WORDS = {"iadd": "add_", "isub": "sub_", "imul": "mul_", "itruediv": "div_", "idiv": "div_", "truediv": "div",
                "radd": "add", "rsub": "rsub", "rmul": "mul", "rdiv": "rdiv", "rtruediv": "rdiv", "ipow": "pow_",
                "_softmax": "softmax", "concat": "cat", "concatenate": "cat", "true_divide": "div",
                "multiply": "mul", "subtract": "sub", "absolute": "abs", "adaptive_max_pool2d_with_indices":
                "adaptive_max_pool2d", "max_pool2d_with_indices": "max_pool2d"}  # fmt: skip
_CONVERSIONS_TEXT = """
    float int bool index complex len contains iter repr hash format array set delete reversed array_wrap dlpack deepcopy
    reduce_ex setstate
"""
# No tensor functions, though one of the same name may exist: x.float()
_CONVERSIONS = frozenset(f"__{name}__" for name in _CONVERSIONS_TEXT.split())
_SAME_ARGUMENT = {"self": "input", "mat2": "other", "vec": "other", "vec2": "other", "tensor": "other", "tensor2":
                  "other", "x": "input", "y": "other", "input1": "input", "input2": "other", "axis": "dim",
                  "axis0": "dim0", "axis1": "dim1"}  # fmt: skip
#: Where the first argument, called input, is added to a product.
_SAME_ARGUMENT_ADDED = {"input": "bias", "self": "bias", "mat": "input", "mat1": "input", "batch1": "input", "vec1":
                        "input", "mat2": "other", "batch2": "other", "vec": "other", "vec2": "other"}  # fmt: skip


#: Libraries whose kernels do what the function of the same name does.
_PYTORCHS = ("aten::", "prims::", "torchvision::")


def kind_of(func: Callable[..., Any]) -> str:
    """The plain name of a torch function: ``conv2d``, ``add_`` (in place), ``getitem``, ``T``.

    A kernel that is registered with ``torch.library`` has its library in front, such as ``quantized::linear``.

    Example:
        >>> import torch
        >>> kind_of(torch.nn.functional.relu), kind_of(torch.Tensor.__getitem__), kind_of(torch.Tensor.T.__get__)
        ('relu', 'getitem', 'T')
    """
    func = getattr(func, "overloadpacket", func)  # torch.ops.aten.mm.default
    own = str(getattr(func, "_qualified_op_name", ""))
    if own and not own.startswith(_PYTORCHS):
        return own
    name = str(getattr(func, "__name__", func))
    if name == "__get__":
        name = str(getattr(getattr(func, "__self__", None), "__name__", name))
    if name.startswith("__") and name.endswith("__") and name not in _CONVERSIONS:
        name = name[2:-2]
    return _OTHER_WORDS.get(name, name)


def bind(kind: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments by name.

    Example:
        >>> bind("flatten", ("x", 1), {})
        {'input': 'x', 'start_dim': 1}
        >>> bind("view", ("x", 1, -1), {})
        {'input': 'x', 'shape': (1, -1)}
    """
    plain = kind.rstrip("_")
    bound: dict[str, Any] = {}
    if plain in _SPREAD:
        if args:
            bound["input"] = args[0]
        if len(args) > 1:
            bound[_SPREAD[plain]] = args[1] if isinstance(args[1], tuple | list) else tuple(args[1:])
    elif plain == "einsum":
        bound["equation"] = args[0]
        bound["operands"] = args[1] if len(args) > 1 and isinstance(args[1], tuple | list) else tuple(args[1:])
    else:
        names = _NAMES.get(plain, ("input",))
        if plain in _RECURRENTS and len(args) > 3 and isinstance(args[3], tuple | list):
            names = _PACKED_NAMES
        bound = dict(zip(names, args, strict=False))
        for place in range(len(names), len(args)):
            bound[f"argument {place}"] = args[place]
    same = _SAME_ARGUMENT_ADDED if plain in _ADDED else _SAME_ARGUMENT
    for name, value in kwargs.items():
        bound[same.get(name, name)] = value
    return bound


# -- how each function is treated -------------------------------------------------------------------------------------
# Asked about a tensor, they compute nothing.
_QUESTIONS_TEXT = """
    size dim numel nelement ndimension stride is_floating_point is_complex is_contiguous storage_offset _assert item
    tolist data_ptr get_device element_size requires_grad_ numpy is_same_size is_tensor shape device dtype
    is_nonzero untyped_storage is_storage is_pinned is_shared is_cuda ndim layout names requires_grad is_leaf
    grad_fn grad is_quantized is_sparse is_meta is_cpu is_nested itemsize nbytes output_nr retains_grad _version
    equal allclose __float__ __int__ __bool__ __index__ __complex__ __len__ __contains__ __repr__ __hash__
    __format__ __array__ __set__ __delete__ __deepcopy__ __reduce_ex__
"""
_QUESTIONS = frozenset(_QUESTIONS_TEXT.split())
_SAME_NUMBERS = frozenset({"detach", "data", "detach_", "cpu", "cuda", "pin_memory", "alias"})
#: Functions that may answer with the same memory, looked at differently.
_LOOKS_TEXT = """
    view reshape flatten permute transpose swapaxes t T mT squeeze unsqueeze expand chunk split unbind getitem
    narrow select contiguous to float half unflatten view_as expand_as movedim dropout
"""
LOOKS = frozenset(_LOOKS_TEXT.split())


@dataclass(frozen=True, slots=True)
class Treatment:
    """How the recorder treats a function.

    Attributes:
        kind: its plain name.
        question: it asks something about a tensor and computes nothing, so it isn't an op.
        same: it gives the same numbers once more, perhaps on another device, so it isn't an op.
        factory: it makes a tensor from nothing.
        kernel: our own answer on the meta device, where there is one.
    """

    kind: str
    question: bool
    same: bool
    factory: bool
    kernel: Kernel | None


_known: dict[Any, Treatment] = {}


def treatment(func: Callable[..., Any]) -> Treatment:
    """How to treat a function; looked up once."""
    if (known := _known.get(func)) is not None:
        return known
    kind = kind_of(func)
    known = Treatment(kind, kind in _QUESTIONS, kind in _SAME_NUMBERS, kind in FACTORIES, KERNELS.get(kind))
    return _known.setdefault(func, known)
