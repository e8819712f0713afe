"""VGG from a list of tokens, a *cfg*: read it, build a network from it, and see what each of its tokens adds.

Simonyan and Zisserman, "Very deep convolutional networks for large-scale image recognition", ICLR 2015, table 1:
https://arxiv.org/abs/1409.1556. Torchvision has columns A, B, D and E (vgg11, 13, 16, 19); A-LRN and C are built here.
The class is torchvision's own ``VGG``, and its state dicts fit. ``course_lib.drawing`` has the pictures.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from numbers import Integral
from typing import Any

import torch
from torch import nn
from torchvision.models import VGG

from course_lib.errors import CourseError
from course_lib.tracing.ops import Op
from course_lib.tracing.result import Trace, TraceError
from course_lib.tracing.tracer import trace

__all__ = ["COLUMNS", "PAPER_ERRORS", "CfgError", "Step", "Token", "build", "make_layers", "read_cfg", "steps"]

# -- reading a cfg ----------------------------------------------------------------------------------------------------
#: 64: a 3×3 convolution to 64 channels and a ReLU; "conv1-256": the same, 1×1; "M": 2×2 max pooling; "LRN": AlexNet's
#: local response normalisation.
Token = int | str


class CfgError(CourseError, ValueError):
    """A cfg that cannot be read or built; the sentence names the token and its position."""


#: Simonyan and Zisserman's table 1 (https://arxiv.org/abs/1409.1556), without the three linear layers.
COLUMNS: dict[str, tuple[Token, ...]] = {
    "A": (64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"),
    "A-LRN": (64, "LRN", "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"),
    "B": (64, 64, "M", 128, 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"),
    "C": (64, 64, "M", 128, 128, "M", 256, 256, "conv1-256", "M", 512, 512, "conv1-512", "M",
          512, 512, "conv1-512", "M"),
    "D": (64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M"),
    "E": (64, 64, "M", 128, 128, "M", 256, 256, 256, 256, "M", 512, 512, 512, 512, "M", 512, 512, 512, 512, "M"),
}  # fmt: skip

#: Top-1 error of each column, a percentage, on ImageNet's validation pictures, trained and tested at one scale
#: (S = Q = 256): the paper's table 3.
PAPER_ERRORS: dict[str, float] = {"A": 29.6, "A-LRN": 29.7, "B": 28.7, "C": 28.1, "D": 27.0, "E": 27.3}

_MOST_CHANNELS = 4096  # a single 3×3 convolution from 4096 to 4096 channels takes 600 MB
_MOST_TOKENS = 200
_KNOWN = "a number of channels such as 64, M (max pooling), LRN, or conv1-256 (a 1×1 convolution)"


def read_cfg(cfg: str | Sequence[Any]) -> tuple[Token, ...]:
    """Read a cfg in any of the forms in which people write it.

    Args:
        cfg: a column's name ("D"); a line of tokens, with commas or spaces, in brackets and quotes or without; or a
            list of tokens. The paper's spellings conv3-64 and maxpool are understood, and so are small letters.

    Raises:
        CfgError: it is empty, or it holds something that is not a token; the sentence says what and where.

    Example:
        >>> read_cfg("[64, 'M', conv3-128, m]"), read_cfg([8, "conv1-8"])
        ((64, 'M', 128, 'M'), (8, 'conv1-8'))
        >>> read_cfg("64, M, 12B")
        Traceback (most recent call last):
        course_lib.networks.vgg.CfgError: Token 3, '12B', isn't a token: write a number of channels such as 64,
        M (max pooling), LRN, or conv1-256 (a 1×1 convolution).
    """
    if isinstance(cfg, str):
        if cfg.strip().upper() in COLUMNS:
            return COLUMNS[cfg.strip().upper()]
        given: list[Any] = [word for word in re.split(r"[\s,;]+", re.sub(r"[\[\](){}'\"]", " ", cfg)) if word]
    elif isinstance(cfg, Sequence) and not isinstance(cfg, bytes | bytearray):
        given = list(cfg)
    else:
        raise CfgError(f"A cfg is a list of tokens or a line such as '64, M, 128, M', not {type(cfg).__name__}.")
    if not given:
        raise CfgError("The cfg is empty: give at least one token, such as 64 (a 3×3 convolution to 64 channels).")
    if len(given) > _MOST_TOKENS:
        raise CfgError(f"The cfg has {len(given)} tokens; {_MOST_TOKENS} are the most that are built here.")
    return tuple(_token(token, position) for position, token in enumerate(given, 1))


def _token(given: Any, position: int) -> Token:
    kernel, number, name = 3, given, f"Token {position}, {_short(repr(given))}"
    if isinstance(given, str):
        word = given.strip().upper()
        if word in ("M", "MAXPOOL"):
            return "M"
        if word == "LRN":
            return "LRN"
        match = re.fullmatch(r"(?:CONV([0-9]{1,3})-)?([+-]?[0-9]{1,9})", word)
        if not match:
            joined = re.fullmatch(r"([0-9]{1,4})(M|LRN)", word)
            raise CfgError(
                f"{name}, is two tokens in one: write {joined[1]}, {joined[2]}."
                if joined
                else f"{name}, isn't a token: write {_KNOWN}."
            )
        kernel, number = int(match[1] or 3), int(match[2])
    if isinstance(number, bool) or not isinstance(number, Integral):
        if isinstance(number, float):
            whole = f": write {int(number)}" if number.is_integer() else ""
            raise CfgError(f"{name}, isn't a whole number, and channels are counted{whole}.")
        raise CfgError(f"{name}, isn't a token: write {_KNOWN}.")
    number = int(number)
    if kernel not in (1, 3):
        raise CfgError(
            f"{name}, asks for a {kernel}×{kernel} convolution: a cfg has 3×3 ones, written "
            f"{number}, and 1×1 ones, written conv1-{number}."
        )
    if number < 1:
        raise CfgError(f"{name}: a convolution gives at least 1 channel, not {number}.")
    if number > _MOST_CHANNELS:
        raise CfgError(f"{name}: {_MOST_CHANNELS} channels are the most that are built here.")
    return number if kernel == 3 else f"conv1-{number}"


def _short(word: str) -> str:
    return word if len(word) <= 40 else f"{word[:38]}…"


def _width_of(token: Token) -> int:
    """The channels that a convolution's token asks for; 0 for a token that keeps them.

    Example:
        >>> _width_of(64), _width_of("conv1-256"), _width_of("M")
        (64, 256, 0)
    """
    return token if isinstance(token, int) else int(token.partition("-")[2] or 0)


# -- building a network -----------------------------------------------------------------------------------------------
def make_layers(cfg: str | Sequence[Any], *, in_channels: int = 3, batch_norm: bool = False) -> nn.Sequential:
    """The convolutional part, with the same layer numbers as torchvision's.

    Args:
        cfg: tokens, a line of them, or a column's name.
        in_channels: of the picture.
        batch_norm: whether there is a batch normalisation between each convolution and its ReLU.

    Returns:
        A network (B, in_channels, H, W) → (B, C, H / 2ᵖ, W / 2ᵖ) for p pools, rounded down at each of them.

    Raises:
        CfgError: the cfg cannot be read, or ``in_channels`` is below 1.

    Example:
        >>> make_layers("64 M 128")
        Sequential(
          (0): Conv2d(3, 64, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))
          (1): ReLU(inplace=True)
          (2): MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)
          (3): Conv2d(64, 128, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))
          (4): ReLU(inplace=True)
        )
    """
    _at_least_one("in_channels", in_channels)
    return nn.Sequential(*chain.from_iterable(_layers(read_cfg(cfg), in_channels, batch_norm)))


def _layers(tokens: Sequence[Token], in_channels: int, batch_norm: bool) -> list[list[nn.Module]]:
    """The layers of each token."""
    layers = []
    for token in tokens:
        layers.append(_layers_of(token, in_channels, batch_norm))
        in_channels = _width_of(token) or in_channels
    return layers


def _layers_of(token: Token, in_channels: int, batch_norm: bool) -> list[nn.Module]:
    if token == "M":
        return [nn.MaxPool2d(kernel_size=2, stride=2)]
    if token == "LRN":
        # Krizhevsky et al. 2012, section 3.3: 1e-4 for each of 5 channels; torch's alpha is for all of them together.
        return [nn.LocalResponseNorm(5, alpha=5 * 1e-4, beta=0.75, k=2.0)]
    out_channels, kernel = _width_of(token), _kernel_of(token)
    conv = nn.Conv2d(in_channels, out_channels, kernel_size=kernel, padding=kernel // 2)
    return [conv, *([nn.BatchNorm2d(out_channels)] if batch_norm else []), nn.ReLU(inplace=True)]


def _kernel_of(token: Token) -> int:
    """The side of a convolution's kernel."""
    return 3 if isinstance(token, int) else 1


