"""The facts about torchvision's classifiers that no weights entry holds: family, kind, year, and the paper.

This is the only table of the catalogue that is typed in; everything else is read from torchvision (``catalog``). The
sources are the papers themselves, each linked from its row: they are those that torchvision's own docstrings name, and
a year is the one in which the paper appeared, which an arXiv address says by itself (``1512.03385`` is of December
2015, https://info.arxiv.org/help/arxiv_identifier.html). It is not the year of the weights: torchvision trained
ResNet50 again in 2021 (https://pytorch.org/blog/how-to-train-state-of-the-art-models-using-torchvision-latest-primitives/).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["FAMILIES", "KINDS", "OTHER", "Family", "family_of"]

#: What a family's kind says, in the order in which the kinds came up.
KINDS = {
    "classic": "convolutional networks designed by hand, for the smallest error",
    "light-weight": "designed by hand for small devices: few parameters, few multiplications",
    "found by search": "people set the rules, and a program that tries many networks finds the sizes",
    "transformer": "attention between patches of the picture, with or without convolutions before it",
    "modern convolutional": "convolutional again, with what was learned from transformers",
}

#: The kind of whatever this table does not know: a family of a newer torchvision, or a network of the learner's own.
OTHER = "other"


@dataclass(frozen=True)
class Family:
    """Networks that come from one paper.

    Attributes:
        name: as its authors write it.
        kind: a key of ``KINDS``.
        year: of the paper's first version.
        title: of the paper.
        paper: its address.
        idea: what was new, in a few words.
        builders: a regular expression that torchvision's names of its builders match as a whole.
    """

    name: str
    kind: str
    year: int
    title: str
    paper: str
    idea: str
    builders: str


_CLASSIC, _LIGHT, _SEARCH, _TRANSFORMER, _MODERN = KINDS
_ARXIV = "https://arxiv.org/abs/"

#: In the order of their papers.
FAMILIES: tuple[Family, ...] = (
    # torchvision builds the one-column version of https://arxiv.org/abs/1404.5997 (2014) by the same first author.
    Family(
        "AlexNet", _CLASSIC, 2012, "ImageNet Classification with Deep Convolutional Neural Networks",
        "https://papers.nips.cc/paper/2012/hash/c399862d3b9d6b76c8436e924a68c45b-Abstract.html",
        "learned convolutions win the ImageNet contest: ReLU, dropout, two GPUs", r"alexnet",
    ),
    Family(
        "VGG", _CLASSIC, 2014, "Very Deep Convolutional Networks for Large-Scale Image Recognition",
        _ARXIV + "1409.1556", "nothing but 3×3 convolutions, in deep stacks", r"vgg\d+(_bn)?",
    ),
    Family(
        "GoogLeNet", _CLASSIC, 2014, "Going Deeper with Convolutions",
        _ARXIV + "1409.4842", "kernels of several sizes side by side, joined by channels", r"googlenet",
    ),
    Family(
        "Inception v3", _CLASSIC, 2015, "Rethinking the Inception Architecture for Computer Vision",
        _ARXIV + "1512.00567", "large kernels taken apart into small and one-dimensional ones", r"inception_v3",
    ),
    Family(
        "ResNet", _CLASSIC, 2015, "Deep Residual Learning for Image Recognition",
        _ARXIV + "1512.03385", "a block adds to its input, so that 152 layers can learn", r"resnet\d+",
    ),
    Family(
        "SqueezeNet", _LIGHT, 2016,
        "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size",
        _ARXIV + "1602.07360", "1×1 convolutions squeeze the channels before the 3×3 ones", r"squeezenet\d_\d",
    ),
    Family(
        "Wide ResNet", _CLASSIC, 2016, "Wide Residual Networks",
        _ARXIV + "1605.07146", "wider residual blocks instead of more of them", r"wide_resnet\d+_\d+",
    ),
    Family(
        "DenseNet", _CLASSIC, 2016, "Densely Connected Convolutional Networks",
        _ARXIV + "1608.06993", "a layer sees the maps of every layer before it in its block", r"densenet\d+",
    ),
    Family(
        "ResNeXt", _CLASSIC, 2016, "Aggregated Residual Transformations for Deep Neural Networks",
        _ARXIV + "1611.05431", "the residual block's 3×3 convolution split into groups", r"resnext\d+_\d+x\d+d",
    ),
    Family(
        "MobileNetV2", _LIGHT, 2018, "MobileNetV2: Inverted Residuals and Linear Bottlenecks",
        _ARXIV + "1801.04381", "thin at both ends, wide and depthwise in the middle", r"mobilenet_v2",
    ),
    Family(
        "ShuffleNet V2", _LIGHT, 2018, "ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture Design",
        _ARXIV + "1807.11164", "channels split and shuffled, after rules for measured speed", r"shufflenet_v2_x\d_\d",
    ),
    Family(
        "MnasNet", _SEARCH, 2018, "MnasNet: Platform-Aware Neural Architecture Search for Mobile",
        _ARXIV + "1807.11626", "a search that asks a real phone how long each network takes", r"mnasnet\d_\d+",
    ),
    Family(
        "MobileNetV3", _SEARCH, 2019, "Searching for MobileNetV3",
        _ARXIV + "1905.02244", "a search for the blocks, a second one for each layer's width", r"mobilenet_v3_[a-z]+",
    ),
    Family(
        "EfficientNet", _SEARCH, 2019, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks",
        _ARXIV + "1905.11946", "one searched network, grown in depth, width and resolution", r"efficientnet_(b|lite)\d",
    ),
    # Its authors search no single network but the rule that good ones share: they sample and train whole populations,
    # and people narrow the space between two rounds. Half by hand, then; but the sizes are those that training found.
    Family(
        "RegNet", _SEARCH, 2020, "Designing Network Design Spaces",
        _ARXIV + "2003.13678", "a rule for widths and depths, found in populations of networks", r"regnet_[xy]_.+",
    ),
    Family(
        "ViT", _TRANSFORMER, 2020, "An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale",
        _ARXIV + "2010.11929", "a picture read as a sentence of patches", r"vit_[a-z]_\d+",
    ),
    Family(
        "Swin", _TRANSFORMER, 2021, "Swin Transformer: Hierarchical Vision Transformer using Shifted Windows",
        _ARXIV + "2103.14030", "attention inside windows that shift from layer to layer", r"swin_[a-z]",
    ),
    Family(
        "EfficientNetV2", _SEARCH, 2021, "EfficientNetV2: Smaller Models and Faster Training",
        _ARXIV + "2104.00298", "a search for fast training: early depthwise layers fused", r"efficientnet_v2_[a-z]+",
    ),
    Family(
        "Swin V2", _TRANSFORMER, 2021, "Swin Transformer V2: Scaling Up Capacity and Resolution",
        _ARXIV + "2111.09883", "Swin, made stable for more parameters and larger pictures", r"swin_v2_[a-z]",
    ),
    Family(
        "ConvNeXt", _MODERN, 2022, "A ConvNet for the 2020s",
        _ARXIV + "2201.03545", "a ResNet modernised step by step until it matches Swin", r"convnext_[a-z]+",
    ),
    # Convolutions in every block as well; its title says what its authors count it as.
    Family(
        "MaxViT", _TRANSFORMER, 2022, "MaxViT: Multi-Axis Vision Transformer",
        _ARXIV + "2204.01697", "attention in windows, then over a grid across the whole picture", r"maxvit_[a-z]+",
    ),
)  # fmt: skip


def family_of(builder: str) -> Family | None:
    """The family of one of torchvision's builders, or None for a name that the table does not know.

    A name has to match as a whole: ``swin_v2_t`` isn't a ``swin``, and a future ``convnextv2_tiny`` isn't a
    ``convnext``.

    Example:
        >>> resnext = family_of("resnext50_32x4d")
        >>> resnext.name, resnext.kind, resnext.year
        ('ResNeXt', 'classic', 2016)
        >>> family_of("convnextv2_tiny") is None
        True
    """
    return next((family for family in FAMILIES if re.fullmatch(family.builders, builder)), None)
