"""``check_input``: looks at a batch before it is used, for mistakes that raise no error and for those that soon will.

Shapes are tried on a trace of the model. What can be told from the numbers: a picture is stored in whole numbers from 0
to 255; after the right normalisation, undoing it gives such numbers back, and after a wrong one it does not. Where a
picture was resized as floats, that evidence is gone, and nothing is said. A picture whose red and blue, or whose rows
and columns, changed places *before* the normalisation has nothing wrong in its numbers: there the model's own
confidence is asked, over several pictures, both ways, and the finding is called likely, not certain. That a picture was
squashed cannot be told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from typing import Any

import torch
import torchvision
from torch import Tensor, nn
from torchvision.models import get_model_builder, get_model_weights, list_models

from course_lib.clinic.diagnosis import CODE, box
from course_lib.clinic.shape_errors import attempt, changes
from course_lib.clinic.tensor_errors import dtype_name, dtype_repair
from course_lib.errors import CourseError
from course_lib.pictures.preprocessing import transform_settings
from course_lib.tracing.copy_runs import run_copy
from course_lib.tracing.records import times
from course_lib.tracing.result import Trace, TraceError

__all__ = ["Finding", "Report", "check_input"]

#: Pictures to look at; and for the model's opinion about the channels: the fewest pictures, by how much more probable
#: its answers must become on average, and how many standard errors the gain must be.
_PICTURES, _ENOUGH, _GAIN, _SURE = 8, 4, 0.1, 2.0


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong.

    Attributes:
        name: which mistake it is.
        sentence: what was seen, and what it means.
        repair: a line of code, or some; "" where there is none.
        sure: whether the batch or the model proves it; False where the model's answers, or what is usual, suggest it.
    """

    name: str
    sentence: str
    repair: str = ""
    sure: bool = True

    def __str__(self) -> str:
        repair = "".join(f"\n      {line}" for line in self.repair.splitlines())
        return f"  {self.name}{'' if self.sure else ' (likely)'}: {self.sentence}{repair}"


@dataclass(frozen=True, slots=True)
class Report:
    """The findings; its length is their number, so an empty report is false.

    Attributes:
        findings: in the order in which they should be repaired.
        looked_at: the batch, in words.
    """

    findings: tuple[Finding, ...]
    looked_at: str = ""

    def __len__(self) -> int:
        return len(self.findings)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    @property
    def title(self) -> str:
        """One line: how many findings, in which batch."""
        count = len(self.findings)
        number = f"{count} thing{'s' if count > 1 else ''} to repair" if count else "Nothing found"
        return f"{number} in {self.looked_at}"

    def __str__(self) -> str:
        return "\n".join([self.title, *map(str, self.findings)])

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        items = ""
        for finding in self.findings:
            items += f'<li style="margin:4px 0"><b>{escape(finding.name)}</b>{"" if finding.sure else " (likely)"}'
            items += f": {escape(finding.sentence)}"
            items += f'<pre style="{CODE}">{escape(finding.repair)}</pre></li>' if finding.repair else "</li>"
        body = f'<ol style="margin:6px 0 0 0">{items}</ol>' if items else ""
        return box(self.title, body, icon="!" if items else "✓")


def check_input(model: nn.Module, batch: Any, *, transforms: Any = None) -> Report:
    """Look at a model and a batch for what would raise an error, and for what would not and still be wrong.

    Args:
        model: a classifier of pictures; it is not changed.
        batch: what it is about to be called with, (B, 3, H, W), prepared.
        transforms: what ``weights.transforms()`` returns, so that its mean and std are known; None takes ImageNet's.

    Returns:
        The findings, each a sentence with its repair; none for a batch that is well prepared.

    Raises:
        CourseError: ``model`` is not a module.
        WeightsError: ``transforms`` is something else.

    Example:
        >>> import torch
        >>> from torchvision.models import squeezenet1_1
        >>> pictures = torch.linspace(0, 255, 3 * 64 * 64).reshape(1, 3, 64, 64).round()
        >>> for finding in check_input(squeezenet1_1(), pictures):
        ...     print(finding.name, "|", finding.repair.splitlines()[-1])
        train mode | model.eval()
        values from 0 to 255 | batch = torchvision.transforms.functional.normalize(batch / 255, mean, std)
    """
    if not isinstance(model, nn.Module):
        raise CourseError(
            f"check_input expects a model and a batch; the model is {type(model).__name__}, which isn't a module."
        )
    if not isinstance(batch, Tensor):
        return Report((_no_tensor(batch),), f"a {type(batch).__name__}")
    looked_at = f"a batch of {times(tuple(batch.shape))}, {dtype_name(batch.dtype)}, on {batch.device}"
    shape = _shape(model, batch)
    findings = [*_place(model, batch), *shape, *_mode(model), *_untrained(model)]
    if not shape and model.training:
        findings += _one_value(model, batch)
    if not batch.is_meta and batch.numel():
        findings += _values(model, batch, transforms, run=not shape)
    return Report(tuple(findings), looked_at)


