"""The exercises of lesson 07, making a network yours. Each solution is what ``.solution()`` shows and the tests run.

Truth comes from torch and torchvision: live networks and ``cross_entropy``. The checks of what trains are in
``probe_checks`` and ``loop_checks``.
"""

from __future__ import annotations

import copy
import math
import random
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models import DenseNet, MobileNetV2, resnet

from course_lib.exercises.checks import random_arguments
from course_lib.exercises.checks.loop_checks import check_train_epoch, check_train_step
from course_lib.exercises.checks.module_checks import scrambled
from course_lib.exercises.checks.probe_checks import check_frozen_features, check_linear_probe
from course_lib.exercises.engine.exercise import exercise
from course_lib.exercises.engine.requirements import Wrong, call, need_function, need_number, need_tensor
from course_lib.exercises.engine.variants import Variants, spelled
from course_lib.networks import vgg


# -- 1: one step ------------------------------------------------------------------------------------------------------
@exercise(
    id="07_train_step",
    title="One step of training",
    minutes=7,
    difficulty="hard",
    hints=[
        "Four things, in this order: clear the old gradients, go forward to the loss, go back, take the step.",
        "nn.functional.cross_entropy(model(batch), labels) takes logits. loss.backward() fills in the gradients.",
        "optimizer.zero_grad(), then the loss, loss.backward(), optimizer.step(), and return loss.item().",
    ],
    praise="Every training loop is these lines with something around them. The lesson's loop now runs yours.",
    check=check_train_step,
)
def train_step(model: nn.Module, batch: Tensor, labels: Tensor, optimizer: torch.optim.Optimizer) -> float:
    """One step of training; the loss before it, as a number."""
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(batch), labels)
    loss.backward()
    optimizer.step()
    return loss.item()


def _trained(step: Callable[..., Any]) -> Callable[..., Any]:
    """After each batch: the loss, whether it is a mere number, the mode, and the weights."""

    def run(net: nn.Module, batches: list[tuple[Tensor, Tensor]], optimizer: Callable[..., Any]) -> list[Any]:
        made, seen = optimizer(net.parameters()), []
        for batch, labels in batches:
            with torch.enable_grad():
                loss = step(net, batch, labels, made)
            weights = {name: weight.detach().clone() for name, weight in net.named_parameters()}
            seen.append([loss, isinstance(loss, float), net.training, weights])
        return seen

    return run


def _training(source: random.Random) -> tuple[Any, ...]:
    return (*random_arguments.training(source), random_arguments.optimizer(source))


train_step.hidden_cases(_training, count=6, tolerance=1e-4, around=_trained)


# -- 2: frozen features -----------------------------------------------------------------------------------------------
@exercise(
    id="07_frozen_features",
    title="Frozen features",
    background="The body of a network is everything before its head. A frozen body doesn't learn, so it computes in "
    "eval mode and without a graph for gradients.",
    minutes=5,
    difficulty="medium",
    hints=[
        "First body.eval(), and then everything under torch.no_grad().",
        "batch.split(32) gives parts of at most 32 pictures; body(part).flatten(1) makes a row for each of them.",
        "torch.cat joins a list of parts into one tensor.",
    ],
    praise="These rows are computed once. Any number of heads can learn from them in a moment.",
    check=check_frozen_features,
    hidden_check=check_frozen_features,
)
def frozen_features(body: nn.Module, batch: Tensor) -> Tensor:
    """(N, features): what a body makes of N pictures in eval mode, without a graph, 32 at a time."""
    body.eval()
    with torch.no_grad():
        return torch.cat([body(part).flatten(1) for part in batch.split(32)])