def build(
    column_or_cfg: str | Sequence[Any],
    *,
    batch_norm: bool = False,
    num_classes: int = 1000,
    hidden: int = 4096,
    dropout: float = 0.5,
    init_weights: bool = True,
) -> VGG:
    """A whole network: the layers of a cfg, torchvision's 7×7 adaptive pool, and three linear layers.

    After the same ``torch.manual_seed`` its weights are torchvision's own to the bit. Inside ``torch.device("meta")``
    it takes neither memory nor time.

    Args:
        column_or_cfg: "A" to "E", or a cfg of your own.
        batch_norm: as in vgg11_bn, vgg13_bn, vgg16_bn and vgg19_bn.
        num_classes, hidden: the widths of the last linear layer and of the two before it.
        dropout: after each of those two.
        init_weights: whether the weights are initialised as in torchvision (kaiming for convolutions, N(0, 0.01) for
            linear layers); otherwise PyTorch's defaults stay.

    Raises:
        CfgError: the cfg cannot be read, or a width is below 1.

    Example:
        >>> with torch.device("meta"):
        ...     sum(p.numel() for p in build("C").parameters())
        133638952
    """
    for name, number in (("num_classes", num_classes), ("hidden", hidden)):
        _at_least_one(name, number)
    features = make_layers(column_or_cfg, batch_norm=batch_norm)
    last = next((layer.out_channels for layer in reversed(features) if isinstance(layer, nn.Conv2d)), 3)
    with torch.device("meta"):  # without memory: the constructor's own head, 124 million numbers, is replaced below
        model = VGG(nn.Sequential(), init_weights=False)
    model.features = features
    model.classifier = nn.Sequential(
        nn.Linear(last * 7 * 7, hidden),
        nn.ReLU(True),
        nn.Dropout(p=dropout),
        nn.Linear(hidden, hidden),
        nn.ReLU(True),
        nn.Dropout(p=dropout),
        nn.Linear(hidden, num_classes),
    )
    if init_weights:
        _initialise(model)
    return model


