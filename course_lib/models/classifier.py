"""``Classifier``: a model with its preprocessing, categories and device, which predicts pictures and folders.

Weights are chosen and downloaded in ``pretrained_models``; results are the values of ``predictions``. Nothing here
changes a model's mode: it is loaded in eval mode, and a learner who puts it into train mode gets what train mode gives.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, overload

import torch
from torch import Tensor, nn
from torchvision.models import WeightsEnum

from course_lib.errors import CourseError, PictureError
from course_lib.models.memory_format import in_channels_last
from course_lib.models.predictions import FolderPredictions, FolderRow, Prediction, from_logits
from course_lib.models.pretrained_models import available_models, build, find
from course_lib.pictures.images import EXTENSIONS, list_images, read_image, say_notes
from course_lib.pictures.paths import excerpt, path_words
from course_lib.pictures.preprocessing import prepared, transformed
from course_lib.progress import track

__all__ = ["Classifier", "available_models", "load_classifier"]


@dataclass(frozen=True, eq=False)
class Classifier:
    """A classifier that is ready to predict.

    Attributes:
        name: torchvision's name of the model.
        model: the model itself, an ordinary ``nn.Module`` in eval mode.
        weights: the weights enum's member; its ``meta`` holds accuracy, size and recipe. None after a training here.
        transforms: the preprocessing that belongs to the weights: picture → (3, H, W).
        categories: the classes' names, in the order of the outputs.
        device: where the model is.
    """

    name: str
    model: nn.Module
    weights: WeightsEnum | None
    transforms: Callable[[Any], Tensor]
    categories: tuple[str, ...]
    device: torch.device

    def __repr__(self) -> str:
        weights = "trained here" if self.weights is None else repr(self.weights)
        return f"Classifier({self.name!r}, {weights}, {len(self.categories)} classes, on {self.device})"

    @overload
    def predict(self, pictures: list[Any] | tuple[Any, ...], k: int = 5) -> list[Prediction]: ...

    @overload
    def predict(self, pictures: Any, k: int = 5) -> Prediction: ...

    def predict(self, pictures: Any, k: int = 5) -> Prediction | list[Prediction]:
        """Name the ``k`` most probable classes of one picture or of many.

        Args:
            pictures: anything ``images.open_image`` takes (a path, an address, bytes, an array, a PIL picture), or a
                list or tuple of such.
            k: how many classes to name.

        Returns:
            A ``Prediction``; for a list or tuple a list of them.

        Raises:
            PictureError: something is not a picture.

        Example:
            >>> from PIL import Image
            >>> classifier = load_classifier("squeezenet1_1", weights="course")
            >>> prediction = classifier.predict(Image.new("RGB", (320, 240), "white"), k=3)
            >>> len(prediction.labels), prediction.logits.shape
            (3, torch.Size([10]))
        """
        many = isinstance(pictures, (list, tuple))
        if many and not pictures:
            return []
        batch = self.prepare(pictures)  # one picture goes through as it is: it gets the model's answer to the bit
        logits = in_channels_last(self.logits, batch, model=self.model) if len(batch) > 1 else self.logits(batch)
        predictions = [from_logits(row, self.categories, k=k) for row in logits.cpu()]
        return predictions if many else predictions[0]

    def prepare(self, pictures: Any) -> Tensor:
        """Open and transform one picture or a list of them: (B, 3, H, W) on the classifier's device.

        Raises:
            PictureError: one of them cannot be opened, or is too long and thin to be resized.
        """
        many = pictures if isinstance(pictures, (list, tuple)) else [pictures]
        return torch.stack([prepared(picture, self.transforms) for picture in many]).to(self.device)

    def logits(self, batch: Tensor) -> Tensor:
        """Run the model on a prepared batch: (B, 3, H, W) → (B, classes), on the classifier's device.

        Raises:
            CourseError: the batch does not have four dimensions.
        """
        if batch.dim() != 4:
            raise CourseError(
                f"A batch has 4 dimensions (pictures, channels, height, width), not {batch.dim()}: "
                f"{tuple(batch.shape)}. One picture becomes a batch with picture.unsqueeze(0)."
            )
        with torch.inference_mode():
            output = self.model(batch.to(self.device))
        # The Inceptions in train mode answer with a tuple. The copy is an ordinary tensor, usable with autograd.
        logits: Tensor = output if isinstance(output, Tensor) else output[0]
        return logits.clone()

    def predict_folder(
        self, folder: str | Path, *, k: int = 5, batch_size: int = 16, extensions: Sequence[str] = EXTENSIONS
    ) -> FolderPredictions:
        """Predict every picture of a folder; files that cannot be opened or prepared are reported at the end.

        Pictures are opened and transformed by a few threads. No file ends the run, whatever is the matter with it.
        Links to folders are followed.

        Args:
            folder: where the pictures lie, in it or in the folders inside it.
            k: how many classes to name for each.
            batch_size: how many pictures go through the model at once.
            extensions: which files count as pictures.

        Raises:
            PictureError: there is no such folder, one in it may not be read, or no file has one of the extensions.
            CourseError: ``batch_size`` or ``k`` is not a whole number of at least 1.
        """
        if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
            raise CourseError(f"batch_size is a whole number of at least 1, not {batch_size!r}.")
        paths = list_images(folder, extensions, recursive=True)
        rows: list[FolderRow] = []
        skipped: list[tuple[Path, str]] = []
        notes: dict[Path, str] = {}
        start = time.perf_counter()

        def prepare(path: Path) -> Tensor:
            picture = read_image(path)
            if note := picture.info.get("note"):
                notes[path] = note
            return transformed(picture, self.transforms)

        label = f"{len(paths)} pictures through {self.name}"
        for path, found, seconds in self.answers(paths, prepare, label=label, batch_size=batch_size):
            if isinstance(found, Tensor):
                rows.append(FolderRow(path, from_logits(found, self.categories, k=k), seconds))
            elif isinstance(found, PictureError):
                skipped.append((path, str(found)))
            else:  # the learner's own transforms may fail with anything for one file
                reason = f"{type(found).__name__}: {excerpt(found)}"
                skipped.append((path, f"{path_words(path)} could not be prepared: {reason}."))
        say_notes(notes, len(paths))
        return FolderPredictions(tuple(rows), tuple(skipped), time.perf_counter() - start, str(self.device))

    def answers(
        self, paths: Sequence[Path], prepare: Callable[[Path], Tensor], *, label: str, batch_size: int = 16
    ) -> Iterator[tuple[Path, Tensor | Exception, float]]:
        """Take files through the model in batches, while a bar shows how far we are.

        A few threads prepare the files, up to three batches ahead, while the model computes.

        Args:
            paths: the files; the answers come in their order.
            prepare: opens one of them: a tensor (3, H, W), the same size for all.
            label: what the bar says.
            batch_size: how many go through the model at once.

        Yields:
            The path; its logits (classes,) on the CPU, or the exception that ``prepare`` raised; and the seconds for
            preparing it plus its share of its batch's forward pass.
        """
        ready = track(_prepared_by_threads(paths, prepare, ahead=3 * batch_size), label, total=len(paths))
        while group := list(islice(ready, batch_size)):
            good = [tensor for _, tensor, _ in group if isinstance(tensor, Tensor)]
            share = 0.0
            logits: Iterator[Tensor] = iter(())
            if good:
                before = time.perf_counter()
                logits = iter(in_channels_last(self.logits, torch.stack(good), model=self.model).cpu())
                share = (time.perf_counter() - before) / len(good)
            for path, found, seconds in group:
                if isinstance(found, Tensor):
                    yield path, next(logits), seconds + share
                else:
                    yield path, found, seconds


def _prepared_by_threads(
    paths: Sequence[Path], prepare: Callable[[Path], Tensor], *, ahead: int
) -> Iterator[tuple[Path, Tensor | Exception, float]]:
    """Each path with its tensor (or the exception that ``prepare`` raised) and the seconds; ``ahead`` wait at most."""

    def timed(path: Path) -> tuple[Path, Tensor | Exception, float]:
        start = time.perf_counter()
        try:
            found: Tensor | Exception = prepare(path)
        except Exception as error:
            found = error
        return path, found, time.perf_counter() - start

    todo = iter(paths)
    waiting: deque[Future[tuple[Path, Tensor | Exception, float]]] = deque()
    pool = ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1))
    try:
        waiting.extend(pool.submit(timed, path) for path in islice(todo, ahead))
        while waiting:
            ready = waiting.popleft().result()
            waiting.extend(pool.submit(timed, path) for path in islice(todo, 1))
            yield ready
    finally:
        pool.shutdown(cancel_futures=True)


def load_classifier(
    name: str = "resnet18", *, weights: WeightsEnum | str | None = None, device: str | torch.device = "auto"
) -> Classifier:
    """Load one of torchvision's classifiers with weights that can be had here and now.

    Args:
        name: a name of torchvision's registry, such as ``"resnet18"``; ``"course_resnet18"`` means the course's own.
        weights: ``"imagenet"``, ``"course"``, ``"auto"``, a weights enum's member, or a member's name such as
            ``"IMAGENET1K_V2"``. ``"auto"`` takes ImageNet weights when they are cached or can be downloaded, else the
            course's own, and prints one line that says which. None takes the environment's ``COURSE_WEIGHTS``, and
            ``"auto"`` when that is not set.
        device: ``"auto"`` (a GPU when there is one), or what ``torch.device`` takes.

    Raises:
        ModelNameError: there is no such classifier.
        WeightsError: there are no such weights, or none can be had here and now.
        DownloadError: ImageNet weights were asked for and cannot be downloaded.
        CourseError: this machine has no such device.

    Example:
        >>> load_classifier("squeezenet1_1", weights="course", device="cpu")
        Classifier('squeezenet1_1', CourseSqueezeNet1_1Weights.PICTUREBOOK_V1, 10 classes, on cpu)
    """
    where = _device(device)
    choice = find(name, weights)
    if choice.line:
        print(choice.line)
    model = build(choice.name, choice.weights).to(where)
    categories = tuple(choice.weights.meta.get("categories", ()))
    return Classifier(choice.name, model, choice.weights, choice.weights.transforms(), categories, where)


def _device(device: str | torch.device) -> torch.device:
    here = ["cpu"]
    if torch.backends.mps.is_available():
        here.insert(0, "mps")
    if torch.cuda.is_available():
        here[:0] = ["cuda", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
    wanted = here[0] if device == "auto" else str(device)
    if wanted not in here:
        raise CourseError(f"There is no device {wanted!r} here; this PyTorch sees: {', '.join(here)}. Or say 'auto'.")
    return torch.device(wanted)
