"""The stages of a network: its residual blocks, the shapes between them, and how many layers the papers count.

All of it is read from the network's modules and from a trace, so a learner's own ResNet is described as well as
torchvision's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from course_lib.networks.resnet.blocks import BlockError, why_downsample
from course_lib.tracing import inputs
from course_lib.tracing.records import times
from course_lib.tracing.result import Trace
from course_lib.tracing.tracer import trace

__all__ = ["LayerCount", "StageStep", "count_layers", "stage_shapes", "stage_steps"]

Shape = tuple[int, ...]


# -- blocks and shapes ------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class StageStep:
    """One residual block, as torchvision's ``_make_layer`` made it.

    Attributes:
        number: its number among all blocks, from 1.
        stage, block: the stage's path, such as "layer2", and the block's index in it, from 0.
        blocks: how many the stage has.
        kind: the block's class, such as "BasicBlock".
        in_channels: of its input: ``self.inplanes`` before the block is made.
        inplanes_after: ``self.inplanes`` after it, which is also ``out_channels``.
        planes, expansion: ``out_channels`` is their product.
        stride, dilation, groups, base_width: as they were given to the block.
        downsample: whether its shortcut has a conv.
        why: a sentence that says why it has one, or why it needs none.
        input, output: shapes, (B, C, H, W).
        parameters, macs: its own.
    """

    number: int
    stage: str
    block: int
    blocks: int
    kind: str
    in_channels: int
    inplanes_after: int
    planes: int
    expansion: int
    stride: int
    dilation: int
    groups: int
    base_width: int
    downsample: bool
    why: str
    input: Shape
    output: Shape
    parameters: int
    macs: int

    @property
    def out_channels(self) -> int:
        """Channels of its output."""
        return self.inplanes_after

    @property
    def path(self) -> str:
        """The block's path in the model, such as "layer2.0"."""
        return f"{self.stage}.{self.block}"

    def __str__(self) -> str:
        shortcut = "projection" if self.downsample else "identity"
        shapes = f"{times(self.input)} → {times(self.output)}"
        return f"{self.number:2} {self.path:9} {self.kind:10} {shapes}  stride {self.stride}  {shortcut}: {self.why}"


def stage_steps(model: nn.Module | str, input_size: Any = (3, 224, 224)) -> tuple[StageStep, ...]:
    """Every residual block of a network, in the order in which it was made.

    Args:
        model: a ResNet of torchvision's, by name or as a module, or any other whose stages are ``nn.Sequential`` and
            whose blocks have a ``downsample`` (a module or None).
        input_size: as ``tracing.trace`` takes it.

    Raises:
        BlockError: the model has no such block.
        TraceError: pictures of this size do not go through.
        ModelNameError: torchvision has no model of that name.

    Example:
        >>> steps = stage_steps("resnet18")
        >>> [step.path for step in steps if step.downsample]
        ['layer2.0', 'layer3.0', 'layer4.0']
        >>> steps[2].why
        'stride 2 makes the map smaller and 64 channels become 128: x fits after a 1×1 conv with stride 2'
    """
    module = inputs.build(model) if isinstance(model, str) else model
    run = trace(module, input_size)
    return tuple(
        _step(number, stage, index, len(blocks), block, run)
        for number, (stage, index, blocks, block) in enumerate(_stages_of(module, model), 1)
    )


def _stages_of(module: nn.Module, asked: nn.Module | str) -> Iterator[tuple[str, int, nn.Sequential, nn.Module]]:
    """(stage's path, block's index, stage, block) of every residual block; an error names ``asked``."""
    any_stage = False
    for path, stage in module.named_modules():
        if isinstance(stage, nn.Sequential) and len(stage) and all(map(_has_shortcut, stage)):
            any_stage = True
            for index, block in enumerate(stage):
                yield path, index, stage, block
    if not any_stage:
        name = asked if isinstance(asked, str) else type(asked).__name__
        raise BlockError(
            f"{name} has no stage of residual blocks (an nn.Sequential of modules with a downsample); take a ResNet, "
            'such as "resnet18".'
        )


def _has_shortcut(module: nn.Module) -> bool:
    """Whether a module is a residual block as ResNets write it: with a ``downsample``, a module or None."""
    return hasattr(module, "downsample") and bool(_convolutions(module))


def _convolutions(block: nn.Module) -> list[nn.Conv2d]:
    """The convs on the residual path."""
    return [
        module for path, module in block.named_modules()
        if isinstance(module, nn.Conv2d) and path.split(".")[0] != "downsample"
    ]  # fmt: skip


