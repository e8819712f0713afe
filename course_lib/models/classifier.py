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
from course_lib.models.predictions import FolderPredictions, FolderRow, Prediction, from_logits
from course_lib.models.pretrained_models import available_models, build, find
from course_lib.pictures.images import EXTENSIONS, list_images, read_image, say_notes
from course_lib.pictures.paths import excerpt, path_words
from course_lib.pictures.preprocessing import prepared
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
        logits = self.logits(self.prepare(pictures)).cpu()
        predictions = [from_logits(row, self.categories, k=k) for row in logits]
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

        Pictures are opened and transformed by a few threads while the model computes the batch before them. No file
        ends the run, whatever is the matter with it. Links to folders are followed.

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
        start = time.perf_counter()
        label = f"{len(paths)} pictures through {self.name}"
        notes: dict[Path, str] = {}
        ready = track(self._opened(paths, ahead=3 * batch_size, notes=notes), label, total=len(paths))
        while group := list(islice(ready, batch_size)):
            skipped += [(path, picture) for path, picture, _ in group if isinstance(picture, str)]
            good = [(path, picture, seconds) for path, picture, seconds in group if not isinstance(picture, str)]
            if not good:
                continue
            before = time.perf_counter()
            batch = torch.stack([picture for _, picture, _ in good])
            if self.device.type == "cpu":  # convolutions on a CPU are a quarter faster on channels-last pictures
                batch = batch.contiguous(memory_format=torch.channels_last)
            logits = self.logits(batch).cpu()
            share = (time.perf_counter() - before) / len(good)
            for (path, _, seconds), row in zip(good, logits, strict=True):
                rows.append(FolderRow(path, from_logits(row, self.categories, k=k), seconds + share))
        say_notes(notes, len(paths))
        return FolderPredictions(tuple(rows), tuple(skipped), time.perf_counter() - start, str(self.device))

    def _opened(
        self, paths: Sequence[Path], *, ahead: int, notes: dict[Path, str]
    ) -> Iterator[tuple[Path, Tensor | str, float]]:
        """Each path with its tensor (or the reason why there is none) and seconds; at most ``ahead`` wait in memory.

        What is to be said about a picture's pixels goes into ``notes``.
        """

        def open_one(path: Path) -> tuple[Path, Tensor | str, float]:
            start = time.perf_counter()
            try:
                picture = read_image(path)
                if note := picture.info.get("note"):
                    notes[path] = note
                opened: Tensor | str = prepared(picture, self.transforms)
            except PictureError as error:
                opened = str(error)
            except Exception as error:  # the learner's own transforms may fail with anything for one file
                opened = f"{path_words(path)} could not be prepared: {type(error).__name__}: {excerpt(error)}."
            return path, opened, time.perf_counter() - start

        todo = iter(paths)
        waiting: deque[Future[tuple[Path, Tensor | str, float]]] = deque()
        pool = ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1))
        try:
            waiting.extend(pool.submit(open_one, path) for path in islice(todo, ahead))
            while waiting:
                opened = waiting.popleft().result()
                waiting.extend(pool.submit(open_one, path) for path in islice(todo, 1))
                yield opened
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
