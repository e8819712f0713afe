"""The papers' tables and the volumes: against the papers, torchvision's own figures, and real forwards."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from math import sqrt

import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.text import Text
from torch import nn
from torchvision.models import get_model, get_model_weights
from torchvision.models.feature_extraction import create_feature_extractor

from course_lib.drawing.paper_tables import resnet_table, vgg_table
from course_lib.drawing.volume_figure import volumes, volumes_of
from course_lib.errors import CourseError, ModelNameError
from course_lib.networks import vgg
from course_lib.tracing import TraceError, trace
from tests.stills import faults, is_picture, watch

FAMILIES = (
    "alexnet", "convnext_tiny", "densenet121", "efficientnet_b0", "googlenet", "inception_v3", "maxvit_t", "mnasnet1_0",
    "mobilenet_v3_large", "regnet_y_400mf", "resnet50", "shufflenet_v2_x1_0", "squeezenet1_1", "swin_t", "vgg16",
    "vit_b_16",
)  # fmt: skip
RESNETS = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")


def words(figure: Figure, *, bold: bool | None = None) -> Counter[str]:
    texts = [one for one in figure.findobj(Text) if bold is None or (one.get_fontweight() == "bold") == bold]
    return Counter(one.get_text() for one in texts)


def under(figure: Figure, head: str) -> list[str]:
    """The texts below a column's head, from top to bottom."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    boxes = [(one.get_text(), one.get_window_extent(renderer)) for one in figure.findobj(Text)]
    middle, top = next(((box.x0 + box.x1) / 2, box.y0) for text, box in boxes if text == head)
    column = [(-box.y0, text) for text, box in boxes if abs((box.x0 + box.x1) / 2 - middle) < 60 and box.y0 < top]
    return [text for _, text in sorted(column)]