# -- 3: a head on features --------------------------------------------------------------------------------------------
@exercise(
    id="07_linear_probe",
    title="A head on frozen features",
    background="`train_step(model, batch, labels, optimizer)` takes one step, and returns the loss before it as a "
    "number.",
    minutes=5,
    difficulty="medium",
    hints=[
        "To train_step, a head is a model like any other, and the features are its batch.",
        "head = nn.Linear(features.shape[1], classes), and torch.optim.AdamW(head.parameters(), lr=3e-3).",
        "losses = [train_step(head, features, labels, optimizer) for _ in range(steps)]; then return head, losses.",
    ],
    praise="This is called a linear probe: it asks what a body knows without changing the body.",
    check=check_linear_probe,
    hidden_check=check_linear_probe,
)
def linear_probe(features: Tensor, labels: Tensor, classes: int, steps: int) -> tuple[nn.Linear, list[float]]:
    """A linear layer trained on all features (N, features) in every step, and its loss at each step."""
    head = nn.Linear(features.shape[1], classes)
    optimizer = torch.optim.AdamW(head.parameters(), lr=3e-3)
    return head, [train_step(head, features, labels, optimizer) for _ in range(steps)]


# -- 4: one epoch -----------------------------------------------------------------------------------------------------
@exercise(
    id="07_train_epoch",
    title="One epoch",
    background="`train_step(model, batch, labels, optimizer)` takes one step, and returns the batch's mean loss as a "
    "number. `schedule` is one of PyTorch's learning rate schedulers: its `step()` moves the rate on.",
    minutes=8,
    difficulty="hard",
    hints=[
        "The mode is the loop's business: model.train() comes before the first batch.",
        "for batch, labels in batches: call train_step, and then schedule.step().",
        "Batches differ in size, so add up loss * len(labels), and divide by the number of pictures at the end.",
    ],
    praise="A training is this, as many times as you have patience for. The networks below are trained by your loop.",
    check=check_train_epoch,
    hidden_check=check_train_epoch,
)
def train_epoch(
    model: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
) -> float:
    """Train on every batch once; the mean loss of all pictures."""
    model.train()
    total, pictures = 0.0, 0
    for batch, labels in batches:
        total += train_step(model, batch, labels, optimizer) * len(labels)
        pictures += len(labels)
        schedule.step()
    return total / pictures


# -- 5: confusion -----------------------------------------------------------------------------------------------------
@exercise(
    id="07_count_confusions",
    title="The confusion matrix",
    minutes=4,
    difficulty="medium",
    hints=[
        "Begin with torch.zeros(classes, classes, dtype=torch.int64).",
        "For every pair of truth and answer one cell goes up by one: counts[right, said] += 1.",
    ],
    praise="The diagonal counts the right answers; its share of the whole is the accuracy.",
)
def count_confusions(truth: Sequence[int], predicted: Sequence[int], classes: int) -> Tensor:
    """Row: the true class, column: what the network said, cell: how often."""
    counts = torch.zeros(classes, classes, dtype=torch.int64)
    for right, said in zip(truth, predicted, strict=True):
        counts[right, said] += 1
    return counts


@count_confusions.checker
def _(answer: Any) -> None:
    need_function(answer)
    for truth, predicted, classes in (
        ([0, 0, 1, 1, 1, 0, 0], [0, 1, 1, 1, 0, 0, 1], 2),
        ([2, 0, 1, 0, 2, 2], [0, 0, 1, 2, 0, 1], 4),  # the last class never occurs
        ([1], [0], 2),
    ):
        case = f"the truth {truth}, the answers {predicted} and {classes} classes"
        value = call(answer, list(truth), list(predicted), classes, case=case)
        value = need_tensor(value, (classes, classes), case=case, dtype=None)
        pairs = list(zip(truth, predicted, strict=True))
        right = [[pairs.count((row, column)) for column in range(classes)] for row in range(classes)]
        counts = value.tolist()
        if counts == right and value.dtype == torch.int64:
            continue
        if counts == right:
            raise Wrong(f"The counts are right; as whole numbers they should be torch.int64, not {value.dtype}.")
        if counts == torch.tensor(right).T.tolist():
            raise Wrong("Rows and columns are swapped: a row is a true class, a column is what the network said.")
        if counts == [[min(cell, 1) for cell in row] for row in right]:
            raise Wrong("Each pair is counted only once, however often it occurs: use += 1 instead of = 1.")
        raise Wrong(f"On {case} the counts should be {right}, but they are {counts}.")


def _truth_and_predictions(source: random.Random) -> tuple[list[int], list[int], int]:
    classes, count = source.randint(2, 8), source.randint(1, 40)
    used = source.randint(1, classes)  # the last ones may never occur
    truth, predicted = ([source.randrange(used) for _ in range(count)] for _ in range(2))
    return truth, predicted, classes


