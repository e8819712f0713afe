"""A network of any family, and what must hold for every tensor and every number of a forward of it."""

from __future__ import annotations

import random
from collections import defaultdict
from contextlib import ExitStack
from unittest import mock

import pytest
import torch
from torch import Tensor, nn

from course_lib.tracing import inputs
from course_lib.tracing.activations import Activations, activations
from course_lib.tracing.map_layouts import Layouts, map_stages
from course_lib.tracing.one_number import explain


def network(name: str) -> nn.Module:
    """Random weights, made without the families' slow initialisations, and with statistics as after a training."""
    torch.manual_seed(0)
    with ExitStack() as stack:
        for function in [key for key in vars(nn.init) if key.endswith("_") and not key.startswith("_")]:
            stack.enter_context(mock.patch.object(nn.init, function, lambda tensor, *_, **__: tensor))
        model = inputs.build(name, real=True).eval()
    for key, tensor in model.named_parameters():
        spread = tensor[0].numel() ** -0.5 if tensor.dim() > 1 else 0.3
        tensor.data.normal_(1.0 if key.endswith(("norm.weight", "bn.weight")) else 0.0, spread)
    for key, tensor in model.named_buffers():
        if key.endswith("running_mean"):
            tensor.normal_(0.0, 0.3)
        elif key.endswith("running_var"):
            tensor.uniform_(0.5, 2.0)
    return model


def forward(name: str, side: int) -> tuple[nn.Module, Activations]:
    model = network(name)
    return model, activations(model, torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(1)))


def check_forward(run: tuple[nn.Module, Activations]) -> None:
    """Every layer's output is what a hook on the model itself sees."""
    model, seen = run
    outputs: dict[str, list[Tensor]] = defaultdict(list)
    hooks = [
        module.register_forward_hook(lambda _, __, out, path=path: outputs[path].append(out.clone()))
        for path, module in model.named_modules()
        if not any(True for _ in module.children()) and not isinstance(module, nn.MultiheadAttention)
    ]
    with torch.no_grad():
        logits = model(seen.batch)
    for hook in hooks:
        hook.remove()
    # Only a transformer's own forward may take PyTorch's fused attention, which rounds in another order.
    fused = any(isinstance(module, nn.MultiheadAttention) for module in model.modules())
    torch.testing.assert_close(seen.outputs[-1][0], logits.softmax(1), rtol=1e-4 if fused else 0, atol=0)
    alone = [op for op in seen.followed if op.name == op.path and len(outputs.get(op.path, ())) == 1]
    assert len(alone) > 10
    for op in alone:
        tolerance = {"rtol": 1e-3, "atol": 1e-4} if fused else {"rtol": 0, "atol": 0}
        torch.testing.assert_close(seen.outputs[op.index][0], outputs[op.path][0], **tolerance)


def check_numbers(run: tuple[nn.Module, Activations]) -> None:
    """For every kind of op, the arithmetic of a number gives the number that the model computed."""
    _, seen = run
    chosen, by_kind = random.Random(0), defaultdict(list)
    for op in seen.followed:
        by_kind[op.plain].append(op)
    for ops in by_kind.values():
        for op in {ops[0], ops[-1], chosen.choice(ops)}:
            output = chosen.randrange(len(op.outputs))
            tensor = seen.outputs[op.index][output]
            number = explain(seen, op, [chosen.randrange(n) for n in tensor.shape], output=output)
            assert number.computed is not None, op
            assert number.value == float(tensor[number.cell])
            size = max(abs(number.value), number.scale, 1e-6)
            assert abs(number.computed - number.value) <= 1e-5 * size, (op, number)
            if number.terms and op.plain != "softmax":
                assert sum(term.value for term in number.terms) == pytest.approx(number.computed, abs=1e-9 * size)


def check_layouts(run: tuple[nn.Module, Activations]) -> None:
    """A place in channels × rows × columns is a place in the tensor and the other way round; stages hold every op."""
    _, seen = run
    layouts, chosen = Layouts(seen), random.Random(1)
    for op in seen.followed:
        layout, tensor = layouts.output(op), seen.outputs[op.index][0]
        maps = layout.maps(tensor)
        assert tuple(maps.shape) == (layout.channels, layout.rows, layout.columns)
        place = tuple(chosen.randrange(n) for n in maps.shape)
        cell = layout.cell(*place)
        assert tensor[cell] == maps[place]
        assert layout.place(cell) == place or (layout.extra and place[1] == 0)
    stages = map_stages(layouts)
    assert sorted(op.index for stage in stages for op in stage.ops) == [op.index for op in seen.followed]
    assert all(stage.shown in stage.ops for stage in stages) and 2 <= len(stages) <= 7