# -- the VGG table ----------------------------------------------------------------------------------------------------
def test_vgg_table_is_the_papers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Simonyan and Zisserman, table 1: the columns as printed, and what is printed bold."""
    seen = watch(monkeypatch)
    table = vgg_table()
    is_picture(table, kind="png")
    assert faults(seen[0]) == [] and table.width == 1075
    new = [
        "LRN",
        "conv3-64",
        "conv3-128",
        "conv1-256",
        "conv3-256",
        "conv3-256",
        *["conv1-512"] * 2,
        *["conv3-512"] * 4,
    ]
    assert words(seen[0], bold=True) == Counter([*vgg.COLUMNS, *new])
    everything = words(seen[0])
    assert everything["maxpool"] == 5 and everything["FC-4096"] == 2 and everything["FC-1000"] == 1
    column = [one for one in under(seen[0], "C") if one.startswith(("conv", "LRN"))]
    printed = "3-64 3-64 3-128 3-128 3-256 3-256 1-256 3-512 3-512 1-512 3-512 3-512 1-512"
    assert column == [f"conv{one}" for one in printed.split()]
    for head, layers in (("A", "11"), ("A-LRN", "11"), ("B", "13"), ("C", "16"), ("D", "16"), ("E", "19")):
        assert layers in under(seen[0], head)
    for head, name in (("A", "vgg11"), ("B", "vgg13"), ("D", "vgg16"), ("E", "vgg19")):
        meta = get_model_weights(name).DEFAULT.meta
        parameters, gmacs, error = (one for one in under(seen[0], head) if "." in one and len(one) < 8)
        assert parameters == f"{meta['num_params'] / 1e6:.2f}"
        assert float(gmacs) == pytest.approx(meta["_ops"], abs=0.011)
        assert error == {"A": "29.6", "B": "28.7", "D": "27.0", "E": "27.3"}[head]  # the paper's table 3, S = Q = 256


def test_vgg_table_takes_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = watch(monkeypatch)
    table = vgg_table({"A": "A", "mine": "64 M 128 conv1-8 M LRN", "tiny": "8"})
    assert faults(seen[0]) == []
    assert words(seen[0], bold=True) == Counter(["A", "mine", "tiny", "conv1-8", "LRN", "conv3-8"])
    assert "mine 6 weight layers" in table.alt and "new: conv1-8, LRN" in table.alt
    vgg_table(["B", "A"])
    assert words(seen[1], bold=True) == Counter(["A", "B"])  # A has nothing that B has not


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (["Z"], "no column 'Z'"),
        ({}, "0 columns"),
        ({"a": "64 X"}, "Token 2"),
        ({"a": ["M"] * 9}, "eighth M"),
        ({str(k): "8" for k in range(9)}, "9 columns"),
        ({str(k) * 15: "8" for k in range(8)}, "do not fit"),
    ],
)
def test_vgg_table_answers(columns: object, said: str) -> None:
    with pytest.raises(CourseError, match=said):
        vgg_table(columns)  # type: ignore[arg-type]


# -- the ResNet table -------------------------------------------------------------------------------------------------
def test_resnet_table_is_the_papers(monkeypatch: pytest.MonkeyPatch) -> None:
    """He et al., table 1: blocks and their numbers as printed; figures from torchvision's own weights' entries."""
    seen = watch(monkeypatch)
    table = resnet_table()
    is_picture(table, kind="png")
    assert faults(seen[0]) == [] and table.width == 1075
    everything = words(seen[0])
    printed = [*(2, 2, 2, 2), *(3, 4, 6, 3), *(3, 4, 6, 3), *(3, 4, 23, 3), *(3, 8, 36, 3)]
    assert Counter({one: n for one, n in everything.items() if one.startswith("×")}) == Counter(
        f"×{n}" for n in printed
    )
    for width in (64, 128, 256, 512):
        assert everything[f"3×3, {width}"] == 2 + 2 + 3
        assert everything[f"1×1, {4 * width}"] >= 3
    for one in ("7×7, 64, stride 2", "3×3 max pool, stride 2", "average pool", "1000-d fc"):
        assert everything[one] == 1
    assert [everything[one] for one in ("112×112", "56×56", "28×28", "14×14", "7×7")] == [1, 2, 1, 1, 1]
    for name in RESNETS:
        meta = get_model_weights(name).DEFAULT.meta
        column = under(seen[0], name)
        assert f"= {name.removeprefix('resnet')}" in column
        parameters, gmacs = (one for one in column if "." in one and len(one) < 8)
        assert parameters == f"{meta['num_params'] / 1e6:.2f}"
        assert float(gmacs) == pytest.approx(meta["_ops"], abs=0.011)


def test_resnet_table_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = watch(monkeypatch)
    resnet_table(["resnet50", "resnext50_32x4d", "wide_resnet50_2"])
    assert faults(seen[0]) == []
    assert words(seen[0], bold=True)["3×3, 128, C=32"] == 1  # Xie et al. 2017, table 1
    assert "1×1, 2048" not in words(seen[0], bold=True)  # the width of the stages is ResNet50's
    for names, said in ((["densenet121"], "isn't a ResNet"), ([], "0 models"), (["resnet18"] * 7, "7 models")):
        with pytest.raises(CourseError, match=said):
            resnet_table(names)
    with pytest.raises(ModelNameError, match="resnet18"):
        resnet_table(["resnet-18"])


# -- volumes ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", FAMILIES)
def test_volumes_of_every_family(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = watch(monkeypatch)
    picture = volumes(name)
    is_picture(picture, kind="png")
    assert faults(seen[0]) == [] and picture.width == 1075
    assert picture.alt.endswith(("1000", "1000×1×1"))
    _apart(seen[0])


def _boxes(figure: Figure) -> list[list[np.ndarray]]:
    """Each volume's front, top and side, in dots."""
    drawn = [one for one in figure.findobj(PolyCollection) if len(one.get_paths()) == 3]
    return [[one.get_transform().transform(path.vertices[:4]) for path in one.get_paths()] for one in drawn]