def _initialise(model: nn.Module) -> None:
    """The initialisation of torchvision's VGG, in the same order."""
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.constant_(layer.weight, 1)
        elif isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, 0, 0.01)
        else:
            continue
        if layer.bias is not None:
            nn.init.constant_(layer.bias, 0)


# -- what each token adds ---------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Step:
    """What one token does.

    Attributes:
        number: its position in the cfg, from 1.
        token: 64, "M", "LRN", "conv1-256".
        added: the layers, as PyTorch prints them.
        in_channels: channels of its input.
        shape: (channels, height, width) after it.
        parameters, macs: of this token alone; multiply-adds in torchvision's convention.
        total_parameters, total_macs: of all tokens so far.
        field: the side of the square of the picture that one cell sees, in pixels.
        why: where the shape and the parameters come from, with the numbers in it.
    """

    number: int
    token: Token
    added: tuple[str, ...]
    in_channels: int
    shape: tuple[int, int, int]
    parameters: int
    macs: int
    total_parameters: int
    total_macs: int
    field: int
    why: str


def steps(
    cfg: str | Sequence[Any], input_size: tuple[int, int, int] = (3, 224, 224), *, batch_norm: bool = False
) -> tuple[Step, ...]:
    """What each token of a cfg adds, from a trace of the layers.

    Args:
        cfg: tokens, a line of them, or a column's name.
        input_size: (channels, height, width) of the picture.
        batch_norm: as for ``make_layers``.

    Raises:
        CfgError: the cfg cannot be read, or the map gets too small for a pool; the sentence names the token.
        TraceError: ``input_size`` is not a size.

    Example:
        >>> last = steps("A")[-1]
        >>> last.token, last.shape, f"{last.total_parameters:,}", last.field
        ('M', (512, 7, 7), '9,220,480', 150)
        >>> steps("64 M")[1].why
        '2×2 max pooling, stride 2: ⌊(224 − 1·(2−1) − 1) / 2⌋ + 1 = 112; 64 channels as before, no parameters.'
    """
    tokens = read_cfg(cfg)
    if not isinstance(input_size, tuple | list) or len(input_size) != 3:
        raise TraceError(f"input_size={input_size!r}: write it as (channels, height, width), such as (3, 224, 224).")
    with torch.device("meta"):
        layers = _layers(tokens, max(1, int(input_size[0])), batch_norm)
    owner = [k for k, own in enumerate(layers) for _ in own]
    try:
        run = trace(nn.Sequential(*chain.from_iterable(layers)), tuple(input_size), mode="eval")
    except TraceError as error:
        if error.trace is None or not (error.where or "").isdigit():
            raise
        raise _too_small(tokens, owner[int(error.where or 0)], error.trace) from error
    result: list[Step] = []
    channels, parameters, macs = int(input_size[0]), 0, 0
    for k, token in enumerate(tokens):
        ops = [op for op in run.ops if owner[int(op.path)] == k]
        own_parameters, own_macs = sum(op.parameters for op in ops), sum(op.macs for op in ops)
        parameters, macs = parameters + own_parameters, macs + own_macs
        _, c, h, w = ops[-1].output
        added = tuple(map(repr, layers[k]))
        field = ops[-1].field
        side = max(field.size) if field is not None else 0
        why = _why(ops, token, channels, own_parameters)
        result.append(
            Step(k + 1, token, added, channels, (c, h, w), own_parameters, own_macs, parameters, macs, side, why)
        )
        channels = c
    return tuple(result)


