"""The figures that lessons 04 and 05 are told by: areas, a picture's journey, four preprocessings, two recipes."""

from __future__ import annotations

import pytest
import torch
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from PIL import Image
from torch import nn
from torchvision.models import get_model_weights, vgg11

from course_lib.drawing import Evidence, draw_evidence, layer_areas, recipe_gains, token_journey
from course_lib.drawing.evidence_figure import as_seen
from course_lib.errors import CourseError
from course_lib.models import catalog
from course_lib.networks import vgg
from tests import stills as checks


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    return checks.watch(monkeypatch)


def _areas(figure: Figure) -> list[float]:
    found = []
    for boxes in figure.findobj(PolyCollection):
        for path in boxes.get_paths():
            (left, low), (right, high) = path.vertices.min(0), path.vertices.max(0)
            found.append(float((right - left) * (high - low)))
    return found


def test_areas_are_true_to_scale(drawn: list[Figure]) -> None:
    shown = layer_areas("vgg11")
    checks.is_picture(shown, kind="png")
    areas = _areas(drawn[0])
    with torch.device("meta"):
        layers = [layer for layer in vgg11().modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    counts = [sum(p.numel() for p in layer.parameters()) for layer in layers]
    assert len(areas) == 2 * len(layers)
    assert [area / sum(areas[:11]) for area in areas[:11]] == pytest.approx([n / sum(counts) for n in counts], rel=1e-4)
    assert sum(areas[:11]) == pytest.approx(sum(areas[11:]))  # both rows show a whole, and wholes are of one size
    for what, said in ((nn.ReLU(), "0 layers"), ("resnet50", "54 layers")):
        with pytest.raises(CourseError, match=said):
            layer_areas(what, (3, 64, 64))


def test_a_picture_travels_through_any_cfg_and_nothing_is_changed() -> None:
    picture, batch = Image.new("RGB", (64, 48), "teal"), torch.randn(1, 3, 48, 64)
    model = vgg.build("4 M 6 6 M 5", hidden=8, num_classes=2).eval()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    shown = token_journey(model, "4 M 6 6 M 5", picture, batch, answer="teal")
    checks.is_picture(shown)
    for step in vgg.steps("4 M 6 6 M 5", (3, 48, 64)):
        assert "×".join(map(str, step.shape)) in shown.alt
    assert "the answer: teal" in shown.alt and "12×12" in shown.alt  # 1 + 2, a pool, 2·2 and 2·2
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    with pytest.raises(CourseError, match="aren't those of the cfg"):
        token_journey(model, "4 M 6", picture, batch)
    with pytest.raises(CourseError, match="room for 27"):
        token_journey(model, "4 " * 30, picture, batch)


def test_evidence_is_told_and_wrong_numbers_are_refused() -> None:
    tensor = torch.linspace(-1, 1, 3 * 8 * 8).view(3, 8, 8)
    cases = [
        Evidence("own", tensor, [True] * 12),
        Evidence("other", tensor.repeat(1, 3, 3) * 60, [False] * 11 + [True]),
    ]
    shown = draw_evidence(cases, mean=(0.5,) * 3, std=(0.25,) * 3, title="a case")
    checks.is_picture(shown)
    assert "own: 12 of 12 right" in shown.alt and "other: 1 of 12 right, values from -60.0 to 60.0, 24×24" in shown.alt
    for wrong in ([], [cases[0], Evidence("short", tensor, [True])], [Evidence("none", tensor, [])]):
        with pytest.raises(CourseError, match="the same number of answers"):
            draw_evidence(wrong, mean=(0.5,) * 3, std=(0.25,) * 3)
    preset = get_model_weights("resnet18").DEFAULT.transforms()
    photo = Image.effect_mandelbrot((256, 256), (-2, -1.5, 1, 1.5), 60).convert("RGB")
    back = as_seen(preset(photo), preset.mean, preset.std)
    assert back.size == (224, 224) and back.tobytes() == photo.crop((16, 16, 240, 240)).tobytes()


def test_recipes_are_the_entries_own_numbers(drawn: list[Figure]) -> None:
    shown = recipe_gains(catalog())
    checks.is_picture(shown, kind="png")
    for name in ("resnet50", "mobilenet_v2", "regnet_y_400mf"):
        old, new = (entry.meta["_metrics"]["ImageNet-1K"]["acc@1"] for entry in get_model_weights(name))
        assert f"{name} {old:.1f}% → {new:.1f}%, {new - old:+.1f}" in shown.alt
    assert "vgg16" not in shown.alt
    with pytest.raises(CourseError, match="None of the networks"):
        recipe_gains(entry for entry in catalog() if entry.builder == "alexnet")
