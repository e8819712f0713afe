"""Peak memory of a forward, found before anything is allocated; and the memory that is free.

The forward runs on PyTorch's meta device (shapes without memory) under a ``TorchDispatchMode`` that sees every storage
that an operation makes and, through a weak reference, its end. What a kernel takes for itself while it runs, and gives
back before it ends, is not seen: on a GPU ``torch.cuda.max_memory_allocated`` counts that as well (``timing``).
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from course_lib.errors import CourseError
from course_lib.tracing.copies import copy_model, shared_tensor
from course_lib.tracing.copy_runs import run_copy
from course_lib.tracing.randomness import unchanged_randomness

__all__ = ["forward_bytes", "free_bytes", "out_of_memory", "twin", "weight_bytes", "written_bytes"]


def twin(model: nn.Module, device: torch.device) -> nn.Module:
    """A copy of the model in eval mode on ``device``, whose weights lie in the model's own memory where that is there.

    The model itself is not touched, whatever is done to the copy's mode or place, and no weight is copied needlessly.

    Example:
        >>> layer = nn.Linear(2, 1)
        >>> copied = twin(layer, torch.device("cpu"))
        >>> copied is layer, copied.weight.data_ptr() == layer.weight.data_ptr(), layer.training, copied.training
        (False, True, True, False)
    """
    return copy_model(model, lambda tensor: shared_tensor(tensor).to(device)).eval()


def weight_bytes(model: nn.Module) -> int:
    """The bytes of all parameters and buffers, each counted once.

    Example:
        >>> weight_bytes(nn.Linear(3, 2))
        32
    """
    tensors = chain(model.parameters(), model.buffers())
    storages = {tensor.untyped_storage()._cdata: tensor.untyped_storage().nbytes() for tensor in tensors}
    return int(sum(storages.values()))


def forward_bytes(model: nn.Module, size: Sequence[int]) -> int:
    """The most bytes that weights, input and activations take together during a forward without gradients.

    Nothing is allocated and nothing computed where the model runs on the meta device; another one runs for real.

    Args:
        model: any module whose forward takes one float tensor.
        size: of the input, such as (1, 3, 224, 224).

    Example:
        >>> two = nn.Sequential(nn.Linear(1000, 1000, bias=False), nn.Flatten(), nn.Linear(1000, 10, bias=False))
        >>> forward_bytes(two, (1, 1000)) == 4 * (1000 * 1000 + 1000 * 10 + 2 * 1000 + 10)
        True
    """
    try:
        with unchanged_randomness():
            return weight_bytes(model) + _peak(twin(model, torch.device("meta")), size, torch.device("meta"))
    except Exception:  # whatever it asks of the numbers; a real mistake shows itself again in the real forward
        device = next(chain(model.parameters(), model.buffers()), torch.empty(0)).device
        return weight_bytes(model) + run_copy(model, lambda copied: _peak(copied, size, device))


def _peak(model: nn.Module, size: Sequence[int], device: torch.device) -> int:
    known = {tensor.untyped_storage()._cdata for tensor in chain(model.parameters(), model.buffers())}
    seen = _Storages(known)
    with torch.no_grad(), seen:  # inference_mode would hide what composite operations make
        model(torch.zeros(tuple(size), device=device))
    return seen.peak


class _Storages(TorchDispatchMode):
    """Follows the storages that come and go while it is on; ``peak`` is the most bytes that lived at once."""

    def __init__(self, known: set[int]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = 0
        self.peak = 0
        self._known = known
        self._watched: dict[int, weakref.ref[Any]] = {}

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        made = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(made):
            if isinstance(leaf, Tensor):
                self._meet(leaf.untyped_storage())
        return made

    def _meet(self, storage: torch.UntypedStorage) -> None:
        key, size = storage._cdata, storage.nbytes()
        if key in self._known:
            return

        def gone(_: Any) -> None:
            self.now -= size
            self._known.discard(key)
            del self._watched[key]

        self._known.add(key)
        self._watched[key] = weakref.ref(storage, gone)
        self.now += size
        self.peak = max(self.peak, self.now)


# -- how much there is ------------------------------------------------------------------------------------------------
def free_bytes(device: torch.device | None = None) -> int | None:
    """How many bytes can still be had on a GPU or, without one named, for this process; None where nobody says.

    Example:
        >>> free = free_bytes()
        >>> free is None or free > 0
        True
    """
    if device is not None and device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    free = list(_free_by_system())
    return min(free) if free else None


def _free_by_system() -> Iterator[int]:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        yield next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError):  # not Linux
        pass
    try:  # a container may have less than its machine
        group = Path("/sys/fs/cgroup")
        limit, used = ((group / f"memory.{what}").read_text() for what in ("max", "current"))
        cache = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        yield int(limit) - int(used) + int(cache.get("inactive_file", 0))
    except (OSError, ValueError):  # no container, or one without a limit ("max")
        pass


def out_of_memory(what: str, need: int | None, device: torch.device) -> CourseError:
    """The error for ``what``, which needs more bytes than there are.

    Example:
        >>> raise out_of_memory("vgg19 with input 64×3×224×224", 6_000_000_000, torch.device("meta"))
        Traceback (most recent call last):
        course_lib.errors.CourseError: vgg19 with input 64×3×224×224 needs about 6.0 GB of memory...
    """
    free = None if device.type == "meta" else free_bytes(device)
    where = "on the GPU" if device.type == "cuda" else "on this machine"
    needs = "more memory than there is" if need is None else f"about {written_bytes(need)} of memory"
    there = "" if free is None else f", and {written_bytes(free)} are free {where}"
    return CourseError(f"{what} needs {needs}{there}: take a smaller batch, a smaller picture or a smaller model.")


def written_bytes(count: int) -> str:
    """Bytes in words, in units of 10**6 or 10**9.

    Example:
        >>> written_bytes(46_830_571), written_bytes(2_581_134_000)
        ('47 MB', '2.6 GB')
    """
    return f"{count / 1e9:.1f} GB" if count >= 999.5e6 else f"{count / 1e6:.0f} MB"