count_confusions.hidden_cases(_truth_and_predictions, tolerance=0)


# -- 6: what a head costs ---------------------------------------------------------------------------------------------
@exercise(
    id="07_head_parameters",
    title="What a head costs",
    background="ResNet18's body gives 512 numbers for each picture, and the head is one `nn.Linear` with a bias.",
    minutes=3,
    difficulty="mild",
    cell_name="numbers",
    hints=[
        "ResNet18's body ends in 512 numbers a picture.",
        "nn.Linear(512, 2): a weight for each pair, and a bias for each class.",
    ],
    praise="That's one in eleven thousand of the network's 11 million numbers, few enough for few pictures.",
    variants=Variants(
        lambda source: {"classes": source.choice((3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19))},
        lambda classes: f"\n{spelled(classes)} classes learns", "nn.Linear(512, {classes})",
        lambda classes: "That's one in eleven thousand" if classes == 2 else "That's a small share",
    ),
)  # fmt: skip
def head_parameters(*, classes: int = 2) -> int:
    """ResNet18's body gives 512 numbers: a weight for each of them and each class, and a bias for each class."""
    return 512 * classes + classes


@head_parameters.checker
def _(answer: Any, classes: int) -> None:
    number = need_number(answer, whole=True)
    with torch.device("meta"):
        net = resnet.resnet18(num_classes=classes)
    right = sum(p.numel() for p in net.fc.parameters())
    if number == right:
        return
    if number == net.fc.weight.numel():
        raise Wrong("Those are the weights; each class has a bias too.")
    if number == sum(p.numel() for p in net.parameters()):
        raise Wrong("That is the whole network; with a frozen body only the new head is learned.")
    for others in (10, 1000):
        if number == net.fc.in_features * others + others:
            named = "two now, ant and bee" if classes == 2 else f"{spelled(classes)} now"
            raise Wrong(f"That is a head for {others} classes: there are {named}.")
    raise Wrong(f"{number:.0f} isn't it: every class has one weight for each of the body's numbers, and a bias.")


# -- 7: a new head ----------------------------------------------------------------------------------------------------
@exercise(
    id="07_new_head",
    title="A new head",
    background="A classifier's head is its last `nn.Linear`. It may be called `fc`, `classifier.6` or "
    "`heads.head`. `model.named_modules()` goes through the layers with their names, and "
    "`model.get_submodule(name)` finds one.",
    minutes=6,
    difficulty="medium",
    hints=[
        "model.named_modules() goes through all layers, with their paths, in order: the head is the last nn.Linear.",
        'path.rpartition(".") cuts "classifier.6" into "classifier" and "6"; model.get_submodule gives the parent.',
        "setattr(parent, name, nn.Linear(last.in_features, num_classes)), and return the model.",
    ],
    praise="ResNet calls it fc, DenseNet classifier, VGG classifier.6. Yours asks the network instead.",
)
def new_head(model: nn.Module, num_classes: int) -> nn.Module:
    """A classifier whose last layer is linear → the same with a new, untrained last layer."""
    path, last = [(path, layer) for path, layer in model.named_modules() if isinstance(layer, nn.Linear)][-1]
    parent, _, name = path.rpartition(".")  # "classifier.6" → "classifier", "6"; "fc" → "", "fc"
    setattr(model.get_submodule(parent), name, nn.Linear(last.in_features, num_classes))
    return model


@lru_cache(maxsize=1)
def _families() -> dict[str, nn.Module]:
    """Small ones of four families, whose heads have four names."""
    return {
        "a small ResNet": scrambled(lambda: resnet.ResNet(resnet.BasicBlock, [1, 0, 0, 0], num_classes=10)),
        "a small DenseNet": scrambled(lambda: DenseNet(4, (1, 1), 8, num_classes=10)),
        "a small MobileNetV2": scrambled(lambda: MobileNetV2(10, 0.25, [[1, 8, 1, 1], [6, 8, 1, 2]])),
        "a small VGG": scrambled(lambda: vgg.build("8 M 8 M", batch_norm=True, num_classes=10, hidden=16)),
    }


