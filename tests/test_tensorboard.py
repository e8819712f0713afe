"""TensorBoard's graph: the trace as oracle, a model left as it was, silence, and no server that stays behind."""

from __future__ import annotations

import importlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
import torch
from matplotlib.figure import Figure
from nbclient import NotebookClient
from torch import Tensor, nn
from torchvision.models import get_model

from course_lib.drawing.tensorboard import graph_view
from course_lib.drawing.tensorboard.event_files import Node, read_graph, write_graph
from course_lib.drawing.tensorboard.graph_view import draw_graph, show_graph
from course_lib.errors import CourseError
from course_lib.tracing import TraceError, trace

from . import stills as checks

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def nothing_out_of_place(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    seen: list[Figure] = checks.watch(monkeypatch)
    yield
    assert [fault for figure in seen for fault in checks.faults(figure)] == []


class Small(nn.Module):
    """A shortcut, a list of tensors, a functional op, a module that runs twice, and dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU())
        self.body = nn.Conv2d(4, 4, 1)
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = self.body(x) + x
        x = torch.cat([self.body(x), x], 1)
        return self.head(self.drop(x.mean((2, 3))))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("graph")
    write_graph(Small(), (3, 8, 8), folder)
    return folder


@pytest.fixture(scope="module")
def light(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("light")
    write_graph(get_model("shufflenet_v2_x0_5", weights=None), (3, 64, 64), folder)
    return folder


# -- written and read -------------------------------------------------------------------------------------------------
def test_the_graph_has_the_ops_that_a_trace_has(small: Path) -> None:
    ops = Counter(node.op.removeprefix("aten::").strip("_") for node in read_graph(small) if "aten" in node.op)
    model = Small().eval()
    traced = Counter(op.plain for op in trace(model, (3, 8, 8)).ops)
    names = {"conv2d": "convolution"}
    assert ops == Counter({names.get(name, name): count for name, count in traced.items()})


def test_shapes_and_modules_are_those_of_the_trace(light: Path) -> None:
    nodes = [node for node in read_graph(light) if node.op == "aten::_convolution"]
    convs = [op for op in trace("shufflenet_v2_x0_5", (3, 64, 64)).ops if op.plain == "conv2d"]
    assert [node.shape for node in nodes] == [tuple(op.output) for op in convs]
    assert [node.path for node in nodes] == [op.path for op in convs] and len(convs) > 50


def test_every_input_of_an_op_is_a_node_of_the_file(small: Path) -> None:
    nodes = read_graph(small)
    names = {node.name for node in nodes}
    assert len(names) == len(nodes)
    assert [node.op for node in nodes[:2]] == ["IO Node", "IO Node"] and nodes[1].inputs[0] in names
    ops = [node for node in nodes if node.op.startswith("aten::")]
    assert all(set(node.inputs) & names for node in ops)


def test_the_file_is_one_that_tensorboard_finds_and_the_newest_counts(tmp_path: Path) -> None:
    first = write_graph(nn.Linear(4, 2), (1, 4), tmp_path / "runs")
    second = write_graph(nn.Sequential(nn.Linear(4, 3), nn.ReLU()), (1, 4), tmp_path / "runs")
    assert first != second and first.parent == second.parent == tmp_path / "runs"
    assert re.fullmatch(r"events\.out\.tfevents\.\d+\..*", second.name)
    assert "aten::relu" in {node.op for node in read_graph(tmp_path / "runs")}
    assert "aten::relu" not in {node.op for node in read_graph(first)}


def test_several_inputs_and_sizes_with_a_batch(tmp_path: Path) -> None:
    class Two(nn.Module):
        def forward(self, a: Tensor, b: Tensor) -> Tensor:
            return a * b.sum((1, 3))

    write_graph(Two(), [(2, 7), (2, 3, 7, 5)], tmp_path)
    ends = [node.shape for node in read_graph(tmp_path) if node.op == "IO Node"]
    assert sorted(ends) == [(2, 3, 7, 5), (2, 7), (2, 7)]
    checks.is_picture(show_graph(tmp_path))


# -- the model is left as it was --------------------------------------------------------------------------------------
def test_nothing_of_the_model_changes(tmp_path: Path) -> None:
    model = Small().train()
    model.stem[1].eval()
    calls: list[str] = []
    model.register_forward_hook(lambda *_: calls.append("hook"))
    model.body.register_forward_pre_hook(lambda *_: calls.append("pre"))
    model.head.weight.requires_grad_(False)
    model.head.weight.grad = torch.ones_like(model.head.weight)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    modes = {name: module.training for name, module in model.named_modules()}
    hooks = {name: (dict(m._forward_hooks), dict(m._forward_pre_hooks)) for name, m in model.named_modules()}
    random = torch.get_rng_state()
    write_graph(model, (3, 8, 8), tmp_path)
    assert calls == [] and torch.equal(torch.get_rng_state(), random)
    assert {name: module.training for name, module in model.named_modules()} == modes
    assert {name: (dict(m._forward_hooks), dict(m._forward_pre_hooks)) for name, m in model.named_modules()} == hooks
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not model.head.weight.requires_grad and model.body.weight.requires_grad and model.body.weight.grad is None
    model(torch.zeros(1, 3, 8, 8))
    assert calls == ["pre", "pre", "hook"]


def test_also_after_a_trace_that_fails(tmp_path: Path) -> None:
    model = Small().train()
    with pytest.raises(CourseError, match=r"graph of Small could not be written for an input of 1×4×8×8: .*channels"):
        write_graph(model, (4, 8, 8), tmp_path)
    assert all(module.training for module in model.modules())
    with pytest.raises(CourseError, match="holds no graph"):
        read_graph(tmp_path)


def test_a_transformers_fast_path_is_traced_too(tmp_path: Path) -> None:
    """Without gradients PyTorch takes one fused op for the attention, and with them another way.

    Which way it takes hangs on settings of the whole process, so this runs in one of its own.
    """
    lines = (
        "import sys\n"
        "from torchvision.models import VisionTransformer\n"
        "from course_lib.drawing import read_graph, show_graph, write_graph\n"
        "write_graph(VisionTransformer(32, 16, 1, 2, 8, 8), (3, 32, 32), sys.argv[1])\n"
        "print(any('multi_head_attention' in node.op for node in read_graph(sys.argv[1])))\n"
        "print(repr(show_graph(sys.argv[1], path='encoder.layers.encoder_layer_0')))\n"
    )
    done = subprocess.run([sys.executable, "-c", lines, tmp_path], capture_output=True, text=True, cwd=ROOT, check=True)
    fused, alt = done.stdout.splitlines()
    assert fused == "True" and alt.startswith("encoder.layers.encoder_layer_0 of VisionTransformer, an EncoderBlock")


# -- bad input --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("model", "size", "says"),
    [
        ("vgg11_bn", (3, 32, 32), "expects a model, a torch.nn.Module; it was given str"),
        (nn.Linear(2, 2, device="meta"), (1, 2), "meta device"),
        (nn.Linear(2, 2), (1, 3), "graph of Linear could not be written for an input of 1×3"),
        (nn.Linear(2, 2), "big", "isn't a size"),
    ],
)
def test_what_cannot_be_written_gets_a_sentence(model: Any, size: Any, says: str, tmp_path: Path) -> None:
    with pytest.raises((CourseError, TraceError), match=says) as caught:
        write_graph(model, size, tmp_path)
    assert "\n" not in str(caught.value)


def test_what_cannot_be_read_gets_a_sentence(small: Path, tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="no such folder: write one there first"):
        read_graph(tmp_path / "runs")
    (tmp_path / "events.out.tfevents.1.empty").write_bytes(b"")
    (tmp_path / "events.out.tfevents.2.torn").write_bytes(b"no event file at all")
    with pytest.raises(CourseError, match=r"holds no graph \(2 event files\)"):
        read_graph(tmp_path)
    [file] = small.iterdir()
    shutil.copy(file, tmp_path / "events.out.tfevents.0.whole")
    assert read_graph(tmp_path) == read_graph(small)
    with pytest.raises(CourseError, match=r"no module 'steam'. Did you mean 'stem'"):
        show_graph(small, path="steam")


def test_without_tensorboard_there_is_a_sentence(small: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "tensorboard"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "torch.utils.tensorboard", raising=False)
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    for action in (lambda: read_graph(small), lambda: write_graph(Small(), (3, 8, 8), tmp_path)):
        with pytest.raises(CourseError, match=r"TensorBoard is not installed here: run `pip install tensorboard`"):
            action()


# -- the picture ------------------------------------------------------------------------------------------------------
def test_the_picture_is_drawn_from_the_file(small: Path) -> None:
    shown = show_graph(small)
    checks.is_picture(shown, kind="png")
    assert shown.alt.startswith("Small: 10 ops here") and "1×3×8×8 → 1×5" in shown.alt
    for word in ("Sequential", "Conv2d", "+", "cat", "mean", "Dropout", "Linear"):
        assert word in shown.alt
    assert show_graph(small, title="mine").alt.startswith("mine: ")
    inside = show_graph(small, path="stem")
    assert "stem of Small, a Sequential: 3 ops here" in inside.alt and "→ 1×4×8×8" in inside.alt


def test_a_module_is_drawn_with_what_comes_from_outside(light: Path) -> None:
    nodes = read_graph(light)
    paths = {node.path for node in nodes}
    for path in ("stage2.0", "stage2.1", "stage3", "conv1"):
        assert any(one == path or one.startswith(f"{path}.") for one in paths)
        shown = draw_graph(nodes, path)
        checks.is_picture(shown)
        convs = sum(node.op == "aten::_convolution" for node in nodes if f"{node.path}.".startswith(f"{path}."))
        assert convs and f"{path} of ShuffleNetV2" in shown.alt
    checks.is_picture(draw_graph(nodes))


def test_too_many_parts_are_refused_with_a_way_on() -> None:
    nodes = [
        Node(f"Net/Linear[f{k}]/{k}", "aten::linear", (f"Net/Linear[f{k - 1}]/{k - 1}",), (1, 2)) for k in range(99)
    ]
    with pytest.raises(CourseError, match="99 parts, too many for a picture: give the path"):
        draw_graph(nodes)


# -- live -------------------------------------------------------------------------------------------------------------
def test_outside_a_notebook_no_server_is_started(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not graph_view.somebody_is_there()
    with monkeypatch.context() as patch:
        patch.setattr(graph_view, "open_tensorboard", lambda folder: pytest.fail("a server was started"))
        checks.is_picture(show_graph(small, live=True))
    with pytest.raises(CourseError, match="run `tensorboard --logdir"):
        graph_view.open_tensorboard(small)


def test_a_notebook_that_a_program_runs_gets_the_picture_no_server_and_no_word(tmp_path: Path) -> None:
    """A fresh kernel: warnings, TensorBoard's own lines and those of TensorFlow would be outputs of the cell."""
    source = (
        "import sys\n"
        "from torchvision.models import VisionTransformer\n"
        "from course_lib.drawing.tensorboard import graph_view\n"
        "from course_lib.drawing import show_graph, write_graph\n"
        "graph_view.open_tensorboard = None\n"
        "assert get_ipython().kernel and not graph_view.somebody_is_there()\n"
        "folder = write_graph(VisionTransformer(32, 16, 1, 2, 8, 8), (3, 32, 32), 'runs').parent\n"
        "assert 'tensorflow' not in sys.modules\n"
        "show_graph(folder, live=True)"
    )
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    client = NotebookClient(book, timeout=240, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}})
    client.execute(env=os.environ | {"PYTHONPATH": str(ROOT)})
    [output] = book.cells[0].outputs
    assert output.output_type == "execute_result" and set(output.data) == {"image/png", "text/plain"}


