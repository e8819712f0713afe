"""The exercises of lesson 09, build a ResNet. Each solution is the code that ``.solution()`` shows and the tests run.

The layers and the network carry torchvision's names (conv1, bn1, layer1 ...), so that its weights load into them; the
checks put the same weights into torchvision's own and compare. The block is lesson 03's.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache, partial
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models import resnet
from torchvision.models import resnet18 as torchvision_resnet18

from course_lib.exercises.checks import random_arguments
from course_lib.exercises.checks.module_checks import build, load, need_own, same_output, scrambled
from course_lib.exercises.checks.norm_checks import NORM_PROPERTIES, check_batch_norm
from course_lib.exercises.checks.residual_checks import STAGE_PROPERTIES, check_stage
from course_lib.exercises.engine.credit import part
from course_lib.exercises.engine.exercise import exercise
from course_lib.exercises.engine.hidden_cases import compare_cases
from course_lib.exercises.engine.requirements import Wrong, call, need_class, need_function, need_number
from course_lib.exercises.lessons import lesson03
from course_lib.exercises.lessons.lesson03 import BasicBlock, Bottleneck


# -- 1: BatchNorm ------------------------------------------------------------------------------------------------------
class BatchNorm2d(nn.Module):
    """torch's nn.BatchNorm2d under its names, (B, C, H, W) → (B, C, H, W) (Ioffe and Szegedy 2015)."""

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))
        self.register_buffer("num_batches_tracked", torch.tensor(0))

    def forward(self, x: Tensor) -> Tensor:
        mean, var = self.running_mean, self.running_var
        if self.training:
            mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)  # (C,)
            with torch.no_grad():
                n = x.numel() / x.shape[1]
                self.running_mean += 0.1 * (mean - self.running_mean)
                self.running_var += 0.1 * (var * n / (n - 1) - self.running_var)
                self.num_batches_tracked += 1
        x = (x - mean[:, None, None]) / torch.sqrt(var[:, None, None] + 1e-5)
        return x * self.weight[:, None, None] + self.bias[:, None, None]


batch_norm = exercise(
    id="09_batch_norm",
    former_ids=("03_batch_norm",),
    title="BatchNorm with both modes",
    background="In train mode, BatchNorm normalises every channel with the batch's mean and biased variance, "
    "taken over B, H and W. It also moves the running statistics a step of 0.1 (the momentum) towards "
    "the batch's mean and *unbiased* variance. In eval mode it normalises with the running "
    "statistics. Either way, $y = \\text{weight} \\cdot (x - \\mu) / \\sqrt{\\sigma^2 + \\epsilon} + "
    "\\text{bias}$.",
    minutes=10,
    difficulty="hard",
    cell_name="MyBatchNorm2d",
    hints=[
        "weight and bias are nn.Parameter; the other three are buffers: self.register_buffer(name, tensor).",
        "In train mode: x.mean((0, 2, 3)) and x.var((0, 2, 3), unbiased=False). In eval mode: the running ones.",
        "Under torch.no_grad(): running = 0.9 * running + 0.1 * new, with the new variance multiplied by n / (n - 1).",
        "A (C,) tensor meets (B, C, H, W) as tensor[:, None, None].",
    ],
    praise="Both modes agree with torch's, and so do the buffers after each batch.",
    properties=NORM_PROPERTIES,
    check=check_batch_norm,
    hidden_check=check_batch_norm,
)(BatchNorm2d)


