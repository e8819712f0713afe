"""TensorBoard itself inside the notebook, through its own notebook integration, where somebody sits in front of it.

A notebook that is run by a program (nbval, nbclient, nbconvert) gets no server: nobody could look at it, and it would
stay behind. Such programs tell the kernel that nobody will answer a question (``allow_stdin``), JupyterLab, VS Code and
Colab that somebody will. The servers that were started here end with the kernel.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shlex
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

from course_lib.drawing.tensorboard.event_files import needed
from course_lib.errors import CourseError

__all__ = ["open_tensorboard", "somebody_is_there", "stop_tensorboard"]

_started: set[int] = set()  # process ids


def somebody_is_there() -> bool:
    """Whether this is a notebook that a person runs cell by cell, or a program runs for nobody.

    Example:
        >>> somebody_is_there()  # a doctest is no notebook
        False
    """
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    kernel = getattr(shell, "kernel", None)
    return kernel is not None and bool(getattr(kernel, "_allow_stdin", True))


def open_tensorboard(folder: str | Path) -> None:
    """Start TensorBoard on a folder (or find the one that runs already) and show it under the cell.

    It answers on a port of this machine, as ``%tensorboard`` does; on a JupyterHub the page comes through
    jupyter-server-proxy, where the hub has it.

    Raises:
        CourseError: TensorBoard is not installed, or this is no notebook with somebody in front of it.
    """
    if not somebody_is_there():
        raise CourseError(
            f"There is no notebook to show TensorBoard in: run `tensorboard --logdir {shlex.quote(str(folder))}` in a "
            "terminal and open the address that it prints."
        )
    notebook, manager = needed("tensorboard.notebook"), needed("tensorboard.manager")
    before = {server.pid for server in manager.get_all()}
    with _surroundings():
        notebook.start(f"--logdir {shlex.quote(str(Path(folder).expanduser().resolve()))}")
    if not _started:
        atexit.register(stop_tensorboard)
    _started.update({server.pid for server in manager.get_all()} - before)


@contextlib.contextmanager
def _surroundings() -> Iterator[None]:
    """Where the program and the page are found; what the learner has set stays as it is."""
    wanted = {}
    beside = Path(sys.executable).parent / ("tensorboard.exe" if os.name == "nt" else "tensorboard")
    if beside.is_file():  # Jupyter is often started without its environment being on the PATH
        wanted["TENSORBOARD_BINARY"] = str(beside)
    hub = os.environ.get("JUPYTERHUB_SERVICE_PREFIX")
    if hub:
        wanted["TENSORBOARD_PROXY_URL"] = f"{hub.rstrip('/')}/proxy/%PORT%/"
    added = [name for name in wanted if name not in os.environ]
    os.environ.update({name: wanted[name] for name in added})
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]


def stop_tensorboard() -> int:
    """End the servers that this kernel started; gives back how many there were."""
    ended = 0
    for pid in tuple(_started):
        _started.discard(pid)
        with contextlib.suppress(OSError):  # it has ended already
            os.kill(pid, signal.SIGTERM)
            ended += 1
    return ended
