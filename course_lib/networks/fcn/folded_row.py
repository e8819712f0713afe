"""A linear layer's row and the kernel that it folds into: one class's score of a window, computed in both ways.

Behind a pool, row k of the linear layer multiplies the mean of each channel's 7×7 cells. The convolution whose kernel
is ``row[k] / 49`` in each of those cells gives the same number, and it takes a map of any size (Long, Shelhamer and
Darrell 2015, https://arxiv.org/abs/1411.4038).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor, nn

from course_lib.models.classifier import Classifier
from course_lib.networks.fcn.conversion import convert
from course_lib.networks.fcn.fully_convolutional import FcnError
from course_lib.networks.fcn.response_maps import ResponseMap, class_names
from course_lib.tracing.activations import activations

__all__ = ["FoldedRow", "folded_row", "score_alone"]


@dataclass(frozen=True, eq=False)
class FoldedRow:
    """A picture's last map, a classifier's linear layer, and the response map of the converted network.

    Attributes:
        batch: (1, 3, H, W), the picture as the network gets it.
        last_map: (C, h, w), of the whole picture.
        side: of the pool's window, in cells.
        weight, bias: of the linear layer: (classes, C) and (classes,).
        response: of the fully convolutional network, a cell for each place of the pool's window.
    """

    batch: Tensor
    last_map: Tensor
    side: int
    weight: Tensor
    bias: Tensor
    response: ResponseMap

    def patch(self, row: int, column: int) -> Tensor:
        """The last map's cells in a window: (C, side, side)."""
        return self.last_map[:, row : row + self.side, column : column + self.side]

    def kernel(self, index: int) -> Tensor:
        """A class's row of the linear layer as a kernel: (C, side, side)."""
        return (self.weight[index] / self.side**2)[:, None, None].expand(-1, self.side, self.side)

    def by_row(self, index: int, row: int, column: int) -> float:
        """The classifier's way: pool, flatten, row times vector, bias."""
        vector = self.patch(row, column).double().mean((1, 2))
        return float(self.weight[index].double() @ vector + self.bias[index])

    def by_kernel(self, index: int, row: int, column: int) -> float:
        """The convolution's way: patch times kernel, summed over everything, bias."""
        return float((self.patch(row, column).double() * self.kernel(index).double()).sum() + self.bias[index])


def folded_row(classifier: Classifier, picture: Image.Image) -> FoldedRow:
    """Convert a classifier and run it on a picture, with what is needed to compute a cell's score by hand.

    Args:
        classifier: its head is a pool over the last map, a flatten and one linear layer, as a ResNet's.
        picture: of any size from one window on.

    Raises:
        FcnError: the head is another one, or the picture is smaller than a window.

    Example:
        >>> from course_lib.models.classifier import load_classifier
        >>> classifier = load_classifier("resnet18", weights="course", device="cpu")
        >>> folded = folded_row(classifier, Image.new("RGB", (320, 256)))
        >>> folded.last_map.shape, folded.kernel(3).shape, folded.response.logits.shape
        (torch.Size([512, 8, 10]), torch.Size([512, 7, 7]), torch.Size([10, 2, 4]))
        >>> score = float(folded.response.logits[3, 1, 2])
        >>> abs(folded.by_row(3, 1, 2) - score) < 1e-4 and abs(folded.by_kernel(3, 1, 2) - score) < 1e-4
        True
    """
    fcn = convert(classifier, dense=True)
    batch = fcn.prepare(picture).detach()
    seen = activations(fcn.network, batch)
    pools = [op for op in seen.ops if op.plain == "avg_pool2d"]
    linears = [module for module in classifier.model.modules() if isinstance(module, nn.Linear)]
    last = linears[-1] if linears else None
    if not pools or last is None or last.in_features != pools[-1].output[1] or last.bias is None:
        raise FcnError(
            f"{classifier.name} doesn't end in a pool over its last map, a flatten and one linear layer with a bias; "
            "a ResNet does."
        )
    pool = pools[-1]
    side = pool.setting("kernel_size")
    logits = seen.outputs[-1][0][0]
    categories = class_names(classifier.categories, len(logits))
    return FoldedRow(
        seen.batch,
        seen.arguments[pool.index]["input"][0].float(),
        side if isinstance(side, int) else int(side[0]),
        last.weight.detach().float().cpu(),
        last.bias.detach().float().cpu(),
        ResponseMap(logits, categories, picture.size, fcn.stride, fcn.window),
    )


def score_alone(classifier: Classifier, folded: FoldedRow, row: int, column: int) -> Tensor | None:
    """What the classifier says to the window cut out: (classes,); None where it reaches beyond the picture.

    It differs a little from the cell: each convolution pads the cut edges with zeros.
    """
    cells = folded.response
    top, left = row * cells.stride, column * cells.stride
    cut = folded.batch[:, :, top : top + cells.window, left : left + cells.window]
    if cut.shape[-2:] != (cells.window, cells.window):
        return None
    with torch.no_grad():
        return classifier.logits(cut)[0].float().cpu()
