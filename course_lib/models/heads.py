"""The head of a classifier, the layer that gives its logits: where it is, and a new one in its place.

Every family of torchvision has it under another name (``fc``, ``classifier.6``, ``heads.head``), and SqueezeNet's is a
convolution, so it is not looked up by name: the model is traced, and the head is the last layer with weights before the
answer. ``course_lib.networks.training`` trains the new head.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Literal, TypeVar

import torch
from torch import nn

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


def head_path(model: nn.Module) -> str:
    """The path of a classifier's head, for ``model.get_submodule``.

    Args:
        model: a classifier of pictures (B, C, H, W) → (B, classes), on any device, in any mode; it stays as it is.

    Raises:
        HeadError: this is not a module, or its last layer before the answer is neither a Linear nor a Conv2d.

    Example:
        >>> from torchvision.models import resnet18, squeezenet1_1, vgg11
        >>> with torch.device("meta"):
        ...     [head_path(builder()) for builder in (resnet18, vgg11, squeezenet1_1)]
        ['fc', 'classifier.6', 'classifier.1']
    """
    return head_paths(model)[0]


def head_paths(model: nn.Module) -> tuple[str, ...]:
    """The paths of the head and of the auxiliary heads that answer only in train mode (GoogLeNet's and Inception's).

    Raises:
        HeadError: as for ``head_path``.

    Example:
        >>> from torchvision.models import inception_v3
        >>> with torch.device("meta"):
        ...     head_paths(inception_v3(init_weights=False))
        ('fc', 'AuxLogits.fc')
    """
    model = _unwrapped(model)
    run = _traced(model, "eval")
    head = _layer_behind(model, run, run.ops[-1])
    auxiliary: list[str] = []
    if run.unused:  # parameters that eval mode does not use may be those of auxiliary heads: train mode shows it
        with contextlib.suppress(_ForwardError):
            auxiliary = list(_auxiliary_heads(model, _traced(model, "train")))
    return tuple(dict.fromkeys([head, *auxiliary]))


def replace_head(model: nn.Module, num_classes: int, *, seed: int = 0) -> nn.Module:
    """A copy of a classifier whose head answers with another number of classes; all other layers keep their weights.

    The new head has the weights that PyTorch's own layer has after ``torch.manual_seed(seed)``. Auxiliary heads are
    replaced as well. The given model and the global random numbers are left as they were.

    Args:
        model: a classifier of pictures (B, C, H, W) → (B, classes). Of a DataParallel or a compiled model, the model
            inside is copied.
        num_classes: how many classes the copy answers with.
        seed: of the new head's weights.

    Returns:
        The copy, on the same device, in the same mode; (B, C, H, W) → (B, num_classes).

    Raises:
        HeadError: ``num_classes`` is not a whole number from 1 on, or there is no head that could be replaced.

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
    model = _unwrapped(model)
    paths = head_paths(model)
    model = copy.deepcopy(model)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would seed the GPUs as well
        for path in paths:
            old = model.get_submodule(path)
            new = _like(old, num_classes).train(old.training)
            if not path:  # the model is its own head
                return new
            parent, _, name = path.rpartition(".")
            setattr(model.get_submodule(parent), name, new)
    if isinstance(getattr(model, "num_classes", None), int):  # VisionTransformer and SqueezeNet write it down
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
    return new.to(weight.device, weight.dtype)


def _unwrapped(model: nn.Module) -> nn.Module:
    if not isinstance(model, nn.Module):
        inner = " Give its model: classifier.model." if isinstance(getattr(model, "model", None), nn.Module) else ""
        raise HeadError(f"A head belongs to a torch.nn.Module; this is {type(model).__name__}.{inner}")
    return unwrapped(model)


def _traced(model: nn.Module, mode: Literal["eval", "train"]) -> Trace:
    """The model's run at the first size that it takes."""
    convs = [layer.in_channels for layer in model.modules() if isinstance(layer, nn.Conv2d)]
    first: TraceError | None = None
    for side, channels in product(SIDES, convs[:1] or (3, 1)):
        try:  # with two pictures: BatchNorm in train mode refuses a single one
            run = trace(model, (2, channels, side, side), mode=mode)
        except TraceError as error:
            first = first or error
        else:
            if run.ops:
                return run
    raise _ForwardError(
        f"The head of {type(model).__name__} cannot be found, because its forward does not run: "
        f"{first or 'it does nothing.'} Replace its last layer by hand, such as "
        "model.fc = torch.nn.Linear(model.fc.in_features, num_classes)."
    ) from first


def _auxiliary_heads(model: nn.Module, run: Trace) -> Iterator[str]:
    """The layers that give the further answers of train mode."""
    fed = {source for op in run.ops for source in op.sources}
    for op in run.ops:
        if op.index not in fed and op.outputs[0] in run.outputs:
            yield _layer_behind(model, run, op)


def _layer_behind(model: nn.Module, run: Trace, answer: Op) -> str:
    """The path of the last layer with weights before an answer."""
    op = steps_before(answer, run.fed_by, lambda op: bool(op.weights))[0]
    if type(model.get_submodule(op.path)) in (nn.Linear, nn.Conv2d) and op.outputs[0][1:2] == answer.outputs[0][1:2]:
        return op.path
    raise HeadError(
        f"{type(model).__name__} has no single head: its answer comes from {op.kind} in "
        f"{op.path or 'its own forward'}, expected one Linear or Conv2d with an output for each class. Replace its "
        "last layer by hand."
    )


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
