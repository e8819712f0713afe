"""``FullyConvolutional``: a classifier that slides over pictures of any size and gives a map of logits.

Also what a pyramid needs: a picture at several scales, and the mean of their maps. ``conversion`` makes the network.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from PIL import Image
from torch import Tensor, fx, nn
from torch.nn import functional as F
from torchvision.transforms import functional as pictures

from course_lib import tracing
from course_lib.errors import CourseError
from course_lib.pictures.images import open_image

__all__ = ["FcnError", "FullyConvolutional", "interpolate", "mean_of_scales", "normalised", "scaled", "size_at"]


class FcnError(CourseError, ValueError):
    """A classifier that cannot be made fully convolutional, or an option that makes no sense for it."""


class FullyConvolutional(nn.Module):
    """A network of convolutions and pools only, made from a classifier by ``convert``.

    Attributes:
        network: the layers, a ``torch.fx.GraphModule``; ``print(fcn.network.code)`` shows its forward.
        stride: pixels of the picture from one cell of the map to the next.
        window: side in pixels of the square that one cell answers for: the size of the classifier's own pictures. The
            cell in row r, column c belongs to the square with its top left corner at (c · stride, r · stride).
        multiple: height and width of a picture must be multiples of this at every scale; 1 for most networks.
        pyramid: the scales at which a picture is looked at; (1.0,) is its own size only.
        categories: the classes' names in the order of the map's channels, or None.
        remarks: sentences about layers that see more than a window: squeeze and excitation, attention.
        mean, std: what a picture's values, 0 to 1, are normalised with.
    """

    def __init__(
        self,
        network: fx.GraphModule,
        *,
        stride: int,
        window: int,
        multiple: int = 1,
        pyramid: tuple[float, ...] = (1.0,),
        categories: tuple[str, ...] | None = None,
        mean: tuple[float, ...],
        std: tuple[float, ...],
        remarks: tuple[str, ...] = (),
    ) -> None:
        super().__init__()
        self.network, self.pyramid, self.categories, self.mean, self.std = network, pyramid, categories, mean, std
        self.remarks, self.multiple = remarks, multiple
        self._step, self._side = stride, window
        self._smallest = 0
        self._map_sizes: dict[tuple[int, int], tuple[int, int]] = {}

    @property
    def stride(self) -> int:
        """Pixels of the picture from one cell to the next."""
        return round(self._step / max(self.pyramid))

    @property
    def window(self) -> int:
        """Side in pixels of the square of the picture that one cell answers for."""
        return round(self._side / max(self.pyramid))

    def forward(self, x: Tensor) -> Tensor:
        """Logits for every position: (B, 3, H, W) → (B, classes, h, w).

        Raises:
            FcnError: the pictures are smaller than what one cell needs, or x is not a batch of pictures.
        """
        if x.dim() != 4:
            raise FcnError(
                f"A batch has 4 dimensions (pictures, 3, height, width), not {x.dim()}: {tuple(x.shape)}. "
                "fcn.prepare(picture) makes one of a picture."
            )
        try:
            maps = [self.network(scaled(x, scale)) for scale in self.pyramid]
        except RuntimeError as error:
            self._refuse(x.shape[-2], x.shape[-1], error)
            raise
        return mean_of_scales(maps, self.pyramid, step=self._step, side=self._side)

    def prepare(self, picture: object) -> Tensor:
        """A picture as the network takes it: normalised, neither resized nor cropped.

        Args:
            picture: anything ``images.open_image`` takes.

        Returns:
            (1, 3, H, W) on the network's device.

        Raises:
            PictureError: this is not a picture.
            FcnError: it is smaller than what one cell needs.
        """
        opened = open_image(picture)
        self.cells(opened.height, opened.width)
        return normalised(opened, self.mean, self.std)[None].to(next(self.parameters()))

    def cells(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of the map for a picture of that size, found by a trace on the meta device.

        Raises:
            FcnError: the picture is smaller than what one cell needs.
        """
        try:
            maps = [self._map_size(*size_at(height, width, scale)) for scale in self.pyramid]
        except tracing.TraceError as error:
            self._refuse(height, width, error)
            raise
        return maps[self.pyramid.index(max(self.pyramid))]

    @property
    def smallest(self) -> int:
        """The side in pixels of the smallest square picture that has a map of at least one cell at every scale."""
        if self._smallest:
            return self._smallest
        low, high = 1, -(-self._side // self.multiple)  # counted in multiples
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if self._fits(middle * self.multiple) else (middle + 1, high)
        least, scale = low * self.multiple, min(self.pyramid)
        side = int(least / scale)
        while size_at(side, side, scale)[0] < least or self._misses(side):
            side += 1
        self._smallest = side
        return side

    def _map_size(self, height: int, width: int) -> tuple[int, int]:
        if (height, width) not in self._map_sizes:
            shape = tracing.trace(self.network, (3, height, width)).outputs[0]
            self._map_sizes[height, width] = shape[-2], shape[-1]
        return self._map_sizes[height, width]

    def _fits(self, side: int) -> bool:
        try:
            return min(self._map_size(side, side)) > 0
        except tracing.TraceError:
            return False

    def _misses(self, *sides: int) -> bool:
        """Whether a picture's side isn't a multiple of what the network takes, at its own size or at another scale."""
        return any(size_at(side, side, scale)[0] % self.multiple for side in sides for scale in self.pyramid)

    def _refuse(self, height: int, width: int, error: Exception) -> None:
        """Raise an FcnError if the picture is too small or of no fitting size; else the cause is something else."""
        least = self.smallest
        if min(height, width) < least:
            raise FcnError(
                f"A picture of {height}×{width} pixels (height × width) is too small: one cell of this network's map "
                f"needs {least}×{least}. Take a larger picture, or enlarge this one."
            ) from error
        if self._misses(height, width):
            fitting = [self._next(side) for side in (height, width)]
            scales = " at every scale" if len(self.pyramid) > 1 else ""
            raise FcnError(
                f"A picture of {height}×{width} pixels (height × width) does not fit: this network takes only sides "
                f"that are multiples of {self.multiple}{scales}. Resize or pad it, such as to "
                f"{fitting[0]}×{fitting[1]}."
            ) from error

    def _next(self, side: int) -> int:
        """The next side that the network takes."""
        while self._misses(side):
            side += 1
        return side


def normalised(picture: Image.Image, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """A picture as a tensor (3, H, W), its values from 0 to 1 normalised with ``mean`` and ``std``; not resized."""
    tensor: Tensor = pictures.normalize(pictures.to_tensor(picture), list(mean), list(std))
    return tensor


def size_at(height: int, width: int, scale: float) -> tuple[int, int]:
    """A picture's size at another scale.

    Example:
        >>> size_at(387, 1024, 0.5)
        (194, 512)
    """
    return max(1, round(height * scale)), max(1, round(width * scale))


def scaled(x: Tensor, scale: float) -> Tensor:
    """Pictures resized with antialiasing, as Pillow does it: (B, 3, H, W) → (B, 3, ~H·scale, ~W·scale)."""
    if scale == 1:
        return x
    size = size_at(x.shape[-2], x.shape[-1], scale)
    floats = x.float() if x.element_size() < 4 else x  # PyTorch cannot resize half precision on the CPU
    return F.interpolate(floats, size, mode="bilinear", antialias=True, align_corners=False).to(x.dtype)


def mean_of_scales(maps: Sequence[Tensor], at: Sequence[float], *, step: int, side: int) -> Tensor:
    """The mean of several maps of logits, each interpolated at the cells of the finest one.

    A cell stands for the middle of its window. A map from a smaller picture has larger windows and fewer cells; it is
    interpolated linearly at the middles of the finest map's windows. Beyond its outermost cells, their values are
    repeated.

    A class has a high mean of logits only if it is likely at all scales. On scenes for tuning, the boxes fitted better
    than those of the maximum, which takes over a mistake made at one scale, and far better than those of the mean of
    probabilities.

    Args:
        maps: one for each scale, each (B, classes, h, w).
        at: their scales.
        step: pixels from one cell to the next, in the picture as the network saw it.
        side: side of a window in pixels of that picture.

    Example:
        >>> fine, coarse = torch.zeros(1, 1, 1, 3), torch.tensor([[[[2.0, 4.0]]]])
        >>> mean_of_scales([fine, coarse], (1.0, 0.5), step=1, side=1)
        tensor([[[[1.0000, 1.2500, 1.7500]]]])
    """
    if len(maps) == 1:
        return maps[0]
    finest = max(at)
    finest_map = maps[list(at).index(finest)]
    total = torch.zeros_like(finest_map)
    for scale_map, scale in zip(maps, at, strict=True):
        if scale == finest:
            total = total + scale_map
            continue
        positions = []
        for cells in finest_map.shape[-2:]:
            middle = (torch.arange(cells, device=finest_map.device) * step + side / 2) / finest  # pixels of the picture
            positions.append((middle * scale - side / 2) / step)  # the same position, counted in cells of this map
        total = total + interpolate(scale_map, *positions)
    return total / len(maps)


def interpolate(maps: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Maps read at positions between their cells, linearly; beyond the outermost cells, their values are repeated.

    Args:
        maps: (B, C, h, w).
        rows, columns: (H,) and (W,) positions, counted in cells: 0 is the middle of the first one.

    Returns:
        (B, C, H, W).

    Example:
        >>> interpolate(torch.tensor([[[[2.0, 4.0]]]]), torch.tensor([0.0]), torch.tensor([-1.0, 0.5, 1.0]))
        tensor([[[[2., 3., 4.]]]])
    """
    # grid_sample counts from -1, the first cell, to 1, the last.
    ends = (2 * cells / max(count - 1, 1) - 1 for cells, count in zip((rows, columns), maps.shape[-2:], strict=True))
    y, x = torch.meshgrid(*ends, indexing="ij")
    grid = torch.stack([x, y], -1).expand(len(maps), -1, -1, -1).to(maps.dtype)
    return F.grid_sample(maps, grid, padding_mode="border", align_corners=True)