def _why(ops: list[Op], token: Token, channels: int, parameters: int) -> str:
    if token == "M":
        *_, h, w = ops[0].inputs[0]
        odd = " and ".join(name for name, n in (("row", h), ("column", w)) if n % 2)
        drop = f" (the last {odd} sees no window)" if odd else ""
        return f"2×2 max pooling, stride 2: {ops[0].formula}{drop}; {channels} channels as before, no parameters."
    if token == "LRN":
        return "Local response normalisation divides by the neighbouring channels: the shape stays, no parameters."
    width, k = _width_of(token), _kernel_of(token)
    norm = f" + 2·{width} (batch norm)" if parameters > width * (channels * k * k + 1) else ""
    return (
        f"{k}×{k} convolution, padding {k // 2}: {ops[0].formula}; {width} kernels over {channels} channels: "
        f"{k}·{k}·{channels}·{width} + {width}{norm} = {parameters:,} parameters."
    )


def _too_small(tokens: tuple[Token, ...], k: int, run: Trace) -> CfgError:
    """An error that names the pool, token ``k``, for which the map had become too small."""
    *_, h, w = run.ops[-1].output if run.ops else run.sizes[0]
    which = f"{_ordinal(tokens[: k + 1].count('M'))} M" if tokens[k] == "M" else repr(tokens[k])
    *_, height, width = run.sizes[0]
    return CfgError(
        f"The {which} (token {k + 1} of {len(tokens)}) gets a map of {h}×{w}, and a 2×2 pool needs 2×2: take an M "
        f"away, or give a larger picture than {height}×{width}."
    )


def _ordinal(n: int) -> str:
    """The n-th as a word.

    Example:
        >>> _ordinal(5), _ordinal(21)
        ('fifth', '21st')
    """
    words = ("", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
    if 0 < n < len(words):
        return words[n]
    teen = n % 100 // 10 == 1
    return f"{n}{'th' if teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(n % 10, 'th')}"


def _at_least_one(name: str, number: int) -> None:
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise CfgError(f"{name}={number!r}: give a whole number, 1 or more.")
