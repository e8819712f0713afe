"""Where the files of torchvision's weights lie, and how they come here: torch.hub's cache, a mirror, a download.

Torchvision's own download is not used: it unpickles without ``weights_only``, can wait for minutes on a name that
nobody answers, and prints to the wrong place in a notebook. The cache is the same, so nothing is downloaded twice.

A file in the cache is mapped when its SHA-256 is the one in its name: all kernels of a machine then share its pages,
and a model is there in hundredths of a second. The hash is computed once (while downloading, or at 1–2 GB a second when
torchvision downloaded the file) and kept in ``course_lib_hashes.json`` in torch.hub's folder, with the file's size and
time of change. Mapping is safe there because files in the cache are only ever replaced under their name (by renaming,
as torch.hub, torchvision and this module do), never written into: what is mapped stays as it was. A file that the kit
has verified is made read-only where the system allows it. A file with another hash is read like a learner's own; one
that is cut short or damaged is downloaded again, or passed over without a network.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit, urlunsplit
from urllib.request import url2pathname

import torch
from torch import Tensor
from torchvision.models import WeightsEnum

from course_lib.errors import CheckpointError, DownloadError
from course_lib.models.checkpoints.reader import check_file, mapped_state_dict, read_state_dict
from course_lib.models.weights.weight_files import remember, remembered_sha256
from course_lib.pictures import downloads

__all__ = [
    "address",
    "download",
    "fault_of",
    "has_other_hash",
    "is_reachable",
    "path_of",
    "state_dict_of",
]

_LOOK_SECONDS = 3.0
_REMEMBER_SECONDS = 30.0

# Hosts that did not answer, and when: five models in a row should not wait for the same dead network five times.
_silent: dict[str, float] = {}


def address(weights: WeightsEnum) -> str:
    """The weights' address, at the lecturer's local copy when ``COURSE_WEIGHTS_MIRROR`` names one.

    Example:
        >>> from torchvision.models import ResNet18_Weights
        >>> os.environ["COURSE_WEIGHTS_MIRROR"] = "http://10.0.0.5:8000/"
        >>> address(ResNet18_Weights.DEFAULT)
        'http://10.0.0.5:8000/models/resnet18-f37072fd.pth'
        >>> del os.environ["COURSE_WEIGHTS_MIRROR"]
    """
    url: str = weights.url
    mirror = os.environ.get("COURSE_WEIGHTS_MIRROR", "").strip()
    if not mirror or urlsplit(url).scheme == "file":
        return url
    there = urlsplit(mirror)
    return urlunsplit((there.scheme, there.netloc, there.path.rstrip("/") + urlsplit(url).path, "", ""))


def path_of(weights: WeightsEnum) -> Path:
    """Where the weights' file lies, or would lie once it is downloaded: torch.hub's own cache.

    Example:
        >>> from torchvision.models import ResNet18_Weights
        >>> path_of(ResNet18_Weights.DEFAULT).name
        'resnet18-f37072fd.pth'
    """
    parts = urlsplit(weights.url)
    if parts.scheme == "file":
        return Path(url2pathname(parts.path))
    return Path(torch.hub.get_dir()) / "checkpoints" / PurePosixPath(parts.path).name


def is_reachable(weights: WeightsEnum) -> bool:
    """Whether the host of the weights answers, decided within 3 seconds; a no is remembered for half a minute."""
    url = address(weights)
    host = urlsplit(url).netloc
    if host in _silent and time.monotonic() - _silent[host] < _REMEMBER_SECONDS:
        return False
    if downloads.is_online(url, timeout=_LOOK_SECONDS):
        _silent.pop(host, None)
        return True
    _silent[host] = time.monotonic()
    return False


def _is_published(weights: WeightsEnum) -> bool:
    """Whether the file in the cache has the SHA-256 that its name begins to say: nobody changed or damaged it."""
    path, digits = path_of(weights), _digits(weights)
    if not digits or urlsplit(weights.url).scheme == "file":
        return False
    try:
        return remembered_sha256(path, _record()).startswith(digits)
    except OSError:
        return False


def has_other_hash(weights: WeightsEnum) -> bool:
    """Whether the file in the cache is another one than its name says."""
    return urlsplit(weights.url).scheme != "file" and bool(_digits(weights)) and not _is_published(weights)


def fault_of(weights: WeightsEnum) -> str:
    """What is wrong with the weights' file on this machine, as a sentence; "" where it can be read."""
    if _is_published(weights):
        return ""
    try:
        check_file(path_of(weights))
    except CheckpointError as error:
        return str(error)
    return ""


def state_dict_of(weights: WeightsEnum) -> dict[str, Tensor]:
    """The tensors of a file on this machine: mapped when its hash is right, and read into memory otherwise.

    Raises:
        CheckpointError: the file cannot be read.
    """
    path = path_of(weights)
    if not _is_published(weights):
        return read_state_dict(path)
    with contextlib.suppress(OSError):
        if os.name == "posix" and path.stat().st_mode & 0o222:  # elsewhere a read-only file cannot be replaced
            path.chmod(path.stat().st_mode & ~0o222)
    return mapped_state_dict(path)


def download(weights: WeightsEnum, *, label: str) -> Path:
    """Have the weights' file on this machine, with progress and a check of the hash in its name.

    A file that is here is taken, unless it is cut short or damaged: then it is downloaded again, and replaced once
    the new one is complete.

    Raises:
        DownloadError: the host does not answer, the download breaks off, or the file is not the expected one.
    """
    path = path_of(weights)
    url = address(weights)
    if urlsplit(url).scheme == "file":
        return path
    fault = fault_of(weights)
    if not fault:
        return path
    if not is_reachable(weights):  # a name look-up can hang for minutes: ask with a deadline first
        damaged = f" {fault}" if path.exists() else ""
        raise DownloadError(f"{urlsplit(url).netloc} cannot be reached; is there a network connection?{damaged}")
    digits = _digits(weights)
    downloads.fetch(url, path, sha256_prefix=digits or None, label=label)
    if digits:
        remember(path, digits, _record())
    return path


def _digits(weights: WeightsEnum) -> str:
    """The beginning of the file's SHA-256, which stands in its name; "" where it does not."""
    digits = re.search(r"-([0-9a-f]{8,})\.", path_of(weights).name)
    return digits.group(1) if digits else ""


def _record() -> Path:
    return Path(torch.hub.get_dir()) / "course_lib_hashes.json"