# -- 2: a stage -------------------------------------------------------------------------------------------------------
@exercise(
    id="09_make_layer",
    former_ids=("03_make_layer",),
    title="A stage: make_layer",
    background="A stage of a ResNet is several blocks in a row. `block(in_channels, planes, stride=1, "
    "downsample=None)` makes `planes * block.expansion` channels and divides height and width by the "
    "stride. Where that changes the shape, the first block gets a projection: a 1×1 convolution with "
    "the stride and without bias, then a BatchNorm.",
    minutes=10,
    difficulty="hard",
    hints=[
        "Only the first block takes the stride and, where the shape changes, a downsample.",
        "The downsample: nn.Sequential of a 1×1 convolution with the stride and without bias, and a BatchNorm.",
        "From the second block on, planes × block.expansion channels come in.",
    ],
    praise="Call it four times, and you have the body of any ResNet.",
    properties=STAGE_PROPERTIES,
    check=check_stage,
    hidden_check=check_stage,
)
def make_layer(
    block: type[BasicBlock] | type[Bottleneck], in_channels: int, planes: int, blocks: int, stride: int = 1
) -> nn.Sequential:
    """A stage: the first block changes channels and size, the others keep them."""
    out = planes * block.expansion
    downsample = None
    if stride != 1 or in_channels != out:
        downsample = nn.Sequential(nn.Conv2d(in_channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))
    first = block(in_channels, planes, stride, downsample)
    return nn.Sequential(first, *(block(out, planes) for _ in range(blocks - 1)))


# -- 3: the whole network ---------------------------------------------------------------------------------------------
_STATE_DICT, _LOGITS = "torchvision's state dict fits", "with its weights the logits are torchvision's"


