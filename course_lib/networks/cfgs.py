"""Cfgs, the lists of tokens that VGG networks are made from: the paper's six columns, and a parser for a learner's own.

``course_lib.networks.vgg`` builds networks from them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from numbers import Integral
from typing import Any

from course_lib.errors import CourseError

__all__ = ["COLUMNS", "CfgError", "Token", "read_cfg", "width_of"]

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
        course_lib.networks.cfgs.CfgError: Token 3, '12B', is none: write a number of channels such as 64,
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
                else f"{name}, is none: write {_KNOWN}."
            )
        kernel, number = int(match[1] or 3), int(match[2])
    if isinstance(number, bool) or not isinstance(number, Integral):
        if isinstance(number, float):
            whole = f": write {int(number)}" if number.is_integer() else ""
            raise CfgError(f"{name}, is no whole number, and channels are counted{whole}.")
        raise CfgError(f"{name}, is none: write {_KNOWN}.")
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


def width_of(token: Token) -> int:
    """The channels that a convolution's token asks for; 0 for a token that keeps them.

    Example:
        >>> width_of(64), width_of("conv1-256"), width_of("M")
        (64, 256, 0)
    """
    return token if isinstance(token, int) else int(token.partition("-")[2] or 0)