class _Kernel:
    _allow_stdin = True


def test_where_somebody_sits_tensorboards_own_integration_is_asked_and_the_server_ended(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a stand-in for the server: TensorBoard's manager is told of a process that really runs."""
    manager, notebook = (importlib.import_module(f"tensorboard.{name}") for name in ("manager", "notebook"))
    shell = type("Shell", (), {"kernel": _Kernel()})()
    monkeypatch.setitem(sys.modules, "IPython", type("IPython", (), {"get_ipython": staticmethod(lambda: shell)}))
    monkeypatch.delenv("TENSORBOARD_BINARY", raising=False)
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/ann/")
    server = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    running: list[Any] = []
    asked: list[Any] = []

    def start(arguments: str) -> None:
        asked.append((arguments, os.environ.get("TENSORBOARD_PROXY_URL")))
        running.append(type("Info", (), {"pid": server.pid}))

    monkeypatch.setattr(notebook, "start", start)
    monkeypatch.setattr(manager, "get_all", lambda: list(running))
    try:
        checks.is_picture(show_graph(small, live=True))
        assert asked == [(f"--logdir {shlex.quote(str(small))}", "/user/ann/proxy/%PORT%/")]
        assert "TENSORBOARD_PROXY_URL" not in os.environ and "TENSORBOARD_BINARY" not in os.environ
        assert server.poll() is None
        assert graph_view.stop_tensorboard() == 1
        assert server.wait(timeout=10) != 0
        assert graph_view.stop_tensorboard() == 0
    finally:
        server.kill()
        server.wait()
    _Kernel._allow_stdin = False
    try:
        assert not graph_view.somebody_is_there()
    finally:
        _Kernel._allow_stdin = True
