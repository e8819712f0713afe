"""The head of a classifier, the layer that gives its logits: where it is, and a new one in its place.

Every family of torchvision has it under another name (``fc``, ``classifier.6``, ``heads.head``), and SqueezeNet's is a
convolution, so it is not looked up by name: the model is traced, and the head is the last layer with weights before the
answer. The size of its pictures is found by trying the usual ones, and can be given where it is another.
``course_lib.networks.training`` trains the new head.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, TypeVar

import torch
from torch import nn
from torch.nn.utils.parametrize import is_parametrized

from course_lib.errors import CourseError
from course_lib.models.checkpoints.layouts import unwrapped
from course_lib.tracing.failures import SIDES
from course_lib.tracing.ops import Op
from course_lib.tracing.result import Trace, TraceError
from course_lib.tracing.tracer import trace

__all__ = ["HeadError", "head_path", "head_paths", "replace_head", "steps_before"]

Step = TypeVar("Step")


class HeadError(CourseError, ValueError):
    """A model whose head cannot be found, or cannot be replaced."""


class _ForwardError(HeadError):
    """A model that does not run at any of the sizes that are tried."""


def head_path(model: nn.Module, *, input_size: Any = None) -> str:
    """The path of a classifier's head, for ``model.get_submodule``.

    Args:
        model: a classifier of pictures (B, C, H, W) → (B, classes), on any device, in any mode; it stays as it is.
        input_size: what the model takes, as ``course_lib.trace`` takes it: (3, 160, 160). None tries the usual sizes,
            with three channels, with one, and with those of the model's first convolution.

    Raises:
        HeadError: this is not a module, it does not run at that size (at any of those tried), or its last layer before
            the answer is neither a Linear nor a Conv2d.

    Example:
        >>> from torchvision.models import resnet18, squeezenet1_1, vgg11
        >>> with torch.device("meta"):
        ...     [head_path(builder()) for builder in (resnet18, vgg11, squeezenet1_1)]
        ['fc', 'classifier.6', 'classifier.1']
    """
    return head_paths(model, input_size=input_size)[0]


def head_paths(model: nn.Module, *, input_size: Any = None) -> tuple[str, ...]:
    """The paths of the head and of the auxiliary heads that answer only in train mode (GoogLeNet's and Inception's).

    Args:
        model, input_size: as for ``head_path``.

    Raises:
        HeadError: as for ``head_path``.

    Example:
        >>> from torchvision.models import inception_v3
        >>> with torch.device("meta"):
        ...     head_paths(inception_v3(init_weights=False))
        ('fc', 'AuxLogits.fc')
    """
    model = _unwrapped(model)
    if any("quantized" in type(module).__module__ for module in model.modules()):
        raise HeadError(
            f"{type(model).__name__} is quantized: its layers hold whole numbers that cannot be trained. Replace the "
            "head of the float model, train it, and quantize it then."
        )
    run = _traced(model, "eval", input_size)
    head = _layer_behind(model, run, run.ops[-1])
    auxiliary: list[str] = []
    if run.unused:  # parameters that eval mode does not use may be those of auxiliary heads: train mode shows it
        with contextlib.suppress(_ForwardError):
            auxiliary = list(_auxiliary_heads(model, _traced(model, "train", input_size)))
    return tuple(dict.fromkeys([head, *auxiliary]))


def replace_head(model: nn.Module, num_classes: int, *, seed: int = 0, input_size: Any = None) -> nn.Module:
    """A copy of a classifier whose head answers with another number of classes; all other layers keep their weights.

    The new head has the weights that PyTorch's own layer has after ``torch.manual_seed(seed)``. A head of a class that
    inherits from Linear or Conv2d stays of that class, so that its own forward goes on running. Auxiliary heads are
    replaced as well. The given model and the global random numbers are left as they were.

    Args:
        model: a classifier of pictures (B, C, H, W) → (B, classes). Of a DataParallel or a compiled model, the model
            inside is copied.
        num_classes: how many classes the copy answers with.
        seed: of the new head's weights.
        input_size: what the model takes, as for ``head_path``; None tries the usual sizes.

    Returns:
        The copy, on the same device, in the same mode; (B, C, H, W) → (B, num_classes).

    Raises:
        HeadError: ``num_classes`` is not a whole number from 1 on, the model runs at none of the sizes that are tried,
            or there is no head that could be replaced.

    Example:
        >>> from torchvision.models import squeezenet1_1
        >>> model = squeezenet1_1()
        >>> two = replace_head(model, 2)
        >>> tuple(two(torch.zeros(1, 3, 224, 224)).shape), model.classifier[1].out_channels
        ((1, 2), 1000)
    """
    if not isinstance(num_classes, int) or isinstance(num_classes, bool) or num_classes < 1:
        raise HeadError(
            f"num_classes={num_classes!r}: give the number of classes, a whole number from 1 on, such as 2."
        )
    given = _unwrapped(model)
    paths = head_paths(given, input_size=input_size)
    model = copy.deepcopy(given)
    of_their_own = []
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would seed the GPUs as well
        for path in paths:
            old = model.get_submodule(path)
            new = _like(old, num_classes).train(old.training)
            of_their_own += [path] if type(new) not in (nn.Linear, nn.Conv2d) else []
            parent, _, name = path.rpartition(".")
            if not path:  # the model is its own head
                model = new
            else:
                setattr(model.get_submodule(parent), name, new)
    for path in of_their_own:
        _check_class(given, model, path, num_classes, input_size)
    if path and isinstance(getattr(model, "num_classes", None), int):  # VisionTransformer and SqueezeNet write it down
        model.num_classes = num_classes  # type: ignore[assignment]
    return model


def _like(old: nn.Module, classes: int) -> nn.Module:
    """A new layer of the same kind for another number of classes, on the old one's device, in its precision."""
    weight, bias = next(old.parameters()), getattr(old, "bias", None) is not None
    new: nn.Module
    # The first numbers come from the CPU, so that they are the same for a model on a GPU.
    with torch.device("meta" if weight.is_meta else "cpu"):
        if isinstance(old, nn.Conv2d):
            sizes = (old.kernel_size, old.stride, old.padding, old.dilation)
            new = nn.Conv2d(old.in_channels, classes, *sizes, bias=bias, padding_mode=old.padding_mode)  # type: ignore[arg-type]
        else:
            new = nn.Linear(int(old.in_features), classes, bias=bias)  # type: ignore[arg-type]
    new = new.to(weight.device, weight.dtype)
    if type(old) in (nn.Linear, nn.Conv2d) or is_parametrized(old):
        return new
    same = copy.deepcopy(old)  # its own forward, and whatever else its class has written down
    for hooks in (same._forward_hooks, same._forward_pre_hooks, same._backward_hooks, same._backward_pre_hooks):
        hooks.clear()
    same._parameters.update(new._parameters)
    width = "out_channels" if isinstance(old, nn.Conv2d) else "out_features"
    setattr(same, width, classes)
    return same