@new_head.checker
def _(answer: Any) -> None:
    need_function(answer)
    for (case, family), classes in zip(_families().items(), (2, 5, 2, 3), strict=True):
        before = family.state_dict()
        heads = list(before)[-2:]  # in these four the last two entries
        made = call(answer, copy.deepcopy(family), classes, case=case)
        if not isinstance(made, nn.Module):
            told = "nothing: is the return missing?" if made is None else f"a value of type {type(made).__name__}."
            raise Wrong(f"On {case} your function should return the model, but it returned {told}")
        where = f"{case} and {classes} classes"
        with torch.no_grad():
            value = call(made.eval(), torch.zeros(2, 3, 32, 32), case=where)
        if isinstance(value, Tensor) and tuple(value.shape) == (2, 10):
            raise Wrong(f"On {case} there are still 10 outputs: its head is {heads[0].removesuffix('.weight')}.")
        need_tensor(value, (2, classes), case=where)
        after = made.state_dict()
        if other := sorted(set(before) ^ set(after)):
            raise Wrong(
                f"On {case} the names of the weights have changed: {other[0]} is only in one of the two models."
            )
        if changed := [key for key in before if key not in heads and not torch.equal(before[key], after[key])]:
            raise Wrong(f"On {case} the body should stay as it was, but {changed[0]} was changed.")


def _with_head(model: Any) -> Any:
    """What must be the same of a model with a new head: the body's weights, the head's shapes, the output's."""
    if not isinstance(model, nn.Module):
        return model
    *body, weight, bias = model.state_dict().items()
    with torch.no_grad():
        logits = model.eval()(torch.zeros(2, 3, 32, 32))
    return [dict(body), [(name, tensor.shape, tensor.dtype) for name, tensor in (weight, bias)], tuple(logits.shape)]


def _model_and_classes(source: random.Random) -> tuple[nn.Module, int]:
    return random_arguments.classifier(source), source.randint(2, 12)


new_head.hidden_cases(_model_and_classes, count=8, tolerance=0, result=_with_head)


# -- 8: softmax before cross-entropy ----------------------------------------------------------------------------------
@exercise(
    id="07_smallest_loss",
    title="The smallest loss",
    background="`cross_entropy` takes a softmax itself. Whoever applies `softmax` before it trains on "
    "`logits.softmax(1)`, and the loss then can't come near 0.",
    minutes=4,
    difficulty="medium",
    hints=[
        "The best that a softmax can give is 1 for the right class and 0 for all others.",
        "Make such a row, and give it to nn.functional.cross_entropy as if it were logits.",
    ],
    praise="In closed form it's log(e + n − 1) − 1. If your loss stops there, there's a softmax too many.",
)
def smallest_loss(classes: int) -> float:
    """The smallest loss that cross_entropy(logits.softmax(1), labels) can reach."""
    certain = torch.zeros(classes)
    certain[0] = 1.0  # what a softmax gives at best, where the label is 0
    return float(nn.functional.cross_entropy(certain[None], torch.tensor([0])))


@smallest_loss.checker
def _(answer: Any) -> None:
    need_function(answer)
    for classes in (2, 3, 10, 1000):
        case = f"{classes} classes"
        value, truth = call(answer, classes, case=case), math.log(math.e + classes - 1) - 1
        try:
            number = need_number(value)
        except Wrong as wrong:
            raise Wrong(f"On {case}: {wrong}") from wrong
        if abs(number - truth) < 1e-4:
            continue
        if abs(number) < 1e-4:
            raise Wrong(
                "Only logits can reach zero, because they can grow without end. Probabilities stay between 0 and 1."
            )
        if abs(number - math.log(classes)) < 1e-4:
            raise Wrong(
                f"On {case} {number:.4f} is the loss of pure guessing, when every class gets the same probability."
            )
        raise Wrong(f"On {case} it isn't {number:.4f}: what does cross_entropy make of the logits 1, 0, 0 …?")


smallest_loss.hidden_cases(lambda source: (int(2 ** source.uniform(1, 12)),), tolerance=1e-4)