def _apart(figure: Figure) -> None:
    """No volume lies over another, and no text over a volume."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    spans = []
    for faces in _boxes(figure):
        corners = np.concatenate(faces)
        spans.append((*corners.min(0), *corners.max(0)))
    for (left, *_, right, _), (other, *_) in combinations(spans, 2):
        assert left < other and right <= other + 1
    for text in figure.findobj(Text):
        if text.get_text():
            box = text.get_window_extent(renderer)
            for left, bottom, right, top in spans:
                across, up = min(box.x1, right) - max(box.x0, left), min(box.y1, top) - max(box.y0, bottom)
                assert across < 2 or up < 4, text.get_text()


@pytest.mark.parametrize(
    ("name", "size", "nodes"),
    [
        ("resnet18", (96, 130), ["relu", "layer1", "layer2", "layer3", "layer4", "avgpool", "fc"]),
        ("densenet121", (64, 64), ["features.relu0", "features.denseblock1", "features.denseblock2",
                                   "features.denseblock3", "features.norm5", "adaptive_avg_pool2d", "classifier"]),
        ("swin_t", (64, 96), ["features.1", "features.3", "features.5", "permute", "avgpool", "head"]),
        ("shufflenet_v2_x0_5", (64, 64), ["conv1", "maxpool", "stage2", "stage3", "conv5", "mean", "fc"]),
    ],
)  # fmt: skip
def test_stages_are_what_a_forward_gives(name: str, size: tuple[int, int], nodes: list[str]) -> None:
    """Torchvision's own feature extractor runs the model for real."""
    model = get_model(name).eval()
    nodes = [{"features.denseblock1": "features.denseblock1.cat"}.get(one, one) for one in nodes]
    nodes = [
        f"{one}.cat" if one.startswith("features.denseblock") and not one.endswith("cat") else one for one in nodes
    ]
    with torch.no_grad():
        shapes = [tuple(one.shape) for one in create_feature_extractor(model, nodes)(torch.randn(1, 3, *size)).values()]
    if name == "swin_t":
        shapes = [(1, c, h, w) for _, h, w, c in shapes[:3]] + shapes[3:]  # channels are last in its blocks
    found = [(1, one.channels, *one.size) for one in volumes_of(trace(model, (3, *size)))[1:]]
    assert found == shapes


def test_volumes_are_to_scale(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lengths are as the square roots of the numbers, as the picture says."""
    seen = watch(monkeypatch)
    volumes("resnet18")
    shapes = [(3, 224), (64, 112), (64, 56), (128, 28), (256, 14), (512, 7), (512, 1)]
    boxes = _boxes(seen[0])
    fronts = [faces[0].max(0) - faces[0].min(0) for faces in boxes]
    reference = fronts[1] / np.sqrt(shapes[1])
    for (channels, side), (right, up) in list(zip(shapes, fronts, strict=False))[1:]:
        assert right == pytest.approx(reference[0] * sqrt(channels), rel=0.01)
        assert up == pytest.approx(reference[1] * sqrt(side), rel=0.01)
    side = boxes[1][2]
    away = np.abs(side[1] - side[0])
    assert np.hypot(*away) == pytest.approx(fronts[1][1] / 2, rel=0.01) and away[0] == pytest.approx(away[1])  # cabinet


def test_volumes_of_small_and_odd_things(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = watch(monkeypatch)
    strange = [
        (vgg.make_layers("8"), (3, 224, 224)),
        (vgg.make_layers("LRN M"), (3, 7, 9)),
        (vgg.make_layers("16 M 32 M 4096 M 8 M 2 M"), (3, 64, 640)),
        (nn.Sequential(nn.Linear(10, 20), nn.ReLU(), nn.Linear(20, 3)), (1, 10)),
        (nn.Sequential(*[nn.Conv2d(3, 3, 2) for _ in range(25)]), (3, 64, 64)),
        (nn.Identity(), (3, 8, 8)),
    ]
    for model, size in strange:
        is_picture(volumes(model, size, title="a rather long title " * 9))
        _apart(seen[-1])
    assert "…: 12 more" in words(seen[4])
    assert [faults(figure) for figure in seen] == [[]] * len(strange)
    for width in (3.0, 5.0):
        assert volumes("resnet18", width=width).width == round(125 * width)
        assert faults(seen[-1]) == []
        _apart(seen[-1])


def test_volumes_mark_a_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = watch(monkeypatch)
    assert volumes("resnet18", highlight="layer2.0.conv1").alt.endswith("; marked: layer2")
    assert words(seen[0], bold=True)["layer2"] == 1 and words(seen[0], bold=True)["28×28"] == 1
    assert volumes(trace("resnet18"), highlight=0).alt.endswith("; marked: input")
    assert volumes("vgg11", highlight="features.20").alt.endswith("; marked: features.20")
    assert "marked: features.0" in volumes("vgg11", highlight="features").alt
    for wrong in ("layer9", 99, -1, 1.5):
        with pytest.raises(CourseError, match="stage"):
            volumes("resnet18", highlight=wrong)  # type: ignore[arg-type]
    with pytest.raises(CourseError, match="width=20"):
        volumes("resnet18", width=20)
    with pytest.raises(TraceError, match="To fix it"):
        volumes("alexnet", (3, 30, 30))


def test_volumes_leave_the_model_alone() -> None:
    model = vgg.make_layers("8 M", batch_norm=True).train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    state = torch.get_rng_state()
    volumes(model)
    assert model.training and torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
