"""Right answers to the exercises of lessons 02 to 08 that are written in other ways than the solutions.

They pass the open checks and the hidden cases alike.
"""

# No `from __future__ import annotations` here: torchvision finds a builder's enum in its evaluated annotation.

import hashlib
import math
import os
import re
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlparse
from urllib.request import url2pathname

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models import Weights, WeightsEnum
from torchvision.models.vgg import VGG
from torchvision.ops import box_iou, masks_to_boxes
from torchvision.transforms._presets import ImageClassification

from course_lib.exercises.checks.weights_checks import CFG
from course_lib.exercises.engine.exercise import Exercise
from course_lib.exercises.lessons import lesson02, lesson03, lesson04, lesson05, lesson06, lesson07, lesson08, lesson09
from course_lib.networks import vgg


# -- lesson 02 ---------------------------------------------------------------------------------------------------------
def by_hand(logits: torch.Tensor, targets: torch.Tensor, k: int) -> float:
    wrong = 0
    for row, target in zip(logits.tolist(), targets.tolist(), strict=True):
        wrong += sorted(range(len(row)), key=row.__getitem__)[::-1].index(target) >= k
    return 100 * wrong / len(logits)


def with_statistics(run: Callable[[], Any], wait: Callable[[], Any], warmups: int, repeats: int) -> float:
    seconds = []
    for number in range(warmups + repeats):
        wait()
        start = time.perf_counter_ns()
        run()
        wait()
        if number >= warmups:
            seconds.append((time.perf_counter_ns() - start) / 1e9)
    return statistics.median(seconds)


def monotonic(run: Callable[[], Any], wait: Callable[[], Any], warmups: int, repeats: int) -> torch.Tensor:
    took = torch.zeros(warmups + repeats, dtype=torch.float64)
    for number in range(warmups + repeats):
        start = time.monotonic()
        run()
        wait()
        took[number] = time.monotonic() - start
    return took[warmups:].median()


def sorted_first(candidates: list[tuple[float, ...]]) -> set[int]:
    return {
        k for k, mine in enumerate(candidates)
        if not any(other != mine and all(map(float.__le__, other, mine)) for other in candidates)
    }  # fmt: skip


# -- lessons 03 and 09 -------------------------------------------------------------------------------------------------
class InPlace(nn.Module):
    """As in torchvision's source: ReLU as a module and in place, += for the sum."""

    expansion = 1

    def __init__(self, inplanes: int, planes: int, stride: int = 1, downsample: nn.Module | None = None) -> None:
        super().__init__()
        self.downsample = downsample
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(planes, planes, (3, 3), padding="same", bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv1 = nn.Conv2d(inplanes, planes, (3, 3), (stride, stride), (1, 1), bias=False)
        self.bn1 = nn.BatchNorm2d(planes)

    def forward(self, x: Tensor) -> Tensor:
        identity = x
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        if self.downsample:
            identity = self.downsample(x)
        out += identity
        return F.relu(out)


def made_by_a_function(
    in_channels: int, planes: int, stride: int = 1, downsample: nn.Module | None = None
) -> nn.Module:
    return InPlace(in_channels, planes, stride=stride, downsample=downsample)


def grown(block: Any, in_channels: int, planes: int, blocks: int, stride: int = 1) -> nn.Sequential:
    """A stage that grows block by block, with keywords."""
    stage = nn.Sequential()
    for index in range(blocks):
        shortcut = None
        if lesson03.needs_downsample(in_channels, planes, stride, block.expansion):
            shortcut = nn.Sequential(
                nn.Conv2d(in_channels, block.expansion * planes, kernel_size=1, stride=(stride, stride), bias=False),
                nn.BatchNorm2d(block.expansion * planes),
            )
        stage.add_module(str(index), block(in_channels, planes=planes, stride=stride, downsample=shortcut))
        in_channels, stride = planes * block.expansion, 1
    return stage


class OwnNorms(lesson03.BasicBlock):
    """With the BatchNorm of the exercise before it: other sums, the same values."""

    def __init__(self, in_channels: int, planes: int, stride: int = 1, downsample: nn.Module | None = None) -> None:
        super().__init__(in_channels, planes, stride, downsample)
        self.bn1, self.bn2 = lesson09.BatchNorm2d(planes), lesson09.BatchNorm2d(planes)


class OnStatistics(nn.Module):
    """By torch's own function on a state that is kept by hand."""

    num_batches_tracked: Tensor

    def __init__(self, channels: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))
        self.register_buffer("num_batches_tracked", torch.zeros((), dtype=torch.long))

    def forward(self, x: Tensor) -> Tensor:
        self.num_batches_tracked += self.training
        kept = (self.running_mean, self.running_var)
        return F.batch_norm(x, *kept, self.weight, self.bias, self.training, self.momentum, self.eps)


