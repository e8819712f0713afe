"""A trace's figures: multiply-adds against PyTorch's FlopCounterMode, or arithmetic by hand where that sees nothing;
dtypes and bytes under autocast; sums of tables; and sentences where a figure is missing."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from course_lib import tracing
from course_lib.tracing import arithmetic, multiply_adds


class Calls(nn.Module):
    """A function as a model."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *tensors: Tensor) -> Any:
        return self.function(*tensors)


def pytorchs(model: nn.Module, *batches: Tensor) -> int:
    """PyTorch's own count, in multiply-adds."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(*batches)
    return counter.get_total_flops() // 2


def ours(model: nn.Module, *batches: Tensor) -> int:
    run = tracing.trace(model, list(batches))
    assert run.uncounted == () and run.note == ""
    return run.macs


sides = st.integers(2, 5)


@st.composite
def equations(draw: st.DrawFn) -> tuple[str, tuple[tuple[int, ...], ...]]:
    """An einsum over letters of fixed sizes, each operand with at least two, some with an ellipsis."""
    sizes = {letter: draw(sides) for letter in "abcde"}
    words = draw(st.lists(st.permutations("abcde").flatmap(lambda p: st.integers(1, 3).map(lambda n: "".join(p[:n]))),
                          min_size=2, max_size=4))  # fmt: skip
    dots = draw(st.booleans())
    extra = (draw(sides), draw(sides))
    used = sorted({letter for word in words for letter in word})
    out = draw(st.lists(st.sampled_from(used), unique=True, max_size=3))
    shapes = [tuple(sizes[letter] for letter in word) for word in words]
    if dots:
        words[0], shapes[0] = f"...{words[0]}", (*extra, *shapes[0])
    right = ("..." if dots else "") + "".join(out)
    arrow = f"->{right}" if draw(st.booleans()) else ""
    return ",".join(words) + arrow, tuple(shapes)


@settings(max_examples=60, deadline=None)
@given(equations())
def test_every_einsum(case: tuple[str, tuple[tuple[int, ...], ...]]) -> None:
    equation, shapes = case
    model, batches = Calls(lambda *tensors: torch.einsum(equation, *tensors)), [torch.zeros(shape) for shape in shapes]
    run = tracing.trace(model, batches)
    right = pytorchs(model, *batches)
    assert run.macs == right or right == 0
    reason = arithmetic.reason(run.ops[-1])
    assert reason is not None and reason.shape == run.outputs[0] == tuple(model(*batches).shape)


def test_an_einsum_that_sums_nothing_is_an_outer_product() -> None:
    first, second = torch.zeros(3), torch.zeros(4)
    assert ours(Calls(lambda a, b: torch.einsum("i,j->ij", a, b)), first, second) == 12
    assert ours(Calls(torch.outer), first, second) == 12


class Planner:
    """Stands for opt_einsum: multiplies the last two operands first."""

    def contract_path(self, equation: str, *operands: Any, **how: Any) -> tuple[list[tuple[int, int]], str]:
        return [(count - 2, count - 1) for count in range(len(operands), 1, -1)], ""


def test_an_einsum_in_the_order_that_opt_einsum_plans(monkeypatch: pytest.MonkeyPatch) -> None:
    settings_of_torch: Any = torch.backends.opt_einsum
    monkeypatch.setattr(settings_of_torch.m, "_opt_einsum", Planner())
    monkeypatch.setattr(settings_of_torch.m, "is_available", lambda: True)  # PyTorch remembers that there is none
    monkeypatch.setattr(settings_of_torch.m, "enabled", True)
    batches = [torch.zeros(2, 3), torch.zeros(3, 5), torch.zeros(5, 7)]
    model = Calls(lambda *tensors: torch.einsum("ab,bc,cd->ad", *tensors))
    assert ours(model, *batches) == 3 * 5 * 7 + 2 * 3 * 7 == pytorchs(model, *batches)


@settings(max_examples=40, deadline=None)
@given(sides, sides, sides, sides, st.integers(0, 6), st.integers(0, 2))
def test_linear_algebra(b: int, n: int, k: int, m: int, power: int, dims: int) -> None:
    zeros = torch.zeros
    cases: list[tuple[Callable[..., Any], list[Tensor], int | None]] = [
        (torch.matmul, [zeros(b, n, k), zeros(k, m)], None),
        (torch.baddbmm, [zeros(b, n, m), zeros(b, n, k), zeros(b, k, m)], None),
        (lambda a, c, d: torch.addmm(input=a, mat1=c, mat2=d), [zeros(n, m), zeros(n, k), zeros(k, m)], None),
        (torch.inner, [zeros(b, n, k), zeros(m, k)], None),
        (lambda a, c: torch.tensordot(a, c, dims), [zeros(n, k, m), zeros((*(n, k, m)[3 - dims :], b))], None),
        (lambda a, c: torch.tensordot(a, c, ([2, 0], [-3, 1])), [zeros(n, k, m), zeros(m, n, b)], None),
        (lambda *chain: torch.linalg.multi_dot(chain), [zeros(b), zeros(b, n), zeros(n, k), zeros(k, m)], None),
        (lambda a: torch.linalg.matrix_power(a, power), [zeros(b, n, n)], None),
        (lambda a, c: a.__rmatmul__(c), [zeros(k, m), zeros(n, k)], None),
        (F.scaled_dot_product_attention, [zeros(1, b, n, k), zeros(2, b, m, k), zeros(2, b, m, n)], None),
        # PyTorch's counter sees none of these.
        (torch.addmv, [zeros(n), zeros(n, k), zeros(k)], n * k),
        (torch.mv, [zeros(n, k), zeros(k)], n * k),
        (torch.addbmm, [zeros(n, m), zeros(b, n, k), zeros(b, k, m)], b * n * k * m),
        (torch.addr, [zeros(n, m), zeros(n), zeros(m)], n * m),
        (torch.dot, [zeros(n), zeros(n)], n),
        (torch.linalg.vecdot, [zeros(b, n), zeros(b, n)], b * n),
        (F.bilinear, [zeros(b, n), zeros(b, k), zeros(m, n, k)], b * n * k * m),
    ]
    for function, batches, right in cases:
        model = Calls(function)
        assert ours(model, *batches) == (pytorchs(model, *batches) if right is None else right), function


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from([nn.GRU, nn.RNN, nn.LSTM]), sides, sides, st.integers(1, 3),
    st.booleans(), st.booleans(), st.booleans(), st.booleans(),
)  # fmt: skip
def test_recurrent_layers(
    kind: Any, width: int, hidden: int, layers: int, bias: bool, both: bool, first: bool, projected: bool
) -> None:
    extra = {"proj_size": hidden - 1} if kind is nn.LSTM and projected else {}
    layer = kind(width, hidden, layers, bias=bias, bidirectional=both, batch_first=first, **extra)
    batch = torch.zeros(4, 3, width)
    matrices = sum(weight.numel() for name, weight in layer.named_parameters() if name.startswith("weight"))
    right = pytorchs(layer, batch)
    assert ours(layer, batch) == 12 * matrices and right in (0, 12 * matrices)
    cell = {nn.GRU: nn.GRUCell, nn.RNN: nn.RNNCell, nn.LSTM: nn.LSTMCell}[kind](width, hidden, bias=bias)
    assert ours(cell, batch[0]) == pytorchs(cell, batch[0])


def test_a_packed_sequence_counts_the_steps_that_are_there() -> None:
    class Packs(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.LSTM(3, 4)

        def forward(self, batch: Tensor, lengths: Tensor) -> Tensor:
            packed = nn.utils.rnn.pack_padded_sequence(batch, lengths, enforce_sorted=False)
            return self.layer(packed)[0].data  # type: ignore[no-any-return]

    run = tracing.trace(Packs(), [torch.zeros(5, 2, 3), torch.tensor([5, 2])])
    assert run.macs == (5 + 2) * 4 * 4 * (3 + 4)


def attention_is_counted() -> bool:
    """Whether this PyTorch's FlopCounterMode sees scaled_dot_product_attention on a CPU: older ones do not."""
    query = torch.zeros(1, 1, 2, 4)
    return pytorchs(Calls(nn.functional.scaled_dot_product_attention), query, query, query) > 0