def _step(number: int, stage: str, index: int, blocks: int, block: nn.Module, run: Trace) -> StageStep:
    path = f"{stage}.{index}"
    ops = run.within(path)
    before, after = ops[0].inputs[0], ops[-1].output
    convs = _convolutions(block)
    spatial = [conv for conv in convs if conv.kernel_size[0] > 1] or convs
    stride = max(conv.stride[0] for conv in convs)
    expansion = int(getattr(block, "expansion", 4 if len(convs) == 3 else 1))
    planes, groups = after[1] // expansion, max(conv.groups for conv in spatial)
    width = spatial[0].out_channels if len(convs) == 3 else planes
    downsample = getattr(block, "downsample", None) is not None
    why = why_downsample(before[1], after[1], stride)
    if not why:
        why = f"stride 1, and {before[1]} channels go in and come out: x fits as it is"
        why += ", though there is a conv on the shortcut" if downsample else ""
    return StageStep(
        number=number, stage=stage, block=index, blocks=blocks, kind=type(block).__name__, in_channels=before[1],
        inplanes_after=after[1], planes=planes, expansion=expansion, stride=stride,
        dilation=max(conv.dilation[0] for conv in convs), groups=groups,
        base_width=round(width / groups * 64 / planes), downsample=downsample, why=why, input=before, output=after,
        parameters=sum(op.parameters for op in ops), macs=sum(op.macs for op in ops),
    )  # fmt: skip


def stage_shapes(model: nn.Module | str, input_size: Any = (3, 224, 224)) -> dict[str, Shape]:
    """The shape of the map after every child of a model that changes it, and after every stage.

    Args:
        model: any module, or a name from torchvision's registry.
        input_size: as ``tracing.trace`` takes it.

    Returns:
        "input", then the names of the model's children → shapes, (B, C, H, W).

    Example:
        >>> shapes = stage_shapes("resnet50", (3, 387, 1024))
        >>> shapes["layer4"], list(shapes)[:4]
        ((1, 2048, 13, 32), ['input', 'conv1', 'maxpool', 'layer1'])
    """
    run = trace(model, input_size)
    shapes = {"input": run.sizes[0]}
    last = run.sizes[0]
    for call in run.calls:
        if call.depth == 1 and call.outputs:
            if call.outputs[0] != last or call.end - call.first > 1:
                shapes[call.path] = call.outputs[0]
            last = call.outputs[0]
    return shapes


# -- counting layers --------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class LayerCount:
    """How many layers a network has, as the papers count them: convs and linear layers, without those on shortcuts.

    Attributes:
        stem: convs outside of residual blocks.
        stages: for each stage, the number of convs on each block's residual path.
        linear: linear layers.
        downsample: convs on shortcuts, which are not counted.
        norms: BatchNorm and other normalisation layers, which are not counted.
    """

    stem: int
    stages: tuple[tuple[int, ...], ...]
    linear: int
    downsample: int
    norms: int

    @property
    def blocks(self) -> tuple[int, ...]:
        """Blocks in each stage."""
        return tuple(len(stage) for stage in self.stages)

    @property
    def total(self) -> int:
        """The number in a network's name."""
        return self.stem + sum(map(sum, self.stages)) + self.linear

    def __str__(self) -> str:
        block_sizes = {convs for stage in self.stages for convs in stage}
        if len(block_sizes) == 1:
            middle = f"{block_sizes.pop()}·({' + '.join(map(str, self.blocks))})"
        else:
            middle = " + ".join(str(sum(stage)) for stage in self.stages)
        return " + ".join(part for part in (str(self.stem), middle, str(self.linear)) if part) + f" = {self.total}"


def count_layers(model: nn.Module | str) -> LayerCount:
    """Count the layers of a model, given as a module or by its name in torchvision's registry.

    Raises:
        BlockError: it is neither.
        ModelNameError: torchvision has no model of that name.

    Example:
        >>> print(count_layers("resnet18"))
        1 + 2·(2 + 2 + 2 + 2) + 1 = 18
        >>> count = count_layers("resnet50")
        >>> count.total, count.downsample, count.norms
        (50, 4, 53)
        >>> print(count_layers("vgg16"))
        13 + 3 = 16
    """
    module = inputs.build(model) if isinstance(model, str) else model
    if not isinstance(module, nn.Module):
        raise BlockError(f"count_layers expects a module or a model's name; it was given {type(model).__name__}.")
    stages: dict[str, list[int]] = {}
    in_blocks, shortcuts = 0, 0
    for path, block in module.named_modules():
        if _has_shortcut(block):
            convs = len(_convolutions(block))
            in_blocks += convs
            shortcuts += _count(block, nn.Conv2d) - convs
            stages.setdefault(path.rpartition(".")[0], []).append(convs)
    return LayerCount(
        stem=_count(module, nn.Conv2d) - in_blocks - shortcuts,
        stages=tuple(tuple(stage) for stage in stages.values()),
        linear=_count(module, nn.Linear),
        downsample=shortcuts,
        norms=_count(module, _NormBase, nn.GroupNorm, nn.LayerNorm),
    )


def _count(module: nn.Module, *kinds: type[nn.Module]) -> int:
    return sum(isinstance(layer, kinds) for layer in module.modules())