class AllByHand(lesson09.ResNet18):
    """Every BatchNorm is the learner's own."""

    def __init__(self) -> None:
        super().__init__()
        for parent in list(self.modules()):
            for name, child in parent.named_children():
                if isinstance(child, nn.BatchNorm2d):
                    setattr(parent, name, lesson09.BatchNorm2d(child.num_features))


class Averages(lesson09.ResNet18):
    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)
        return self.fc(x.mean((2, 3)))


def step_by_step(wanted: dict[str, Tensor], found: dict[str, Tensor]) -> str | None:
    for name in (name for name in wanted if name in found):
        a, b = wanted[name].tolist(), found[name].tolist()
        if len(a) != len(b) or any(len(row) != len(other) for row, other in zip(a, b, strict=True)):
            return name
        if any(abs(n - m) > 0.001 for row, other in zip(a, b, strict=True) for n, m in zip(row, other, strict=True)):
            return name
    return None


def weights_of_dimension(model: nn.Module) -> int:
    return sum(w.dim() > 1 for name, w in model.named_parameters() if "downsample" not in name)


# -- lesson 04 --------------------------------------------------------------------------------------------------------
def rows_of_layers(cfg: Any, batch_norm: bool = False) -> nn.Sequential:
    widths = [3, *(token for token in cfg if token != "M")]
    made, place = nn.Sequential(), 0
    for token in cfg:
        if token == "M":
            made.append(nn.MaxPool2d(2))
            continue
        made.append(nn.Conv2d(widths[place], token, 3, padding="same"))
        made.extend(nn.Sequential(*[nn.BatchNorm2d(token)] * batch_norm, nn.ReLU(inplace=True)))
        place += 1
    return made


# -- lesson 05 --------------------------------------------------------------------------------------------------------
def sorted_last(enum: Any) -> WeightsEnum:
    figures = {entry: entry.meta["_metrics"]["ImageNet-1K"]["acc@1"] for entry in enum}
    return sorted((entry for entry in enum if not math.isnan(figures[entry])), key=lambda entry: figures[entry])[-1]


def by_settings(one: WeightsEnum, other: WeightsEnum) -> bool:
    mine, theirs = one.transforms(), other.transforms()
    return all(
        getattr(mine, name) == getattr(theirs, name)
        for name in ("crop_size", "resize_size", "mean", "std", "interpolation")
    )


def by_pattern(path: Path) -> bool:
    match = re.search(r"-([0-9a-f]{8,64})$", path.stem)
    return match is not None and hashlib.sha256(path.read_bytes()).hexdigest()[: len(match[1])] == match[1]


class Strict(WeightsEnum):
    def get_state_dict(self, progress: bool = True, check_hash: bool = False) -> Any:
        path = Path(url2pathname(urlparse(self.url).path))
        if not by_pattern(path):
            raise RuntimeError(path)
        return torch.load(path, weights_only=True, mmap=True)


def own_model(path: Path, categories: list[str]) -> Callable[..., nn.Module]:
    entry = Weights(
        path.as_uri(), lambda: ImageClassification(crop_size=64, resize_size=64), {"categories": categories}
    )
    enum: Any = lesson05.ReadInPlace("Other_Weights", {"FIRST": entry, "DEFAULT": entry})

    def build(weights: Any = None, **kwargs: Any) -> nn.Module:
        kwargs.pop("progress", None)
        weights = enum.verify(weights)
        if weights is None:
            return vgg.build(CFG, batch_norm=True, hidden=64, **kwargs)
        network = vgg.build(CFG, batch_norm=True, hidden=64, num_classes=len(categories))
        network.load_state_dict(weights.get_state_dict())
        return network

    build.__annotations__["weights"] = enum
    return build


