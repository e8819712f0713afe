"""``trace``: a model and an input size in, a ``Trace`` out, the model as it was.

A copy of the model (``copies``) runs under a recorder (``recorder``) on PyTorch's meta device, where tensors have
shapes but no numbers. A forward that needs the numbers is run again with real ones, and the trace says so.
"""

from __future__ import annotations

import gc
import inspect
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import Tensor, nn

from course_lib.tracing import failures, inputs
from course_lib.tracing.copies import HookAddedError, copy_model, meta_tensor, own_tensor
from course_lib.tracing.leaf_recorder import LeafRecorder
from course_lib.tracing.randomness import Randomness
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
            from the forward's argument names to sizes. A tensor stands for exactly its own size (and dtype). Numbers,
            words and None may stand beside sizes and tensors, and dicts, lists and tuples may hold all of them. () is
            a forward without inputs. Three numbers are a picture without its batch, but whole, such as (batch,
            channels, length), for a model that works on sequences and has no layers for maps.
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
    given = inputs.read(input_size, dtypes)
    with _without_collector(), _left_as_it_was() as randomness, torch.no_grad():
        name = model if isinstance(model, str) else None
        if name is not None:
            randomness.foreign()  # a builder may be anybody's
            model, mode = inputs.build(name), mode or "eval"
        model = unwrapped(model)
        if not given.values and not _runs_without_inputs(model):
            raise TraceError(
                "input_size has 0 dimensions; write it as (channels, height, width), such as (3, 224, 224)."
            )
        failed: list[TraceError] = []
        for reading in inputs.readings(given, model):
            try:
                return _run_once(_Run(model, name or type(model).__name__, reading, mode, depth, randomness), name)
            except TraceError as error:
                failed.append(error)
        try:
            raise failed[0]
        finally:
            failed.clear()  # an error holds this frame, so the frame may not hold the error


def _runs_without_inputs(model: nn.Module) -> bool:
    try:
        inspect.signature(model.forward).bind()
    except TypeError:
        return False
    except ValueError:  # a forward without a signature
        pass
    return True