def _no_tensor(batch: Any) -> Finding:
    kind = type(batch).__name__
    if kind == "ndarray":
        return Finding("no tensor", f"This is a numpy array {times(tuple(batch.shape))}; a model expects a tensor.",
                       "batch = weights.transforms()(PIL.Image.fromarray(array)).unsqueeze(0)")  # fmt: skip
    if isinstance(batch, list | tuple):
        return Finding("no tensor", f"This is a {kind} of {len(batch)}; a model expects one tensor, a batch.",
                       "batch = torch.stack([weights.transforms()(picture) for picture in pictures])")  # fmt: skip
    return Finding("no tensor", f"This is a {kind}; a model expects a tensor, batch×channels×height×width.",
                   "batch = weights.transforms()(picture).unsqueeze(0)")  # fmt: skip


def _place(model: nn.Module, batch: Tensor) -> Iterator[Finding]:
    weight = next((parameter for parameter in model.parameters() if parameter.is_floating_point()), None)
    if weight is None:
        return
    if weight.device != batch.device:
        sentence = f"The batch is on {batch.device}, and the model is on {weight.device}."
        yield Finding("different devices", sentence, f'batch = batch.to("{weight.device}")')
    if weight.dtype != batch.dtype:
        code, why = dtype_repair(batch.dtype, weight.dtype, "batch")
        sentence = f"The batch is {dtype_name(batch.dtype)}, and the weights are {dtype_name(weight.dtype)}. {why}"
        yield Finding("number type", sentence, code)


def _shape(model: nn.Module, batch: Tensor) -> list[Finding]:
    shape = tuple(batch.shape)
    if 0 in shape:
        return [Finding("empty batch", f"{times(shape)} has no numbers at all.")]
    tried = attempt(model, [shape], mode="eval")
    if isinstance(tried, TraceError):
        found = changes(model, shape, tried, sizes=True, mode="eval")
        if found is None:
            return [Finding("shapes that do not fit", tried.reason)]
        return [Finding(step.name, step.what, step.code.format(x="batch", model="model")) for step in found[0]]
    if len(shape) != 3 or not any(isinstance(module, nn.Conv2d) for module in model.modules()):
        return []
    if not isinstance(attempt(model, [(1, *shape)], mode="eval"), Trace):
        return []
    what = f"The model takes {times(shape)} as one picture, and returns an output without a batch dimension."
    return [Finding("no batch dimension", what, "batch = batch.unsqueeze(0)")]


def _one_value(model: nn.Module, batch: Tensor) -> Iterator[Finding]:
    """What only train mode refuses: a BatchNorm that gets one number for each channel."""
    tried = attempt(model, [tuple(batch.shape)], mode="train")
    if isinstance(tried, TraceError) and tried.mismatch is not None and tried.mismatch.repair == "eval":
        what = f"In train mode {tried.where} has one number per channel, and a single number has no spread."
        yield Finding("one value per channel", what, "model.eval()    # or, while training, a batch of two")


def _mode(model: nn.Module) -> Iterator[Finding]:
    """Modules in train mode whose answers depend on it."""
    training = [module for module in model.modules() if module.training]
    norms = Counter(type(module).__name__ for module in training if isinstance(module, nn.modules.batchnorm._BatchNorm))
    drops = Counter(
        type(module).__name__
        for module in training
        if (isinstance(module, nn.modules.dropout._DropoutNd) and module.p > 0)
        or type(module).__name__ == "StochasticDepth"
    )
    if not drops and not norms:
        return
    layers = " and ".join(f"{count} {kind}" for kind, count in (*norms.items(), *drops.items()))
    sentence = f"{layers} {'are' if norms.total() + drops.total() > 1 else 'is'} in train mode. "
    if norms:
        sentence += "BatchNorm normalises with this batch's own statistics and updates its running ones. "
    if drops:
        sentence += f"{' and '.join(drops)} drop{'' if len(drops) > 1 else 's'} different values at every call. "
    yield Finding(
        "train mode", f"{sentence}That is right for training; for predictions, use eval mode.", "model.eval()"
    )


