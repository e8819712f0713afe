"""What can be told from a batch's numbers: range, normalisation, the order of the channels.

A picture is stored in whole numbers from 0 to 255. After the right normalisation, undoing it gives numbers of that kind
back; after a wrong one it does not. That is the evidence here, and where a picture was resized as floats it is gone,
and nothing is said. A picture whose red and blue were changed *before* the normalisation has nothing wrong in its
numbers: there the model's own confidence is asked, over several pictures, with both orders.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.pictures.preprocessing import transform_settings
from course_lib.tracing.copies import run_copy

__all__ = ["look"]

_NORMALIZE = "torchvision.transforms.functional.normalize"
#: Pictures to look at; and for the model's opinion about the channels: the fewest pictures, by how much more probable
#: its answers must become on average, and how many standard errors the gain must be.
_PICTURES, _ENOUGH, _GAIN, _SURE = 8, 4, 0.1, 2.0

Found = tuple[str, str, str]


def look(model: nn.Module, batch: Tensor, transforms: Any, *, alone: bool) -> Iterator[Found]:
    """(name, sentence, repair) of each finding.

    Args:
        model, batch: what ``check_input`` was given; the batch has numbers.
        transforms: the weights' own, or None.
        alone: look at the numbers without running the model.
    """
    recipe = transform_settings(transforms) if transforms is not None else None  # refused before anything is looked at
    if not batch.is_floating_point():
        return
    pictures = batch.detach()[:_PICTURES].float()
    if not torch.isfinite(pictures).all():
        count = int((~torch.isfinite(pictures)).sum())
        yield "no numbers", f"{count:,} of the values are nan or infinite, and so will every answer be.", ""
        return
    if pictures.dim() in (3, 4) and pictures.shape[-1] == 3 != pictures.shape[-3]:
        pictures = pictures.movedim(-1, -3)  # its shape is a finding of its own
    if pictures.dim() not in (3, 4) or pictures.shape[-3] != 3 or pictures.min() == pictures.max():
        return
    norm = _Norm(recipe.mean, recipe.std) if recipe is not None else _IMAGENET
    found = _numbers(pictures, norm, known=recipe is not None)
    if found is not None:
        yield found
    elif not alone and _turned(model, pictures, norm):
        said = (
            f"The model is clearly surer of these {len(pictures)} pictures with red and blue exchanged: OpenCV reads "
        )
        yield "channels perhaps in the order BGR", f"{said}blue first.", _redo(norm, "(batch * std + mean).flip(-3)")


@dataclass(frozen=True)
class _Norm:
    """A mean and a std for each channel, of values between 0 and 1."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def undo(self, pictures: Tensor) -> Tensor:
        m, s = (torch.tensor(one, device=pictures.device).view(3, 1, 1) for one in (self.mean, self.std))
        return pictures * s + m

    def redo(self, pictures: Tensor) -> Tensor:
        m, s = (torch.tensor(one, device=pictures.device).view(3, 1, 1) for one in (self.mean, self.std))
        return (pictures - m) / s

    @property
    def turned(self) -> _Norm:
        return _Norm(self.mean[::-1], self.std[::-1])


_IMAGENET = _Norm((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_HALVES = _Norm((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
_ALL = "batch = torch.stack([transforms(picture) for picture in pictures])"


def _numbers(pictures: Tensor, norm: _Norm, *, known: bool) -> Found | None:
    low, high = float(pictures.min()), float(pictures.max())
    span = f"The values run from {low:.3g} to {high:.3g}"
    settings = f"mean, std = {list(norm.mean)}, {list(norm.std)}\nbatch = {_NORMALIZE}"
    if high > 20:
        if _whole(pictures) or (low >= 0 and not _whole(norm.undo(pictures))):
            said = f"{span}, as in a file; the network learnt from values between 0 and 1, normalised."
            return "values from 0 to 255", said, f"{settings}(batch / 255, mean, std)"
        said = f"{span}: they were normalised without being divided by 255 first."
        return "values from 0 to 255", said, _redo(norm, "(batch * std + mean) / 255")
    if low >= 0 and high <= 1 and (high - low > 0.5 or _whole(pictures * 255)):
        least, most = float(norm.redo(torch.zeros(3, 1, 1)).min()), float(norm.redo(torch.ones(3, 1, 1)).max())
        said = (
            f"{span}: mean and std have not been applied. The network learnt from values of {least:.1f} to {most:.1f}."
        )
        return "not normalised", said, f"{settings}(batch, mean, std)"
    if _whole(norm.undo(pictures) * 255):
        return None
    if norm.turned != norm and _whole(norm.turned.undo(pictures) * 255):
        said = "Red and blue have changed places: undoing the normalisation gives a picture's whole numbers only with "
        return (
            "channels in the order BGR",
            f"{said}mean and std in the order blue, green, red.",
            "batch = batch.flip(-3)",
        )
    if not known:
        return None  # it may be prepared for weights with another mean and std
    other = next((one for one in (_IMAGENET, _HALVES) if one != norm and _whole(one.undo(pictures) * 255)), None)
    if other is not None:
        said = (
            f"The batch was normalised with mean {list(other.mean)} and std {list(other.std)}; these weights want mean "
        )
        return "another mean and std", f"{said}{list(norm.mean)} and std {list(norm.std)}.", _ALL
    undone = norm.undo(pictures)
    if undone.min() < -0.2 or undone.max() > 1.2:  # with room for a resize that overshoots
        said = f"{span}: with these weights' mean and std undone, that is {float(undone.min()):.2g} to "
        return "values that no picture has", f"{said}{float(undone.max()):.2g}, and a picture has 0 to 1.", _ALL
    return None


def _redo(norm: _Norm, pictures: str) -> str:
    m, s = (f"torch.tensor({list(one)}).view(3, 1, 1)" for one in (norm.mean, norm.std))
    return f"mean, std = {m}, {s}\nbatch = ({pictures} - mean) / std"


def _whole(numbers: Tensor) -> bool:
    """Whether they are the whole numbers from 0 to 255 that a stored picture holds."""
    if numbers.min() < -0.5 or numbers.max() > 255.5:
        return False
    return bool(((numbers - numbers.round()).abs() < 0.02).float().mean() > 0.99)


def _turned(model: nn.Module, pictures: Tensor, norm: _Norm) -> bool:
    """Whether the model, in eval mode, is surer of the pictures with the channels the other way round."""
    weight = next(iter(model.parameters()), None)
    if len(pictures) < _ENOUGH or pictures.dim() != 4 or weight is None or weight.device != pictures.device:
        return False
    other = norm.redo(norm.undo(pictures).flip(1))
    with torch.inference_mode():
        try:
            sure = run_copy(model, lambda copied: [_confidence(copied(x.to(weight.dtype))) for x in (pictures, other)])
        except Exception:
            return False
    if sure[0] is None or sure[1] is None:
        return False
    gain = sure[1] - sure[0]
    error = float(gain.std()) / len(gain) ** 0.5
    return float(sure[1].exp().mean() - sure[0].exp().mean()) > _GAIN and float(gain.mean()) > _SURE * error


def _confidence(output: Any) -> Tensor | None:
    """The logarithm of the largest probability of each picture."""
    if not isinstance(output, Tensor) or output.dim() != 2 or output.shape[1] < 2:
        return None
    return output.float().log_softmax(1).amax(1)
