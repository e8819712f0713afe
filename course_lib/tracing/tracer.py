"""``trace``: a model and an input size in, a ``Trace`` out, the model as it was.

A copy of the model (``copies``) runs under a recorder (``recorder``) on PyTorch's meta device, where tensors have
shapes but no numbers. A forward that needs the numbers is run again with real ones, and the trace says so.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import Tensor, nn

from course_lib.tracing import failures, inputs
from course_lib.tracing.copies import copy_model, meta_tensor, own_tensor, unchanged_randomness
from course_lib.tracing.recorder import Recorder, tensors
from course_lib.tracing.result import Trace, TraceError

__all__ = ["trace", "unwrapped"]


def trace(
    model: nn.Module | str,
    input_size: Any = (3, 224, 224),
    *,
    mode: Literal["eval", "train"] | None = None,
    dtypes: Any = None,
    depth: int | None = None,
) -> Trace:
    """Run a model once without numbers, and write down every operation.

    Args:
        model: any module, on any device; or a name from torchvision's registry, built as its weights' entry builds it.
        input_size: (channels, height, width), or with the batch in front; a list of sizes for several inputs; a mapping
            from the forward's argument names to sizes. A tensor stands for its own size (and dtype).
        mode: "eval" or "train"; None is the mode the model is in, and eval for a name.
        dtypes: of the inputs, where they are not the model's own, such as ``torch.long`` for an embedding.
        depth: how many levels of modules its tables show apart; None shows every op.

    Raises:
        TraceError: no module, no size, or a forward that fails; the sentence says how far the picture got, which shape
            met which weight, and what would fit.
        ModelNameError: torchvision has no model of that name.

    Example:
        >>> seen = trace("resnet18")
        >>> seen
        <Trace of resnet18: 69 ops, 11,689,512 parameters, 1.814 GMACs>
        >>> seen["layer2.0.conv1"].formula
        '⌊(56 + 2·1 − 1·(3−1) − 1) / 2⌋ + 1 = 28'
    """
    if mode not in (None, "eval", "train"):
        raise TraceError(f'mode={mode!r}: a model is traced in "eval" or in "train" mode.')
    if depth is not None and (not isinstance(depth, int) or isinstance(depth, bool) or depth < 0):
        raise TraceError(f"depth={depth!r}: give the number of levels to show, 0 or more, or None for every op.")
    given, names = inputs.read(input_size, dtypes)
    with _without_collector(), unchanged_randomness(), torch.no_grad():
        name = model if isinstance(model, str) else None
        if name is not None:
            model, mode = inputs.build(name), mode or "eval"
        model = unwrapped(model)
        run = _Run(model, name or type(model).__name__, given, names, mode, depth)
        try:
            return run.on_meta()
        except TraceError:
            raise
        except Exception as error:
            return _again(run, name, error)


def _again(run: _Run, name: str | None, error: Exception) -> Trace:
    """The forward failed on the meta device: because it is wrong, or because it needs the numbers?"""
    stopped = run.stopped(error)
    if stopped.certain:
        raise stopped.error(run.sizes_that_fit) from error
    if name is not None:
        run.model = inputs.build(name, real=True)
    elif any(tensor.is_meta for tensor in (*run.model.parameters(), *run.model.buffers())):
        if "meta" in stopped.why:
            raise TraceError(
                f"{run.name} is on the meta device, and its forward needs the numbers themselves; trace a real one.",
                trace=stopped.trace,
            ) from error
        raise stopped.error(run.sizes_that_fit) from error
    why = f"{run.name} ran for real: its forward needs the numbers themselves ({stopped.why})."
    try:
        return run.for_real(why)
    except Exception as again:
        raise run.stopped(again).error(run.sizes_that_fit) from again


def unwrapped(model: Any) -> nn.Module:
    """The module that a compiled or parallel one was made from.

    Raises:
        TraceError: it is no module, or one that Python cannot see inside.
    """
    if isinstance(model, type) and issubclass(model, nn.Module):
        raise TraceError(f"{model.__name__} is a class, not yet a module; make one first: {model.__name__}(…).")
    if not isinstance(model, nn.Module):
        raise TraceError(f"trace wants a torch.nn.Module or a model's name; it was given {type(model).__name__}.")
    model = getattr(model, "_orig_mod", model)  # torch.compile's wrapper
    if isinstance(model, nn.DataParallel | nn.parallel.DistributedDataParallel):
        model = model.module
    if isinstance(model, torch.jit.ScriptModule):
        raise TraceError("This is a TorchScript module: Python cannot see inside; trace the module it was made from.")
    return model  # type: ignore[no-any-return]


@contextmanager
def _without_collector() -> Iterator[None]:
    """The garbage collector waits: thousands of small objects are made, all of them kept, and a search through
    everything that torch has imported takes longer than the trace."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


