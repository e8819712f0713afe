"""VGG from tokens: torchvision's networks, the paper's figures, real forwards and autograd are the oracles."""

from __future__ import annotations

import pytest
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torchvision.models import get_model, get_model_weights
from torchvision.models.vgg import cfgs as theirs
from torchvision.models.vgg import make_layers as their_layers

from course_lib.errors import CourseError
from course_lib.networks import vgg
from course_lib.tracing import TraceError

NAMES = {"A": "vgg11", "B": "vgg13", "D": "vgg16", "E": "vgg19"}
TABLE_2 = {"A": 133, "A-LRN": 133, "B": 133, "C": 134, "D": 138, "E": 144}  # the paper's, in millions
WEIGHT_LAYERS = {"A": 11, "A-LRN": 11, "B": 13, "C": 16, "D": 16, "E": 19}  # the paper's table 1

TOKENS = st.one_of(st.integers(1, 12), st.just("M"), st.just("LRN"), st.integers(1, 12).map(lambda n: f"conv1-{n}"))


def on_meta(cfg: object, **how: object) -> nn.Module:
    with torch.device("meta"):
        return vgg.build(cfg, **how)  # type: ignore[arg-type]


# -- columns ----------------------------------------------------------------------------------------------------------
def test_columns_are_torchvisions() -> None:
    for column, cfg in theirs.items():
        assert vgg.COLUMNS[column] == tuple(cfg)


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("column", NAMES)
def test_state_dicts_and_parameters_are_torchvisions(column: str, batch_norm: bool) -> None:
    name = NAMES[column] + "_bn" * batch_norm
    with torch.device("meta"):
        theirs = get_model(name, init_weights=False)
    ours = on_meta(column, batch_norm=batch_norm)
    shapes = {key: value.shape for key, value in theirs.state_dict().items()}
    assert {key: value.shape for key, value in ours.state_dict().items()} == shapes
    assert repr(ours) == repr(theirs)
    assert sum(one.numel() for one in ours.parameters()) == get_model_weights(name).DEFAULT.meta["num_params"]


@pytest.mark.parametrize("column", vgg.COLUMNS)
def test_the_papers_figures(column: str) -> None:
    model = on_meta(column)
    assert round(sum(one.numel() for one in model.parameters()) / 1e6) == TABLE_2[column]
    assert sum(isinstance(layer, nn.Conv2d | nn.Linear) for layer in model.modules()) == WEIGHT_LAYERS[column]
    kinds = [isinstance(layer, nn.LocalResponseNorm) for layer in model.modules()]
    assert sum(kinds) == (column == "A-LRN")
    assert model(torch.empty(2, 3, 224, 224, device="meta")).shape == (2, 1000)


def test_same_seed_same_weights_as_torchvision() -> None:
    """A small one, with torchvision's own class around torchvision's own layers."""
    torch.manual_seed(7)
    expected = torchvision.models.VGG(their_layers([4, "M", 512], batch_norm=True), num_classes=3)
    torch.manual_seed(7)
    model = vgg.build([4, "M", 512], batch_norm=True, num_classes=3)
    assert all(
        torch.equal(a, b) for a, b in zip(model.state_dict().values(), expected.state_dict().values(), strict=True)
    )
    assert not any(one.is_meta for one in (*model.parameters(), *model.buffers()))


def test_logits_are_torchvisions() -> None:
    expected = their_layers(theirs["A"], batch_norm=True).eval()
    ours = vgg.make_layers("A", batch_norm=True).eval()
    ours.load_state_dict(expected.state_dict(), strict=True)
    batch = torch.randn(2, 3, 32, 32)
    with torch.inference_mode():
        assert torch.equal(ours(batch), expected(batch))


def test_lrn_is_alexnets_formula() -> None:
    """Krizhevsky et al. 2012, section 3.3: b = a / (2 + 1e-4 · Σ a²)^0.75 over five neighbouring channels."""
    norm = vgg.make_layers("64 LRN")[2]
    a = torch.rand(1, 9, 2, 2, dtype=torch.float64) * 50
    for i in range(9):
        near = a[:, max(0, i - 2) : i + 3].pow(2).sum(1)
        assert torch.allclose(norm(a)[:, i], a[:, i] / (2 + 1e-4 * near) ** 0.75, rtol=1e-9)


def test_any_cfg_becomes_a_network() -> None:
    model = vgg.build("5 M conv1-6", hidden=8, num_classes=3, dropout=0.1).eval()
    assert model(torch.randn(2, 3, 16, 20)).shape == (2, 3)
    assert model.classifier[0].in_features == 6 * 7 * 7
    assert {layer.p for layer in model.modules() if isinstance(layer, nn.Dropout)} == {0.1}
    torch.manual_seed(0)
    plain = vgg.build("5", hidden=8, init_weights=False)
    torch.manual_seed(0)
    assert torch.equal(plain.features[0].weight, nn.Conv2d(3, 5, 3, padding=1).weight)


# -- reading ----------------------------------------------------------------------------------------------------------
@given(st.lists(TOKENS, min_size=1, max_size=12), st.sampled_from([" ", ", ", ",", " ; "]))
def test_a_line_reads_as_its_list(tokens: list[vgg.Token], between: str) -> None:
    assert vgg.read_cfg(tokens) == tuple(tokens)
    assert vgg.read_cfg(between.join(map(str, tokens))) == tuple(tokens)
    assert vgg.read_cfg(str(tokens)) == tuple(tokens)
    assert vgg.read_cfg(between.join(str(one).lower() for one in tokens)) == tuple(tokens)


