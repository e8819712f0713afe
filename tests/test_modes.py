"""train() and eval() on a copy: torch itself says what each run must answer, and the model stays as it was."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn
from torchvision.models import get_model

from course_lib.errors import CourseError
from course_lib.measuring.modes import repeat, saved_for_backward


def net(*, dropout: float = 0.0, norm: bool = True) -> nn.Sequential:
    torch.manual_seed(3)
    layers = [nn.Conv2d(3, 6, 3), *([nn.BatchNorm2d(6)] if norm else []), nn.ReLU(), nn.AdaptiveAvgPool2d(1)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Dropout(dropout), nn.Linear(6, 4)).eval()


BATCH = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0)) + 1


def everything(model: nn.Module) -> dict[str, object]:
    """All that a model is: tensors, the mode of every module, hooks, gradients."""
    return {
        "tensors": {name: value.clone() for name, value in model.state_dict(keep_vars=False).items()},
        "modes": [module.training for module in model.modules()],
        "hooks": [len(module._forward_hooks) for module in model.modules()],
        "gradients": [parameter.grad for parameter in model.parameters()],
    }


def same(one: dict[str, object], other: dict[str, object]) -> bool:
    a, b = one.pop("tensors"), other.pop("tensors")
    assert isinstance(a, dict) and isinstance(b, dict)
    return one == other and a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_eval_gives_what_torch_gives() -> None:
    model = net(dropout=0.5)
    found = repeat(model, BATCH, mode="eval", runs=3)
    with torch.no_grad():
        truth = model(BATCH)
    assert found.logits.shape == (3, 2, 4) and found.different == 1 and found.drift == (0.0, 0.0, 0.0)
    for logits in (*found.logits, found.before, found.after):
        assert torch.equal(logits, truth)


def test_train_gives_what_torch_gives() -> None:
    model = net()
    found = repeat(model, BATCH, mode="train", runs=4)
    twin = copy.deepcopy(model).train()
    mean, std = twin[1].running_mean.clone(), (twin[1].running_var + twin[1].eps).sqrt()
    with torch.no_grad():
        for run in range(4):
            assert torch.equal(found.logits[run], twin(BATCH))
            moved = float(((twin[1].running_mean - mean).abs() / std).mean())
            assert found.drift[run] == pytest.approx(moved, abs=1e-6) and moved > 0
        assert torch.equal(found.after, twin.eval()(BATCH)) and torch.equal(found.before, model(BATCH))
    assert list(found.drift) == sorted(found.drift)
    assert not torch.equal(found.before, found.after)


def test_dropout_draws_a_mask_a_run_and_the_seed_decides_which() -> None:
    model = net(dropout=0.5, norm=False)
    one, again, other = (repeat(model, BATCH, runs=8, seed=seed) for seed in (0, 0, 1))
    assert one.different > 3 and set(one.drift) == {0.0}
    assert torch.equal(one.logits, again.logits) and not torch.equal(one.logits, other.logits)


def test_no_runs_and_wrong_numbers() -> None:
    found = repeat(net(), BATCH, runs=0)
    assert found.logits.shape == (0, 2, 4) and found.different == 0 and torch.equal(found.before, found.after)
    for how, says in [({"runs": -1}, "0 to 1000"), ({"runs": 1001}, "0 to 1000"), ({"mode": "test"}, '"eval" or in')]:
        with pytest.raises(CourseError, match=says):
            repeat(net(), BATCH, **how)  # type: ignore[arg-type]


class Moody(nn.Module):
    """Raises at its second forward in train mode, after it has moved its statistics."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.seen = nn.BatchNorm2d(3), 0

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(x)
        self.seen += 1
        if self.seen > 2:
            raise RuntimeError("enough")
        return x.mean((2, 3))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("what", ["runs in train mode", "runs in eval mode", "a graph", "an error"])
def test_the_model_and_the_chance_stay_as_they_were(what: str, training: bool) -> None:
    model = Moody() if what == "an error" else net(dropout=0.5)
    model.train(training)
    next(iter(model.children())).eval()  # one part in another mode than the rest: that is kept too
    before = everything(model)
    torch.manual_seed(11)
    state = torch.get_rng_state()
    if what == "an error":
        with pytest.raises(RuntimeError, match="enough"):
            repeat(model, BATCH, runs=5)
        assert model.seen == 0
    elif what == "a graph":
        saved_for_backward(model, BATCH)
    else:
        repeat(model, BATCH, mode="train" if "train" in what else "eval", runs=3)
    assert same(before, everything(model))
    assert torch.equal(torch.get_rng_state(), state) and torch.is_grad_enabled()


@pytest.mark.parametrize("name", ["shufflenet_v2_x0_5", "mobilenet_v3_small", "squeezenet1_1"])
def test_real_models_stay_as_they_were(name: str) -> None:
    model = get_model(name, weights=None, num_classes=5).eval()
    before = everything(model)
    found = repeat(model, torch.randn(1, 3, 64, 64), runs=2)
    assert found.logits.shape == (2, 1, 5) and same(before, everything(model))
    assert (max(found.drift) > 0) == any(isinstance(m, nn.BatchNorm2d) for m in model.modules())


def test_an_inception_answers_with_its_main_output() -> None:
    class Two(nn.Module):
        def forward(self, x: Tensor) -> tuple[Tensor, Tensor] | Tensor:
            main = x.mean((2, 3))
            return (main, main * 0) if self.training else main

    assert torch.equal(repeat(Two(), BATCH, runs=1).logits[0], BATCH.mean((2, 3)))


def test_what_a_graph_keeps_by_hand() -> None:
    # A linear layer keeps its input (its weight is its own), a ReLU its output: 2×4 and 2×8 floats of four bytes.
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU())
    assert saved_for_backward(model, torch.randn(2, 4)) == 4 * (2 * 4 + 2 * 8)
    with torch.no_grad():  # also asked from within
        assert saved_for_backward(model, torch.randn(2, 4)) == 4 * (2 * 4 + 2 * 8)
    assert all(parameter.grad is None for parameter in model.parameters())
    small, large = (saved_for_backward(net(), torch.randn(n, 3, 8, 8)) for n in (1, 4))
    assert 3.5 * small < large < 4.5 * small
