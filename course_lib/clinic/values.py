"""What can be told from a batch's numbers: range, normalisation, the order of the channels.

A picture is stored in whole numbers from 0 to 255. After the right normalisation, undoing it gives numbers of that kind
back; after a wrong one it does not. That is the evidence here, and where a picture was resized as floats it is gone,
and nothing is said. A picture whose red and blue were changed *before* the normalisation has nothing wrong in its
numbers: there the model's own confidence is asked, over several pictures, with both orders.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.recipes import settings
from course_lib.tracing.shadow import shadow

__all__ = ["look"]

_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_HALVES = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
_NORMALIZE = "torchvision.transforms.functional.normalize"
#: For the model's own opinion about the channels: pictures to look at, and how sure it must be (see tests).
_PICTURES, _ENOUGH, _GAIN, _SURE = 16, 4, 0.1, 2.0

Found = tuple[str, str, str]


def look(model: nn.Module, batch: Tensor, transforms: Any, *, alone: bool) -> Iterator[Found]:
    """(name, sentence, repair) of each finding.

    Args:
        model, batch: what ``check_input`` was given; the batch has numbers.
        transforms: the weights' own, or None.
        alone: look at the numbers without running the model.
    """
    mean, std = _IMAGENET
    if transforms is not None:
        numbers = settings(transforms)
        mean, std = numbers.mean, numbers.std  # type: ignore[assignment]
    if not batch.is_floating_point():
        return
    pictures = batch.detach()[:_PICTURES].float()
    low, high = float(pictures.min()), float(pictures.max())
    if not torch.isfinite(pictures).all():
        count = int((~torch.isfinite(pictures)).sum())
        yield "no numbers", f"{count:,} of the values are nan or infinite, and so will every answer be.", ""
        return
    if low == high or pictures.dim() not in (3, 4) or pictures.shape[-3] != 3:
        return
    lines = f"mean, std = {list(mean)}, {list(std)}\nbatch = {_NORMALIZE}"
    span = f"The values run from {low:.3g} to {high:.3g}"
    if high > 20:
        if low < 0:
            said = f"{span}: they were normalised without being divided by 255 first."
            code = f"mean, std = torch.tensor({list(mean)}).view(3, 1, 1), torch.tensor({list(std)}).view(3, 1, 1)\n"
            yield "values from 0 to 255", said, f"{code}batch = ((batch * std + mean) / 255 - mean) / std"
        else:
            said = f"{span}, as in a file; the network learnt from values between 0 and 1, normalised."
            yield "values from 0 to 255", said, f"{lines}(batch / 255, mean, std)"
        return
    if low >= 0 and high <= 1 and (high - low > 0.5 or _stored(pictures, (0.0,) * 3, (1.0,) * 3)):
        said = f"{span}: mean and std have not been applied. The network learnt from about -2.1 to 2.6."
        if mean != _IMAGENET[0]:
            said = f"{span}: mean and std have not been applied."
        yield "not normalised", said, f"{lines}(batch, mean, std)"
        return
    if not _stored(pictures, mean, std):
        other = next((one for one in (_IMAGENET, _HALVES) if one[0] != mean and _stored(pictures, *one)), None)
        turned = tuple(reversed(mean)), tuple(reversed(std))
        if turned[0] != mean and _stored(pictures, *turned):
            yield ("channels in the order BGR",
                   "Red and blue have changed places: undoing the normalisation gives a picture's whole numbers only "
                   "with mean and std in the order blue, green, red.", "batch = batch.flip(-3)")  # fmt: skip
            return
        if other is not None and transforms is not None:
            said = f"The batch was normalised with mean {list(other[0])} and std {list(other[1])}; these weights want "
            said += f"mean {list(mean)} and std {list(std)}."
            yield "another mean and std", said, "batch = torch.stack([transforms(picture) for picture in pictures])"
            return
        if transforms is not None and _beyond(pictures, mean, std):
            yield ("values that no picture has", f"{span}; normalised with these weights' mean and std, a picture's "
                   f"values lie between {-max(m / s for m, s in zip(mean, std, strict=True)):.2f} and "
                   f"{max((1 - m) / s for m, s in zip(mean, std, strict=True)):.2f}.",
                   "batch = torch.stack([transforms(picture) for picture in pictures])")  # fmt: skip
            return
    if not alone and _turned(model, pictures):
        yield ("channels perhaps in the order BGR",
               f"The model is clearly surer of these {len(pictures)} pictures with red and blue exchanged, as OpenCV "
               "reads them.", "batch = batch.flip(-3)")  # fmt: skip


def _stored(pictures: Tensor, mean: tuple[float, ...], std: tuple[float, ...]) -> bool:
    """Whether undoing this normalisation gives the whole numbers from 0 to 255 that a stored picture holds."""
    m, s = (torch.tensor(one, device=pictures.device).view(3, 1, 1) for one in (mean, std))
    numbers = (pictures * s + m) * 255
    if numbers.min() < -0.5 or numbers.max() > 255.5:
        return False
    return bool(((numbers - numbers.round()).abs() < 0.02).float().mean() > 0.99)


def _beyond(pictures: Tensor, mean: tuple[float, ...], std: tuple[float, ...]) -> bool:
    """Whether undoing it leaves what a picture can be, with room for a resize that overshoots."""
    m, s = (torch.tensor(one, device=pictures.device).view(3, 1, 1) for one in (mean, std))
    numbers = pictures * s + m
    return bool(numbers.min() < -0.2 or numbers.max() > 1.2)


class _Nobody:
    """Who listens to a shadow and does nothing."""

    def meet(self, *_: Any) -> None: ...

    enter = leave = adopt = meet

    def fail(self) -> None: ...


def _turned(model: nn.Module, pictures: Tensor) -> bool:
    """Whether the model, in eval mode, is surer of the pictures with the channels the other way round."""
    weight = next(iter(model.parameters()), None)
    if len(pictures) < _ENOUGH or pictures.dim() != 4 or weight is None or weight.device != pictures.device:
        return False
    twin = shadow(model, _Nobody(), lambda tensor: tensor).eval()
    with torch.inference_mode(), torch.random.fork_rng(devices=[]):
        try:
            sure = [_confidence(twin(one.to(weight.dtype))) for one in (pictures, pictures.flip(1))]
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