@pytest.mark.parametrize(
    ("cfg", "said"),
    [
        ("", "empty"),
        ([], "empty"),
        ("64 X M", "Token 2, 'X'"),
        ("64M", "write 64, M"),
        ("64 0", "Token 2, '0'"),
        ([64, -3], "Token 2, -3"),
        ([64.0], "write 64"),
        ([64.5], "isn't a whole number"),
        ([True], "Token 1, True"),
        ([None], "Token 1, None"),
        ([[64, "M"]], "Token 1"),
        ("conv5-64", "5×5"),
        ("100000", "4096"),
        ("9" * 5000, "Token 1"),
        (["M"] * 500, "500 tokens"),
        (64, "not int"),
        (None, "not NoneType"),
        (b"64", "not bytes"),
    ],
)  # fmt: skip
def test_what_is_no_cfg_is_answered_in_a_sentence(cfg: object, said: str) -> None:
    with pytest.raises(vgg.CfgError, match=None) as caught:
        vgg.read_cfg(cfg)  # type: ignore[arg-type]
    sentence = str(caught.value)
    assert said in sentence and sentence.endswith(".") and len(sentence) < 300
    assert isinstance(caught.value, CourseError) and isinstance(caught.value, ValueError)


@given(st.text(max_size=30))
def test_any_line_is_read_or_answered(line: str) -> None:
    try:
        assert vgg.read_cfg(line)
    except vgg.CfgError as error:
        assert str(error).endswith(".") and "\n" not in str(error)


@pytest.mark.parametrize("how", [{"num_classes": 0}, {"hidden": -1}, {"hidden": 2.5}, {"num_classes": True}])
def test_widths_are_whole_numbers(how: dict[str, int]) -> None:
    with pytest.raises(vgg.CfgError, match=next(iter(how))):
        on_meta("8", **how)
    with pytest.raises(vgg.CfgError, match="in_channels"):
        vgg.make_layers("8", in_channels=0)


# -- steps ------------------------------------------------------------------------------------------------------------
@settings(deadline=None, max_examples=40)
@given(st.lists(TOKENS, min_size=1, max_size=8), st.integers(1, 9), st.integers(1, 9), st.booleans())
def test_steps_are_what_a_real_forward_gives(tokens: list[vgg.Token], height: int, width: int, norm: bool) -> None:
    """Token by token through real layers; too small a map raises there and here."""
    layers = vgg.make_layers(tokens, batch_norm=norm).eval()
    sizes = [1 if one in ("M", "LRN") else 2 + norm for one in tokens]
    batch, at, expected = torch.randn(1, 3, height, width), 0, []
    try:
        for size in sizes:
            batch = layers[at : at + size](batch)
            at += size
            numel = sum(one.numel() for one in layers[:at].parameters())
            expected.append((tuple(batch.shape[1:]), numel, tuple(repr(one) for one in layers[at - size : at])))
    except RuntimeError:
        with pytest.raises(vgg.CfgError, match=rf"token {len(expected) + 1} of {len(tokens)}"):
            vgg.steps(tokens, (3, height, width), batch_norm=norm)
        return
    found = vgg.steps(tokens, (3, height, width), batch_norm=norm)
    assert [(one.shape, one.total_parameters, one.added) for one in found] == expected
    assert [one.number for one in found] == list(range(1, len(tokens) + 1))
    assert sum(one.parameters for one in found) == found[-1].total_parameters
    assert sum(one.macs for one in found) == found[-1].total_macs
    for one in found:
        assert f"{one.parameters:,} parameters" in one.why if one.parameters else "no parameters" in one.why


def test_the_sentence_names_the_pool() -> None:
    with pytest.raises(vgg.CfgError, match=r"The fifth M \(token 15 of 18\) gets a map of 1×1"):
        vgg.steps("64 64 M 128 128 M 256 256 256 M 512 512 M conv1-64 M 512 512 512", (3, 16, 16))
    with pytest.raises(TraceError, match="input_size"):
        vgg.steps("A", (3, 0, 16))
    with pytest.raises(TraceError, match="input_size"):
        vgg.steps("A", (224, 224))  # type: ignore[arg-type]


@pytest.mark.parametrize("column", NAMES)
def test_multiply_adds_are_torchvisions(column: str) -> None:
    head = 512 * 49 * 4096 + 4096 * 4096 + 4096 * 1000
    total = vgg.steps(column)[-1].total_macs + head
    assert round(total / 1e9, 2) == pytest.approx(get_model_weights(NAMES[column]).DEFAULT.meta["_ops"], abs=0.006)


@pytest.mark.parametrize("cfg", [["A", 0], ["8 conv1-8 8 M 8 8 M 8", 1]], ids=["A", "own"])
def test_fields_are_what_the_gradient_reaches(cfg: list[object]) -> None:
    """One cell's gradient with all weights 1 and means for maxima: its extent is the receptive field."""
    layers = [
        nn.AvgPool2d(2) if isinstance(layer, nn.MaxPool2d) else layer
        for layer in vgg.make_layers([min(one, 2) if isinstance(one, int) else one for one in vgg.read_cfg(cfg[0])])  # type: ignore[arg-type]
        if not isinstance(layer, nn.ReLU)
    ]
    net = nn.Sequential(*layers).double()
    for parameter in net.parameters():
        nn.init.constant_(parameter, 1.0)
    picture = torch.ones(1, 3, 384, 384, dtype=torch.float64, requires_grad=True)
    out = net(picture)
    out[0, 0, out.shape[2] // 2, out.shape[3] // 2].backward()
    assert picture.grad is not None
    rows = picture.grad[0, 0].abs().sum(1).nonzero()
    assert vgg.steps(cfg[0], (3, 384, 384))[-1].field == int(rows.max() - rows.min()) + 1  # type: ignore[arg-type]
