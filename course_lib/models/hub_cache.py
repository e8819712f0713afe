"""Where the files of torchvision's weights lie, and how they come here: torch.hub's cache, a mirror, a download.

Torchvision's own download is not used: it unpickles without ``weights_only``, can wait for minutes on a name that
nobody answers, and prints to the wrong place in a notebook. The cache is the same, so nothing is downloaded twice.
"""

from __future__ import annotations

import os
import re
import time
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit, urlunsplit
from urllib.request import url2pathname

import torch
from torchvision.models import WeightsEnum

from course_lib.errors import DownloadError
from course_lib.pictures import downloads

__all__ = ["address", "download", "is_reachable", "path_of"]

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


def download(weights: WeightsEnum, *, label: str) -> Path:
    """Have the weights' file on this machine, with progress and a check of the hash in its name.

    Raises:
        DownloadError: the host does not answer, the download breaks off, or the file is not the expected one.
    """
    path = path_of(weights)
    url = address(weights)
    if path.is_file() or urlsplit(url).scheme == "file":
        return path
    if not is_reachable(weights):  # a name look-up can hang for minutes: ask with a deadline first
        raise DownloadError(f"{urlsplit(url).netloc} cannot be reached; is there a network?")
    digits = re.search(r"-([0-9a-f]{8,})\.", path.name)
    return downloads.fetch(url, path, sha256_prefix=digits.group(1) if digits else None, label=label)
