"""Random states that are left as they were."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch.nn.modules import module as torch_modules

__all__ = ["Randomness", "unchanged_randomness"]

#: PyTorch's hooks of all modules (PyTorch 2.6 has no function that looks for them).
_GLOBAL_HOOKS = [name for name in vars(torch_modules) if name.startswith("_global_") and name.endswith("_hooks")]


class Randomness:
    """The states of the random numbers as they are now, to be put back.

    PyTorch's are kept at once. Those of Python and numpy take longer (60 µs, a tenth of a trace of VGG-19), and code of
    PyTorch's and torchvision's draws from neither; so they are kept when ``foreign`` says that other code comes.
    """

    def __init__(self) -> None:
        self.cpu = torch.get_rng_state()
        self.gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else None
        self.python: Any = None
        self.array: Any = None
        if any(vars(torch_modules)[name] for name in _GLOBAL_HOOKS):
            self.foreign()

    def foreign(self) -> None:
        """Code of somebody's own is about to run."""
        if self.python is None:
            self.python, self.array = random.getstate(), np.random.get_state()

    def restore(self) -> None:
        torch.set_rng_state(self.cpu)
        if self.gpus is not None:
            torch.cuda.set_rng_state_all(self.gpus)
        if self.python is not None:
            random.setstate(self.python)
            np.random.set_state(self.array)


@contextmanager
def unchanged_randomness() -> Iterator[None]:
    """Afterwards the random numbers of Python, numpy and PyTorch go on as if nothing had been drawn."""
    randomness = Randomness()
    randomness.foreign()
    try:
        yield
    finally:
        randomness.restore()
