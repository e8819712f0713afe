"""Every classifier of torchvision's registry made fully convolutional, or refused with a reason.

    python benchmarks/fcn_registry.py [NAME …] [--dilated 1]

Random weights, with BatchNorm's statistics taken from the pictures so that the logits depend on them. For each model:
the largest difference between the classifier's logits and the map's first cell, on two pictures of the classifier's
own size. All of them take some minutes and, for the largest, 4 GB of memory.
"""

from __future__ import annotations

import argparse
import sys

import torch
import torchvision
from torch import Tensor, nn
from torchvision.models import list_models

from course_lib.networks.fcn import FcnError, FullyConvolutional, convert
from course_lib.networks.fcn.conversion import side_of
from course_lib.progress import track
from course_lib.tracing import inputs

DIFFERENCE_BAR = 1e-5


def lively(model: nn.Module, pictures: Tensor) -> nn.Module:
    """BatchNorm's statistics from these pictures: without them a deep net's logits are all but constant, or explode."""
    for module in model.eval().modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.train().reset_running_stats()
            module.momentum = None
    with torch.inference_mode():
        model(pictures)
    return model.eval()


def compare(name: str, side: int, dilated: int) -> tuple[FullyConvolutional, float, float]:
    """The network, the largest difference, and the largest logit.

    Raises:
        SystemExit: the logits hardly depend on the picture, so that being equal would say nothing.
    """
    torch.manual_seed(0)
    pictures = torch.randn(2, 3, side, side)
    model = lively(inputs.build(name, real=True), pictures)
    fcn = convert(model, window=side, dilated=dilated)
    with torch.inference_mode():
        logits, cells = model(pictures), fcn(pictures)[:, :, 0, 0]
    largest = float(logits.abs().max())
    if float((logits[0] - logits[1]).abs().max()) < 1e-3 * largest:
        raise SystemExit(f"{name}: two pictures have all but the same logits; these weights test nothing.")
    return fcn, float((logits - cells).abs().max()), largest


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="which models; all of the registry where none is named")
    parser.add_argument("--dilated", type=int, default=0, help="strides to take out; the first cell stays the same")
    chosen = parser.parse_args()
    names = chosen.names or [one for one in list_models(module=torchvision.models) if not one.startswith("course_")]
    differences: dict[str, float] = {}
    refused: dict[str, str] = {}
    print(f"{'model':<20} {'window':>6} {'stride':>6} {'difference':>11} {'largest logit':>14}  remarks")
    for name in track(names, "models converted"):
        try:
            fcn, difference, largest = compare(name, side_of(name), chosen.dilated)
        except FcnError as error:
            refused[name] = str(error)
            print(f"{name:<20} refused: {error}", flush=True)
            continue
        differences[name] = difference
        said = "; ".join(one.partition(":")[0] for one in fcn.remarks)
        print(f"{name:<20} {fcn.window:>6} {fcn.stride:>6} {difference:>11.1e} {largest:>14.2f}  {said}", flush=True)
    print(f"\n{len(differences)} of {len(names)} converted, {len(refused)} refused.")
    if not differences:
        return 1
    worst = max(differences, key=lambda name: differences[name])
    print(f"Largest difference: {differences[worst]:.1e} ({worst}); the bar is {DIFFERENCE_BAR:.0e}.")
    return 0 if differences[worst] <= DIFFERENCE_BAR else 1


if __name__ == "__main__":
    sys.exit(main())