def _check_class(given: nn.Module, model: nn.Module, path: str, classes: int, input_size: Any) -> None:
    """Run a head that has a forward of its own.

    Raises:
        HeadError: it does not give the new number of classes, because it holds more than a weight and a bias.
    """
    size = _traced(given, "eval", input_size).sizes
    try:
        outputs = trace(model, list(size), mode="eval").outputs
    except TraceError:
        outputs = ()
    if not outputs or outputs[0][1:2] != (classes,):
        kind = type(given.get_submodule(path)).__name__
        raise HeadError(
            f"{type(given).__name__}'s head {path!r} is a {kind}, a class of its own that holds more than a weight and "
            f"a bias for each class: with {classes} classes it does not run. Make a new {kind} by hand."
        )


def _unwrapped(model: nn.Module) -> nn.Module:
    if not isinstance(model, nn.Module):
        inner = " Give its model: classifier.model." if isinstance(getattr(model, "model", None), nn.Module) else ""
        raise HeadError(f"A head belongs to a torch.nn.Module; this is {type(model).__name__}.{inner}")
    return unwrapped(model)


def _traced(model: nn.Module, mode: Literal["eval", "train"], input_size: Any) -> Trace:
    """The model's run at the given size, or at the first size that it takes.

    Raises:
        _ForwardError: it runs at none of them.
    """
    first: TraceError | None = None
    sizes = [input_size] if input_size is not None else list(_usual_sizes(model))
    while sizes:
        size = sizes.pop(0)
        try:
            run = trace(model, _two(size), mode=mode)
        except TraceError as error:
            first = first or error
            if input_size is None and error.mismatch and error.mismatch.by_size:  # the others have been tried for it
                sizes = [other for other in sizes if other[:-2] != size[:-2] or other[-2:] in error.sizes]
        else:
            if run.ops:
                return run
    raise _ForwardError(
        f"The head of {type(model).__name__} cannot be found, because its forward does not run: "
        f"{first or 'it does nothing.'} Replace its last layer by hand, such as "
        "model.fc = torch.nn.Linear(model.fc.in_features, num_classes), or give the size that the model takes, such as "
        "input_size=(3, 160, 160)."
    ) from first


