"""A number of a forward, its summands, what it was computed from, and the case that a rule is asked about.

``one_number`` has the rules.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from course_lib.tracing.activations import Activations
from course_lib.tracing.ops import Op

__all__ = ["MOST_TERMS", "Case", "Cell", "Number", "Part", "Term", "tensors_in", "within"]

Cell = tuple[int, ...]
MOST_TERMS = 48  # summands that are told apart
_NEAR = 2e-3  # of the largest number met on the way: the model's own sums are in single precision


@dataclass(frozen=True, eq=False)
class Part:
    """The numbers of one tensor that an output number was computed from: a box of cells.

    Attributes:
        source: the index of the op that the tensor came from; -1 for the picture, None for a weight of the model.
        tensor: the whole tensor.
        low, high: the box's first cell, and the one after its last, in each dimension; a padded window reaches out of
            the tensor.
    """

    source: int | None
    tensor: Tensor
    low: Cell
    high: Cell


@dataclass(frozen=True, eq=False)
class Term:
    """One summand of a number.

    Attributes:
        words: what it is, such as "channel 12" or "bias".
        value: how much it adds.
        left, right: numbers of the input and what they are multiplied by, (rows, columns) or single ones, where the
            summand is such a product.
        part: where ``left`` stands.
    """

    words: str
    value: float
    left: Tensor | None = None
    right: Tensor | None = None
    part: Part | None = None


@dataclass(frozen=True, eq=False)
class Number:
    """One number of an op's output, and the arithmetic that gives it.

    Attributes:
        op: whose output it stands in.
        cell: where.
        value: the number, as the model computed it.
        computed: the same number from the arithmetic shown here; None where there is no rule for such an op.
        template: the formula, with the symbols of ``symbols`` in braces.
        symbols: what stands for each of them.
        terms: the summands where it is a sum, the largest first and a bias last.
        parts: what it was computed from, where that is not told by ``terms``.
        note: a sentence about what is easily overlooked.
        scale: the largest number met on the way, which decides how exact ``value`` can be.
    """

    op: Op
    cell: Cell
    value: float
    computed: float | None
    template: str = ""
    symbols: Mapping[str, float] = field(default_factory=dict)
    terms: tuple[Term, ...] = ()
    parts: tuple[Part, ...] = ()
    note: str = ""
    scale: float = 0.0

    @property
    def exact(self) -> bool:
        """Whether the arithmetic gives the model's own number, but for rounding."""
        if self.computed is None:
            return False
        size = max(abs(self.value), abs(self.computed), self.scale, 1e-12)
        return self.computed == self.value or abs(self.computed - self.value) <= _NEAR * size

    @property
    def formula(self) -> str:
        """The formula with its symbols, such as "sum / n"."""
        return self.template.format(**{symbol: symbol for symbol in self.symbols})


@dataclass(frozen=True, eq=False)
class Case:
    """What a rule is asked about."""

    seen: Activations
    op: Op
    cell: Cell
    output: int
    value: float

    @property
    def given(self) -> Mapping[str, Any]:
        return self.seen.arguments[self.op.index]

    def tensor(self, name: str = "input") -> Tensor:
        value = self.given[name]
        if not isinstance(value, Tensor):
            raise TypeError(name)
        return value

    def setting(self, name: str, default: Any = None) -> Any:
        value = self.given.get(name)
        return default if value is None else value

    def part(self, tensor: Tensor, low: Sequence[int], high: Sequence[int] | None = None) -> Part:
        """A box of one of the op's arguments; a single cell where only ``low`` is given."""
        at = [place for place, other in enumerate(tensors_in(self.given)) if other is tensor]
        source = self.op.operands[at[0]].source if at else None
        return Part(source, tensor, tuple(low), tuple(high) if high is not None else tuple(n + 1 for n in low))

    def answer(self, computed: float, template: str, symbols: Mapping[str, float], **more: Any) -> Number:
        scale = max((abs(value) for value in symbols.values() if math.isfinite(value)), default=0.0)
        more.setdefault("scale", scale)
        return Number(self.op, self.cell, self.value, float(computed), template, dict(symbols), **more)

    def sum(self, terms: Sequence[Term], template: str, *, bias: float | None = None, name: str = "bias",
            note: str = "") -> Number:  # fmt: skip
        """A sum of terms, the largest first, and the bias."""
        ranked = list(terms)
        computed = math.fsum(term.value for term in ranked) + (bias or 0.0)
        if bias is not None:
            ranked.append(Term(name, bias))
        scale = max((abs(term.value) for term in ranked), default=0.0)
        return self.answer(computed, template, {}, terms=tuple(ranked), note=note, scale=scale)


def tensors_in(given: Mapping[str, Any]) -> list[Tensor]:
    """The tensors among an op's arguments, in the order of its operands."""
    found: list[Tensor] = []
    for value in given.values():
        items = value if isinstance(value, tuple) else (value,)
        found += [item for item in items if isinstance(item, Tensor)]
    return found


def within(tensor: Tensor, lead: Sequence[int], last: int) -> Cell:
    """The leading part of a cell in a tensor that was repeated to fit; ``last`` dimensions are not part of it."""
    own = tensor.dim() - last
    return tuple(
        n if many > 1 else 0 for n, many in zip(list(lead)[len(lead) - own :], tensor.shape[:own], strict=True)
    )
