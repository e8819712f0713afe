"""Residual blocks as data: make one, say why a shortcut needs a projection, step through the stages, count layers.

Blocks are torchvision's own classes, and networks are described from their modules and a trace; ``course_lib.drawing``
has the pictures. The networks: He et al. 2015, https://arxiv.org/abs/1512.03385; groups and width (ResNeXt):
Xie et al. 2016, https://arxiv.org/abs/1611.05431; wide ones: Zagoruyko and Komodakis 2016,
https://arxiv.org/abs/1605.07146.
"""

from __future__ import annotations

from course_lib.networks.resnet.blocks import BlockError, faulty_resnet18, make_block, why_downsample
from course_lib.networks.resnet.stages import LayerCount, StageStep, count_layers, stage_shapes, stage_steps

__all__ = [
    "BlockError",
    "LayerCount",
    "StageStep",
    "count_layers",
    "faulty_resnet18",
    "make_block",
    "stage_shapes",
    "stage_steps",
    "why_downsample",
]
