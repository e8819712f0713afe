"""``check_input``: looks at a batch before it is used, for mistakes that raise no error and for those that soon will.

Shapes are tried on a trace of the model. What can be told from the numbers: a picture is stored in whole numbers from 0
to 255; after the right normalisation, undoing it gives such numbers back, and after a wrong one it does not. Where a
picture was resized as floats, that evidence is gone, and nothing is said. A picture whose red and blue changed places
*before* the normalisation has nothing wrong in its numbers: there the model's own confidence is asked, over several
pictures, with both orders.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.clinic.diagnosis import CODE, box
from course_lib.clinic.shape_errors import attempt, changes
from course_lib.clinic.tensor_errors import dtype_name, dtype_repair
from course_lib.errors import CourseError
from course_lib.pictures.preprocessing import transform_settings
from course_lib.tracing.copies import run_copy
from course_lib.tracing.records import times
from course_lib.tracing.result import Trace, TraceError

__all__ = ["Finding", "Report", "check_input"]

#: Pictures to look at; and for the model's opinion about the channels: the fewest pictures, by how much more probable
#: its answers must become on average, and how many standard errors the gain must be.
_PICTURES, _ENOUGH, _GAIN, _SURE = 8, 4, 0.1, 2.0


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong: its name, a sentence, and the repair as a line of code ("" where there is none)."""

    name: str
    sentence: str
    repair: str = ""

    def __str__(self) -> str:
        repair = "".join(f"\n      {line}" for line in self.repair.splitlines())
        return f"  {self.name}: {self.sentence}{repair}"


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
            items += f'<li style="margin:4px 0"><b>{escape(finding.name)}</b>: {escape(finding.sentence)}'
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
        raise CourseError(f"check_input wants a model and a batch; the model is {type(model).__name__}, no module.")
    if not isinstance(batch, Tensor):
        return Report((_no_tensor(batch),), f"a {type(batch).__name__}")
    looked_at = f"a batch of {times(tuple(batch.shape))}, {dtype_name(batch.dtype)}, on {batch.device}"
    shape = _shape(model, batch)
    findings = [*_place(model, batch), *shape, *_mode(model)]
    if not shape and model.training:
        findings += _one_value(model, batch)
    if not batch.is_meta and batch.numel():
        findings += _values(model, batch, transforms, run=not shape)
    return Report(tuple(findings), looked_at)


