"""The batches of a training: a folder's pictures, opened once and kept small, cropped anew in every epoch.

A training picture is kept as bytes, its shorter side not much longer than what the network gets: a thousand photographs
take 100 MB. Every epoch cuts another window out of each. Validation pictures go through the model's own transforms, so
what is measured on them is what a classifier answers later.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms._presets import ImageClassification
from torchvision.transforms.v2 import functional as F

from course_lib.pictures.folders import LabelledFolder
from course_lib.pictures.images import open_image
from course_lib.progress import track

__all__ = ["TrainingPictures", "ValidationPictures", "small", "varied"]

#: A window's smallest side, as a share of the picture's shorter side, and how far from a square it may be.
_LEAST, _STRETCH = 0.7, 1.2


class TrainingPictures:
    """Batches to learn from. Going through them is an epoch; the next one has another order and other windows.

    Batches are of about the same size, since a last one with a single picture would be too small for BatchNorm.

    Args:
        folder: the pictures and their classes.
        transforms: of the model; size and normalisation are taken from them.
        batch_size: pictures in a batch, at most; one more where a single picture would be left over.
        seed: of orders and windows.
        device: of the batches; the pictures themselves stay in the computer's own memory.

    Yields:
        (B, 3, size, size) floats, normalised, and (B,) class indices.

    Raises:
        PictureError: a picture that can no longer be opened.
    """

    def __init__(
        self,
        folder: LabelledFolder,
        transforms: ImageClassification,
        *,
        batch_size: int,
        seed: int,
        device: torch.device | str = "cpu",
    ) -> None:
        self.transforms, self.size, self.device = transforms, int(transforms.crop_size[0]), device
        self.pictures = _opened(folder, partial(small, size=self.size))
        self.labels = torch.tensor([index for _, index in folder.pictures])
        self.generator = torch.Generator().manual_seed(seed)
        self._batches = max(1, min(math.ceil(len(folder) / batch_size), len(folder) // 2))

    def __len__(self) -> int:
        return self._batches

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        order = torch.randperm(len(self.pictures), generator=self.generator)
        for indices in order.tensor_split(len(self)):
            windows = [varied(self.pictures[k], self.size, self.generator) for k in indices.tolist()]
            floats = F.to_dtype(torch.stack(windows).to(self.device), torch.float32, scale=True)
            yield F.normalize(floats, self.transforms.mean, self.transforms.std), self.labels[indices].to(self.device)


class ValidationPictures:
    """Batches to measure on: every picture after the model's transforms, in the folder's order.

    Yields:
        (B, 3, size, size) floats, normalised, and (B,) class indices.

    Raises:
        PictureError: a picture that can no longer be opened.
    """

    def __init__(
        self,
        folder: LabelledFolder,
        transforms: ImageClassification,
        *,
        batch_size: int,
        device: torch.device | str = "cpu",
    ) -> None:
        self.pictures = torch.stack(_opened(folder, transforms))
        self.labels = torch.tensor([index for _, index in folder.pictures])
        self.batch_size, self.device = batch_size, device

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for k in range(0, len(self.labels), self.batch_size):
            batch = slice(k, k + self.batch_size)
            yield self.pictures[batch].to(self.device), self.labels[batch].to(self.device)


def small(picture: Image.Image, size: int) -> Tensor:
    """The picture as bytes, (3, H, W), its shorter side at most what windows of ``size`` pixels need.

    Example:
        >>> small(Image.new("RGB", (800, 600)), 112).shape
        torch.Size([3, 160, 213])
    """
    side = math.ceil(size / _LEAST)
    if min(picture.size) > side:
        picture = F.resize(picture, [side], antialias=True)
    pixels: Tensor = F.pil_to_tensor(picture)
    return pixels


def varied(picture: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """A random window of the picture, mirrored half of the time: (3, H, W) → (3, size, size).

    The window is nearly square, its sides are 70 to 100% of the picture's shorter side, and it lies anywhere.

    Example:
        >>> picture = torch.arange(64, dtype=torch.uint8).expand(3, 48, 64)
        >>> varied(picture, 32, torch.Generator().manual_seed(0)).shape
        torch.Size([3, 32, 32])
    """
    height, width = picture.shape[1:]
    scale, stretch, down, right, mirror = torch.rand(5, generator=generator).tolist()
    side = (_LEAST + (1 - _LEAST) * scale) * min(height, width)
    ratio = _STRETCH ** (stretch - 0.5)  # wide / tall is its square
    tall, wide = min(max(1, round(side / ratio)), height), min(max(1, round(side * ratio)), width)
    top, left = int(down * (height - tall + 1)), int(right * (width - wide + 1))
    window: Tensor = F.resized_crop(picture, top, left, tall, wide, [size, size], antialias=True)
    return window.flip(-1) if mirror < 0.5 else window


def _opened(folder: LabelledFolder, prepare: Callable[[Image.Image], Tensor]) -> list[Tensor]:
    """Open each picture and ``prepare`` it, on a few threads."""
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        prepared = pool.map(lambda picture: prepare(open_image(picture[0])), folder.pictures)
        return list(track(prepared, f"opening {len(folder)} pictures", total=len(folder)))
