"""Train ``vgg11_quarter`` and fold its BatchNorms: ``python -m tools.train_quarter_vgg``.

A VGG without BatchNorm learns slowly, so it is trained with one behind every convolution. A BatchNorm in eval mode
multiplies and adds, channel by channel, and so does a convolution: ``folded`` puts the two into one (Jacob et al. 2018,
https://arxiv.org/abs/1712.05877, section 3.2), and the answers stay as they are.

Two cycles: the first on pictures of every difficulty, ended after its fourth epoch; the second on easy and standard
ones. Zoom, place and mirror image are drawn anew for every picture and epoch.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models import VGG
from torchvision.models.vgg import make_layers

from course_lib.models.weights.quarter_vgg import CFG, HIDDEN, vgg11_quarter
from course_lib.models.weights.weight_files import CATEGORIES, FOLDER
from tools.train_weights import draw_pictures

__all__ = ["folded", "train"]

_MEAN = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
_STD = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
_BATCH, _DROPOUT = 64, 0.2


class Pictures:
    """Drawn pictures in memory, at 224 and at 112 pixels, with their boxes and labels; -1 is an empty place."""

    def __init__(self, folder: Path, seeds: int, chosen: Tensor) -> None:
        pixels, boxes, labels = draw_pictures(folder, seeds)
        self.large = torch.from_numpy(pixels[chosen.numpy()])  # (n, 224, 224, 3)
        self.small = torch.cat([F.avg_pool2d(rows.permute(0, 3, 1, 2).float(), 2).round().byte()
                                for rows in self.large.split(250)])  # fmt: skip
        self.boxes, self.labels = torch.from_numpy(boxes)[chosen].float() / 112 - 1, torch.from_numpy(labels)[chosen]

    def batch(self, rows: Tensor, size: int, zoom: float, generator: torch.Generator) -> Tensor:
        """Windows of ``zoom`` to 1 of the side that keep most of the object, mirrored or not: (B, 3, size, size)."""
        source = (self.small[rows] if size <= 112 else self.large[rows].permute(0, 3, 1, 2)).float() / 255
        left, top, right, bottom = self.boxes[rows].unbind(1)
        wide = torch.rand(len(rows), generator=generator) * (1 - zoom) + zoom
        object_side = torch.maximum(right - left, bottom - top)
        wide = torch.maximum(wide, (0.375 * object_side).clamp(max=1))
        turns = torch.zeros(len(rows), 2, 3)
        for axis, middle in enumerate(((left + right) / 2, (top + bottom) / 2)):
            room = 1 - wide
            place = (torch.rand(len(rows), generator=generator) * 2 - 1) * room
            place = torch.minimum(torch.maximum(place, middle - 0.6 * wide), middle + 0.6 * wide)
            turns[:, axis, 2] = torch.minimum(torch.maximum(place, -room), room)
        mirrored = torch.where(torch.rand(len(rows), generator=generator) < 0.5, -1.0, 1.0)
        turns[:, 0, 0], turns[:, 1, 1] = wide * mirrored, wide
        grid = F.affine_grid(turns, [len(rows), 3, size, size], align_corners=False)
        window = F.grid_sample(source, grid, align_corners=False, padding_mode="reflection")
        return ((window - _MEAN) / _STD).contiguous(memory_format=torch.channels_last)


def _with_norms() -> VGG:
    model = VGG(make_layers(list(CFG), batch_norm=True), num_classes=len(CATEGORIES), dropout=_DROPOUT)
    model.classifier = nn.Sequential(
        nn.Linear(128 * 7 * 7, HIDDEN), nn.ReLU(True), nn.Dropout(_DROPOUT), nn.Linear(HIDDEN, HIDDEN), nn.ReLU(True),
        nn.Dropout(_DROPOUT), nn.Linear(HIDDEN, len(CATEGORIES)),
    )  # fmt: skip
    for layer in model.classifier:
        if isinstance(layer, nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    nn.init.normal_(model.classifier[-1].weight, 0, 0.01)
    return model.to(memory_format=torch.channels_last)


def train(model: VGG, pictures: Pictures, sizes: Sequence[int], *, peak: float, zoom: float, epochs: int) -> None:
    """The first ``epochs`` of a one-cycle schedule over ``sizes``, in place."""
    generator = torch.Generator().manual_seed(0)
    count = len(pictures.labels)
    groups = [{"params": [p for p in model.parameters() if p.ndim > 1], "weight_decay": 0.02},
              {"params": [p for p in model.parameters() if p.ndim < 2], "weight_decay": 0.0}]  # fmt: skip
    optimizer = torch.optim.AdamW(groups, lr=peak)
    steps = len(sizes) * (count // _BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, peak, steps, pct_start=0.2)
    model.train()
    for epoch, size in enumerate(sizes[:epochs]):
        losses = []
        for rows in torch.randperm(count, generator=generator).split(_BATCH)[: count // _BATCH]:
            labels = pictures.labels[rows]
            targets = torch.full((len(rows), len(CATEGORIES)), 1 / len(CATEGORIES))
            targets[labels >= 0] = F.one_hot(labels[labels >= 0], len(CATEGORIES)) * 0.97 + 0.003
            with torch.autocast("cpu", torch.bfloat16):
                logits = model(pictures.batch(rows, size, zoom, generator))
            loss = F.cross_entropy(logits.float(), targets)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimizer.step()
            schedule.step()
            losses.append(float(loss.detach()))
        print(f"epoch {epoch} at {size} px: loss {sum(losses) / len(losses):.3f}", flush=True)


def folded(model: VGG) -> VGG:
    """The same network as ``vgg11_quarter``, each BatchNorm in the convolution before it."""
    plain = vgg11_quarter(init_weights=False)
    norms = [layer for layer in model.features if isinstance(layer, nn.BatchNorm2d)]
    theirs = [layer for layer in model.features if isinstance(layer, nn.Conv2d)]
    mine = [layer for layer in plain.features if isinstance(layer, nn.Conv2d)]
    with torch.no_grad():
        for conv, norm, new in zip(theirs, norms, mine, strict=True):
            scale = norm.weight / (norm.running_var + norm.eps).sqrt()
            new.weight.copy_(conv.weight * scale[:, None, None, None])
            new.bias.copy_(norm.bias + (conv.bias - norm.running_mean) * scale)
    plain.classifier.load_state_dict(model.classifier.state_dict())
    return plain.eval()


def store(model: VGG, folder: Path = FOLDER) -> Path:
    """Write the file in half precision, the first digits of its SHA-256 in its name."""
    buffer = io.BytesIO()
    torch.save({key: value.half().contiguous() for key, value in model.state_dict().items()}, buffer)
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()
    path = folder / f"vgg11_quarter-{digest[:8]}.pth"
    path.write_bytes(buffer.getvalue())
    print(path.name, digest)
    return path


def main() -> None:
    """Both cycles, the folding, and the file; the enum's hash and accuracy are then entered by hand."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=800, help="pictures of each class that are drawn")
    parser.add_argument("--pictures", type=Path, default=Path(tempfile.gettempdir()) / "course_pictures")
    options = parser.parse_args()
    torch.manual_seed(0)
    model = _with_norms()
    every = torch.arange(options.seeds * (len(CATEGORIES) + 1))
    first = Pictures(options.pictures, options.seeds, every[:4400])
    train(model, first, [80] * 3 + [112] * 3 + [224], peak=2.5e-3, zoom=0.5, epochs=4)
    turn, seed = every % (len(CATEGORIES) + 1), every // (len(CATEGORIES) + 1)
    easier = torch.where(turn < len(CATEGORIES), (seed + turn) % 5 < 3, seed % 3 == 0)
    second = Pictures(options.pictures, options.seeds, every[easier][:5000])
    train(model, second, [112] * 6 + [160, 224], peak=2e-3, zoom=0.6, epochs=8)
    store(folded(model.eval()))


if __name__ == "__main__":
    main()