class _Run:
    """One model and its inputs; run on the meta device or for real, and what is known when it fails."""

    def __init__(
        self,
        model: nn.Module,
        name: str,
        given: list[inputs.Input],
        names: list[str],
        mode: str | None,
        depth: int | None,
    ) -> None:
        self.model, self.name, self.given, self.names = model, name, given, names
        self.mode = mode or ("train" if model.training else "eval")
        self.change = mode is not None
        self.depth = depth
        self.recorder: Recorder | None = None

    def on_meta(self) -> Trace:
        return self._run(meta_tensor, "meta", "")

    def for_real(self, note: str) -> Trace:
        home = next((parameter.device for parameter in self.model.parameters()), torch.device("cpu"))
        return self._run(own_tensor, home, note)

    def _run(self, made: Callable[[Tensor], Tensor], device: torch.device | str, note: str) -> Trace:
        self.recorder = recorder = Recorder(meta=not note)
        copied = copy_model(self.model, made, recorder)
        if self.change:
            copied.train(self.mode == "train")
        floats = (tensor.dtype for _, tensor, _ in recorder.parameters if tensor.is_floating_point())
        own = next(floats, torch.get_default_dtype())
        batches = [_tensor(given, own, device) for given in self.given]
        recorder.start(copied, batches)
        with recorder:
            output = copied(**dict(zip(self.names, batches, strict=True))) if self.names else copied(*batches)
        return self._result(output, note)

    def _result(self, output: Any, note: str) -> Trace:
        recorder = self.recorder
        if recorder is None:  # pragma: no cover - a trace is only asked for after a run
            raise TraceError("Nothing has run yet.")
        recorder.shared.sizes = sizes = tuple(size for size, _, _ in self.given)
        ops = recorder.ops()
        outputs = tuple(tuple(tensor.shape) for tensor in tensors(output))
        modules = tuple(recorder.modules.items())
        return Trace(self.name, sizes, ops, tuple(recorder.calls), outputs, recorder.unused(), modules,
                     self.mode, self.depth, note)  # fmt: skip

    def stopped(self, error: Exception) -> failures.Stopped:
        seen = self._result((), "") if self.recorder else None
        return failures.Stopped(error, self.recorder, seen, self.model, len(self.given))

    def sizes_that_fit(self) -> list[tuple[int, int]]:
        """Squares that go through as the first input, tried on the meta device."""
        if not self.given or len(self.given[0][0]) != 4:
            return []
        asked, before = self.given, self.recorder
        fitting = []
        for side in failures.SIDES:
            size = (*asked[0][0][:2], side, side)
            self.given = [(size, asked[0][1], None), *asked[1:]]
            try:
                self.on_meta()
            except Exception:
                continue
            fitting.append((side, side))
            if len(fitting) == 2:
                break
        self.given, self.recorder = asked, before
        return fitting


def _tensor(given: inputs.Input, own: torch.dtype, device: torch.device | str) -> Tensor:
    size, dtype, value = given
    dtype = dtype or own
    if str(device) == "meta":
        return torch.empty(size, dtype=dtype, device="meta")
    if value is not None:
        return value.detach().clone().to(device)
    if not dtype.is_floating_point:
        return torch.zeros(size, dtype=dtype, device=device)
    return torch.randn(size, device=device).to(dtype)