class ResNet18(nn.Module):
    """torchvision's resnet18 under its names, (B, 3, H, W) → (B, 1000): its state dict loads."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = make_layer(BasicBlock, 64, 64, 2)
        self.layer2 = make_layer(BasicBlock, 64, 128, 2, 2)
        self.layer3 = make_layer(BasicBlock, 128, 256, 2, 2)
        self.layer4 = make_layer(BasicBlock, 256, 512, 2, 2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(512, 1000)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(torch.relu(self.bn1(self.conv1(x))))  # (B, 64, H/4, W/4)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))  # (B, 512, H/32, W/32)
        logits: Tensor = self.fc(self.avgpool(x).flatten(start_dim=1))
        return logits


resnet18 = exercise(
    id="09_resnet18",
    former_ids=("03_resnet18",),
    title="A ResNet18 of your own",
    background="ResNet18 begins with a 7×7 convolution to 64 channels (stride 2, padding 3, no bias), a "
    "BatchNorm, a ReLU, and a 3×3 max-pool (stride 2, padding 1). Four stages of two BasicBlocks "
    "follow, with 64, 128, 256 and 512 planes; all but the first have stride 2. An average pool to "
    "1×1, a flatten and a linear layer end it. `MyBasicBlock(in_channels, planes, stride, "
    "downsample)` is a block, and `make_layer(block, in_channels, planes, blocks, stride)` a stage.",
    uses=(lesson03.basic_block,),
    minutes=12,
    difficulty="hard",
    cell_name="MyResNet18",
    hints=[
        "print(torchvision.models.resnet18()) shows the names: conv1, bn1, maxpool, layer1 to layer4, avgpool, fc.",
        "conv1 is 7×7, stride 2, padding 3, no bias; the pool 3×3, stride 2, padding 1; layer2, 3, 4 halve the map.",
        "nn.AdaptiveAvgPool2d(1) makes any map 1×1; flatten(1) leaves (B, 512) for fc.",
    ],
    praise="torchvision's weights load into your network, and its logits come out.",
    properties={_STATE_DICT: 1, _LOGITS: 2},
)(ResNet18)


@lru_cache(maxsize=1)
def _true_resnet18() -> nn.Module:
    return scrambled(torchvision_resnet18)


@resnet18.checker
def _(answer: Any) -> None:
    need_class(answer)
    net = _filled_network(answer)
    if net is None:
        return
    with part(_LOGITS):
        for shape in ((2, 3, 64, 64), (1, 3, 70, 103)):  # no multiple of 32, not square
            batch = torch.linspace(-40, 40, torch.Size(shape).numel()).view(shape).sin()
            same_output(net, _true_resnet18(), batch, case=f"a {shape} batch")


def _filled_network(answer: Any) -> nn.Module | None:
    """The learner's network with the true one's weights; None where they do not fit, and that is written down."""
    with part(_STATE_DICT) as fits:
        net = build(answer, case="Your network")
        need_own(net, resnet.ResNet, "network")
        load(net, _true_resnet18(), case="your network")
    return net if fits.holds else None


def _pictures(source: random.Random) -> tuple[Tensor]:
    return (random_arguments.tensor(source, source.randint(1, 2), 3, source.randint(33, 130), source.randint(33, 130)),)


@resnet18.hidden_checker
def _(answer: Any, source: random.Random) -> None:
    net = _filled_network(answer)
    if net is None:
        return
    with part(_LOGITS), torch.no_grad():
        compare_cases(net.eval(), _true_resnet18(), source, _pictures, count=3, tolerance=1e-4)


# -- 4: the first difference ------------------------------------------------------------------------------------------
@exercise(
    id="09_first_difference",
    title="The first difference",
    background="Two networks should compute the same. What each layer of either one puts out was written down in a "
    "dictionary: the layer's name → its output, in the order in which the layers ran.",
    minutes=6,
    difficulty="medium",
    hints=[
        "for name in wanted: a dictionary keeps its order. Leave out the names that found doesn't have.",
        "Compare the shapes first: tensors of different shapes can't be subtracted, or one of them is broadcast.",
        "(a - b).abs() says how far apart the numbers are. Return the first name where one of them exceeds 0.001.",
    ],
    praise="Everything before that layer is right. That's where you look.",
)
def first_difference(wanted: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> str | None:
    """The name of the first layer whose output has another shape, or a number that is off by more than 0.001."""
    for name in wanted:
        if name in found:
            one, other = wanted[name], found[name]
            if one.shape != other.shape or not torch.all((one - other).abs() <= 1e-3):
                return name
    return None


@first_difference.checker
def _(answer: Any) -> None:
    need_function(answer)
    for case, wanted, found, truth in _recordings():
        before = copy.deepcopy((wanted, found))
        name = call(answer, wanted, found, case=case)
        for given, kept in zip((wanted, found), before, strict=True):
            if [*given] != [*kept] or any(not torch.equal(given[key], kept[key]) for key in kept):
                raise Wrong(f"On {case} your function changed what it was given; it should only look.")
        if not (name is None or isinstance(name, str)):
            raise Wrong(f"On {case} your function should return a layer's name or None, not a {type(name).__name__}.")
        if name != truth:
            told = "nothing differs" if truth is None else f"the first difference is {truth}"
            said = "None" if name is None else repr(name[:40])
            raise Wrong(f"On {case}: {told}, and your function returned {said}.")


def _recordings() -> Iterator[tuple[str, dict[str, Tensor], dict[str, Tensor], str | None]]:
    """A case in words, what one network's layers gave, what the other's gave, and where they differ first."""
    layers = ("stem", "layer1", "pool", "fc")
    wanted = {name: torch.arange(6.0).view(2, 3) + place for place, name in enumerate(layers)}
    yield "two networks that agree", wanted, copy.deepcopy(wanted), None
    yield "outputs that are 0.0005 apart", wanted, {name: x + 0.0005 for name, x in wanted.items()}, None
    yield "a layer that is 0.0015 off", wanted, wanted | {"layer1": wanted["layer1"] - 0.0015}, "layer1"
    yield "a layer that is 0.1 off", wanted, wanted | {"pool": wanted["pool"] + 0.1}, "pool"
    yield "a last layer that differs", wanted, wanted | {"fc": -wanted["fc"]}, "fc"
    yield "one number that differs", wanted, wanted | {"stem": torch.tensor([[0, 1, 2], [3, 4, 5.5]])}, "stem"
    later = {name: x + 0.5 * (place > 0) for place, (name, x) in enumerate(wanted.items())}
    yield "layers that all differ from the second one on", wanted, later, "layer1"
    yield "the same in another order", wanted, dict(reversed(later.items())), "layer1"
    yield "another shape", wanted, wanted | {"layer1": torch.zeros(4, 5)}, "layer1"
    yield "a shape that would be broadcast", {"pool": torch.ones(2, 3)}, {"pool": torch.ones(1, 3)}, "pool"
    yield "a layer that only the first one has", wanted, {"fc": wanted["fc"] + 1}, "fc"
    yield "a layer that only the second one has", {"fc": wanted["fc"]}, wanted, None


def _outputs(source: random.Random) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    names = [f"layer{number}" for number in range(source.randint(1, 6))]
    wanted = {name: random_arguments.tensor(source, 2, source.randint(1, 4)) for name in names}
    found = {name: x.clone() for name, x in wanted.items()}
    for name in source.sample(names, source.randint(0, len(names))):
        if source.random() < 0.7:
            found[name] = found[name] + source.choice((1e-5, 0.5))
        else:  # a shape that broadcasts to the same numbers
            found[name] = wanted[name][:1].clone()
            wanted[name] = found[name].repeat(2, 1)
    for name in source.sample(names, source.randint(0, len(names) // 2)):
        del found[name]
    return wanted, dict(source.sample([*found.items()], len(found)))


def _and_what_it_leaves(answer: Callable[..., Any]) -> Callable[..., Any]:
    """An answer's result, with the names that are in both dictionaries afterwards."""
    return lambda wanted, found: (answer(wanted, found), [*wanted], [*found])


