"""The stages of a network, block by block, and the shapes between them: read from its modules and from a trace."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torch import nn

from course_lib.networks.resnet.blocks import BlockError, why_downsample
from course_lib.tracing import Trace, inputs, times, trace

__all__ = ["StageStep", "convolutions", "has_shortcut", "stage_shapes", "stage_steps"]

Shape = tuple[int, ...]


@dataclass(frozen=True)
class StageStep:
    """One block, as ``_make_layer`` made it.

    Attributes:
        number: which of all blocks, from 1.
        stage, block: the stage's path, such as "layer2", and the block's index in it, from 0.
        blocks: how many the stage has.
        kind: the block's class, such as "BasicBlock".
        in_channels: of the map that comes in: ``self.inplanes`` before the step.
        inplanes_after: ``self.inplanes`` after it, which is also ``out_channels``.
        planes, expansion: ``out_channels`` is their product.
        stride, dilation, groups, base_width: as they were given to the block.
        downsample: whether its shortcut has a conv.
        why: a sentence: why it has one, or why it needs none.
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
        """Channels of the map that comes out."""
        return self.inplanes_after

    @property
    def path(self) -> str:
        """Of the block in the model, such as "layer2.0"."""
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
    seen = trace(module, input_size)
    return tuple(
        _step(number, stage, index, len(blocks), block, seen)
        for number, (stage, index, blocks, block) in enumerate(_stages_of(module, model), 1)
    )


def _stages_of(module: nn.Module, asked: nn.Module | str) -> Iterator[tuple[str, int, nn.Sequential, nn.Module]]:
    """(stage's path, block's index, stage, block) of every residual block; ``asked`` is what an error names."""
    found = False
    for path, stage in module.named_modules():
        if isinstance(stage, nn.Sequential) and len(stage) and all(map(has_shortcut, stage)):
            found = True
            for index, block in enumerate(stage):
                yield path, index, stage, block
    if not found:
        name = asked if isinstance(asked, str) else type(asked).__name__
        raise BlockError(
            f"{name} has no stage of residual blocks (an nn.Sequential of modules with a downsample); take a ResNet, "
            'such as "resnet18".'
        )


def has_shortcut(module: nn.Module) -> bool:
    """Whether a module is a residual block as ResNets write it: with a ``downsample``, a module or None."""
    return hasattr(module, "downsample") and bool(convolutions(module))


def convolutions(block: nn.Module) -> list[nn.Conv2d]:
    """The convs on the residual path."""
    return [
        one for name, one in block.named_modules()
        if isinstance(one, nn.Conv2d) and name.split(".")[0] != "downsample"
    ]  # fmt: skip


def _step(number: int, stage: str, index: int, blocks: int, block: nn.Module, seen: Trace) -> StageStep:
    path = f"{stage}.{index}"
    ops = seen.within(path)
    came, went = ops[0].inputs[0], ops[-1].output
    convs = convolutions(block)
    spatial = [conv for conv in convs if conv.kernel_size[0] > 1] or convs
    stride = max(conv.stride[0] for conv in convs)
    expansion = int(getattr(block, "expansion", 4 if len(convs) == 3 else 1))
    planes, groups = went[1] // expansion, max(conv.groups for conv in spatial)
    width = spatial[0].out_channels if len(convs) == 3 else planes
    downsample = getattr(block, "downsample", None) is not None
    why = why_downsample(came[1], went[1], stride)
    if not why:
        why = f"stride 1, and {came[1]} channels go in and come out: x fits as it is"
        why += ", though there is a conv on the shortcut" if downsample else ""
    return StageStep(
        number=number, stage=stage, block=index, blocks=blocks, kind=type(block).__name__, in_channels=came[1],
        inplanes_after=went[1], planes=planes, expansion=expansion, stride=stride,
        dilation=max(conv.dilation[0] for conv in convs), groups=groups,
        base_width=round(width / groups * 64 / planes), downsample=downsample, why=why, input=came, output=went,
        parameters=sum(op.parameters for op in ops), macs=sum(op.macs for op in ops),
    )  # fmt: skip


def stage_shapes(model: nn.Module | str, input_size: Any = (3, 224, 224)) -> dict[str, Shape]:
    """The map after every part of a model that changes its shape, and after every stage.

    Args:
        model: any module, or a name from torchvision's registry.
        input_size: as ``tracing.trace`` takes it.

    Returns:
        "input", then the names of the model's own children → shapes, batch in front.

    Example:
        >>> shapes = stage_shapes("resnet50", (3, 387, 1024))
        >>> shapes["layer4"], list(shapes)[:4]
        ((1, 2048, 13, 32), ['input', 'conv1', 'maxpool', 'layer1'])
    """
    seen = trace(model, input_size)
    shapes = {"input": seen.sizes[0]}
    last = seen.sizes[0]
    for call in seen.calls:
        if call.depth == 1 and call.outputs:
            if call.outputs[0] != last or call.end - call.first > 1:
                shapes[call.path] = call.outputs[0]
            last = call.outputs[0]
    return shapes
