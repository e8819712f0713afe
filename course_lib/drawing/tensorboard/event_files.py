"""TensorBoard's event files: a model's graph written by PyTorch's ``SummaryWriter``, and read back as plain data.

The graph is what ``torch.jit.trace`` saw: every op with its inputs, named by the modules it ran in. Nothing is drawn
or shown here (``graph_view``). Both ways need TensorBoard, which is imported when needed.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import re
import sys
import types
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from course_lib.errors import CourseError
from course_lib.tracing.copies import copy_model, own_tensor
from course_lib.tracing.inputs import read, readings
from course_lib.tracing.randomness import unchanged_randomness

__all__ = ["Node", "needed", "read_graph", "write_graph"]


@dataclass(frozen=True)
class Node:
    """One node of a graph in an event file.

    Attributes:
        name: where it ran and what it is called there: ``"VGG/Sequential[features]/Conv2d[0]/input.1"``.
        op: what it does: ``"aten::_convolution"``; ``"IO Node"`` for the model's inputs and outputs; what starts with
            ``"prim::"`` fetches a weight or a constant.
        inputs: names of other nodes.
        shape: of its tensor; () when the file does not say.
    """

    name: str
    op: str
    inputs: tuple[str, ...]
    shape: tuple[int, ...] = ()

    @property
    def scopes(self) -> tuple[tuple[str, str], ...]:
        """The modules that it ran in, outermost first, as (class, name); the model itself has no name.

        Example:
            >>> Node("VGG/Sequential[features]/Conv2d[0]/input.1", "aten::_convolution", ()).scopes
            (('VGG', ''), ('Sequential', 'features'), ('Conv2d', '0'))
        """
        found = []
        for part in self.name.split("/")[:-1]:
            match = re.fullmatch(r"(.*)\[(.*)\]", part)
            found.append((match[1], match[2]) if match else (part, ""))
        return tuple(found)

    @property
    def path(self) -> str:
        """The module that it ran in, as ``named_modules`` calls it: ``"features.0"``."""
        return ".".join(name for _, name in self.scopes[1:])


def needed(module: str) -> Any:
    """Import a module of TensorBoard's, without TensorFlow.

    TensorBoard would load TensorFlow where it is installed (on Colab): seconds, half a gigabyte and lines on stderr,
    for files that its own stand-in reads as well.

    Raises:
        CourseError: TensorBoard is not installed.
    """
    if "tensorflow" not in sys.modules:
        sys.modules.setdefault("tensorboard.compat.notf", types.ModuleType("tensorboard.compat.notf"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module(module)
    except ImportError as error:
        raise CourseError(
            "TensorBoard is not installed here: run `pip install tensorboard` in a terminal (in a notebook: "
            f"%pip install tensorboard) and restart the kernel. ({error})"
        ) from error


# -- writing ----------------------------------------------------------------------------------------------------------
def write_graph(model: nn.Module, size: Any, folder: str | Path) -> Path:
    """Trace a model and write its graph where TensorBoard finds it.

    A copy of the model is run in eval mode on zeros, without gradients and without its owner's hooks; the model and the
    random state stay as they are.

    Args:
        model: on any device but meta.
        size: (channels, height, width), or with the batch in front; a list of sizes for several inputs.
        folder: made when it is not there. A second graph in the same folder does not replace the file of the first, but
            the newest one is what is read and shown.

    Returns:
        The event file.

    Raises:
        CourseError: TensorBoard is not installed, this isn't a model, or it cannot be traced at this size.
        TraceError: ``size`` isn't a size.

    Example:
        >>> import tempfile
        >>> file = write_graph(nn.Sequential(nn.Linear(4, 2), nn.ReLU()), (1, 4), tempfile.mkdtemp())
        >>> [node.op for node in read_graph(file) if node.op.startswith("aten::")]
        ['aten::linear', 'aten::relu']
    """
    if not isinstance(model, nn.Module):
        raise CourseError(f"write_graph expects a model, a torch.nn.Module; it was given {type(model).__name__}.")
    some = next((one for one in (*model.parameters(), *model.buffers()) if one.is_floating_point()), torch.zeros(1))
    if some.is_meta:
        raise CourseError("This model is on the meta device and cannot run: build it with real weights first.")
    batches = tuple(
        torch.zeros(leaf.size, dtype=leaf.dtype or some.dtype, device=some.device) if leaf.value is None else leaf.value
        for leaf in readings(read(size), model)[0].leaves
    )
    writer = needed("torch.utils.tensorboard").SummaryWriter
    folder = Path(folder).expanduser()
    before = set(_files(folder))
    copied = copy_model(model, own_tensor).eval()
    with unchanged_randomness(), torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the trace is deprecated, and TensorBoard has nothing else
        events = writer(str(folder))
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                events.add_graph(copied, batches)
        except Exception as error:
            raise CourseError(_why(model, batches, error)) from error
        finally:
            events.close()
    return max(set(_files(folder)) - before, key=_age)


def _why(model: nn.Module, batches: tuple[torch.Tensor, ...], error: Exception) -> str:
    sizes = " and ".join("×".join(map(str, batch.shape)) for batch in batches)
    reason = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return (
        f"The graph of {type(model).__name__} could not be written for an input of {sizes}: {reason.rstrip('.')}. "
        "It must run on such an input, and do the same every time."
    )


# -- reading ----------------------------------------------------------------------------------------------------------
def read_graph(folder: str | Path) -> tuple[Node, ...]:
    """Read the newest graph in a folder of event files, with TensorBoard's own ``EventAccumulator``.

    Args:
        folder: what ``write_graph`` was given; or one event file.

    Returns:
        Inputs and outputs first, then everything else in the order in which it ran.

    Raises:
        CourseError: TensorBoard is not installed, or there is no graph there.
    """
    folder = Path(folder).expanduser()
    accumulator = needed("tensorboard.backend.event_processing.event_accumulator").EventAccumulator
    files = [folder] if folder.is_file() else sorted(_files(folder), key=_age, reverse=True)
    for file in files:
        events = accumulator(str(file))
        try:
            graph = events.Reload().Graph()
        except Exception:  # no graph in this file, or no event file at all: TensorBoard raises many things
            continue
        return tuple(Node(node.name, node.op, tuple(node.input), _shape(node)) for node in graph.node)
    what = "is no such folder" if not folder.exists() else f"holds no graph ({len(files)} event files)"
    raise CourseError(
        f"{folder} {what}: write one there first, with write_graph(model, (3, 224, 224), {str(folder)!r})."
    )


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.glob("*tfevents*") if path.is_file()]


def _age(path: Path) -> tuple[int, str]:
    return path.stat().st_mtime_ns, path.name


def _shape(node: Any) -> tuple[int, ...]:
    shapes = list(node.attr["_output_shapes"].list.shape) if "_output_shapes" in node.attr else []
    return tuple(int(dim.size) for dim in shapes[0].dim) if shapes else ()
