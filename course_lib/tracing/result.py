"""``Trace``: what happened when a model ran once, with look-ups, sums and tables. ``TraceError``: it cannot run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course_lib.errors import CourseError, closest
from course_lib.tracing import trace_tables
from course_lib.tracing.mismatches import Mismatch
from course_lib.tracing.ops import Op
from course_lib.tracing.records import Call, Shape, Weight, times
from course_lib.tracing.trace_tables import Group

if TYPE_CHECKING:
    import pandas  # type: ignore[import-untyped,unused-ignore]

__all__ = ["Trace", "TraceError"]


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

    @property
    def parameters(self) -> int:
        """All of the model's parameters, shared ones once, unused ones too."""
        return sum(op.parameters for op in self.ops) + sum(weight.numel for weight in self.unused)

    @property
    def trainable(self) -> int:
        """How many of them ask for gradients."""
        return sum(op.trainable for op in self.ops) + sum(weight.numel for weight in self.unused if weight.trainable)

    @property
    def macs(self) -> int:
        """Multiply-adds, in torchvision's convention; those of ``uncounted`` ops are missing."""
        return sum(op.macs for op in self.ops)

    @property
    def uncounted(self) -> tuple[Op, ...]:
        """The ops that multiply matrices in a way that is not counted."""
        return tuple(op for op in self.ops if not op.counted)

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
        return trace_tables.group(self.ops, self.unused, dict(self.modules), depth)

    def text(self, depth: int | None = None) -> str:
        """A table, one line for each op, or for each module where ``depth`` levels are to be seen."""
        depth = self.depth if depth is None else depth
        table = trace_tables.text(self.name, self.ops if depth is None else self.by_module(depth))
        return "\n".join([self._heading(), *([self.note] if self.note else []), table, self._total(), *self._gaps()])

    def html(self, depth: int | None = None) -> str:
        """A page's part: modules that open and close, ``depth`` levels of them open."""
        notes = [*([self.note] if self.note else []), self._total(), *self._gaps()]
        depth = self.depth if depth is None else depth
        return trace_tables.html(self.ops, dict(self.modules), depth, self._heading(), notes)

    def csv(self, path: str | Path | None = None) -> str:
        """One line for each op; also written to a file where a path is given."""
        return trace_tables.csv_table(self.ops, path)

    def frame(self) -> pandas.DataFrame:
        """One row for each op as a pandas DataFrame.

        Raises:
            TraceError: pandas is not installed; the course itself does not need it.
        """
        try:
            import pandas
        except ImportError as error:
            raise TraceError(
                "pandas is not installed; rows() gives the same as plain dicts, csv() as a file."
            ) from error
        return pandas.DataFrame(self.rows()).set_index("op")

    def rows(self) -> list[dict[str, Any]]:
        """One plain dict for each op."""
        return trace_tables.op_rows(self.ops)

    def summary(self) -> str:
        """The table that the torchsummary package prints; its sums hold every parameter that the forward used."""
        unused = sum(weight.numel for weight in self.unused)
        idle = sum(weight.numel for weight in self.unused if weight.trainable)
        return trace_tables.summary(self.calls, self.sizes, self.parameters - unused, self.trainable - idle, unused)

    def _heading(self) -> str:
        sizes = " and ".join(times(size) for size in self.sizes)
        return f"{self.name}, {f'input {sizes}' if sizes else 'no input'}, {self.mode} mode"

    def _total(self) -> str:
        frozen = self.parameters - self.trainable
        unused = sum(weight.numel for weight in self.unused)
        text = f"{len(self)} ops · {self.parameters:,} parameters · {self.gmacs:.3f} GMACs"
        text += f" · {self.bytes / 2**20:.1f} MiB activations"
        text += f" · {frozen:,} parameters frozen" if frozen else ""
        return text + (f" · {unused:,} parameters not used in this forward" if unused else "")

    def _gaps(self) -> list[str]:
        return trace_tables.gaps(self.ops)

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return f"<Trace of {self.name}: {len(self.ops)} ops, {self.parameters:,} parameters, {self.gmacs:.3f} GMACs>"

    def _repr_html_(self) -> str:
        return self.html()

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(self.text())


class TraceError(CourseError, ValueError):
    """A model that cannot be traced, or whose forward fails.

    Attributes:
        trace: the ops that ran before it failed; None where nothing was run.
        where: the module's path in which it stopped; None where nothing was run.
        failed: the op that could not run: what went in, and no outputs; None where no function of PyTorch's failed.
        cause: where it stopped and what met what, the first sentence of ``reason``.
        reason: the message without how far the picture got: the cause, and what would fit.
        mismatch: what met what and what would fit, in values; None where nothing was run.
        sizes: (height, width) of one or two squares that go through, where a picture of another size helps.
    """

    def __init__(
        self,
        message: str,
        *,
        trace: Trace | None = None,
        where: str | None = None,
        failed: Op | None = None,
        cause: str = "",
        reason: str = "",
        mismatch: Mismatch | None = None,
        sizes: tuple[tuple[int, int], ...] = (),
    ) -> None:
        super().__init__(message)
        self.trace, self.where, self.failed = trace, where, failed
        self.cause, self.reason = cause or message, reason or message
        self.mismatch, self.sizes = mismatch, sizes