def _untrained(model: nn.Module) -> Iterator[Finding]:
    """A model in eval mode that holds what its constructor put there."""
    if model.training or any(parameter.is_meta for parameter in model.parameters()):
        return
    norms = [
        m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm) and m.running_mean is not None
    ]
    stats: list[tuple[Any, Any]] = [(norm.running_mean, norm.running_var) for norm in norms]
    if stats and all(not mean.any() and bool((var == 1).all()) for mean, var in stats):
        sentence = (
            f"All {len(norms)} BatchNorm layers have the mean 0 and the variance 1 of a new network: no batch was ever "
        )
        sentence += "seen in train mode, and no weights were loaded. Its answers are down to chance."
        yield Finding("untrained model", sentence)
        return
    layers = [m for m in model.modules() if isinstance(m, nn.Linear | nn.Conv2d) and m.bias is not None]
    if not norms and len(layers) > 2 and not any(bool(layer.bias.any()) for layer in layers if layer.bias is not None):
        sentence = f"All {len(layers)} biases are exactly 0, as in a new network; were weights loaded?"
        yield Finding("untrained model", sentence, sure=False)


# The numbers.


@dataclass(frozen=True)
class _Norm:
    """A mean and a std for each channel, of values between 0 and 1."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def undo(self, pictures: Tensor) -> Tensor:
        mean, std = (torch.tensor(values, device=pictures.device).view(3, 1, 1) for values in (self.mean, self.std))
        return pictures * std + mean

    def redo(self, pictures: Tensor) -> Tensor:
        mean, std = (torch.tensor(values, device=pictures.device).view(3, 1, 1) for values in (self.mean, self.std))
        return (pictures - mean) / std

    @property
    def reversed(self) -> _Norm:
        return _Norm(self.mean[::-1], self.std[::-1])

    def code(self, pictures: str) -> str:
        """The lines that normalise again what undoing it gave."""
        mean, std = (f"torch.tensor({list(values)}).view(3, 1, 1)" for values in (self.mean, self.std))
        return f"mean, std = {mean}, {std}\nbatch = ({pictures} - mean) / std"


_IMAGENET = _Norm((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_HALVES = _Norm((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
_ALL = "batch = torch.stack([transforms(picture) for picture in pictures])"


def _values(model: nn.Module, batch: Tensor, transforms: Any, *, run: bool) -> Iterator[Finding]:
    """Range, normalisation and the order of the channels; ``run``: whether the model may be run."""
    recipe = transform_settings(transforms) if transforms is not None else None  # refused before anything is looked at
    if not batch.is_floating_point():
        return
    pictures = batch.detach()[:_PICTURES].float()
    if not torch.isfinite(pictures).all():
        count = int((~torch.isfinite(pictures)).sum())
        yield Finding("no numbers", f"{count:,} of the values are nan or infinite, so every answer will be, too.")
        return
    if pictures.dim() in (3, 4) and pictures.shape[-1] == 3 != pictures.shape[-3]:
        pictures = pictures.movedim(-1, -3)  # its shape is a finding of its own
    if pictures.dim() not in (3, 4) or pictures.shape[-3] != 3 or pictures.min() == pictures.max():
        return
    family = _of_family(model) if recipe is None else None
    norm = _Norm(recipe.mean, recipe.std) if recipe is not None else family or _IMAGENET
    finding = _scrambled(pictures, norm) or _range(pictures, norm, known=recipe is not None)
    if finding is None and family is not None and (other := _other_norm(pictures, family)) is not None:
        sentence = f"{other} torchvision's weights for {type(model).__name__} all want mean {list(norm.mean)} and std "
        finding = Finding("wrong mean and std", f"{sentence}{list(norm.std)}.", _ALL, sure=False)
    if finding is not None:
        yield finding
    if not run:
        return
    if _sums_to_one(model, pictures):
        sentence = "The model's answers are probabilities: it ends in a softmax. For predictions that is right; "
        sentence += "CrossEntropyLoss has its own softmax, and with two of them a network learns slowly and badly."
        yield Finding("softmax inside", sentence)
    elif finding is None and _surer(model, pictures, norm.redo(norm.undo(pictures).flip(-3))):
        sentence = (
            f"The model is clearly more confident about these {len(pictures)} pictures with red and blue "
            "exchanged: OpenCV "
        )
        code = norm.code("(batch * std + mean).flip(-3)")
        yield Finding("channels perhaps in the order BGR", f"{sentence}reads blue first.", code, sure=False)
    elif finding is None and pictures.shape[-1] == pictures.shape[-2] and _surer(model, pictures, pictures.mT):
        sentence = (
            f"The model is clearly more confident about these {len(pictures)} pictures with rows and "
            "columns exchanged: a "
        )
        sentence += "permute in the wrong order (such as 2, 1, 0 of height×width×channels) lays them on their side."
        yield Finding("height and width exchanged", sentence, "batch = batch.transpose(-2, -1)", sure=False)


def _range(pictures: Tensor, norm: _Norm, *, known: bool) -> Finding | None:
    low, high = float(pictures.min()), float(pictures.max())
    span = f"The values run from {low:.3g} to {high:.3g}"
    lines = f"mean, std = {list(norm.mean)}, {list(norm.std)}\nbatch = torchvision.transforms.functional.normalize"
    if high > 20:
        if _whole(pictures) or (low >= 0 and not _whole(norm.undo(pictures))):
            sentence = f"{span}, as in a file; the network learned from values between 0 and 1, normalised."
            return Finding("values from 0 to 255", sentence, f"{lines}(batch / 255, mean, std)")
        sentence = f"{span}: they were normalised without being divided by 255 first."
        return Finding("values from 0 to 255", sentence, norm.code("(batch * std + mean) / 255"))
    if low >= 0 and high <= 1 and (high - low > 0.5 or _whole(pictures * 255)):
        least, most = float(norm.redo(torch.zeros(3, 1, 1)).min()), float(norm.redo(torch.ones(3, 1, 1)).max())
        sentence = f"{span}: mean and std have not been applied. The network learned from values of "
        return Finding("not normalised", f"{sentence}{least:.1f} to {most:.1f}.", f"{lines}(batch, mean, std)")
    undone = norm.undo(pictures)
    if undone.min() > -1e-3 and undone.max() < 0.01 and _whole(undone * 255 * 255) and float(undone.max()) > 1e-4:
        sentence = (
            f"{span}: with mean and std undone, that is 0 to {float(undone.max()):.2g}, nearly black. The numbers were "
        )
        sentence += "divided by 255 twice (ToTensor and Image / 255 each do it)."
        return Finding("divided by 255 twice", sentence, norm.code("(batch * std + mean) * 255"))
    if _whole(undone * 255):
        return None
    if _whole(norm.undo(undone) * 255):
        sentence = f"{span}: undoing mean and std once doesn't give a picture, but undoing them twice gives a "
        sentence += "picture's whole numbers."
        code = norm.code("").splitlines()[0]
        return Finding("normalised twice", sentence, f"{code}\nbatch = batch * std + mean")
    if norm.reversed != norm and _whole(norm.reversed.undo(pictures) * 255):
        sentence = "Red and blue have changed places: undoing the normalisation gives a picture's whole numbers only "
        sentence += "with mean and std in the order blue, green, red."
        return Finding("channels in the order BGR", sentence, "batch = batch.flip(-3)")
    if not known:
        return None  # it may be prepared for weights with another mean and std
    if (other := _other_norm(pictures, norm)) is not None:
        sentence = f"{other} These weights want mean {list(norm.mean)} and std {list(norm.std)}."
        return Finding("wrong mean and std", sentence, _ALL)
    if undone.min() < -0.2 or undone.max() > 1.2:  # with room for a resize that overshoots
        sentence = f"{span}: with these weights' mean and std undone, that is {float(undone.min()):.2g} to "
        sentence += f"{float(undone.max()):.2g}, and a picture has 0 to 1."
        return Finding("values that no picture has", sentence, _ALL)
    return None


def _other_norm(pictures: Tensor, norm: _Norm) -> str | None:
    """A sentence on the mean and std with which the batch was normalised, where they are others than these."""
    for other in (_IMAGENET, _HALVES):
        if other != norm and _whole(other.undo(pictures) * 255) and not _whole(norm.undo(pictures) * 255):
            return f"The batch was normalised with mean {list(other.mean)} and std {list(other.std)}."
    return None


@lru_cache(maxsize=32)
def _norms_of(module: str) -> frozenset[_Norm]:
    """Every mean and std that torchvision's weights for a family of models want."""
    names = [name for name in list_models(module=torchvision.models) if get_model_builder(name).__module__ == module]
    recipes = (weights.transforms() for name in names for weights in get_model_weights(name))
    return frozenset(_Norm(tuple(recipe.mean), tuple(recipe.std)) for recipe in recipes)