@settings(max_examples=25, deadline=None)
@given(st.booleans(), st.booleans(), st.booleans(), st.booleans(), st.sampled_from([None, 6]), st.booleans())
def test_attention(kv: bool, zero: bool, bias: bool, weights: bool, width: int | None, first: bool) -> None:
    layer = nn.MultiheadAttention(8, 2, bias=bias, add_bias_kv=kv, add_zero_attn=zero, kdim=width, vdim=width,
                                  batch_first=first).train()  # fmt: skip
    query, key = torch.zeros(3, 3, 8), torch.zeros(3, 3, width or 8)
    weights = weights or not attention_is_counted()

    class Attends(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = layer

        def forward(self, query: Tensor, key: Tensor) -> Tensor:
            return self.layer(query, key, key, need_weights=weights)[0]  # type: ignore[no-any-return]

    assert ours(Attends(), query, key) == pytorchs(Attends(), query, key)


def test_a_quantized_layer_counts_as_its_plain_one(monkeypatch: pytest.MonkeyPatch) -> None:
    import torchvision

    plain = tracing.trace("shufflenet_v2_x0_5", (3, 64, 64)).macs
    model = torchvision.models.get_model("quantized_shufflenet_v2_x0_5", weights=None, quantize=True).eval()
    run = tracing.trace(model, (1, 3, 64, 64))
    assert run.macs == plain and "quantized::conv2d" in run.text()


def test_what_is_not_counted_is_said_where_the_sum_stands() -> None:
    model = Calls(lambda batch: torch.linalg.inv(batch) @ batch)
    run = tracing.trace(model, torch.zeros(1, 4, 4))
    assert [op.kind for op in run.uncounted] == ["linalg_inv"] and run.macs == 64
    sentence = "The multiply-adds of 1 operation are not counted (linalg_inv), so the sum is too low."
    assert sentence in run.text().splitlines() and sentence in run.html()
    assert "not counted" in run.ops[0].explain() and [row["macs"] for row in run.rows()] == [None, 64]
    assert "not counted" not in tracing.trace("resnet18").text()


def test_a_field_that_is_lost_is_said_where_it_would_stand() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.PixelShuffle(2), nn.ReLU())
    run = tracing.trace(model, (3, 8, 8))
    assert [(op.field is None, op.field_lost) for op in run] == [(False, None), (True, "1"), (True, "1")]
    assert "is not followed in 2 operations, from 1 (pixel_shuffle) on." in run.text()
    assert "can't be followed here." in run["1"].explain()
    assert "can't be followed after 1." in run["2"].explain()
    sequence = tracing.trace(nn.Conv1d(2, 3, 3), (1, 2, 9))
    assert sequence.ops[0].field is None and "not followed" not in sequence.text()  # there is no picture


