"""Which build of PyTorch should this computer install? Called by tools/setup.sh before pip; needs nothing but Python.

The package index's PyTorch for Linux comes with CUDA, about 3 GB to download, and without an NVIDIA card none of it is
used. PyTorch's own index has a build for the CPU alone, about 0.2 GB. `python torch_build.py auto|cpu|cuda|default`
prints that index's address where it is to be used, else nothing; on stderr it says what it decided and why.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
import urllib.request
from pathlib import Path

CPU_INDEX = "https://download.pytorch.org/whl/cpu"
CHOICES = ("auto", "cpu", "cuda", "default")
SECONDS = 5.0


def has_nvidia_card() -> bool:
    """Whether a driver of NVIDIA's is running here."""
    return Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi") is not None


def reachable(index: str, seconds: float = SECONDS) -> bool:
    """Whether an index answers for torch within a few seconds."""
    try:
        with urllib.request.urlopen(f"{index}/torch/", timeout=seconds) as answer:
            return bool(answer.status == 200)
    except (OSError, ValueError):
        return False


def decide(choice: str, *, system: str, card: bool, index: str, seconds: float = SECONDS) -> tuple[str, str]:
    """The index to take torch and torchvision from ("" for the usual one), and a sentence that says why.

    Args:
        choice: "auto", "cpu", "cuda" or "default".
        system: such as "Linux x86_64".
        card: whether there is an NVIDIA card.
        index: the address of the index with CPU builds.
        seconds: how long it may take to answer.
    """
    usual = "the package index's PyTorch, with CUDA: about 3 GB to download"
    if system != "Linux x86_64":
        return "", "The package index's PyTorch for this system comes without CUDA: about 0.2 GB to download."
    if choice == "default":
        return "", f"TORCH=default: {usual}."
    if choice == "cuda":
        return "", f"TORCH=cuda: {usual}."
    if choice == "auto" and card:
        return "", f"There is an NVIDIA card, so this installs {usual} (TORCH=cpu takes 0.2 GB instead)."
    why = "TORCH=cpu" if choice == "cpu" else "There is no NVIDIA card here"
    if reachable(index, seconds):
        return (
            index,
            f"{why}, so this installs PyTorch's CPU build: about 0.2 GB instead of 3 GB (TORCH=cuda for the other).",
        )
    return "", f"{why}, but {index} did not answer within {seconds:g} seconds, so this installs {usual}."


def main(arguments: list[str]) -> int:
    choice = arguments[0] if arguments else "auto"
    if choice not in CHOICES:
        print(f"TORCH={choice} was given; give one of {', '.join(CHOICES)}.", file=sys.stderr)
        return 2
    system = f"{platform.system()} {platform.machine()}"
    index = os.environ.get("TORCH_CPU_INDEX", CPU_INDEX).rstrip("/")
    address, sentence = decide(choice, system=system, card=has_nvidia_card(), index=index)
    print(sentence, file=sys.stderr)
    print(address, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