def _of_family(model: nn.Module) -> _Norm | None:
    """The mean and std that all of torchvision's weights for this kind of model want; None where they differ."""
    module = type(model).__module__
    norms = _norms_of(module) if module.startswith("torchvision.models.") else frozenset()
    return next(iter(norms)) if len(norms) == 1 else None


def _scrambled(pictures: Tensor, norm: _Norm) -> Finding | None:
    """Whether height×width×channels was reshaped to channels×height×width: the colours then alternate in rows."""
    values = norm.undo(pictures) if float(pictures.min()) < 0 else pictures
    if min(values.shape[-2:]) < 8:
        return None
    height, width = values.shape[-2:]
    near, third = ((values[..., lag:] - values[..., :-lag]).abs().mean() for lag in (1, 3))
    right = values.reshape(-1, height, width, 3)
    rough = (values[..., 1:, :] - values[..., :-1, :]).abs().mean() + near
    smooth = (right[:, 1:] - right[:, :-1]).abs().mean() + (right[:, :, 1:] - right[:, :, :-1]).abs().mean()
    if not (near > 1.2 * third and smooth < 0.8 * rough):
        return None
    sentence = (
        "Neighbours in a row differ more than every third number does: red, green and blue alternate. The array was "
    )
    sentence += "reshaped, but its dimensions should have been permuted."
    order = "(0, 3, 1, 2)" if pictures.dim() == 4 else "(2, 0, 1)"
    sizes = f"{'-1, ' * (pictures.dim() == 4)}{height}, {width}, 3"
    if float(pictures.min()) < 0:
        code = norm.code(f"(batch * std + mean).reshape({sizes}).permute{order}")
    else:
        code = f"batch = batch.reshape({sizes}).permute{order}"
    return Finding("reshape instead of permute", sentence, code)


