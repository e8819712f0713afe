"""The inner graph of a module: what is drawn against torch.fx, where it is drawn against what no drawing may do.

torch.fx walks the same forward by another road: its nodes are the ops, its edges the tensors, and its ShapeProp runs
them with real numbers. The layout is tried on random graphs, too.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from itertools import combinations

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_hex
from torch import fx, nn
from torch.fx.passes.shape_prop import ShapeProp
from torchvision import models
from torchvision.models.convnext import CNBlock
from torchvision.models.densenet import _DenseBlock
from torchvision.models.googlenet import Inception
from torchvision.models.inception import InceptionA, InceptionB, InceptionC, InceptionE
from torchvision.models.resnet import BasicBlock, Bottleneck
from torchvision.models.squeezenet import Fire
from torchvision.ops import StochasticDepth
from torchvision.ops.misc import SqueezeExcitation

from course_lib import drawing
from course_lib.drawing.graph.block_diagram import plan
from course_lib.drawing.graph.layout import Layout, Place, lay_out
from course_lib.drawing.graph.module_graph import Edge, Graph, Node, build_graph, fused
from course_lib.drawing.graph.op_names import Row, row
from course_lib.drawing.graph.render import RED
from course_lib.drawing.graph.series_parallel import Chain, structure_of, take_apart, with_shortcuts
from course_lib.errors import CourseError
from course_lib.tracing import TraceError, trace
from tests.stills import faults, is_picture, watch


def projected(stride: int = 2) -> nn.Module:
    return nn.Sequential(nn.Conv2d(64, 128, 1, stride), nn.BatchNorm2d(128))


class Squeezed(nn.Module):
    """A residual block with squeeze-and-excitation and a chunk: all kinds of meeting."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.se = nn.Conv2d(8, 8, 3, padding=1), SqueezeExcitation(8, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.se(torch.relu(self.conv(x)))
        return torch.cat([y - x, x + y], 1)


