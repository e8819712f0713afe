"""Train the course's weights from scratch: ``python -m tools.train_weights resnet18``.

The whole recipe: pictures of the picture book drawn once, random crops that keep the object at every scale and place,
picture sizes that grow from epoch to epoch, a one-cycle schedule. A tenth of the pictures are empty places whose
target is "all ten equally": what is not an object should excite no class, which is what lets lesson 06 find things
(outlier exposure, Hendrycks et al. 2019, https://arxiv.org/abs/1812.04606).

This file is not a general trainer: fine-tuning for learners is ``course_lib.networks.training``.
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, IterableDataset
from torchvision.models import get_model
from torchvision.transforms.v2 import functional as T

from course_lib.models.checkpoints import read_state_dict
from course_lib.models.weights.weight_files import FOLDER, read_figures, store
from course_lib.progress import track
from picturebook import CLASSES, scene
from tools.weight_seeds import TRAINING_SEEDS

__all__ = ["RECIPES", "Recipe", "draw_pictures", "train"]

#: Pixels (n, 224, 224, 3), boxes (n, 4), classes (n,).
Data = tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]
_SIDE = 224
_DIFFICULTIES = ("easy", "standard", "standard", "extreme", "extreme")
_MEAN = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
_STD = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)


@dataclass(frozen=True)
class Recipe:
    """How one model is trained: a picture size in pixels for every epoch, the peak learning rate, and the rest.

    ``finish`` is a second cycle whose peak is ``finish_rate`` times the first one's: a warm restart (Loshchilov and
    Hutter 2016, https://arxiv.org/abs/1608.03983).
    """

    sizes: tuple[int, ...]
    learning_rate: float
    bfloat16: bool
    batch_size: int = 64
    weight_decay: float = 5e-4
    smoothing: float = 0.02
    adam: bool = False
    finish: tuple[int, ...] = ()
    finish_rate: float = 1 / 3


_LIGHT = (112, 112, 112, 128, 128, 144, 160, 192)
RECIPES: dict[str, Recipe] = {
    "resnet18": Recipe((112, 112, 128, 144, 192), 0.08, True, finish=(128, 176)),
    # No BatchNorm: with SGD it stays at chance for an epoch and more, with Adam it learns from the first hundred steps.
    "squeezenet1_1": Recipe(
        _LIGHT, 5e-4, True, adam=True, weight_decay=0.01, finish=(112, 112, 128, 128, 144, 160, 192), finish_rate=1.2
    ),
    "mobilenet_v3_small": Recipe(_LIGHT, 0.15, False, weight_decay=5e-5),
    "shufflenet_v2_x0_5": Recipe(_LIGHT, 0.2, False, weight_decay=5e-5),
}


# -- the pictures -----------------------------------------------------------------------------------------------------
def _draw(k: int) -> tuple[NDArray[np.uint8], tuple[int, int, int, int], int]:
    """Picture number ``k``: its pixels, its box, its class (-1 for an empty place)."""
    turn, seed = k % (len(CLASSES) + 1), TRAINING_SEEDS[k // (len(CLASSES) + 1)]
    label = CLASSES[turn] if turn < len(CLASSES) else ()
    drawn = scene(label, seed=seed, size=(_SIDE, _SIDE), difficulty=_DIFFICULTIES[(seed + turn) % len(_DIFFICULTIES)])
    return np.asarray(drawn.picture), drawn.box, turn if turn < len(CLASSES) else -1


def draw_pictures(folder: Path, seeds: int) -> Data:
    """Draw ``seeds`` pictures of every class and as many empty places, on all cores; later calls read ``folder``.

    Returns:
        Pixels (n, 224, 224, 3), mapped from disk, boxes (n, 4) and classes (n,), -1 for an empty place.
    """
    folder.mkdir(parents=True, exist_ok=True)
    count = seeds * (len(CLASSES) + 1)
    pixels_file, truth_file = folder / f"pixels-{count}.npy", folder / f"truth-{count}.npz"
    if not truth_file.exists():
        pixels = np.lib.format.open_memmap(pixels_file, "w+", np.uint8, (count, _SIDE, _SIDE, 3))
        boxes, labels = np.zeros((count, 4), np.int64), np.zeros(count, np.int64)
        with multiprocessing.get_context("spawn").Pool() as pool:
            drawn = track(pool.imap(_draw, range(count), chunksize=64), "drawing", total=count)
            for k, (picture, box, label) in enumerate(drawn):
                pixels[k], boxes[k], labels[k] = picture, box, label
        pixels.flush()
        np.savez(truth_file, boxes=boxes, labels=labels)
    truth = np.load(truth_file)
    return np.load(pixels_file, mmap_mode="r"), truth["boxes"], truth["labels"]


class Batches(IterableDataset[tuple[Tensor, Tensor]]):
    """One epoch of batches: (B, 3, size, size) as bytes, and class indices."""

    def __init__(self, data: Data, size: int, batch: int, seed: int) -> None:
        self.data, self.size, self.batch, self.seed = data, size, batch, seed

    def __len__(self) -> int:
        return len(self.data[2]) // self.batch

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        rng = np.random.default_rng(self.seed)
        order = rng.permutation(len(self.data[2]))
        for k in range(len(self)):
            chosen = order[k * self.batch : (k + 1) * self.batch]
            pictures = [self._cropped(int(i), rng) for i in chosen]
            yield torch.stack(pictures), torch.from_numpy(self.data[2][chosen])

    def _cropped(self, i: int, rng: np.random.Generator) -> Tensor:
        """A random window of 45 to 100% of the side that keeps at least two thirds of the object, perhaps mirrored."""
        left, top, right, bottom = (int(edge) for edge in self.data[1][i])
        for _ in range(8):
            side = int(_SIDE * rng.uniform(0.45, 1.0))
            stretch = rng.uniform(0.85, 1.0)
            wide, tall = (side, int(side * stretch)) if rng.random() < 0.5 else (int(side * stretch), side)
            x, y = int(rng.integers(0, _SIDE - wide + 1)), int(rng.integers(0, _SIDE - tall + 1))
            kept = max(0, min(right, x + wide) - max(left, x)) * max(0, min(bottom, y + tall) - max(top, y))
            if kept >= 0.66 * (right - left) * (bottom - top):
                break
        else:
            x, y, wide, tall = 0, 0, _SIDE, _SIDE
        picture = torch.from_numpy(np.array(self.data[0][i, y : y + tall, x : x + wide])).permute(2, 0, 1)
        if rng.random() < 0.5:
            picture = picture.flip(-1)
        resized: Tensor = T.resize(picture, [self.size, self.size], antialias=True)
        return resized


def _soft_targets(labels: Tensor, classes: int, smoothing: float) -> Tensor:
    """(B,) class indices → (B, classes) probabilities; -1 becomes "all equally"."""
    targets = torch.full((len(labels), classes), 1 / classes)
    known = labels >= 0
    targets[known] = F.one_hot(labels[known], classes) * (1 - smoothing) + smoothing / classes
    return targets


# -- the training -----------------------------------------------------------------------------------------------------
def train(name: str, folder: Path, seeds: int, *, seed: int = 0, finish_only: bool = False) -> nn.Module:
    """Train torchvision's ``name`` from scratch on the ten classes; returns it in eval mode.

    Args:
        name: a key of ``RECIPES``.
        folder: where the drawn pictures are kept between runs.
        seeds: how many pictures of each class.
        seed: of the weights' start and of the order of the pictures.
        finish_only: begin with the weights on the shelf and run only the recipe's second cycle.
    """
    recipe = RECIPES[name]
    torch.manual_seed(seed)
    model: nn.Module = get_model(name, weights=None, num_classes=len(CLASSES))
    if finish_only:
        model.load_state_dict(read_state_dict(FOLDER / read_figures()[name]["file"]))
    model.to(memory_format=torch.channels_last).train()
    data = draw_pictures(folder, seeds)
    first = len(recipe.sizes)
    if not finish_only:
        _cycle(name, model, data, recipe, recipe.sizes, recipe.learning_rate, seed * 1000)
    if recipe.finish:
        _cycle(name, model, data, recipe, recipe.finish, recipe.learning_rate * recipe.finish_rate, seed * 1000 + first)
    return model.eval()


def _cycle(
    name: str, model: nn.Module, data: Data, recipe: Recipe, sizes: tuple[int, ...], peak: float, first_seed: int
) -> None:
    """One cycle: the learning rate rises to its peak and falls to nothing, over an epoch for each of ``sizes``."""
    decayed = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": others, "weight_decay": 0.0}]
    optimizer: torch.optim.Optimizer
    if recipe.adam:
        optimizer = torch.optim.AdamW(groups, lr=peak)
    else:
        optimizer = torch.optim.SGD(groups, lr=peak, momentum=0.9, nesterov=True)
    steps = len(sizes) * (len(data[2]) // recipe.batch_size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, peak, steps, pct_start=0.2)
    for epoch, size in enumerate(sizes):
        loss, accuracy = _epoch(model, data, recipe, size, first_seed + epoch, optimizer, schedule)
        print(f"{name}: epoch {epoch} at {size} px: loss {loss:.3f}, training accuracy {accuracy:.3f}", flush=True)


def _epoch(
    model: nn.Module,
    data: Data,
    recipe: Recipe,
    size: int,
    seed: int,
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
) -> tuple[float, float]:
    """One pass over all pictures; gives the mean loss and the accuracy of the pictures with an object."""
    losses, right, seen = [], 0, 0
    batches = DataLoader(Batches(data, size, recipe.batch_size, seed), batch_size=None, num_workers=1)
    for pictures, labels in track(batches, f"{size} px"):
        inputs = ((pictures.float() / 255 - _MEAN) / _STD).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16, enabled=recipe.bfloat16):
            logits = model(inputs)
        loss = F.cross_entropy(logits.float(), _soft_targets(labels, len(CLASSES), recipe.smoothing))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        schedule.step()
        losses.append(float(loss.detach()))
        right, seen = right + int((logits.argmax(1) == labels).sum()), seen + int((labels >= 0).sum())
    return float(np.mean(losses)), right / seen


def main() -> None:
    """Train the models named on the command line, one after the other, and put each on the shelf."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "models", nargs="*", default=list(RECIPES), help=f"of {', '.join(RECIPES)}; all when none is named"
    )
    parser.add_argument("--seeds", type=int, default=2200, help="pictures of each class")
    parser.add_argument("--pictures", type=Path, default=Path(tempfile.gettempdir()) / "course_pictures")
    parser.add_argument(
        "--finish-only", action="store_true", help="run only the second cycle, from the shelf's weights"
    )
    options = parser.parse_args()
    for name in options.models:
        model = train(name, options.pictures, options.seeds, finish_only=options.finish_only)
        recipe = f"python -m tools.train_weights {name} --seeds {options.seeds}"
        print("stored", store(name, model.to(memory_format=torch.contiguous_format), recipe=recipe).name)


if __name__ == "__main__":
    main()
