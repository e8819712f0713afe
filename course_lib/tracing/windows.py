"""The arithmetic of a sliding window in one dimension: n cells, kernel k, stride s, padding p, dilation d.

Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", https://arxiv.org/abs/1603.07285. Integers
in, integers and a line of text out; nothing here knows about tensors.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Step", "adaptive", "fits", "slide", "transposed"]


@dataclass(frozen=True, slots=True)
class Step:
    """One dimension's answer.

    Attributes:
        size: cells that come out; below 1 when the window does not fit.
        text: the formula with the numbers in it.
        note: what happens at the border, a sentence, or "".
    """

    size: int
    text: str
    note: str = ""


def fits(n: int, k: int, s: int, p: int = 0, d: int = 1, *, ceil: bool = False) -> int:
    """How many windows fit: the size that ``slide`` explains; 0 or less when none does.

    Example:
        >>> fits(224, 7, 2, 3), fits(112, 3, 2, ceil=True), fits(1, 3, 2)
        (112, 56, 0)
    """
    free = n + 2 * p - d * (k - 1) - 1
    if not ceil:
        return free // s + 1
    size = -(-free // s) + 1
    return size - 1 if (size - 1) * s >= n + p else size


def slide(n: int, k: int, s: int, p: int = 0, d: int = 1, *, ceil: bool = False, after: int | None = None) -> Step:
    """Convolution and pooling: ⌊(n + 2p − d(k−1) − 1) / s⌋ + 1.

    Args:
        after: the padding behind, where it differs from the padding ``p`` in front.

    Example:
        >>> slide(224, 7, 2, 3)
        Step(size=112, text='⌊(224 + 2·3 − 1·(7−1) − 1) / 2⌋ + 1 = 112', note='One cell is left over: no window
        reaches the last cell of padding.')
        >>> slide(55, 3, 2).text
        '⌊(55 − 1·(3−1) − 1) / 2⌋ + 1 = 27'
        >>> slide(112, 3, 2, ceil=True)
        Step(size=56, text='⌈(112 − 1·(3−1) − 1) / 2⌉ + 1 = 56', note='The last window reaches 1 beyond the edge (ceil
        mode).')
    """
    after = p if after is None else after
    pads = f" + 2·{p}" if p == after and p else f" + {p} + {after}" if p or after else ""
    free = n + p + after - d * (k - 1) - 1
    size, rest = free // s + 1, free % s
    left, right = "⌊⌋"
    note = _dropped(rest, after) if free >= 0 else ""
    if ceil:
        left, right = "⌈⌉"
        size = -(-free // s) + 1
        if (size - 1) * s >= n + p:  # a window must begin in the picture or in the padding in front
            size -= 1
            text = f"⌈({n}{pads} − {d}·({k}−1) − 1) / {s}⌉ + 1 − 1 = {size}"
            return Step(size, text, "The last window would begin beyond the edge and is left out (ceil mode).")
        note = f"The last window reaches {s - rest} beyond the edge (ceil mode)." if rest else ""
    return Step(size, f"{left}({n}{pads} − {d}·({k}−1) − 1) / {s}{right} + 1 = {size}", note)


def _dropped(rest: int, padding: int) -> str:
    if not rest:
        return ""
    own = max(rest - padding, 0)
    if own == 0:
        where = f"the last {_cells(rest)} of padding"
    elif not padding:
        where = f"the last {_cells(rest)}"
    else:
        where = f"the padding at the end, nor the last {_cells(own)} of the input"
    return f"{'One cell is' if rest == 1 else f'{rest} cells are'} left over: no window reaches {where}."


def _cells(count: int) -> str:
    return "cell" if count == 1 else f"{count} cells"


def transposed(n: int, k: int, s: int, p: int = 0, d: int = 1, *, extra: int = 0) -> Step:
    """Transposed convolution: (n−1)s − 2p + d(k−1) + extra + 1.

    Example:
        >>> transposed(7, 4, 2, 1)
        Step(size=14, text='(7 − 1)·2 − 2·1 + 1·(4−1) + 1 = 14', note='')
    """
    size = (n - 1) * s - 2 * p + d * (k - 1) + extra + 1
    pads, more = f" − 2·{p}" if p else "", f" + {extra}" if extra else ""
    return Step(size, f"({n} − 1)·{s}{pads} + {d}·({k}−1){more} + 1 = {size}")


def adaptive(n: int, size: int) -> Step:
    """Adaptive pooling: the output is what was asked for; cell i takes ⌊i·n/o⌋ up to ⌈(i+1)·n/o⌉.

    Example:
        >>> adaptive(7, 1).text, adaptive(14, 7).text
        ('1, as asked: the cell pools all 7', '7, as asked: each cell pools 14 / 7 = 2')
        >>> adaptive(10, 4).text
        '4, as asked: cells pool 3 of 10, some overlapping'
    """
    if size == 1:
        return Step(size, f"1, as asked: the cell pools all {n}")
    if n % size == 0:
        return Step(size, f"{size}, as asked: each cell pools {n} / {size} = {n // size}")
    lengths = sorted({-(-(i + 1) * n // size) - i * n // size for i in range(size)})
    some = " or ".join(str(length) for length in lengths)
    how = "some repeated" if n < size else "some overlapping"
    return Step(size, f"{size}, as asked: cells pool {some} of {n}, {how}")
