"""Checks of what makes a network known to torchvision: an enum that reads its file, a builder with an enum behind it.

A learner's enum and builder meet files that are made here, in a folder that is gone afterwards: good ones, one under
another's name, one that would run code. Torch.hub's cache and torchvision's registry are as before when a check ends.
"""

from __future__ import annotations

import hashlib
import inspect
import io
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from PIL import Image
from torch import Tensor, nn
from torchvision import models
from torchvision.models import Weights, WeightsEnum, _api, get_model, get_model_weights
from torchvision.transforms._presets import ImageClassification

from course_lib.exercises.checks import random_arguments
from course_lib.exercises.checks.checkpoint_checks import Hostile, need_state_dict, went_off
from course_lib.exercises.checks.module_checks import build, scrambled
from course_lib.exercises.engine.requirements import Wrong, call, need_function, need_tensor, same_tensor
from course_lib.networks import vgg

__all__ = ["CFG", "check_own_model", "check_read_in_place"]

#: The network of the last exercise, small enough for a notebook.
CFG = "16 M 32 M 64 M"
_NAME = "a_learners_own_model"
_CATEGORIES = (["camel", "goldfish"], ["cat", "dog", "mushroom"])


@contextmanager
def _workshop() -> Iterator[Path]:
    """A folder for files, and another one inside it as torch.hub's, so that the learner's own cache stays clean."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with mock.patch.object(torch.hub, "get_dir", lambda: str(folder / "hub")):
            yield folder


def _save(thing: Any, folder: Path, name: str) -> Path:
    """Save with the first digits of the hash in the name."""
    buffer = io.BytesIO()
    torch.save(thing, buffer)
    content = buffer.getvalue()
    path = folder / f"{name}-{hashlib.sha256(content).hexdigest()[:8]}.pth"
    path.write_bytes(content)
    return path


# -- an enum that reads in place --------------------------------------------------------------------------------------
def check_read_in_place(answer: Any, source: random.Random | None = None) -> None:
    """Check a learner's member-less WeightsEnum: it reads what is right and refuses what is not.

    Args:
        answer: the learner's.
        source: draws what is in the files.

    Raises:
        Wrong: with the property that fails.
    """
    known: Any = answer
    if not isinstance(answer, type) or not issubclass(answer, WeightsEnum):
        raise Wrong(f"The answer is a class that inherits from WeightsEnum, but you gave {_kind(answer)}.")
    if known.__members__:
        first = next(iter(known.__members__))
        raise Wrong(f"Your class has the member {first}: nothing can inherit from an enum with members. Leave it out.")
    if known.get_state_dict is WeightsEnum.get_state_dict:
        raise Wrong("Your class has no get_state_dict of its own, so torchvision's copies the file into its cache.")
    with _workshop() as folder:
        truth = {"fc.weight": torch.arange(6.0).view(2, 3), "fc.bias": torch.ones(2), "seen": torch.tensor(7)}
        truth, name = (
            (random_arguments.state_dict(source), random_arguments.word(source)) if source else (truth, "weights")
        )
        _reads(_entry(answer, _save(truth, folder, f"my {name}")), truth, "a file whose name has a space")
        if any((folder / "hub").rglob("*.pth")):
            raise Wrong("The file was copied into torch.hub's cache; read it in place.")
        small = {key: torch.ones_like(tensor).half() for key, tensor in truth.items()}
        good = _save(small, folder, "net")
        _reads(_entry(answer, good), small, "a file in half precision")
        good.write_bytes(_save(truth, folder, "other").read_bytes())  # sound, but not what its name promises
        if _asked(_entry(answer, good)) is not None:
            raise Wrong(
                "A file was replaced by another with the same name, and no error was raised: is the hash checked?"
            )
        went_off.clear()
        _asked(_entry(answer, _save(Hostile(), folder, "gift")))
        if went_off:
            raise Wrong("A file with code in it was opened, and its code ran: torch.load(..., weights_only=True).")


def _entry(base: Any, path: Path) -> WeightsEnum:
    value = Weights(path.as_uri(), partial(ImageClassification, crop_size=64), {"categories": ["a", "b"]})
    made: WeightsEnum = base("Probe_Weights", {"V1": value, "DEFAULT": value}).DEFAULT
    return made


def _reads(entry: WeightsEnum, truth: dict[str, Tensor], case: str) -> None:
    value = call(lambda: entry.get_state_dict(progress=False, check_hash=True), case=case)
    need_state_dict(value, truth, case=case)


def _asked(entry: WeightsEnum) -> Any:
    """What it gives; None where it raises, as it should."""
    try:
        return entry.get_state_dict(progress=False, check_hash=True)
    except Exception:
        return None


# -- a builder with an enum behind it ---------------------------------------------------------------------------------
def check_own_model(answer: Any, source: random.Random | None = None) -> None:
    """Check a learner's function from (path, categories) to a builder, with two files of different classes.

    Args:
        answer: the learner's.
        source: draws the categories, what is in the files, and the pictures.

    Raises:
        Wrong: with the property that fails.
    """
    need_function(answer)
    for categories in _CATEGORIES if source is None else _drawn_categories(source):
        with _workshop() as folder:
            seed = source.getrandbits(32) if source else len(categories)
            truth = scrambled(partial(_network, len(categories)), seed=seed)
            path = _save(truth.state_dict(), folder, f"own_{len(categories)}")
            builder = call(answer, path, list(categories), case=f"a file for {len(categories)} classes")
            if not callable(builder) or isinstance(builder, (type, nn.Module)):
                told = "nothing: is the return missing?" if builder is None else f"{_kind(builder)}."
                raise Wrong(f"Your function should return the builder, a function, but it returns {told}")
            enum = _enum_of(builder)
            _check_entry(enum, path, categories, source)
            with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):  # torch.hub tells of its copying
                _check_builder(builder, enum, truth, _batch(source))
                _check_hash(builder, path, len(categories))


def _drawn_categories(source: random.Random) -> list[list[str]]:
    return [[random_arguments.word(source) for _ in range(count)] for count in source.sample((2, 3, 4, 6, 7), 2)]


def _batch(source: random.Random | None) -> Tensor:
    if source:
        return random_arguments.tensor(source, 2, 3, 64, 64)
    return torch.linspace(-2, 2, 2 * 3 * 64 * 64).view(2, 3, 64, 64).sin()


def _network(classes: int) -> nn.Module:
    made: nn.Module = vgg.build(CFG, batch_norm=True, hidden=64, num_classes=classes, init_weights=False)
    return made


def _kind(value: Any) -> str:
    return f"the class {value.__name__}" if isinstance(value, type) else f"a value of type {type(value).__name__}"


def _enum_of(builder: Callable[..., Any]) -> type[WeightsEnum]:
    try:
        parameters = inspect.signature(builder).parameters
    except (TypeError, ValueError):
        parameters = {}  # type: ignore[assignment]
    if "weights" not in parameters:
        raise Wrong("The builder takes no weights=; torchvision's begin with: def own(*, weights: … = None, …).")
    annotation = parameters["weights"].annotation
    if isinstance(annotation, str):
        raise Wrong("The annotation of weights is only a string: leave out from __future__ import annotations.")
    try:
        enum: type[WeightsEnum] = get_model_weights(builder)
    except (AttributeError, TypeError, ValueError) as error:
        raise Wrong(
            "torchvision can't see which enum the builder takes: annotate weights with it, as in "
            "weights: Own_Weights | None = None."
        ) from error
    if parameters["weights"].default is not None:
        raise Wrong("Without weights= a builder uses random numbers: the default should be None.")
    if "DEFAULT" not in enum.__members__:
        raise Wrong(f"{enum.__name__} has no DEFAULT; it has {', '.join(enum.__members__) or 'no entry at all'}.")
    return enum


def _check_entry(
    enum: type[WeightsEnum], path: Path, categories: list[str], source: random.Random | None = None
) -> None:
    value = enum["DEFAULT"].value
    if not isinstance(value, Weights):
        raise Wrong(f"The value of an entry is a Weights(url=…, transforms=…, meta=…), not {_kind(value)}.")
    if value.url != path.as_uri():
        raise Wrong(f"The url should be the file's address, path.as_uri(); yours begins with {str(value.url)[:12]!r}.")
    if not isinstance(value.meta, dict) or value.meta.get("categories") != categories:
        given = value.meta.get("categories") if isinstance(value.meta, dict) else value.meta
        raise Wrong(f'meta["categories"] should be {categories}, as your function was given, not {str(given)[:60]}.')
    if not callable(value.transforms) or isinstance(value.transforms, nn.Module):
        raise Wrong(
            "transforms should be something to call, which makes the preprocessing: partial(ImageClassification, …)."
        )
    picture = Image.effect_mandelbrot((90, 70), (-2, -1.5, 1, 1.5), 100).convert("RGB")
    if source:
        picture = random_arguments.picture(source, *random_arguments.pixels(source, least=40, most=150))
    case = f"a picture of {picture.height}×{picture.width} (height first), prepared"
    prepared = need_tensor(
        call(call(value.transforms, case="no arguments"), picture, case=case), (3, 64, 64), case=case
    )
    same_tensor(prepared, ImageClassification(crop_size=64, resize_size=64)(picture), case=case, tolerance=1e-5)


def _check_hash(builder: Callable[..., Any], path: Path, classes: int) -> None:
    """A sound file of another network lies under the name now."""
    _save(scrambled(partial(_network, classes), seed=9).state_dict(), path.parent, "other").replace(path)
    shutil.rmtree(path.parent / "hub", ignore_errors=True)  # a file that is in the cache is not looked at again
    try:
        builder(weights="DEFAULT")
    except Exception:
        return
    raise Wrong("Another file had the name, and the builder didn't notice: get_state_dict(..., check_hash=True) does.")


def _check_builder(builder: Callable[..., Any], enum: type[WeightsEnum], truth: nn.Module, batch: Tensor) -> None:
    with torch.no_grad():
        right = truth(batch)
    classes = right.shape[1]
    for how, weights in (('own(weights="DEFAULT")', "DEFAULT"), ("own(weights=Own_Weights.DEFAULT)", enum["DEFAULT"])):
        made = build(partial(builder, weights=weights), case=how).eval()
        with torch.no_grad():
            logits = need_tensor(call(made, batch, case=how), (2, classes), case=f"{how} and {classes} categories")
        if not torch.allclose(logits, right, atol=1e-5):
            raise Wrong(f"{how} doesn't answer as the weights in the file would: were they loaded?")
    how = "own(weights=None, num_classes=5)"
    made = build(partial(builder, weights=None, num_classes=5), case=how).eval()
    with torch.no_grad():
        need_tensor(call(made, batch, case=how), (2, 5), case=how)
    try:
        builder(weights=models.ResNet18_Weights.DEFAULT)
    except TypeError:
        pass
    except Exception as problem:
        raise Wrong(
            f"ResNet18's entry should raise TypeError, but it raised {type(problem).__name__}: verify first."
        ) from problem
    else:
        raise Wrong("The builder accepts ResNet18's entry: begin with Own_Weights.verify(weights).")
    try:
        _api.register_model(_NAME)(builder)
        build(partial(get_model, _NAME, weights="DEFAULT", progress=False), case="get_model by its name")
    finally:
        _api.BUILTIN_MODELS.pop(_NAME, None)