# -- lesson 06 --------------------------------------------------------------------------------------------------------
def as_parameters(linear: nn.Linear, channels: int, height: int, width: int) -> nn.Conv2d:
    conv = nn.Conv2d(channels, linear.out_features, (height, width))
    conv.weight = nn.Parameter(linear.weight.detach().clone().reshape(-1, channels, height, width))
    conv.bias = None if linear.bias is None else nn.Parameter(linear.bias.detach().clone())
    return conv


class ByHand(nn.Module):
    def __init__(self, model: Any) -> None:
        super().__init__()
        self.features, side = model.features, 7 if isinstance(model, VGG) else 6
        first = next(layer for layer in model.classifier if isinstance(layer, nn.Linear))
        self.head = nn.ModuleList()
        for layer in model.classifier:
            if isinstance(layer, nn.Linear):
                cells = side if layer is first else 1
                layer = as_parameters(layer, layer.in_features // cells // cells, cells, cells)
            self.head.append(layer)

    def forward(self, x: Tensor) -> Tensor:
        x = self.features(x)
        for layer in self.head:
            x = layer(x)
        return x


def unravelled(probabilities: Tensor) -> Any:
    return np.unravel_index(int(probabilities.argmax()), probabilities.shape)[1:]


def of_mask(scores: Tensor, threshold: float) -> Any:
    mask = scores >= threshold
    return masks_to_boxes(mask[None])[0] + torch.tensor([0, 0, 1, 1]) if mask.any() else None


def with_torchvision(box: Any, other: Any) -> Tensor:
    return box_iou(torch.tensor([box], dtype=torch.float64), torch.tensor([other], dtype=torch.float64))


def forwards(layers: Any, cell: int) -> Any:
    start, jump, field = 0, 1, 1
    for kernel, stride, padding in layers:
        start, field, jump = start - padding * jump, field + (kernel - 1) * jump, jump * stride
    return [start + cell * jump, start + cell * jump + field - 1]


# -- lessons 07 and 08 -------------------------------------------------------------------------------------------------
def by_walking(model: nn.Module, num_classes: int) -> nn.Module:
    last = [layer for layer in model.modules() if isinstance(layer, nn.Linear)][-1]
    for parent in list(model.modules()):
        for name, child in parent.named_children():
            if child is last:
                parent.add_module(name, nn.Linear(child.in_features, num_classes))
    return model


def train_step(model: nn.Module, batch: Tensor, labels: Tensor, optimizer: torch.optim.Optimizer) -> float:
    optimizer.zero_grad(set_to_none=False)
    chosen = model(batch).log_softmax(1).gather(1, labels[:, None])
    (-chosen.mean()).backward()
    optimizer.step()
    return float(-chosen.mean())


@torch.no_grad()
def row_by_row(body: nn.Module, batch: Tensor) -> Tensor:
    body.train(False)
    rows = [body(batch[k : k + 8]) for k in range(0, len(batch), 8)]
    return torch.vstack([row.reshape(len(row), -1) for row in rows])


def probe_by_hand(features: Tensor, labels: Tensor, classes: int, steps: int) -> Any:
    head, losses = nn.Linear(features.size(1), classes), []
    optimizer = torch.optim.SGD(head.parameters(), lr=0.5, momentum=0.9)
    for _ in range(steps):
        loss = F.cross_entropy(head(features), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return head.eval(), losses


def epoch_in_a_list(model: nn.Module, batches: Any, optimizer: Any, schedule: Any) -> float:
    losses: list[float] = []
    model.train(True)
    for x, y in batches:
        losses += [train_step(model, x, y, optimizer)] * y.numel()
        schedule.step()
    return statistics.fmean(losses)


def save_whole(content: Any, path: Path) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent)
    os.close(handle)
    try:
        torch.save(content, name)
    except BaseException:
        Path(name).unlink()
        raise
    Path(name).replace(path)


def read_any(path: Path) -> dict[str, Tensor]:
    content = torch.load(path, weights_only=True)
    inner = [content[key] for key in content if key in ("state_dict", "model_state_dict")]
    clean = {}
    for name, tensor in (inner[0] if inner else content).items():
        parts = name.split(".")
        while parts[0] in ("module", "_orig_mod"):
            parts = parts[1:]
        clean[".".join(parts)] = tensor
    return clean


def resume(path: Path, model: nn.Module, optimizer: Any, schedule: Any) -> Any:
    with path.open("rb") as file:
        content = torch.load(file)
    for part, key in ((schedule, "schedule"), (optimizer, "optimizer"), (model, "model")):
        part.load_state_dict(content[f"{key}_state_dict"])
    torch.random.default_generator.set_state(content["rng_state"])
    return content["step"]


def count_confusions(truth: Any, predicted: Any, classes: int) -> Tensor:
    flat = torch.tensor(truth) * classes + torch.tensor(predicted)
    return flat.bincount(minlength=classes**2).view(classes, classes)


RIGHT: list[tuple[Exercise, Any]] = [
    (lesson02.top_k_error, by_hand),
    (lesson02.top_k_error, lambda logits, targets, k: torch.tensor(by_hand(logits, targets, k))),
    (lesson02.median_seconds, with_statistics),
    (lesson02.median_seconds, monotonic),
    (lesson02.pareto, sorted_first),
    (lesson02.rank_correlation, lambda a, b: np.corrcoef(np.argsort(np.argsort(a)), np.argsort(np.argsort(b)))[0, 1]),
    (lesson02.builders_of, lambda name: set(lesson02.builders_of(name))),
    (lesson02.file_size, 528), (lesson02.file_size, 527.8), (lesson02.dominated, {"b", "a"}),
    (lesson02.within_limits, lambda error, size: tuple(lesson02.within_limits(error, size))),
    *((lesson03.legal_add, letters) for letters in ("A and D", "a & d")),
    *((lesson03.legal_add, letters) for letters in ("DA", "a, d", {"A", "D"}, ["D", "A"], ("A", "D"), frozenset("ad"))),
    (lesson04.output_size, lambda n, k, s, p, d: math.floor((n + 2 * p - d * (k - 1) - 1) / s + 1)),
    (lesson04.output_size, lambda n, k, s, p, d: int((n + 2 * p - d * (k - 1) - 1) / s) + 1),
    (lesson04.output_size, lambda n, k, s, p, d: len(range(0, n + 2 * p - d * (k - 1), s))),
    (lesson03.bottleneck_parameters, 69632.0), (lesson03.bottleneck_parameters, torch.tensor(69632)),
    (lesson03.needs_downsample, lambda c, planes, stride, e: not (stride == 1 and c == e * planes)),
    (lesson03.basic_block, InPlace), (lesson03.basic_block, made_by_a_function),
    (lesson03.basic_block, OwnNorms), (lesson09.make_layer, grown), (lesson09.batch_norm, OnStatistics),
    (lesson09.resnet18, Averages), (lesson09.resnet18, AllByHand),
    (lesson09.count_layers, weights_of_dimension), (lesson09.first_difference, step_by_step),
    (lesson04.stack_field, lesson04._needed), (lesson04.make_layers, rows_of_layers),
    (lesson04.stack_parameters, lambda field, channels: 9.0 * channels**2 * (field // 2)),
    (lesson04.column_c, lambda *classes: vgg.build("C", **dict(zip(["num_classes"], classes, strict=False)))),
    (lesson05.best_entry, sorted_last), (lesson05.same_preprocessing, by_settings), (lesson05.hash_fits, by_pattern),
    (lesson05.verify, lambda enum, weights: enum.verify(weights)), (lesson05.read_in_place, Strict),
    (lesson05.own_model, own_model),
    (lesson06.linear_to_conv, as_parameters), (lesson06.vgg_by_hand, lambda model: ByHand(model)),
    (lesson06.winning_cell, unravelled), (lesson06.winning_cell, lambda p: torch.tensor(unravelled(p))),
    (lesson06.box_of, of_mask), (lesson06.iou, with_torchvision), (lesson06.cell_field, forwards),
    (lesson07.new_head, by_walking), (lesson07.train_step, train_step), (lesson08.save_whole, save_whole),
    (lesson08.read_any, read_any), (lesson07.count_confusions, count_confusions),
    (lesson08.resume, resume), (lesson07.frozen_features, row_by_row), (lesson07.linear_probe, probe_by_hand),
    (lesson07.train_epoch, epoch_in_a_list),
    (lesson07.smallest_loss, lambda classes: math.log(math.e + classes - 1) - 1),
]  # fmt: skip
