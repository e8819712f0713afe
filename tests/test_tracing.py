"""Traces of torchvision's models against a real forward, PyTorch's own meta kernels, and the weights' metadata."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torchvision.models import get_model, get_model_weights, list_models, segmentation

from course_lib import tracing
from course_lib.tracing import arithmetic, inputs

CLASSIFIERS = list_models(module=torchvision.models)
SEGMENTERS = list_models(module=segmentation)
#: One of each kind of architecture, small enough for a real forward.
REAL = ("alexnet", "convnext_tiny", "densenet121", "efficientnet_b0", "googlenet", "inception_v3", "mnasnet0_5",
        "mobilenet_v2", "mobilenet_v3_small", "regnet_y_400mf", "resnet18", "resnext50_32x4d", "shufflenet_v2_x0_5",
        "squeezenet1_1", "swin_t", "vgg11_bn", "vit_b_32", "lraspp_mobilenet_v3_large",
        "deeplabv3_mobilenet_v3_large")  # fmt: skip
SIZES = {"inception_v3": 299, "vit_b_32": 224, "vgg11_bn": 64, "alexnet": 96}
#: Those that run otherwise in train mode: auxiliary heads, stochastic depth, batch statistics.
TRAINED = ("efficientnet_b0", "googlenet", "mobilenet_v3_small", "resnet18", "deeplabv3_mobilenet_v3_large")
#: Asked about a tensor, these compute nothing.
ASKING = {"__get__", "size", "dim", "numel", "_assert", "is_floating_point"}


class Oracle(TorchFunctionMode):
    """Every function that ran and the shapes it gave; PyTorch computes everything."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[tuple[str, tuple[tuple[int, ...], ...]]] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.__name__
        counts = name == "add_" and args[0].dtype == torch.int64  # BatchNorm's num_batches_tracked
        result = func(*args, **(kwargs or {}))
        if name == "__setitem__":
            self.rows.append((name, (tuple(args[0].shape),)))
        elif name not in ASKING and not counts:
            several = result if isinstance(result, tuple | list) else (result,)
            self.rows.append((name, tuple(tuple(one.shape) for one in several if isinstance(one, Tensor))))
        return result


def light(name: str, **settings: Any) -> nn.Module:
    """A model without initialisation of its weights, which takes most of the time."""
    extra: dict[str, Any] = {"weights_backbone": None} if name in SEGMENTERS else {}
    if name in ("googlenet", "inception_v3") or name.startswith("vgg"):
        extra["init_weights"] = False
    with pytest.MonkeyPatch.context() as patch:
        for rule in ("kaiming_normal_", "kaiming_uniform_", "trunc_normal_", "normal_", "xavier_uniform_"):
            patch.setattr(nn.init, rule, lambda tensor, *_, **__: tensor)
        return get_model(name, weights=None, **extra, **settings)


def crop(entry: Any) -> int:
    sizes = getattr(entry.transforms(), "crop_size", None)
    return int(sizes[0]) if sizes else 520  # the segmentation entries were measured at 520


@pytest.mark.parametrize(("name", "mode"), [(name, "eval") for name in REAL] + [(name, "train") for name in TRAINED])
def test_every_op_of_a_real_forward_in_order_with_its_shape(name: str, mode: str) -> None:
    side = SIZES.get(name, 64)
    model = light(name).train(mode == "train")
    batch = torch.rand(2, 3, side, side)
    found = tracing.trace(model, tuple(batch.shape))
    with torch.no_grad(), Oracle() as oracle:
        output = model(batch)
    assert [op.outputs for op in found] == [shapes for _, shapes in oracle.rows]
    assert [op.kind for op in found] == [name.strip("_") if name.startswith("__") else name for name, _ in oracle.rows]
    tensors = output.values() if isinstance(output, dict) else output if isinstance(output, tuple) else [output]
    assert found.outputs == tuple(tuple(one.shape) for one in tensors)
    assert found.note == "" and found.mode == mode


@pytest.mark.parametrize("name", sorted({*CLASSIFIERS, *SEGMENTERS}))
def test_parameters_and_multiply_adds_of_the_whole_registry(name: str) -> None:
    entries = list(get_model_weights(name))
    assert entries
    done: dict[int, tracing.Trace] = {}
    for entry in entries:
        side = crop(entry)
        if side not in done:
            resized = name.startswith("vit") and side != 224  # these weights change the position embeddings
            model: Any = name
            if resized:
                with torch.device("meta"):
                    model = get_model(name, image_size=side).eval()
            done[side] = tracing.trace(model, (3, side, side))
        found = done[side]
        assert found.parameters == entry.meta["num_params"]
        assert f"{found.gmacs:.3f}" == f"{entry.meta['_ops']:.3f}"
    for depth in (1, 3):
        groups = found.by_module(depth)
        assert sum(len(group.ops) for group in groups) == len(found)
        for figure in ("parameters", "trainable", "macs", "bytes"):
            assert sum(getattr(group, figure) for group in groups) == getattr(found, figure)
    ruled = [(op, reason) for op in found if (reason := arithmetic.reason(op)) is not None]
    assert len(ruled) > 0.95 * len(found)
    for op, reason in ruled:  # the formula's own arithmetic gives what was recorded
        assert reason.shape == op.output, (op.name, reason)