POSITIONS = (1, 4, 8, 8)
OF_A_PARAMETER: list[Callable[[Tensor], Any]] = [
    lambda weight: F.interpolate(weight, size=(4, 4), mode="bicubic"),
    lambda weight: F.interpolate(weight, scale_factor=2),
    lambda weight: F.max_pool2d(weight, 2),
    lambda weight: F.adaptive_avg_pool2d(weight, 2),
    lambda weight: F.conv2d(weight, weight),
    lambda weight: F.conv_transpose2d(weight, weight.transpose(0, 1)),
    lambda weight: weight.flatten(2).transpose(1, 2) @ weight.flatten(2),
    lambda weight: torch.cat([weight, weight]),
    lambda weight: torch.cat([weight.new_zeros(0), weight.new_zeros(0)]),
    lambda weight: torch.cat([weight.new_zeros(0), weight[0, 0]], 1),
    lambda weight: F.group_norm(weight, 2),
    lambda weight: F.pad(weight, (1, 1)).mean((2, 3)),
]


@pytest.mark.parametrize("function", OF_A_PARAMETER)
def test_functions_whose_only_tensor_is_a_parameter(function: Callable[[Tensor], Any]) -> None:
    class Embeds(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.positions = nn.Parameter(torch.zeros(POSITIONS))

        def forward(self, batch: Tensor) -> Tensor:
            function(self.positions)
            return batch + 1

    run = tracing.trace(Embeds(), torch.zeros(1, 3, 8, 8))
    assert run.text() and run.html() and run.csv() and [op.explain() for op in run]
    for op in run:
        reason = arithmetic.reason(op)
        assert reason is None or reason.shape == op.output
    assert run.macs == pytorchs(Embeds(), torch.zeros(1, 3, 8, 8))


def test_arguments_that_no_rule_knows_leave_a_gap_and_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    run = tracing.trace("resnet18", (3, 64, 64))
    broken = {"linear": lambda op: 1 // 0}
    monkeypatch.setattr(multiply_adds, "_RULES", {**multiply_adds._RULES, **broken})
    assert [op.name for op in run.uncounted] == ["fc"] and "(linear)" in run.text()


class Mixed(nn.Module):
    """Half of it under autocast."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, batch: Tensor) -> Any:
        with torch.autocast("cpu", torch.bfloat16):
            batch = self.body(batch)
        return batch + 1 if isinstance(batch, Tensor) else batch


@pytest.mark.parametrize(
    ("body", "size"),
    [
        (nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Flatten(),
                       nn.Dropout(), nn.Linear(36, 5), nn.Softmax(-1), nn.LayerNorm(5)), (2, 3, 8, 8)),
        (nn.TransformerEncoderLayer(8, 2).train(), (2, 5, 8)),
    ],
)  # fmt: skip
def test_dtypes_and_bytes_under_autocast(body: nn.Module, size: tuple[int, ...]) -> None:
    """Against a run with real numbers, where PyTorch itself casts."""
    model = Mixed(body)
    run = tracing.trace(model, torch.zeros(size))

    class Needs(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, batch: Tensor) -> Any:
            batch.sum().item()
            return self.model(batch)

    real = tracing.trace(Needs(), torch.zeros(size))
    assert run.note == "" and "ran for real" in real.note
    expected = [(op.kind, op.outputs, op.dtype, op.bytes) for op in real.ops if op.kind != "sum"]
    assert [(op.kind, op.outputs, op.dtype, op.bytes) for op in run.ops] == expected
    assert "bfloat16" in {op.dtype for op in run.ops}


def test_torchsummarys_sums_hold_the_models_own_parameters() -> None:
    class Scales(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.unused = nn.Linear(3, 4), nn.Linear(2, 2)
            self.scale = nn.Parameter(torch.ones(4), requires_grad=False)

        def forward(self, batch: Tensor) -> Tensor:
            return self.layer(batch) * self.scale

    lines = tracing.trace(Scales(), (2, 3)).summary().splitlines()
    for line in ("Total params: 20", "Trainable params: 16", "Non-trainable params: 4",
                 "6 parameters are not used in this forward, and not counted above."):  # fmt: skip
        assert line in lines
    attention = tracing.trace(nn.MultiheadAttention(8, 2), [(5, 2, 8)] * 3)
    assert f"Total params: {attention.parameters:,}" in attention.summary()
    assert prod(attention.outputs[0]) == 80


class Scaled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 4, 3)

    def forward(self, batch: Any, scale: float = 1, word: str = "a", flag: Any = None, pair: Any = ()) -> Any:
        assert word in "ab", word
        batch = batch["picture"] if isinstance(batch, dict) else batch
        return self.layer(batch) * scale + sum(part.sum() for part in pair)


@pytest.mark.parametrize(
    ("size", "shapes"),
    [
        ({"batch": (1, 3, 8, 8), "scale": 5, "word": "b", "flag": None}, ((1, 3, 8, 8),)),
        ([(3, 8, 8), 0.5, "b", None], ((1, 3, 8, 8),)),
        ([{"picture": torch.zeros(2, 3, 8, 8), "name": "cat"}], ((2, 3, 8, 8),)),
        ({"batch": (1, 3, 8, 8), "pair": [(2, 2), torch.zeros(3)]}, ((1, 3, 8, 8), (2, 2), (3,))),
    ],
)
def test_plain_values_and_nests_beside_tensors(size: Any, shapes: Any) -> None:
    run = tracing.trace(Scaled(), size)
    assert run.sizes == shapes and run["layer"].sources == (-1,)


@pytest.mark.parametrize("size", [(), [], {}])
def test_a_module_without_inputs(size: Any) -> None:
    class Alone(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(3, 3))

        def forward(self) -> Tensor:
            return self.weight @ self.weight

    run = tracing.trace(Alone(), size)
    assert run.macs == 27 and run.text().startswith("Alone, no input, ")
    with pytest.raises(tracing.TraceError, match="0 dimensions"):
        tracing.trace(nn.Linear(3, 2), size)


@pytest.mark.parametrize(
    ("model", "size", "read"),
    [
        (nn.Conv1d(1, 2, 3), (1, 1, 10), (1, 1, 10)),
        (nn.LSTM(3, 4, batch_first=True), (2, 5, 3), (2, 5, 3)),
        (nn.TransformerEncoderLayer(8, 2, batch_first=True), (2, 5, 8), (2, 5, 8)),
        (nn.Sequential(nn.Linear(8, 4), nn.ReLU()), (2, 5, 8), (2, 5, 8)),
        (nn.Sequential(nn.Flatten(), nn.Linear(192, 4)), (3, 8, 8), (1, 3, 8, 8)),
        (nn.Sequential(nn.LayerNorm(8), nn.Flatten(), nn.Linear(192, 4)), (3, 8, 8), (1, 3, 8, 8)),
        (nn.Sequential(nn.Conv2d(3, 4, 8), nn.Flatten(), nn.BatchNorm1d(4)).eval(), (3, 8, 8), (1, 3, 8, 8)),
        (Calls(torch.relu), (3, 8, 8), (1, 3, 8, 8)),
        (Calls(torch.relu), torch.zeros(3, 8, 8), (3, 8, 8)),
    ],
)
def test_three_numbers(model: nn.Module, size: Any, read: tuple[int, ...]) -> None:
    assert tracing.trace(model, size).sizes == (read,)


def test_refusals_are_short_and_have_words() -> None:
    class Asserts(nn.Module):
        def forward(self, batch: Tensor) -> Tensor:
            if batch.shape[-1] != 5:
                raise AssertionError
            return batch

    with pytest.raises(tracing.TraceError, match=r"without a message at “raise AssertionError” \(line"):
        tracing.trace(Asserts(), (1, 3, 8, 8))
    for size in (
        object(),
        [(1, 3, 8, 8), {"a": object()}],
        {"batch": [torch.rand(28, 28), object()]},
        list(range(999)),
    ):
        with pytest.raises(tracing.TraceError) as caught:
            tracing.trace(Asserts(), size)
        assert len(str(caught.value)) < 400 and "\n" not in str(caught.value)
    with pytest.raises(tracing.TraceError) as caught:
        tracing.trace(Asserts(), (1, 3, 8, 8), dtypes=torch.rand(28, 28))
    assert len(str(caught.value)) < 300
