"""What keeps a network that slides from being a classifier in a window that moves."""

from __future__ import annotations

from course_lib.networks.fcn.head_graph import Head, body
from course_lib.networks.fcn.network import Network
from course_lib.networks.fcn.strides import pools_everything

__all__ = ["about"]


def about(network: Network, head: Head) -> tuple[str, ...]:
    """Sentences about the layers before the last map that are more than a window; none for most networks.

    Example:
        >>> from torchvision.models import mobilenet_v3_small, resnet18
        >>> from course_lib.networks.fcn import convert
        >>> convert(resnet18()).remarks
        ()
        >>> convert(mobilenet_v3_small()).remarks
        ('9 layers pool the whole picture (squeeze and excitation): every cell depends a little on all of it.',)
    """
    nodes = body(head)
    said = []
    pools = sum(map(pools_everything, nodes))
    if pools:
        layers = "1 layer pools" if pools == 1 else f"{pools} layers pool"
        said.append(f"{layers} the whole picture (squeeze and excitation): every cell depends a little on all of it.")
    attending = sum(
        "attention" in node.name or node.name.startswith("softmax") for node in nodes if node.op == "call_function"
    )
    if attending:
        layers = "1 layer attends" if attending == 1 else f"{attending} layers attend"
        said.append(
            f"{layers} to windows that are laid from the picture's top left corner: these are no convolutions, and "
            "what a cell says depends on where the windows' borders fall."
        )
    return tuple(said)
