"""Looking at a batch before it is used: the mistakes that raise nothing, and those that soon would.

Shapes are tried on a trace of the model, values are compared with what a picture can be after the normalisation. The
model is not changed, and nothing is said that cannot be told from the batch: see ``values`` for how far that goes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import Any

from torch import Tensor, nn

from course_lib.clinic import values
from course_lib.clinic.diagnosis import box
from course_lib.clinic.numbers import dtype_repair
from course_lib.clinic.retrace import attempt, repairs
from course_lib.errors import CourseError
from course_lib.tracing.records import times

__all__ = ["Finding", "Report", "check_input"]


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
    """What was found; as long as the findings, so that an empty report is false.

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
        found = f"{count} thing{'s' if count > 1 else ''} to repair" if count else "Nothing found"
        return f"{found} in {self.looked_at}"

    def __str__(self) -> str:
        return "\n".join([self.title, *map(str, self.findings)])

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        code = "margin:2px 0 4px 0;padding:4px 8px;background:rgba(128,128,128,.13);white-space:pre-wrap;font-size:13px"
        items = ""
        for one in self.findings:
            items += f'<li style="margin:4px 0"><b>{escape(one.name)}</b>: {escape(one.sentence)}'
            items += f'<pre style="{code}">{escape(one.repair)}</pre></li>' if one.repair else "</li>"
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
        CourseError: ``model`` is no module.
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
    looked_at = f"a batch of {times(tuple(batch.shape))}, {str(batch.dtype).removeprefix('torch.')}, on {batch.device}"
    shape, findings = _shape(model, batch)
    findings = [*_place(model, batch), *shape, *_mode(model), *findings]
    if not batch.is_meta and batch.numel():
        wrong_shape = bool(shape)
        findings += [Finding(*one) for one in values.look(model, batch, transforms, alone=wrong_shape)]
    return Report(tuple(findings), looked_at)


def _no_tensor(batch: Any) -> Finding:
    kind = type(batch).__name__
    code = "batch = weights.transforms()(picture).unsqueeze(0)"
    if kind == "ndarray":
        return Finding("no tensor", f"This is a numpy array {times(tuple(batch.shape))}; a model wants a tensor.",
                       "batch = weights.transforms()(PIL.Image.fromarray(array)).unsqueeze(0)")  # fmt: skip
    if isinstance(batch, list | tuple):
        return Finding("no tensor", f"This is a {kind} of {len(batch)}; a model wants one tensor, the batch in front.",
                       "batch = torch.stack([weights.transforms()(picture) for picture in pictures])")  # fmt: skip
    return Finding("no tensor", f"This is a {kind}; a model wants a tensor, batch×channels×height×width.", code)


def _place(model: nn.Module, batch: Tensor) -> Iterator[Finding]:
    weight = next((one for one in model.parameters() if one.is_floating_point()), None)
    if weight is None:
        return
    if weight.device != batch.device:
        sentence = f"The batch lies on {batch.device}, and the model on {weight.device}."
        yield Finding("different devices", sentence, f'batch = batch.to("{weight.device}")')
    if weight.dtype != batch.dtype:
        names = [str(kind).removeprefix("torch.") for kind in (batch.dtype, weight.dtype)]
        code, why = dtype_repair(batch.dtype, weight.dtype, "batch")
        yield Finding("number type", f"The batch is {names[0]}, and the weights are {names[1]}. {why}", code)


def _shape(model: nn.Module, batch: Tensor) -> tuple[list[Finding], list[Finding]]:
    """(what is wrong with the shape, what would be wrong in train mode alone)"""
    shape = tuple(batch.shape)
    if 0 in shape:
        return [Finding("empty batch", f"{times(shape)} holds no number at all.")], []
    tried = attempt(model, [shape], mode="eval")
    if tried is None:
        return [], []
    if not tried.through:
        found = repairs(model, shape, sizes=True)
        if found is None:
            reason = tried.error.reason if tried.error is not None else ""
            return [Finding("shapes that do not fit", reason)], []
        return [Finding(step.name, step.what, step.code.format(x="batch", model="model")) for step in found[0]], []
    first = next((one for one in model.modules() if isinstance(one, nn.Conv2d)), None)
    if len(shape) == 3 and first is not None:  # some networks take one picture, and answer without a batch
        again = attempt(model, [(1, *shape)], mode="eval")
        if again is not None and again.through:
            what = f"The model takes {times(shape)} for one picture, and answers without the dimension of the batch."
            return [Finding("no batch dimension", what, "batch = batch.unsqueeze(0)")], []
    if model.training:
        train = attempt(model, [shape], mode="train")
        failed = train.error.failed if train is not None and train.error is not None else None
        if failed is not None and failed.kind == "batch_norm":
            what = (
                f"In train mode {failed.path} has one number per channel, and no spread can be computed of one number."
            )
            return [], [Finding("one value per channel", what, "model.eval()    # or, while training, a batch of two")]
    return [], []


def _mode(model: nn.Module) -> Iterator[Finding]:
    """Modules in train mode whose answers depend on it."""
    drops: dict[str, int] = {}
    norms: dict[str, int] = {}
    for one in model.modules():
        kind = type(one).__name__
        if not one.training:
            continue
        if isinstance(one, nn.modules.batchnorm._BatchNorm):
            norms[kind] = norms.get(kind, 0) + 1
        elif (isinstance(one, nn.modules.dropout._DropoutNd) and one.p > 0) or kind == "StochasticDepth":
            drops[kind] = drops.get(kind, 0) + 1
    if not drops and not norms:
        return
    said = [f"{count} {kind}" for kind, count in norms.items()]
    effects = ["normalise with this batch's own statistics, and move their running ones"] if norms else []
    if drops:
        said += [f"{count} {kind}" for kind, count in drops.items()]
        effects.append("drop other values at every call")
    sentence = f"{' and '.join(said)} {'are' if sum([*norms.values(), *drops.values()]) > 1 else 'is'} in train mode: "
    sentence += f"they {' and '.join(effects)}. Right while training; to predict, it gives other answers."
    yield Finding("train mode", sentence, "model.eval()")