def _no_tensor(batch: Any) -> Finding:
    kind = type(batch).__name__
    if kind == "ndarray":
        return Finding("no tensor", f"This is a numpy array {times(tuple(batch.shape))}; a model wants a tensor.",
                       "batch = weights.transforms()(PIL.Image.fromarray(array)).unsqueeze(0)")  # fmt: skip
    if isinstance(batch, list | tuple):
        return Finding("no tensor", f"This is a {kind} of {len(batch)}; a model wants one tensor, a batch.",
                       "batch = torch.stack([weights.transforms()(picture) for picture in pictures])")  # fmt: skip
    return Finding("no tensor", f"This is a {kind}; a model wants a tensor, batch×channels×height×width.",
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
        return [Finding("empty batch", f"{times(shape)} holds no number at all.")]
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
    what = f"The model takes {times(shape)} as one picture, and answers without a batch dimension."
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
        yield Finding("no numbers", f"{count:,} of the values are nan or infinite, and so will every answer be.")
        return
    if pictures.dim() in (3, 4) and pictures.shape[-1] == 3 != pictures.shape[-3]:
        pictures = pictures.movedim(-1, -3)  # its shape is a finding of its own
    if pictures.dim() not in (3, 4) or pictures.shape[-3] != 3 or pictures.min() == pictures.max():
        return
    norm = _Norm(recipe.mean, recipe.std) if recipe is not None else _IMAGENET
    finding = _range(pictures, norm, known=recipe is not None)
    if finding is not None:
        yield finding
    elif run and _surer_in_bgr(model, pictures, norm):
        sentence = f"The model is clearly surer of these {len(pictures)} pictures with red and blue exchanged: OpenCV "
        code = norm.code("(batch * std + mean).flip(-3)")
        yield Finding("channels perhaps in the order BGR", f"{sentence}reads blue first.", code)


def _range(pictures: Tensor, norm: _Norm, *, known: bool) -> Finding | None:
    low, high = float(pictures.min()), float(pictures.max())
    span = f"The values run from {low:.3g} to {high:.3g}"
    lines = f"mean, std = {list(norm.mean)}, {list(norm.std)}\nbatch = torchvision.transforms.functional.normalize"
    if high > 20:
        if _whole(pictures) or (low >= 0 and not _whole(norm.undo(pictures))):
            sentence = f"{span}, as in a file; the network learnt from values between 0 and 1, normalised."
            return Finding("values from 0 to 255", sentence, f"{lines}(batch / 255, mean, std)")
        sentence = f"{span}: they were normalised without being divided by 255 first."
        return Finding("values from 0 to 255", sentence, norm.code("(batch * std + mean) / 255"))
    if low >= 0 and high <= 1 and (high - low > 0.5 or _whole(pictures * 255)):
        least, most = float(norm.redo(torch.zeros(3, 1, 1)).min()), float(norm.redo(torch.ones(3, 1, 1)).max())
        sentence = f"{span}: mean and std have not been applied. The network learnt from values of "
        return Finding("not normalised", f"{sentence}{least:.1f} to {most:.1f}.", f"{lines}(batch, mean, std)")
    if _whole(norm.undo(pictures) * 255):
        return None
    if norm.reversed != norm and _whole(norm.reversed.undo(pictures) * 255):
        sentence = "Red and blue have changed places: undoing the normalisation gives a picture's whole numbers only "
        sentence += "with mean and std in the order blue, green, red."
        return Finding("channels in the order BGR", sentence, "batch = batch.flip(-3)")
    if not known:
        return None  # it may be prepared for weights with another mean and std
    for other in (_IMAGENET, _HALVES):
        if other != norm and _whole(other.undo(pictures) * 255):
            sentence = f"The batch was normalised with mean {list(other.mean)} and std {list(other.std)}; these "
            sentence += f"weights want mean {list(norm.mean)} and std {list(norm.std)}."
            return Finding("another mean and std", sentence, _ALL)
    undone = norm.undo(pictures)
    if undone.min() < -0.2 or undone.max() > 1.2:  # with room for a resize that overshoots
        sentence = f"{span}: with these weights' mean and std undone, that is {float(undone.min()):.2g} to "
        sentence += f"{float(undone.max()):.2g}, and a picture has 0 to 1."
        return Finding("values that no picture has", sentence, _ALL)
    return None


def _whole(numbers: Tensor) -> bool:
    """Whether they are the whole numbers from 0 to 255 that a stored picture holds."""
    if numbers.min() < -0.5 or numbers.max() > 255.5:
        return False
    return bool(((numbers - numbers.round()).abs() < 0.02).float().mean() > 0.99)


def _surer_in_bgr(model: nn.Module, pictures: Tensor, norm: _Norm) -> bool:
    """Whether the model, in eval mode, is surer of the pictures with the channels the other way round."""
    weight = next(iter(model.parameters()), None)
    if len(pictures) < _ENOUGH or pictures.dim() != 4 or weight is None or weight.device != pictures.device:
        return False
    exchanged = norm.redo(norm.undo(pictures).flip(1))
    batches = [batch.to(weight.dtype) for batch in (pictures, exchanged)]
    with torch.inference_mode():
        try:
            before, after = run_copy(model, lambda copied: [_confidence(copied(batch)) for batch in batches])
        except Exception:
            return False
    if before is None or after is None:
        return False
    gain = after - before
    error = float(gain.std()) / len(gain) ** 0.5
    return float(after.exp().mean() - before.exp().mean()) > _GAIN and float(gain.mean()) > _SURE * error


def _confidence(output: Any) -> Tensor | None:
    """The logarithm of the largest probability of each picture."""
    if not isinstance(output, Tensor) or output.dim() != 2 or output.shape[1] < 2:
        return None
    return output.float().log_softmax(1).amax(1)
