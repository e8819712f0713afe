"""TensorBoard's graph of a model: written, read back, and shown in the notebook.

>>> import tempfile
>>> from torchvision.models import squeezenet1_1
>>> folder = tempfile.mkdtemp()
>>> file = write_graph(squeezenet1_1().eval(), (3, 224, 224), folder)
>>> file.name.startswith("events.out.tfevents")
True
>>> len([node for node in read_graph(folder) if node.op == "aten::_convolution"])
26
"""

from __future__ import annotations

from pathlib import Path

from course_lib.drawing.still import Still
from course_lib.drawing.tensorboard.event_files import Node, read_graph, write_graph
from course_lib.drawing.tensorboard.graph_picture import draw_graph
from course_lib.drawing.tensorboard.live_page import open_tensorboard, somebody_is_there, stop_tensorboard

__all__ = ["Node", "draw_graph", "read_graph", "show_graph", "stop_tensorboard", "write_graph"]


def show_graph(folder: str | Path, *, path: str = "", title: str = "", live: bool = False) -> Still:
    """Show the newest graph in a folder of event files.

    Args:
        folder: what ``write_graph`` was given.
        path: of the module whose inside is drawn, such as ``"layer2.0"``; "" is the whole model.
        title: above the picture.
        live: also open TensorBoard itself above the picture, in JupyterLab, VS Code or Colab. A notebook that a program
            runs, and Python outside notebooks, get the picture alone, so that no server stays behind.

    Returns:
        A picture drawn from the event file; it stays in a saved notebook, where TensorBoard's page would be dead.

    Raises:
        CourseError: TensorBoard is not installed, there is no graph in the folder, or no such module in the graph.

    Example:
        >>> import tempfile
        >>> from torchvision.models import squeezenet1_1
        >>> folder = tempfile.mkdtemp()
        >>> file = write_graph(squeezenet1_1(), (3, 64, 64), folder)
        >>> show_graph(folder, path="features.3")
        features.3 of SqueezeNet, a Fire: 7 ops here; ...
    """
    nodes = read_graph(folder)
    picture = draw_graph(nodes, path, title=title)
    if live and somebody_is_there():
        open_tensorboard(folder if Path(folder).expanduser().is_dir() else Path(folder).parent)
    return picture