class Fork(nn.Module):
    """A convolution whose output two activations take."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.relu, self.gate = nn.Conv2d(8, 8, 1), nn.ReLU(), nn.Sigmoid()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv(x)
        return self.relu(y) * self.gate(y)  # type: ignore[no-any-return]


BLOCKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, int, int]]] = {
    "basic": (lambda: BasicBlock(64, 64), (64, 14, 14)),
    "basic, projection": (lambda: BasicBlock(64, 128, 2, projected()), (64, 14, 14)),
    "bottleneck": (lambda: Bottleneck(256, 64), (256, 14, 14)),
    "inception": (lambda: Inception(192, 64, 96, 128, 16, 32, 32), (192, 14, 14)),
    "inception A": (lambda: InceptionA(192, 32), (192, 14, 14)),
    "inception B": (lambda: InceptionB(288), (288, 17, 17)),
    "inception C": (lambda: InceptionC(768, 128), (768, 17, 17)),
    "inception E": (lambda: InceptionE(1280), (1280, 8, 8)),
    "fire": (lambda: Fire(64, 16, 64, 64), (64, 14, 14)),
    "convnext": (lambda: CNBlock(16, 1e-6, 0.0), (16, 14, 14)),
    "fork": (Fork, (8, 14, 14)),
    "squeeze": (Squeezed, (8, 14, 14)),
}


def leaf_graph(module: nn.Module) -> fx.GraphModule:
    class Tracer(fx.Tracer):
        def is_leaf_module(self, m: nn.Module, qualified: str) -> bool:
            return not any(True for _ in m.children())

    return fx.GraphModule(module, Tracer().trace(module))


@pytest.mark.parametrize("name", BLOCKS)
def test_ops_tensors_and_shapes_are_those_of_torch_fx(name: str) -> None:
    make, size = BLOCKS[name]
    module = make().eval()
    walked = leaf_graph(module)
    with torch.no_grad():
        ShapeProp(walked).propagate(torch.zeros(1, *size))
    parts = dict(module.named_modules())
    idle = {
        one
        for one in walked.graph.nodes
        if one.op == "get_attr" or isinstance(parts.get(str(one.target)), nn.Identity | StochasticDepth)
    }

    def origins(one: fx.Node) -> Iterator[fx.Node]:  # what does nothing hands on what it got
        for before in one.all_input_nodes:
            yield from origins(before) if before in idle else (before,)

    kept = [one for one in walked.graph.nodes if one not in idle]
    place = {one: number for number, one in enumerate(kept)}
    expected = {
        (place[origin], place[one], tuple(origin.meta["tensor_meta"].shape)) for one in kept for origin in origins(one)
    }
    found = build_graph(trace(module, size))
    assert len(found.nodes) == len(kept)
    assert {(edge.source, edge.target, shape) for edge in found.edges for shape in edge.shapes} == expected
    # nothing is lost on the way to the page, however it is drawn
    for detail in ("ops", "compact", "modules"):
        drawn, layout, _ = plan(trace(module, size), detail=detail)  # type: ignore[arg-type]
        assert sum(len(node.ops) for node in drawn.nodes) == len(kept) - 2
        box = {op.name: node.key for node in drawn.nodes for op in node.ops}
        last = {node.ops[-1].name for node in drawn.nodes if node.ops and node.kind == "ops"}
        joined = {(edge.source, edge.target) for edge in drawn.edges}
        for op in trace(module, size):
            for before in trace(module, size).fed_by(op):
                pair = box[before.name], box[op.name]
                assert pair in joined or pair[0] == pair[1]
                assert pair[0] == pair[1] or before.name in last or drawn.nodes[pair[0]].kind != "ops"
        assert sorted(one.key for one in layout.places) == [node.key for node in drawn.nodes]
        assert sorted((one.edge.source, one.edge.target) for one in layout.wires) == sorted(
            (edge.source, edge.target) for edge in drawn.edges
        )


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "wide_resnet50_2"])
def test_a_shortcut_is_a_projection_exactly_where_the_block_has_a_downsample(name: str) -> None:
    with torch.device("meta"):
        model = models.get_model(name, weights=None)
    found = trace(model)
    for path, module in model.named_modules():
        if isinstance(module, BasicBlock | Bottleneck):
            drawn, _, _ = plan(found, path)
            roles = {edge.role for edge in drawn.edges} - {"plain"}
            assert roles == ({"projection"} if module.downsample is not None else {"identity"}), path
            if module.downsample is not None:
                inside = [
                    op for edge in drawn.edges if edge.role == "projection" for op in drawn.nodes[edge.target].ops
                ]
                assert {op.path for op in inside if "add" not in op.name} == {
                    f"{path}.downsample.0",
                    f"{path}.downsample.1",
                }


# -- the layout -------------------------------------------------------------------------------------------------------
def random_graph(seed: int) -> tuple[Graph, dict[int, tuple[float, float]], int]:
    """Boxes of many kinds and sizes, mostly one after another, with tensors that leap; the columns there may be."""
    chance = random.Random(seed)
    count, follows, leaps = chance.randint(1, 13), chance.random(), chance.choice([0.02, 0.1, 0.3])
    pairs = [
        (a, b) for b in range(count) for a in range(b) if chance.random() < (0.5 + follows / 2 if a == b - 1 else leaps)
    ]
    nodes, sizes = [], {}
    for key in range(count):
        sign = chance.choice(["", "", "", "+", "×", "cat"])
        nodes.append(Node(key, "join" if sign else "ops", (Row(sign or "conv", "", "", "", 1, "weight"),)))
        sizes[key] = (24.0, 24.0) if sign else (chance.uniform(20, 220), chance.uniform(18, 60))
    edges = tuple(Edge(a, b, ((1, 64, 56, 56),)) for a, b in pairs)
    return Graph(tuple(nodes), edges), sizes, chance.randint(1, 3)


def laid(found: Graph, boxes: dict[int, tuple[float, float]], columns: int) -> tuple[Graph, Layout]:
    structure = structure_of(found)
    found = with_shortcuts(found, structure)
    labels = dict.fromkeys(found.edges, 70.0)
    return found, lay_out(found, structure, boxes, labels, tallest=200.0, columns=columns)


Spot = tuple[float, float]


def crosses(place: Place, a: Spot, b: Spot) -> bool:
    """Whether a line goes through the inside of a box."""
    left, right, top, bottom = min(a[0], b[0]), max(a[0], b[0]), min(a[1], b[1]), max(a[1], b[1])
    return left < place.right - 1 and right > place.left + 1 and top < place.bottom - 1 and bottom > place.top + 1


def along(a: Spot, b: Spot, c: Spot, d: Spot) -> bool:
    """Whether two upright or level lines run on each other for more than two pixels."""
    for axis in (0, 1):
        if abs(a[axis] - b[axis]) < 0.01 > abs(c[axis] - d[axis]) and abs(a[axis] - c[axis]) < 1:
            far = 1 - axis
            shared = min(max(a[far], b[far]), max(c[far], d[far])) - max(min(a[far], b[far]), min(c[far], d[far]))
            return shared > 2
    return False


@settings(max_examples=250, deadline=None)
@given(st.integers(0, 2**32))
@example(1232257)  # a short line that leaves its box and turns
@example(861996929)  # an edge that is met on two ways
def test_no_box_lies_on_another_and_no_line_goes_through_a_box(seed: int) -> None:
    found, layout = laid(*random_graph(seed))
    places = {one.key: one for one in layout.places}
    assert sorted(places) == [node.key for node in found.nodes]
    for one, other in combinations(layout.places, 2):
        wide = min(one.right, other.right) - max(one.left, other.left)
        tall = min(one.bottom, other.bottom) - max(one.top, other.top)
        assert wide <= 0.01 or tall <= 0.01, (one, other)
    for one in layout.places:
        assert one.left >= -0.01 and one.top >= -0.01
        assert one.right <= layout.width + 0.01 and one.bottom <= layout.height + 0.01
    drawn = sorted((wire.edge.source, wire.edge.target) for wire in layout.wires)
    assert drawn == sorted((edge.source, edge.target) for edge in found.edges)
    for wire in layout.wires:
        source, target = places[wire.edge.source], places[wire.edge.target]
        assert wire.points[0] == (pytest.approx(source.middle), pytest.approx(source.bottom))
        x, y = wire.points[-1]
        at_top = (x, y) == (pytest.approx(target.middle), pytest.approx(target.top))
        at_side = y == pytest.approx(target.half) and (
            x == pytest.approx(target.left) or x == pytest.approx(target.right)
        )
        assert at_top or at_side
        for a, b in zip(wire.points, wire.points[1:], strict=False):
            assert a[0] == pytest.approx(b[0]) or a[1] == pytest.approx(b[1])  # upright or level
            assert -0.01 <= b[0] <= layout.width + 0.01 and -0.01 <= b[1] <= layout.height + 0.01
            for place in layout.places:
                assert not crosses(place, a, b), (wire, place)
    lines = [(wire.edge, *line) for wire in layout.wires for line in zip(wire.points, wire.points[1:], strict=False)]
    for (one, a, b), (other, c, d) in combinations(lines, 2):
        if one.source != other.source and one.target != other.target:  # two tensors never look like one
            assert not along(a, b, c, d), (one, other, a, b, c, d)
    words = [(*wire.label, wire) for wire in layout.wires if wire.label is not None]
    for x, y, wire in words:
        assert x >= -0.01 and x + 66 <= layout.width + 0.01
        for place in layout.places:
            outside = x + 66 <= place.left or x >= place.right or y + 5 <= place.top or y - 5 >= place.bottom
            assert outside, (wire, place)
    for (x, y, wire), (other_x, other_y, other) in combinations(words, 2):
        assert abs(x - other_x) >= 66 or abs(y - other_y) >= 10, (wire, other)
    labelled = {wire.edge.source for _, _, wire in words}
    assert labelled == {edge.source for edge in found.edges}  # every tensor says its shape


def test_the_checks_of_the_layout_see_a_line_through_a_box() -> None:
    place = Place(0, 10, 10, 20, 20)
    assert crosses(place, (20, 0), (20, 40)) and crosses(place, (0, 20), (40, 20))
    assert not crosses(place, (20, 0), (20, 10)) and not crosses(place, (30, 20), (40, 20))
    assert not crosses(place, (35, 0), (35, 40))
    assert along((5, 0), (5, 9), (5, 4), (5, 20)) and along((0, 5), (9, 5), (4, 5), (20, 5))
    assert not along((5, 0), (5, 9), (5, 9), (5, 20)) and not along((5, 0), (5, 9), (0, 5), (9, 5))


@settings(max_examples=250, deadline=None)
@given(st.integers(0, 2**32))
def test_the_waists_are_the_boxes_that_every_way_passes(seed: int) -> None:
    found, _, _ = random_graph(seed)
    pairs = [(edge.source, edge.target) for edge in found.edges]
    count = len(found.nodes)
    structure = take_apart(count, pairs)
    assert structure.boxes == tuple(range(count))
    after = {box: [b for a, b in pairs if a == box] for box in range(count)}
    begins = [box for box in range(count) if not any(b == box for _, b in pairs)]

    def ways(without: int) -> bool:  # is there one from a first box to a last that leaves this box out?
        reached = set(begins) - {without}
        for box in range(count):
            if box in reached:
                reached |= {b for b in after[box] if b != without}
        return any(not after[box] for box in reached)

    waists = {box for box in range(count) if not ways(box)}
    assert (set(structure.waists) if isinstance(structure, Chain) else set()) == waists


def test_a_residual_block_runs_straight_down_with_its_shortcut_at_its_side() -> None:
    drawn, layout, _ = plan(trace(BasicBlock(64, 128, 2, projected()), (64, 56, 56)))
    middles = {node.rows[0].name: place.middle for node, place in zip(drawn.nodes, layout.places, strict=True)}
    assert len({round(x) for name, x in middles.items() if "downsample" not in name}) == 1
    assert all(x > middles["conv1"] + 100 for name, x in middles.items() if "downsample" in name)


def test_inception_has_its_branches_side_by_side_in_the_order_of_the_cat() -> None:
    module = Inception(192, 64, 96, 128, 16, 32, 32)
    drawn, layout, _ = plan(trace(module, (192, 28, 28)), detail="ops")
    first = {node.rows[0].name.split(".")[0]: place for node, place in zip(drawn.nodes, layout.places, strict=True)
             if node.rows[0].name.startswith("branch") and node.rows[0].family == "weight"}  # fmt: skip
    lefts = [first[f"branch{k}"].left for k in (1, 2, 3, 4)]
    assert lefts == sorted(lefts) and len(set(lefts)) == 4


def test_squeeze_and_excitation_is_a_side_path_into_a_product() -> None:
    found = trace("mobilenet_v3_small")
    drawn, layout, _ = plan(found, "features.4")
    place = {op.name: layout.places[node.key] for node in drawn.nodes for op in node.ops}
    product, pool = place["features.4.block.2.mul"], place["features.4.block.2.avgpool"]
    assert product.middle == pytest.approx(place["features.4.block.1.0"].middle)
    assert pool.left > product.right


# -- what is written --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("module", "size", "words", "note"),
    [
        (nn.Conv2d(64, 128, 3, 2, 1), (64, 8, 8), "3×3 conv, stride 2", "64 → 128"),
        (nn.Conv2d(8, 16, (1, 7), padding=(0, 3)), (8, 9, 9), "1×7 conv", "8 → 16"),
        (nn.Conv2d(8, 16, 3, dilation=2), (8, 9, 9), "3×3 conv, dilation 2", "8 → 16"),
        (nn.Conv2d(8, 8, 3, groups=8), (8, 9, 9), "3×3 depthwise conv", "8 → 8"),
        (nn.Conv2d(8, 16, 3, groups=4), (8, 9, 9), "3×3 conv", "8 → 16, 4 groups"),
        (nn.ConvTranspose2d(8, 16, 2, 2), (8, 9, 9), "2×2 transposed conv, stride 2", "8 → 16"),
        (nn.MaxPool2d(3, 2), (8, 9, 9), "3×3 max pool, stride 2", ""),
        (nn.AvgPool2d(2), (8, 9, 9), "2×2 avg pool, stride 2", ""),
        (nn.AdaptiveAvgPool2d(7), (8, 9, 9), "avg pool to 7×7", ""),
        (nn.Dropout(0.5).eval(), (8, 9, 9), "dropout 0.5, off in eval", ""),
        (nn.Dropout(0.5), (8, 9, 9), "dropout 0.5", ""),
        (nn.ReLU6(), (8, 9, 9), "ReLU6", ""),
        (nn.GroupNorm(2, 8), (8, 9, 9), "GroupNorm", ""),
    ],
)
def test_an_op_says_what_matters(module: nn.Module, size: tuple[int, ...], words: str, note: str) -> None:
    found = row(trace(module, size).ops[0])
    assert (found.words, found.note, found.parameters) == (words, note, sum(p.numel() for p in module.parameters()))


@pytest.mark.parametrize(
    ("model", "path", "detail"),
    [
        ("resnet18", "layer2.0", "auto"),
        ("resnet18", "", "auto"),
        ("googlenet", "inception3a", "auto"),
        ("densenet121", "features.denseblock1", "auto"),
        ("densenet121", "features.denseblock4", "auto"),
        ("mobilenet_v3_small", "features.4", "auto"),
        ("efficientnet_b0", "features.2.1", "auto"),
        ("convnext_tiny", "features.1.0", "auto"),
        ("vit_b_16", "encoder.layers.encoder_layer_0", "auto"),
        ("shufflenet_v2_x0_5", "stage2.0", "auto"),
        ("alexnet", "", "auto"),
        ("regnet_y_400mf", "trunk_output.block2.block2-0", "modules"),
    ],
)
def test_what_is_drawn_is_readable_and_fits_the_page(
    model: str, path: str, detail: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = watch(monkeypatch)
    still = drawing.block(model, path=path, detail=detail)  # type: ignore[arg-type]
    is_picture(still, kind="png")
    assert faults(seen[-1]) == []
    assert still.width <= 1075 and still.open().height / 2 <= 780
    written = [text.get_text() for text in seen[-1].texts] + [text.get_text() for text in seen[-1].artists
                                                              if hasattr(text, "get_text")]  # fmt: skip
    found = trace(model)
    inside = found.within(path)
    assert any(f"{len(inside)} ops" in words for words in written)
    assert any(f"{sum(op.parameters for op in inside):,} parameters" in words for words in written)


def test_child_modules_say_how_many_ops_are_in_them() -> None:
    found = trace("resnet18")
    drawn = build_graph(found, modules=True)
    boxes = {node.rows[0].title: node for node in drawn.nodes if node.kind == "module"}
    assert list(boxes) == ["layer1", "layer2", "layer3", "layer4"]
    for name, node in boxes.items():
        assert node.rows[0].note == f"2 × BasicBlock, {len(found.within(name))} ops"
    assert sum(len(node.ops) for node in drawn.nodes) == len(found)


def test_equal_modules_are_folded_and_none_is_lost() -> None:
    def part() -> nn.Module:
        return nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU(), nn.Conv2d(3, 3, 1), nn.ReLU())

    found = trace(nn.Sequential(*[part() for _ in range(9)]), (3, 4, 4))
    few = build_graph(found, modules=True, most=5)
    assert sum(len(node.ops) for node in few.nodes) == len(found) == 36
    assert [node.rows[0].title for node in few.nodes] == ["input", "0", "1", "2 … 7", "8", "output"]


# -- what fails -------------------------------------------------------------------------------------------------------
class Together(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.same, self.less = nn.Conv2d(8, 16, 3, padding=1), nn.Conv2d(8, 16, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([torch.relu(self.same(x)), self.less(x)], 1)


class Wrong(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(8, 16, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x).nothing  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("module", "size", "red", "reason"),
    [
        (BasicBlock(64, 128, 2), (64, 56, 56), {"1×128×28×28", "1×64×56×56", "+"}, "projection"),
        (Together(), (8, 20, 20), {"1×16×20×20", "1×16×18×18", "cat"}, "dimension"),
        (nn.Sequential(nn.Flatten(), nn.Linear(10, 2)), (3, 8, 8), {"1×192", "linear"}, "nn.Linear(192, 2)"),
        (Wrong(), (8, 20, 20), {"1×16×18×18", "stopped here"}, "nothing"),
    ],
)
def test_what_does_not_fit_is_red_with_both_shapes_and_the_reason(
    module: nn.Module, size: tuple[int, ...], red: set[str], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = watch(monkeypatch)
    still = drawing.block(module, size)
    is_picture(still, kind="png")
    texts = [one for one in seen[-1].get_children() if hasattr(one, "get_text") and one.get_text()]
    found = {one.get_text() for one in texts if to_hex(one.get_color()).upper() == RED}
    assert red <= found
    assert reason in " ".join(one for one in found) and reason in still.alt
    assert "output" not in {one.get_text() for one in texts}
    assert faults(seen[-1]) == []


def test_what_ran_well_inside_a_model_that_fails_is_drawn_without_red() -> None:
    model = nn.Sequential(BasicBlock(8, 8), nn.Flatten(), nn.Linear(10, 2))
    assert "Failed" not in repr(drawing.block(model, (8, 6, 6), path="0"))
    assert "Failed" in repr(drawing.block(model, (8, 6, 6)))
    with pytest.raises(TraceError, match="did not run"):
        drawing.block(nn.Sequential(nn.Linear(1, 1), BasicBlock(8, 8)), (8, 6, 6), path="1")


def test_bad_input_is_answered_in_a_sentence() -> None:
    found = trace("resnet18")
    with pytest.raises(CourseError, match="'ops', 'compact', 'modules'"):
        drawing.block(found, detail="all")  # type: ignore[arg-type]
    with pytest.raises(CourseError, match="a trace has its own"):
        drawing.block(found, (3, 224, 224))
    with pytest.raises(TraceError, match=r"no module 'layer5'\. Did you mean 'layer"):
        drawing.block(found, path="layer5")
    with pytest.raises(TraceError, match="was given int"):
        drawing.block(3)  # type: ignore[arg-type]


class Adds(nn.Module):
    """A forward that does much by itself, with one module in it, once or between the additions."""

    def __init__(self, times: int, *, between: bool = False) -> None:
        super().__init__()
        self.times, self.between, self.first = times, between, nn.Linear(2, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(x)
        for _ in range(self.times):
            x = self.first(x + 1) if self.between else x + 1
        return x


def test_a_loop_that_a_forward_unrolls_is_one_box() -> None:
    run = trace(Adds(1100), (1, 2))
    graph = build_graph(run, modules=True, most=10)
    assert [node.rows[0].title for node in graph.nodes] == ["input", "linear", "1,100 ops", "output"]
    assert [op for node in graph.nodes for op in node.ops] == list(run.ops)
    assert [(edge.source, edge.target) for edge in graph.edges] == [(0, 1), (1, 2), (2, 3)]
    assert "1,101 ops" in drawing.block(run).alt
    assert len(build_graph(trace(Adds(50), (1, 2)), modules=True, most=10).nodes) == 53  # these fit a page


def test_a_picture_that_would_be_a_wall_is_refused_before_it_is_laid_out(monkeypatch: pytest.MonkeyPatch) -> None:
    wall = trace(Adds(550, between=True), (1, 2))
    for detail in ("auto", "ops"):
        with pytest.raises(CourseError, match=r"Adds has more than 1,000 boxes.* path='first'"):
            drawing.block(wall, detail=detail)
    assert drawing.block(wall, path="first").data
    monkeypatch.setattr("course_lib.drawing.graph.render._TALLEST", 100.0)
    with pytest.raises(CourseError, match="pixels, more than can be drawn"):
        drawing.block(trace(Adds(9), (1, 2)))


def test_the_same_model_gives_the_same_picture_and_stays_as_it_was() -> None:
    module = BasicBlock(8, 8).train()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    one, other = drawing.block(module, (8, 6, 6)), drawing.block(module, (8, 6, 6))
    assert (one.data, one.alt) == (other.data, other.alt)
    assert module.training and all(torch.equal(before[name], value) for name, value in module.state_dict().items())


def test_odd_modules_are_drawn_too() -> None:
    class Two(nn.Module):
        def forward(self, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return x * y, y + 1

    drawn, layout, _ = plan(trace(Two(), [(3, 4, 4), (3, 4, 4)]))
    assert [node.rows[0].title for node in drawn.nodes] == ["input 1", "input 2", "×", "+ 1", "output", "output"]
    assert len(layout.wires) == len(drawn.edges) == 5
    assert "goes through as it is" in repr(drawing.block(nn.Identity(), (3, 4, 4)))
    block = _DenseBlock(2, 8, 2, 4, 0.0)
    dense = fused(build_graph(trace(block, (8, 6, 6))))
    assert sum(len(node.ops) for node in dense.nodes) == 15


def test_the_shape_at_the_head_of_a_new_column_has_room() -> None:
    nodes = tuple(Node(key, "ops", (Row("conv", "", "", "", 1, "weight"),)) for key in range(4))
    found = Graph(nodes, tuple(Edge(key, key + 1, ((1, 64, 56, 56),)) for key in range(3)))
    _, layout = laid(found, dict.fromkeys(range(4), (20.0, 100.0)), 4)
    assert len({place.middle for place in layout.places}) == 4  # each in a column of its own
    assert max(wire.label[0] + 66 for wire in layout.wires if wire.label is not None) <= layout.width