def _usual_sizes(model: nn.Module) -> Iterator[tuple[int, ...]]:
    """Pictures to try: the usual sides with three channels, with one, and with those of the first convolution.

    The order in which convolutions are registered is not that in which they run, so theirs comes last. A model with
    3-dimensional convolutions takes videos.
    """
    if any(isinstance(layer, nn.Conv3d) for layer in model.modules()):
        yield from ((1, 3, 16, side, side) for side in (112, 224))
        return
    convolutions = [layer.in_channels for layer in model.modules() if isinstance(layer, nn.Conv2d)]
    grey = [1] if 1 in convolutions or not convolutions else []
    for channels in dict.fromkeys((3, *grey, *convolutions[:1])):
        for side in SIDES:
            yield channels, side, side


def _two(size: Any) -> Any:
    """The size of one picture as that of two: BatchNorm in train mode refuses a single one."""
    plain = isinstance(size, tuple | list) and all(isinstance(n, int) for n in size)
    return (2, *size) if plain and len(size) == 3 else (2, *size[1:]) if plain and size[:1] in ((1,), [1]) else size


def _auxiliary_heads(model: nn.Module, run: Trace) -> Iterator[str]:
    """The layers that give the further answers of train mode."""
    fed = {source for op in run.ops for source in op.sources}
    for op in run.ops:
        if op.index not in fed and op.outputs[0] in run.outputs:
            yield _layer_behind(model, run, op)


def _layer_behind(model: nn.Module, run: Trace, answer: Op) -> str:
    """The path of the last layer with weights before an answer."""
    op = steps_before(answer, run.fed_by, lambda op: bool(op.weights))[0]
    if _gives(model.get_submodule(op.path), op.outputs[0]) and op.outputs[0][1:2] == answer.outputs[0][1:2]:
        return op.path
    raise HeadError(
        f"{type(model).__name__} has no single head: its answer comes from {op.kind} in "
        f"{op.path or 'its own forward'}, expected one Linear or Conv2d with an output for each class. Replace its "
        "last layer by hand."
    )


def _gives(layer: nn.Module, shape: Sequence[int]) -> bool:
    """Whether a layer is a Linear or a Conv2d, or of a class that inherits from them, with outputs of this shape."""
    if isinstance(layer, nn.Linear):
        return layer.out_features == shape[-1]
    return isinstance(layer, nn.Conv2d) and layer.groups == 1 and layer.out_channels == shape[1]


def steps_before(answer: Step, inputs: Callable[[Step], Sequence[Step]], reached: Callable[[Step], bool]) -> list[Step]:
    """The steps of a network that end in its answer, first to last: found by walking back from the answer.

    The walk works on any graph, such as a trace's ops or the nodes of ``torch.fx``. It stops at the first step for
    which ``reached`` holds, or at one that has not exactly one input; that step comes first in the list.

    Args:
        answer: the last step, such as the op that gives the logits.
        inputs: gives the steps whose results a step takes.
        reached: tells where to stop.

    Example:
        >>> inputs = {"logits": ["flatten"], "flatten": ["pool"], "pool": ["add"], "add": ["conv", "shortcut"]}
        >>> steps_before("logits", inputs.__getitem__, lambda step: step == "pool")
        ['pool', 'flatten', 'logits']
        >>> steps_before("logits", inputs.__getitem__, lambda step: step == "conv")
        ['add', 'pool', 'flatten', 'logits']
    """
    steps = [answer]
    while not reached(steps[0]) and len(before := inputs(steps[0])) == 1:
        steps.insert(0, before[0])
    return steps
