"""A sliding window: cut windows out of a picture, one after the other, and classify each.

A fully convolutional network does this in one pass. This is the slow way, to compare it with and to time.
"""

from __future__ import annotations

from itertools import islice

import torch

from course_lib.models.classifier import Classifier
from course_lib.models.memory_format import in_channels_last
from course_lib.networks.fcn.fully_convolutional import FcnError, normalised
from course_lib.networks.fcn.response_maps import ResponseMap, class_names
from course_lib.pictures.images import open_image
from course_lib.pictures.preprocessing import transform_settings
from course_lib.progress import track

__all__ = ["slide"]


def slide(
    classifier: Classifier, picture: object, *, step: int = 32, window: int | None = None, batch_size: int = 16
) -> ResponseMap:
    """Classify a square window at every ``step`` pixels of a picture, row by row.

    The map is of the same kind as ``response_map``'s. A window has the same logits as in the fully convolutional
    network's map as long as the classifier sees the same numbers. At a window's edges it does not: each convolution
    pads with zeros where the fully convolutional network still sees the picture. So a network without padding, or a
    picture of exactly one window, gives equal scores; for other networks the scores differ by what the padding does.
    Windows that would reach beyond the picture are left out.

    Args:
        classifier: what classifies each window.
        picture: anything ``images.open_image`` takes; it is normalised, but not resized.
        step: pixels from one window to the next.
        window: side of a window in pixels; the classifier's own when left out.
        batch_size: how many windows go through the model at once.

    Raises:
        FcnError: the picture is smaller than a window, or a number makes no sense.
        PictureError: this is not a picture.

    Example:
        >>> from PIL import Image
        >>> from course_lib.models.classifier import load_classifier
        >>> classifier = load_classifier("squeezenet1_1", weights="course", device="cpu")
        >>> slide(classifier, Image.new("RGB", (288, 224)), step=32).logits.shape
        torch.Size([10, 1, 3])
    """
    if not isinstance(classifier, Classifier):
        raise FcnError(
            f'slide needs a Classifier, not a {type(classifier).__name__}: load_classifier("resnet18") makes one.'
        )
    preprocessing = transform_settings(classifier.transforms)
    side = preprocessing.crop_hw[0] if window is None else window
    for name, value in (("step", step), ("window", side), ("batch_size", batch_size)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise FcnError(f"{name}={value!r}: give a whole number of at least 1.")
    opened = open_image(picture)
    if min(opened.size) < side:
        raise FcnError(
            f"A picture of {opened.height}×{opened.width} pixels (height × width) has no window of {side}×{side} in "
            "it. Take a larger picture, or a smaller window=."
        )
    tensor = normalised(opened, preprocessing.mean, preprocessing.std)  # (3, H, W)
    corners = [(top, left) for top in range(0, opened.height - side + 1, step)
               for left in range(0, opened.width - side + 1, step)]  # fmt: skip
    columns = (opened.width - side) // step + 1
    logits_of_groups = []
    remaining = track(iter(corners), f"{len(corners)} windows through {classifier.name}", total=len(corners))
    while group := list(islice(remaining, batch_size)):
        batch = torch.stack([tensor[:, top : top + side, left : left + side] for top, left in group])
        try:
            logits_of_groups.append(in_channels_last(classifier.logits, batch, model=classifier.model).float().cpu())
        except RuntimeError as error:
            if side >= preprocessing.crop_hw[0]:
                raise
            raise FcnError(f"window={side}: {classifier.name} does not take pictures so small; give more.") from error
    logits = torch.cat(logits_of_groups).T.reshape(-1, len(corners) // columns, columns)  # (classes, h, w)
    categories = class_names(classifier.categories, len(logits))
    return ResponseMap(logits.contiguous(), categories, opened.size, step, side)