@pytest.mark.parametrize(
    "name", ["maxvit_t", "swin_v2_t", "efficientnet_v2_s", "regnet_x_400mf", "vit_b_16", "fcn_resnet50"]
)
def test_shapes_that_we_answer_are_those_of_pytorchs_meta_kernels(name: str) -> None:
    side = 224
    found = tracing.trace(name, (2, 3, side, side))
    model = inputs.build(name).eval().to("meta")
    with torch.no_grad(), torch.device("meta"), Oracle() as oracle:
        model(torch.empty(2, 3, side, side))
    rows = oracle.rows[1:]  # without the batch itself
    assert [op.outputs for op in found] == [shapes for _, shapes in rows]


@pytest.mark.parametrize("size", [(3, 387, 1024), (5, 3, 97, 131), (3, 33, 500)])
def test_any_size(size: tuple[int, ...]) -> None:
    found = tracing.trace("squeezenet1_1", size)
    model = light("squeezenet1_1").eval()
    batch = torch.rand(size if len(size) == 4 else (1, *size))
    with torch.no_grad(), Oracle() as oracle:
        model(batch)
    assert [op.outputs for op in found] == [shapes for _, shapes in oracle.rows]


def test_names_are_those_of_torchvisions_feature_extraction() -> None:
    from torchvision.models.feature_extraction import get_graph_node_names

    for name in ("resnet18", "resnet50", "vgg11_bn", "squeezenet1_1", "densenet121"):
        _, nodes = get_graph_node_names(light(name).eval(), suppress_diff_warning=True)
        assert [op.name for op in tracing.trace(name)] == nodes[1:]


def test_who_feeds_whom() -> None:
    found = tracing.trace("resnet18")
    add = found["layer2.0.add"]
    assert [op.name for op in found.fed_by(add)] == ["layer2.0.bn2", "layer2.0.downsample.1"]
    end = found["layer1.1.relu_1"]
    assert [op.name for op in found if end.index in op.sources] == ["layer2.0.conv1", "layer2.0.downsample.0"]
    assert found["conv1"].sources == (-1,)
    # One leap for each block: eight shortcuts end in an add, three of them begin with a projection of an earlier map.
    ends = [(found[source].name, op.name) for op in found for source in op.sources if 0 <= source < op.index - 1]
    assert ("maxpool", "layer1.0.add") in ends and ("layer1.1.relu_1", "layer2.0.downsample.0") in ends
    assert len(ends) == 5 + 3 + 3


def test_torchsummarys_table_of_the_fully_convolutional_resnet() -> None:
    """The figures of the table that a learner finds on the web for 3×387×1024: 68 rows, sums to two decimals."""
    model = light("resnet18").eval()
    model.avgpool = nn.AvgPool2d(7)
    model.last = nn.Conv2d(512, 1000, 1)

    class Convolutional(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            for name, child in model.named_children():
                if name != "fc":
                    self.add_module(name, child)

        def forward(self, x: Tensor) -> Tensor:
            for child in self.children():
                x = child(x)
            return x

    from course_lib.tracing.trace_tables import summary_rows

    found = tracing.trace(Convolutional(), (3, 387, 1024))
    rows = summary_rows(found.calls)
    assert len(rows) == 68
    assert rows[0] == ("Conv2d-1", (-1, 64, 194, 512), 9408)
    assert rows[9] == ("ReLU-10", (-1, 64, 97, 256), 0) and rows[10] == ("BasicBlock-11", (-1, 64, 97, 256), 0)
    assert rows[23] == ("Conv2d-24", (-1, 128, 49, 128), 8192)
    assert rows[-2:] == [("AvgPool2d-67", (-1, 512, 1, 4), 0), ("Conv2d-68", (-1, 1000, 1, 4), 513000)]
    text = found.summary()
    for line in ("Total params: 11,689,512", "Trainable params: 11,689,512", "Non-trainable params: 0",
                 "Input size (MB): 4.54", "Forward/backward pass size (MB): 501.42", "Params size (MB): 44.59",
                 "Estimated Total Size (MB): 550.55"):  # fmt: skip
        assert line in text.splitlines()


def test_import_course_lib_does_not_import_the_tracer() -> None:
    import subprocess
    import sys

    code = "import sys, course_lib; print('course_lib.tracing' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
