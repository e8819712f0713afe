"""The trace as a whole: look up an op, add up, group by module, show.

What is shown how stands in ``show`` (text, CSV, data frame), ``page`` (HTML) and ``summary`` (torchsummary's layout).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course_lib.errors import closest
from course_lib.tracing import page, show, summary
from course_lib.tracing.groups import Group, group
from course_lib.tracing.ops import Call, Op, Shape, Weight
from course_lib.tracing.trace_error import TraceError

if TYPE_CHECKING:
    import pandas  # type: ignore[import-untyped,unused-ignore]

__all__ = ["Trace"]


@dataclass(frozen=True, slots=True)
class Trace:
    """What happened when a model ran once.

    Attributes:
        name: the model's class, or the name it was asked by.
        sizes: the shapes of the inputs.
        ops: in the order they ran.
        calls: every call of a module, in the order they ended.
        outputs: the shapes that the model returned.
        unused: parameters that no op used, such as an auxiliary head's in eval mode.
        modules: (path, class) of every module.
        mode: "eval" or "train".
        depth: how many levels of modules are shown apart; None shows every op.
        note: why it ran for real, where it could not be traced on the meta device; otherwise "".
    """

    name: str
    sizes: tuple[Shape, ...]
    ops: tuple[Op, ...]
    calls: tuple[Call, ...]
    outputs: tuple[Shape, ...]
    unused: tuple[Weight, ...]
    modules: tuple[tuple[str, str], ...]
    mode: str
    depth: int | None = None
    note: str = ""

    def __len__(self) -> int:
        return len(self.ops)

    def __iter__(self) -> Iterator[Op]:
        return iter(self.ops)

    def __getitem__(self, name: str | int) -> Op:
        """An op by its name, its module's path, or its number.

        Raises:
            TraceError: there is none, or the module is made of several.
        """
        if isinstance(name, int):
            if not -len(self.ops) <= name < len(self.ops):
                raise TraceError(f"Op {name}: this trace has {len(self.ops)} ops, 0 to {len(self.ops) - 1}.")
            return self.ops[name]
        for op in self.ops:
            if op.name == name:
                return op
        inside = self.within(name)
        if len(inside) == 1:
            return inside[0]
        if inside:
            some = ", ".join(repr(op.name) for op in inside[:3])
            more = ", …" if len(inside) > 3 else ""
            raise TraceError(
                f"{name!r} is made of {len(inside)} ops: {some}{more}; ask for one of them, or for within({name!r})."
            )
        if any(path == name for path, _ in self.modules):
            raise TraceError(f"The module {name!r} did not run in this trace.")
        raise TraceError(f"No op is called {name!r} in this trace.{closest(str(name), [op.name for op in self.ops])}")

    def within(self, path: str) -> tuple[Op, ...]:
        """The ops that ran in a module and in the modules inside it; "" is the whole model."""
        return tuple(op for op in self.ops if not path or op.path == path or op.path.startswith(f"{path}."))

    def fed_by(self, op: Op) -> tuple[Op, ...]:
        """The ops whose output it takes; the model's inputs are not among them."""
        return tuple(self.ops[source] for source in op.sources if source >= 0)

    def feeds(self, op: Op) -> tuple[Op, ...]:
        """The ops that take its output: more than one where a shortcut begins."""
        return tuple(other for other in self.ops if op.index in other.sources)

    @property
    def skips(self) -> tuple[tuple[Op, Op], ...]:
        """(from, to) for every edge that leaps over other ops: shortcuts, and the branches of a cat."""
        return tuple((self.ops[s], op) for op in self.ops for s in op.sources if 0 <= s < op.index - 1)

    @property
    def parameters(self) -> int:
        """All of the model's parameters, shared ones once, unused ones too."""
        return sum(op.parameters for op in self.ops) + sum(one.numel for one in self.unused)

    @property
    def trainable(self) -> int:
        """How many of them ask for gradients."""
        return sum(op.trainable for op in self.ops) + sum(one.numel for one in self.unused if one.trainable)

    @property
    def macs(self) -> int:
        """Multiply-adds, in torchvision's convention."""
        return sum(op.macs for op in self.ops)

    @property
    def gmacs(self) -> float:
        """Billions of multiply-adds: what torchvision's metadata calls GFLOPS."""
        return self.macs / 1e9

    @property
    def bytes(self) -> int:
        """Memory for all activations together, as training keeps them."""
        return sum(op.bytes for op in self.ops)

    def by_module(self, depth: int = 1) -> tuple[Group, ...]:
        """Sums for each module of that depth; together they are the whole."""
        return group(self, depth)

    def text(self, depth: int | None = None) -> str:
        """A table, one line for each op, or for each module where ``depth`` levels are to be seen."""
        return show.text(self, self.depth if depth is None else depth)

    def html(self, depth: int | None = None) -> str:
        """A page's part: modules that open and close, ``depth`` levels of them open."""
        return page.html(self, self.depth if depth is None else depth)

    def csv(self, path: str | Path | None = None) -> str:
        """One line for each op; also written to a file where a path is given."""
        return show.csv(self, path)

    def frame(self) -> pandas.DataFrame:
        """One row for each op as a pandas DataFrame.

        Raises:
            TraceError: pandas is not installed; the course itself does not need it.
        """
        return show.frame(self)

    def rows(self) -> list[dict[str, Any]]:
        """One plain dict for each op."""
        return show.rows(self)

    def summary(self) -> str:
        """The table that the torchsummary package prints."""
        return summary.text(self)

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return f"<Trace of {self.name}: {len(self.ops)} ops, {self.parameters:,} parameters, {self.gmacs:.3f} GMACs>"

    def _repr_html_(self) -> str:
        return self.html()

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(self.text())
