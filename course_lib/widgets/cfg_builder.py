"""A cfg of one's own: a line of tokens, and what becomes of it, or why nothing can."""

from __future__ import annotations

from course_lib.drawing.cfg_figure import cfg_table
from course_lib.drawing.still import Still
from course_lib.networks.vgg import COLUMNS, read_cfg
from course_lib.widgets.declaration import widget
from course_lib.widgets.explorer import Explorer, number, switch, words

__all__ = ["cfg_builder", "draw_cfg"]


def draw_cfg(*, cfg: str, batch_norm: bool, side: int) -> Still:
    """The maps of a cfg as boxes, and a table of its tokens.

    Args:
        cfg: tokens such as "64, M, 128, M", or a column's name.
        batch_norm: as for ``vgg.make_layers``.
        side: of the picture, in pixels.

    Raises:
        CfgError: the cfg cannot be read, or the picture is too small for its pools.
    """
    name = f"VGG {cfg.strip().upper()}" if cfg.strip().upper() in COLUMNS else ""
    return cfg_table(cfg, input_size=(3, side, side), batch_norm=batch_norm, name=name)


@widget(
    moves=[{"cfg": "8, M, 16"}, {"batch_norm": True}, {"side": 64}, {"cfg": "C"}, {"side": 512}, {"batch_norm": False}],
    refuses=[({"start": "64, Q"}, "Token 2"), ({"side": 5}, "side")],
)
def cfg_builder(start: str = "64, M, 128, M, 256, 256, M", *, batch_norm: bool = False, side: int = 224) -> Explorer:
    """A line of tokens × batch norm × the picture's side.

    Args:
        start: the tokens shown first, or a column's name, which is written out.

    Raises:
        CfgError: ``start`` cannot be read or built.

    Example:
        >>> widget = cfg_builder("A")
        >>> widget.state["cfg"]
        '64, M, 128, M, 256, 256, M, 512, 512, M, 512, 512, M'
        >>> widget.set(side=16).message
        '...The fifth M (token 13 of 13) gets a map of 1×1, and a 2×2 pool needs 2×2...'
    """
    controls = {
        "cfg": words("cfg", ", ".join(str(token) for token in read_cfg(start))),
        "batch_norm": switch("batch norm", value=batch_norm),
        "side": number("picture's side", 16, 512, side, step=16),
    }
    return Explorer(lambda **state: draw_cfg(**state), controls)
