"""Residual blocks as data: make one, say why a shortcut needs a projection, step through the stages, count layers.

Nothing here is a second ResNet: blocks are torchvision's own classes, and what is said about a network is read from its
modules and from a trace, so a learner's own ResNet is described as well as torchvision's. Pictures of it are in
``course_lib.drawing``. The networks: He et al. 2015, https://arxiv.org/abs/1512.03385; groups and width (ResNeXt):
Xie et al. 2016, https://arxiv.org/abs/1611.05431; wide ones: Zagoruyko and Komodakis 2016,
https://arxiv.org/abs/1605.07146.
"""

from __future__ import annotations

from course_lib.networks.resnet.blocks import BlockError, make_block, why_downsample
from course_lib.networks.resnet.counting import LayerCount, count_layers
from course_lib.networks.resnet.stages import StageStep, stage_shapes, stage_steps

__all__ = [
    "BlockError",
    "LayerCount",
    "StageStep",
    "count_layers",
    "make_block",
    "stage_shapes",
    "stage_steps",
    "why_downsample",
]