def _whole(numbers: Tensor) -> bool:
    """Whether they are the whole numbers from 0 to 255 that a stored picture holds."""
    if numbers.min() < -0.5 or numbers.max() > 255.5:
        return False
    return bool(((numbers - numbers.round()).abs() < 0.02).float().mean() > 0.99)


def _answers(model: nn.Module, batches: list[Tensor]) -> list[Any]:
    """What the model, in eval mode, answers to each of some batches; none where it cannot be run."""
    weight = next(iter(model.parameters()), None)
    if batches[0].dim() != 4 or weight is None or weight.device != batches[0].device:
        return []
    with torch.inference_mode():
        try:
            answers: list[Any] = run_copy(model, lambda copied: [copied(batch.to(weight.dtype)) for batch in batches])
        except Exception:
            return []
    return answers


def _sums_to_one(model: nn.Module, pictures: Tensor) -> bool:
    """Whether the model's answers are probabilities."""
    for output in _answers(model, [pictures]):
        if isinstance(output, Tensor) and output.dim() == 2 and output.shape[1] > 1 and output.is_floating_point():
            return bool((output >= 0).all()) and bool(((output.float().sum(1) - 1).abs() < 1e-3).all())
    return False


def _surer(model: nn.Module, pictures: Tensor, changed: Tensor) -> bool:
    """Whether the model, in eval mode, is clearly surer of the changed pictures."""
    if len(pictures) < _ENOUGH:
        return False
    both = [_confidence(output) for output in _answers(model, [pictures, changed])]
    if len(both) != 2 or both[0] is None or both[1] is None:
        return False
    before, after = both[0], both[1]
    gain = after - before
    error = float(gain.std()) / len(gain) ** 0.5
    return float(after.exp().mean() - before.exp().mean()) > _GAIN and float(gain.mean()) > _SURE * error


def _confidence(output: Any) -> Tensor | None:
    """The logarithm of the largest probability of each picture."""
    if not isinstance(output, Tensor) or output.dim() != 2 or output.shape[1] < 2:
        return None
    return output.float().log_softmax(1).amax(1)