first_difference.hidden_cases(_outputs, count=20, around=_and_what_it_leaves)


# -- 5: counting layers -----------------------------------------------------------------------------------------------
@exercise(
    id="09_count_layers",
    former_ids=("03_count_layers",),
    title="Eighteen of what",
    background="The number in a ResNet's name, such as 18, counts its convolutions and its linear layers. In "
    "torchvision the projections on the shortcuts are called `downsample`.",
    minutes=5,
    difficulty="mild",
    cell_name="layers_of",
    hints=[
        "model.named_modules() gives the name and the module of everything inside.",
        "Count nn.Conv2d and nn.Linear. Which convolutions aren't on the longest path from the picture to the logits?",
        'The shortcut\'s convolutions have "downsample" in their names.',
    ],
    praise="18 = 1 + 8 × 2 + 1: the stem, two convolutions a block, and the linear layer.",
)
def count_layers(model: nn.Module) -> int:
    """The convolutions and linear layers of a ResNet, those of the shortcuts left out, as the paper counts."""
    counted = 0
    for name, module in model.named_modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)) and "downsample" not in name:
            counted += 1
    return counted


@count_layers.checker
def _(answer: Any) -> None:
    need_function(answer)
    for block, convolutions, blocks in (
        (resnet.BasicBlock, 2, (1, 1, 1, 1)), (resnet.BasicBlock, 2, (2, 2, 2, 2)),
        (resnet.Bottleneck, 3, (3, 4, 6, 3)), (resnet.Bottleneck, 3, (1, 2, 1, 3)),
    ):  # fmt: skip
        truth = 1 + sum(blocks) * convolutions + 1
        case = f"a ResNet of {list(blocks)} {block.__name__}s"
        net = _unfilled(partial(resnet.ResNet, block, blocks))
        value = need_number(call(answer, net, case=case), whole=True)
        projections = sum("downsample.0" in name for name, _ in net.named_modules())
        if value == truth + projections:
            raise Wrong(f"On {case} you counted the {projections} convolutions of the shortcuts; the paper does not.")
        if value == truth - 1:
            raise Wrong(f"On {case} one is missing: conv1 at the start and fc at the end count too.")
        if value == len(list(net.parameters())):
            raise Wrong(f"On {case} you counted parameter tensors; BatchNorm's scales and shifts aren't layers here.")
        if value != truth:
            raise Wrong(f"On {case} there are {truth} layers, and your function counted {value:g}.")


def _unfilled(make: Callable[[], nn.Module]) -> nn.Module:
    """A network whose weights are memory that nobody has filled: made in milliseconds."""
    with torch.device("meta"):
        net = make()
    return net.to_empty(device="cpu").eval()


def _blocks(source: random.Random) -> tuple[Any, list[int]]:
    return source.choice((resnet.BasicBlock, resnet.Bottleneck)), [source.randint(1, 3) for _ in range(4)]


def _of_resnet(function: Callable[[nn.Module], Any]) -> Callable[..., Any]:
    """From block and blocks to what a function gives of their network: copying the network would take memory."""
    return lambda block, blocks: function(_unfilled(partial(resnet.ResNet, block, blocks)))


count_layers.hidden_cases(_blocks, count=4, around=_of_resnet)