def _run_once(run: _Run, name: str | None) -> Trace:
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
        TraceError: it isn't a module, or one that Python cannot see inside.
    """
    if isinstance(model, type) and issubclass(model, nn.Module):
        raise TraceError(f"{model.__name__} is a class, not yet a module; make one first: {model.__name__}(…).")
    if not isinstance(model, nn.Module):
        raise TraceError(f"trace expects a torch.nn.Module or a model's name; it was given {type(model).__name__}.")
    model = getattr(model, "_orig_mod", model)  # torch.compile's wrapper
    if isinstance(model, nn.DataParallel | nn.parallel.DistributedDataParallel):
        model = model.module
    for path, module in model.named_modules():
        if isinstance(module, torch.jit.ScriptModule):
            raise TraceError(
                f"{path or 'This'} is a TorchScript module: Python cannot see inside; trace the module it was made "
                "from."
            )
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


@contextmanager
def _left_as_it_was() -> Iterator[Randomness]:
    randomness = Randomness()
    try:
        yield randomness
    finally:
        randomness.restore()


class _Run:
    """One model and its inputs; run on the meta device or for real, and what is known when it fails."""

    def __init__(
        self,
        model: nn.Module,
        name: str,
        given: inputs.Inputs,
        mode: str | None,
        depth: int | None,
        randomness: Randomness,
    ) -> None:
        self.randomness = randomness
        self.model, self.name, self.given = model, name, given
        self.mode = mode or ("train" if model.training else "eval")
        self.change = mode is not None
        self.depth = depth
        self.recorder: Recorder | None = None

    def on_meta(self) -> Trace:
        recorder = LeafRecorder(device=self._stands_for())
        try:
            return self._run(recorder, meta_tensor, "meta", "")
        except HookAddedError:
            recorder = LeafRecorder(device=self._stands_for(), no_hooks=None)
            return self._run(recorder, meta_tensor, "meta", "")

    def for_real(self, note: str) -> Trace:
        return self._run(Recorder(meta=False, device=self._stands_for()), own_tensor, self._home(), note)

    def _home(self) -> torch.device:
        """The model's own device."""
        return next((parameter.device for parameter in self.model.parameters()), torch.device("cpu"))

    def _stands_for(self) -> str:
        """The type of the device whose autocast counts."""
        home = self._home().type
        return home if home != "meta" else "cpu"

    def _run(
        self, recorder: Recorder, made: Callable[[Tensor], Tensor], device: torch.device | str, note: str
    ) -> Trace:
        self.recorder = recorder
        recorder.foreign = self.randomness.foreign
        try:
            return self._recorded(recorder, made, device, note)
        finally:
            recorder.finish()

    def _recorded(
        self, recorder: Recorder, made: Callable[[Tensor], Tensor], device: torch.device | str, note: str
    ) -> Trace:
        copied = copy_model(self.model, made, recorder)
        if self.change:
            copied.train(self.mode == "train")
        floats = (record.dtype for record in recorder.parameters if record.dtype.is_floating_point)
        own = next(floats, torch.get_default_dtype())
        given = self.given.changed(lambda leaf: _tensor(leaf, own, device))
        recorder.start(copied, list(tensors(given.values)))
        with recorder:
            names = given.names
            output = copied(**dict(zip(names, given.values, strict=True))) if names else copied(*given.values)
        return self._result(output, note)

    def _result(self, output: Any, note: str) -> Trace:
        recorder = self.recorder
        if recorder is None:  # pragma: no cover - a trace is only asked for after a run
            raise TraceError("Nothing has run yet.")
        recorder.shared.sizes = sizes = self.given.sizes
        recorder.shared.picture = bool(sizes) and (len(sizes[0]) > 3 or inputs.works_on_maps(self.model))
        ops = recorder.ops()
        outputs = tuple(tuple(tensor.shape) for tensor in tensors(output))
        modules = tuple(recorder.modules.items())
        return Trace(self.name, sizes, ops, tuple(recorder.calls), outputs, recorder.unused(), modules,
                     self.mode, self.depth, note)  # fmt: skip

    def stopped(self, error: Exception) -> failures.Stopped:
        seen = self._result((), "") if self.recorder else None
        return failures.Stopped(_in_words(error), self.recorder, seen, self.model, len(self.given.values))

    def sizes_that_fit(self) -> list[tuple[int, int]]:
        """Squares that go through as the first input, tried on the meta device."""
        if not self.given.sizes or len(self.given.sizes[0]) != 4:
            return []
        asked, before = self.given, self.recorder
        picture, fitting = asked.leaves[0], []
        for side in failures.SIDES:
            square = inputs.Leaf((*picture.size[:2], side, side), picture.dtype)
            self.given = asked.changed(lambda leaf, square=square: square if leaf is picture else leaf)  # type: ignore[misc]
            try:
                self.on_meta()
            except Exception:
                continue
            fitting.append((side, side))
            if len(fitting) == 2:
                break
        self.given, self.recorder = asked, before
        return fitting


def _in_words(error: Exception) -> Exception:
    """An error without a message, such as a bare assert, gets the line that raised it for one."""
    if str(error).strip():
        return error
    last = next(reversed(traceback.extract_tb(error.__traceback__)), None)
    where = f" at “{(last.line or last.name)[:120]}” (line {last.lineno})" if last is not None else ""
    return RuntimeError(f"{type(error).__name__} without a message{where}")


def _tensor(given: inputs.Leaf, own: torch.dtype, device: torch.device | str) -> Tensor:
    size, value, dtype = given.size, given.value, given.dtype or own
    if str(device) == "meta":
        return torch.empty(size, dtype=dtype, device="meta")
    if value is not None:
        return value.detach().clone().to(device)
    if not dtype.is_floating_point:
        return torch.zeros(size, dtype=dtype, device=device)
    return torch.randn(size, device=device).to(dtype)
