"""A classifier that slides: pictures of any size in, a map of logits out."""

from __future__ import annotations

from torch import Tensor, nn
from torchvision.transforms import functional as pictures

from course_lib import tracing
from course_lib.networks.fcn import pyramid as scales
from course_lib.networks.fcn.fcn_error import FcnError
from course_lib.networks.fcn.network import Network
from course_lib.pictures.images import open_image

__all__ = ["FullyConvolutional"]


class FullyConvolutional(nn.Module):
    """A network of convolutions and pools alone, made from a classifier by ``convert``.

    Attributes:
        network: the layers, a ``torch.fx.GraphModule``; ``print(fcn.network.code)`` shows its forward.
        stride: pixels of the picture from one cell of the map to the next.
        window: side in pixels of what one cell is told from: the size of the classifier's own pictures. The cell in
            row r, column c belongs to the square with its top left corner at (c · stride, r · stride).
        pyramid: the scales at which a picture is looked at; (1.0,) is its own size alone.
        categories: the classes' names in the order of the map's channels, or None.
        remarks: sentences about layers that see more than a window: squeeze and excitation, attention.
        mean, std: what a picture's values, 0 to 1, are normalised with.
    """

    def __init__(
        self,
        network: Network,
        *,
        stride: int,
        window: int,
        pyramid: tuple[float, ...] = (1.0,),
        categories: tuple[str, ...] | None = None,
        mean: tuple[float, ...],
        std: tuple[float, ...],
        remarks: tuple[str, ...] = (),
    ) -> None:
        super().__init__()
        self.network, self.pyramid, self.categories, self.mean, self.std = network, pyramid, categories, mean, std
        self.remarks = remarks
        self._step, self._side = stride, window
        self._smallest = 0
        self._known: dict[tuple[int, int], tuple[int, int]] = {}

    @property
    def stride(self) -> int:
        """Pixels of the picture from one cell to the next."""
        return round(self._step / max(self.pyramid))

    @property
    def window(self) -> int:
        """Side in pixels of the square of the picture that one cell is told from."""
        return round(self._side / max(self.pyramid))

    def forward(self, x: Tensor) -> Tensor:
        """Logits for every place: (B, 3, H, W) → (B, classes, h, w).

        Raises:
            FcnError: the pictures are smaller than what one cell needs, or it is no batch of pictures.
        """
        if x.dim() != 4:
            raise FcnError(
                f"A batch has 4 dimensions (pictures, 3, height, width), not {x.dim()}: {tuple(x.shape)}. "
                "fcn.prepare(picture) makes one of a picture."
            )
        try:
            maps = [self.network(scales.scaled(x, scale)) for scale in self.pyramid]
        except RuntimeError as error:
            self._refuse(x.shape[-2], x.shape[-1], error)
            raise
        return scales.combine(maps, self.pyramid, step=self._step, side=self._side)

    def prepare(self, picture: object) -> Tensor:
        """A picture as the network wants it: normalised, not resized, not cropped.

        Args:
            picture: anything ``images.open_image`` takes.

        Returns:
            (1, 3, H, W) on the network's device.

        Raises:
            PictureError: this is no picture.
            FcnError: it is smaller than what one cell needs.
        """
        opened = open_image(picture)
        self.cells(opened.height, opened.width)
        tensor = pictures.normalize(pictures.to_tensor(opened), list(self.mean), list(self.std))
        batch: Tensor = tensor[None].to(next(self.parameters()))
        return batch

    def cells(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of the map for a picture of that size; found by a trace, without numbers.

        Raises:
            FcnError: the picture is smaller than what one cell needs.
        """
        try:
            maps = [self._ask(*scales.size_at(height, width, scale)) for scale in self.pyramid]
        except tracing.TraceError as error:
            self._refuse(height, width, error)
            raise
        return maps[self.pyramid.index(max(self.pyramid))]

    @property
    def smallest(self) -> int:
        """The side in pixels of the smallest square picture that has a map of at least one cell at every scale."""
        if self._smallest:
            return self._smallest
        low, high = 1, self._side
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if self._fits(middle) else (middle + 1, high)
        side = int(low / min(self.pyramid))
        while scales.size_at(side, side, min(self.pyramid))[0] < low:
            side += 1
        self._smallest = side
        return side

    def _ask(self, height: int, width: int) -> tuple[int, int]:
        if (height, width) not in self._known:
            shape = tracing.trace(self.network, (3, height, width)).outputs[0]
            self._known[height, width] = shape[-2], shape[-1]
        return self._known[height, width]

    def _fits(self, side: int) -> bool:
        try:
            return min(self._ask(side, side)) > 0
        except tracing.TraceError:
            return False

    def _refuse(self, height: int, width: int, error: Exception) -> None:
        """Say so, if the picture's size is what went wrong."""
        least = self.smallest
        if min(height, width) < least:
            raise FcnError(
                f"A picture of {height}×{width} pixels (height × width) is too small: one cell of this network's map "
                f"needs {least}×{least}. Take a larger picture, or enlarge this one."
            ) from error
