"""How many layers a network has, as the papers count them: convs and linear layers on the way, shortcuts left out."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from course_lib.networks.resnet.blocks import BlockError
from course_lib.networks.resnet.stages import convolutions, has_shortcut
from course_lib.tracing import inputs

__all__ = ["LayerCount", "count_layers"]


@dataclass(frozen=True)
class LayerCount:
    """The layers that are counted, and those that are not.

    Attributes:
        stem: convs outside of residual blocks.
        stages: for each stage the convs on each block's residual path.
        linear: linear layers.
        downsample: convs on shortcuts; not counted.
        norms: BatchNorms and their like; not counted.
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
        """What the number in a network's name means."""
        return self.stem + sum(map(sum, self.stages)) + self.linear

    @property
    def not_counted(self) -> dict[str, int]:
        """What has weights and is left out."""
        return {"convs on shortcuts": self.downsample, "norms": self.norms}

    def __str__(self) -> str:
        each = {convs for stage in self.stages for convs in stage}
        if len(each) == 1:
            middle = f"{each.pop()}·({' + '.join(map(str, self.blocks))})"
        else:
            middle = " + ".join(str(sum(stage)) for stage in self.stages)
        return " + ".join(part for part in (str(self.stem), middle, str(self.linear)) if part) + f" = {self.total}"


def count_layers(model: nn.Module | str) -> LayerCount:
    """Count the layers of a model, a name from torchvision's registry or a module.

    Raises:
        BlockError: neither of them.
        ModelNameError: torchvision has no model of that name.

    Example:
        >>> print(count_layers("resnet18"))
        1 + 2·(2 + 2 + 2 + 2) + 1 = 18
        >>> count_layers("resnet50").not_counted
        {'convs on shortcuts': 4, 'norms': 53}
        >>> print(count_layers("vgg16"))
        13 + 3 = 16
    """
    module = inputs.build(model) if isinstance(model, str) else model
    if not isinstance(module, nn.Module):
        raise BlockError(f"count_layers wants a module or a model's name; it was given {type(model).__name__}.")
    stages: dict[str, list[int]] = {}
    within, shortcuts = 0, 0
    for path, block in module.named_modules():
        if has_shortcut(block):
            convs = len(convolutions(block))
            within += convs
            shortcuts += _count(block, nn.Conv2d) - convs
            stages.setdefault(path.rpartition(".")[0], []).append(convs)
    return LayerCount(
        stem=_count(module, nn.Conv2d) - within - shortcuts,
        stages=tuple(tuple(stage) for stage in stages.values()),
        linear=_count(module, nn.Linear),
        downsample=shortcuts,
        norms=_count(module, _NormBase, nn.GroupNorm, nn.LayerNorm),
    )


def _count(module: nn.Module, *kinds: type[nn.Module]) -> int:
    return sum(isinstance(one, kinds) for one in module.modules())
