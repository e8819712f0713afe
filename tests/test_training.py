"""The fine-tuning loop: plain PyTorch written out is the oracle, torchvision for what lies under it.

Small nets and small pictures; what the course's ResNet18 reaches on ants and bees is benchmarks/fine_tuning.py.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models import get_model
from torchvision.transforms import functional as V
from torchvision.transforms._presets import ImageClassification

from course_lib.drawing.learning_curves import draw_curves
from course_lib.errors import CourseError
from course_lib.models.classifier import Classifier
from course_lib.models.heads import replace_head
from course_lib.networks.training import Epoch, Training, best_of, fine_tune, fine_tuning
from course_lib.networks.training.training_pictures import TrainingPictures, ValidationPictures, small, varied
from course_lib.pictures.folders import LabelledFolder, open_folder
from course_lib.pictures.images import open_image

from . import stills as checks

SIZE = 32


def write(path: Path, count: int, seed: int) -> LabelledFolder:
    """Dark and bright pictures with noise on them: two classes that a small net can learn."""
    generator = torch.Generator().manual_seed(seed)
    for label, middle in (("bright", 150), ("dark", 105)):
        (path / label).mkdir(parents=True)
        for k in range(count):
            pixels = middle + 40 * torch.randn(40, 52, 3, generator=generator)
            Image.fromarray(pixels.clamp(0, 255).byte().numpy()).save(path / label / f"{k}.png")
    return open_folder(path)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> tuple[LabelledFolder, LabelledFolder]:
    path = tmp_path_factory.mktemp("light")
    return write(path / "train", 12, 0), write(path / "val", 5, 1)


def net(*, dropout: float = 0.0, classes: int = 2) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        body = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(2))
        return nn.Sequential(body, nn.Flatten(), nn.Dropout(dropout), nn.Linear(32, classes)).eval()


def figures(training: Training) -> list[Epoch]:
    return [replace(epoch, seconds=0.0) for epoch in training.history]


def state(model: nn.Module) -> dict[str, Tensor]:
    return copy.deepcopy(model.state_dict())


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return list(a) == list(b) and all(torch.equal(a[name], b[name]) for name in a)


def measured(model: nn.Module, folder: LabelledFolder, size: int = SIZE) -> tuple[float, float]:
    """Loss and accuracy over a folder, picture by picture, with torchvision's functions alone."""
    losses, right = [], 0
    for path, index in folder.pictures:
        with Image.open(path) as picture:
            resized = V.resize(picture.convert("RGB"), [round(size * 256 / 224)], antialias=True)
        x = V.to_tensor(V.center_crop(resized, [size, size]))
        x = V.normalize(x, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
        with torch.no_grad():
            logits = model(x[None])
        losses.append(float(F.cross_entropy(logits, torch.tensor([index]))))
        right += int(logits.argmax()) == index
    return sum(losses) / len(losses), right / len(losses)


# -- what comes out ---------------------------------------------------------------------------------------------------
def test_it_learns_and_its_figures_are_those_of_the_model_it_gives(data: Any) -> None:
    train, val = data
    training = fine_tune(net(), train, val, epochs=8, learning_rate=0.1, batch_size=8, size=SIZE)
    assert training.ended == "finished" and [epoch.number for epoch in training.history] == list(range(1, 9))
    assert training.best.val_accuracy >= 0.9 and training.history[-1].train_loss < training.history[0].train_loss
    assert training.best == best_of(training.history)
    loss, accuracy = measured(training.model, val)
    assert training.best.val_accuracy == pytest.approx(accuracy)
    assert training.best.val_loss == pytest.approx(loss, abs=1e-4)
    assert all(epoch.seconds > 0 for epoch in training.history)
    assert training.seconds >= sum(epoch.seconds for epoch in training.history)
    assert not training.model.training and all(weight.requires_grad for weight in training.model.parameters())


def test_the_classifier_answers_as_the_training_measured(data: Any) -> None:
    train, val = data
    training = fine_tune(net(), train, val, epochs=3, learning_rate=0.1, size=SIZE)
    classifier = training.classifier
    assert isinstance(classifier, Classifier) and classifier.categories == ("bright", "dark")
    found = classifier.predict_folder(val.path)
    assert found.accuracy(val.truth) == pytest.approx(training.best.val_accuracy)
    assert repr(classifier) == "Classifier('fine-tuned Sequential', trained here, 2 classes, on cpu)"


def test_the_same_seed_gives_the_same_figures_another_seed_others_and_nothing_else_changes(data: Any) -> None:
    train, val = data
    model = net(dropout=0.5).train()
    before, random = state(model), torch.random.get_rng_state()
    calls: list[tuple[Epoch, ...]] = []

    def disturb(history: tuple[Epoch, ...]) -> None:
        calls.append(history)
        torch.rand(7)  # what is drawn here must not change what is learnt

    def run(seed: int, **how: Any) -> Training:
        return fine_tune(model, train, val, epochs=3, batch_size=8, size=SIZE, seed=seed, **how)

    first, other = run(5), run(6)
    assert torch.equal(torch.random.get_rng_state(), random)
    again = run(5, on_epoch=disturb)
    assert figures(first) == figures(again) != figures(other)
    assert same(first.model.state_dict(), again.model.state_dict())
    assert same(model.state_dict(), before) and model.training
    assert [len(history) for history in calls] == [1, 2, 3] and calls[-1] == again.history


def test_the_model_and_every_layers_mode_and_the_gpus_random_numbers_stay(
    data: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeded: list[int] = []
    model = net(dropout=0.5).train()
    monkeypatch.setattr(torch.cuda, "manual_seed_all", seeded.append)
    model[0].eval()  # a learner froze the statistics of BatchNorm
    before, modes = state(model), [module.training for module in model.modules()]
    fine_tune(model, *data, epochs=1, size=SIZE)
    assert same(model.state_dict(), before) and [module.training for module in model.modules()] == modes
    assert not seeded


def always_the_same(batches: list[tuple[Tensor, Tensor]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Every epoch is these batches, in this order."""

    class Fixed(TrainingPictures):
        def __len__(self) -> int:
            return len(batches)

        def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
            return iter(batches)

    monkeypatch.setattr(fine_tuning, "TrainingPictures", Fixed)


def test_dropout_follows_the_seed_too(data: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    always_the_same([(torch.randn(8, 3, SIZE, SIZE), torch.arange(8) % 2)], monkeypatch)
    runs = [fine_tune(net(dropout=0.5), *data, epochs=2, size=SIZE, seed=seed) for seed in (1, 1, 2)]
    assert figures(runs[0]) == figures(runs[1]) != figures(runs[2])


def test_the_model_is_that_of_the_best_epoch_and_not_of_the_last(data: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(on_epoch: Any = None) -> Training:
        accuracies = iter([0.5, 0.9, 0.6, 0.8])
        monkeypatch.setattr(fine_tuning, "_measure", lambda *_: (1.0, next(accuracies)))
        return fine_tune(net(), *data, epochs=4, size=SIZE, on_epoch=on_epoch)

    def stop(history: tuple[Epoch, ...]) -> None:
        if len(history) == 2:
            raise KeyboardInterrupt

    whole, until_the_second = run(), run(stop)
    assert whole.best.number == 2 and len(whole.history) == 4
    assert same(whole.model.state_dict(), until_the_second.model.state_dict())


def test_a_step_is_that_of_plain_pytorch(data: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    train, val = data
    batches = [(torch.randn(6, 3, SIZE, SIZE), torch.arange(6) % 2) for _ in range(5)]
    always_the_same(batches, monkeypatch)
    training = fine_tune(net(), train, val, epochs=1, batch_size=6, learning_rate=0.1, size=SIZE)

    model = net().train()
    momentum: dict[str, Tensor] = {}
    mu = 0.9
    for k, (x, y) in enumerate(batches):
        rate = 0.1 * (0.5 + 0.5 * math.cos(math.pi * ((k + 0.5) / 5 - 0.2) / 0.8)) if k else 0.1 * 0.5
        model.zero_grad()
        F.nll_loss(F.log_softmax(model(x), 1), y).backward()
        with torch.no_grad():
            for name, weight in model.named_parameters():
                assert weight.grad is not None
                gradient = weight.grad + 5e-4 * weight
                momentum[name] = gradient.clone() if name not in momentum else mu * momentum[name] + gradient
                weight -= rate * (gradient + mu * momentum[name])  # Nesterov
    for (name, ours), theirs in zip(training.model.state_dict().items(), model.state_dict().values(), strict=True):
        assert torch.allclose(ours.float(), theirs.float(), atol=1e-5), name


# -- head only --------------------------------------------------------------------------------------------------------
def test_a_head_alone_changes_nothing_else_not_even_the_statistics_of_batch_norm(data: Any) -> None:
    train, val = data
    model = net(dropout=0.3)
    training = fine_tune(model, train, val, head_only=True, epochs=2, size=SIZE)
    before, after = state(model), training.model.state_dict()
    changed = [name for name in before if not torch.equal(before[name], after[name])]
    assert changed == ["3.weight", "3.bias"]
    assert all(weight.requires_grad for weight in training.model.parameters())
    everything = fine_tune(model, train, val, epochs=2, size=SIZE).model.state_dict()
    assert not [name for name in before if torch.equal(before[name], everything[name])]


@pytest.mark.parametrize("name, head", [("squeezenet1_1", "classifier.1"), ("mobilenet_v3_small", "classifier.3")])
def test_a_head_is_found_wherever_it_is(name: str, head: str, data: Any) -> None:
    train, val = data
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = replace_head(get_model(name, weights=None, num_classes=10), 2)
    training = fine_tune(model, train, val, head_only=True, epochs=1, size=64)
    after = training.model.state_dict()
    changed = [key for key, value in model.state_dict().items() if not torch.equal(value, after[key])]
    assert changed == [f"{head}.weight", f"{head}.bias"]


def test_what_the_learner_froze_stays_frozen(data: Any) -> None:
    model = net()
    model[0].requires_grad_(False)
    training = fine_tune(model, *data, epochs=1, size=SIZE)
    assert torch.equal(training.model[0][0].weight, model[0][0].weight)
    assert [weight.requires_grad for weight in training.model.parameters()] == [False] * 4 + [True] * 2
    assert not torch.equal(training.model[3].weight, model[3].weight)


def test_a_model_with_helper_heads_learns(data: Any) -> None:
    with torch.random.fork_rng(devices=[]):
        model = get_model("googlenet", weights=None, num_classes=2, aux_logits=True, init_weights=False)
    few = [replace(folder, pictures=folder.pictures[::4]) for folder in data]
    training = fine_tune(model, *few, epochs=1, size=64)
    assert len(training.history) == 1 and math.isfinite(training.best.val_loss)


# -- ending -----------------------------------------------------------------------------------------------------------
def interrupt_in(epoch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stop button is pressed in the middle of an epoch, after its first batch."""

    class Stopped(TrainingPictures):
        begun = 0

        def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
            self.begun += 1
            for batch in super().__iter__():
                yield batch
                if self.begun == epoch:
                    raise KeyboardInterrupt

    monkeypatch.setattr(fine_tuning, "TrainingPictures", Stopped)


def test_an_interrupted_training_is_its_best_epoch_so_far(data: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    train, val = data
    how = {"epochs": 6, "learning_rate": 0.1, "batch_size": 8, "size": SIZE}
    whole, random = fine_tune(net(), train, val, **how), torch.random.get_rng_state()
    interrupt_in(4, monkeypatch)
    training = fine_tune(net(), train, val, **how)
    assert training.ended == "interrupted" and figures(training) == figures(whole)[:3]
    loss, accuracy = measured(training.model, val)
    best = best_of(training.history)
    assert (accuracy, loss) == (pytest.approx(best.val_accuracy), pytest.approx(best.val_loss, abs=1e-4))
    assert not training.model.training and torch.equal(torch.random.get_rng_state(), random)
    assert repr(training).startswith("Training(interrupted after epoch 3; best: epoch ")


def test_interrupted_by_what_is_called_after_an_epoch(data: Any) -> None:
    def stop(history: tuple[Epoch, ...]) -> None:
        if len(history) == 2:
            raise KeyboardInterrupt

    training = fine_tune(net(), *data, epochs=5, size=SIZE, on_epoch=stop)
    assert training.ended == "interrupted" and len(training.history) == 2


def test_interrupted_before_there_is_anything_to_keep(data: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt_in(1, monkeypatch)
    model = net()
    before = state(model)
    with pytest.raises(KeyboardInterrupt):
        fine_tune(model, *data, size=SIZE)
    assert same(before, model.state_dict()) and all(weight.requires_grad for weight in model.parameters())


def test_it_stops_early_when_nothing_gets_better(data: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    accuracies = iter([0.5, 0.7, 0.6, 0.7, 0.65, 0.9, 0.9])
    monkeypatch.setattr(fine_tuning, "_measure", lambda *_: (1.0, next(accuracies)))
    training = fine_tune(net(), *data, epochs=7, patience=3, size=SIZE)
    assert training.ended == "stopped early" and len(training.history) == 5 and training.best.number == 2
    accuracies = iter([0.7, 0.6])
    assert fine_tune(net(), *data, epochs=2, patience=1, size=SIZE).ended == "finished"


def test_the_best_is_the_most_accurate_and_of_several_the_surest() -> None:
    rows = [(0.4, 0.8), (0.6, 0.9), (0.3, 0.9), (0.3, 0.9), (0.1, 0.85)]
    assert best_of([Epoch(k, 0, 0, loss, accuracy, 1) for k, (loss, accuracy) in enumerate(rows, 1)]).number == 3


def test_optimizer_and_model_belong_to_each_other(data: Any) -> None:
    training = fine_tune(net(), *data, epochs=2, size=SIZE)
    own = {id(weight) for weight in training.model.parameters()}
    assert {id(weight) for group in training.optimizer.param_groups for weight in group["params"]} == own
    copied = torch.optim.SGD(net().parameters(), lr=1)
    copied.load_state_dict(training.optimizer.state_dict())  # as after loading a checkpoint
    assert all("momentum_buffer" in one for one in copied.state.values()) and len(copied.state) == len(own)


# -- refusals ---------------------------------------------------------------------------------------------------------
def spoilt() -> nn.Module:
    model = net()
    model[3].bias.data[0] = float("nan")
    return model


def frozen_head() -> nn.Module:
    model = net()
    model[3].requires_grad_(False)
    return model


class Narrow(nn.Linear):
    def __init__(self) -> None:
        super().__init__(1, 1)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[-1] != 1:
            raise AssertionError  # as of a bare assert: without words
        return x


def refusals(data: tuple[LabelledFolder, LabelledFolder]) -> Iterator[tuple[dict[str, Any], str]]:
    train, val = data
    classifier = Classifier("x", net(), None, lambda x: x, (), torch.device("cpu"))
    yield {"model": net(classes=10)}, r"has 10 outputs, and there are 2 classes .*replace_head\(model, 2\)"
    yield {"model": nn.Conv2d(3, 2, 3)}, "has outputs of shape"
    yield {"model": classifier}, r"a Classifier. Give its model: classifier.model"
    yield {"model": "resnet18"}, "a str"
    yield {"model": spoilt()}, "3.bias contains NaN"
    yield {"model": net().requires_grad_(False)}, "No weight of this Sequential can change"
    yield (
        {"model": nn.Sequential(nn.Flatten(), nn.Linear(7, 2))},
        "does not take pictures of 32×32 pixels: .*mat1 and mat2",
    )
    yield {"model": Narrow()}, "does not take pictures of 32×32 pixels: AssertionError; try another size"
    yield {"model": net().double()}, r"should be the same; give model\.float\(\)"
    yield {"model": net().to("meta")}, "0.0.weight has no numbers yet"
    yield {"model": nn.Sequential(nn.Flatten(), nn.LazyLinear(2))}, "1.weight has no numbers yet: run a batch"
    few = [replace(folder, pictures=folder.pictures[::4]) for folder in data]
    inception = get_model("inception_v3", weights=None, num_classes=2, aux_logits=True, init_weights=False)
    yield (
        {"model": inception, "train": few[0], "val": few[1], "size": 112},  # its helper head alone is too narrow
        "Inception3 does not take pictures of 112×112 pixels: .*Kernel size",
    )
    yield {"train": "ants/train"}, r"train is a str: give what open_folder\(path\) returns"
    yield {"val": replace(val, classes=("ant", "bee"))}, r"of train \(bright, dark\) and of val \(ant, bee\) differ"
    yield {"val": train}, "24 pictures are in train and in val, such as 0.png"
    yield {"val": replace(val, pictures=())}, "val holds no pictures"
    yield {"epochs": 0}, "epochs=0: give a whole number of at least 1"
    yield {"epochs": True}, "epochs=True"
    yield {"batch_size": 1}, "batch_size=1: give a whole number of at least 2"
    yield {"size": 31.5}, "size=31.5"
    yield {"patience": 0}, "patience=0"
    yield {"seed": -1}, "seed=-1: give a whole number of at least 0"
    yield {"learning_rate": -1}, "learning_rate=-1: give a number above 0"
    yield {"learning_rate": float("nan")}, "learning_rate=nan"
    yield (
        {"learning_rate": 1e30},
        r"no longer a number \(.*\): with learning_rate=1e\+30 the steps were too large. Try 1e\+29",
    )
    yield {"learning_rate": 1e30, "epochs": 1, "batch_size": 24}, "no longer a number"  # found by the measuring


def test_what_cannot_be_trained_is_a_sentence(data: Any) -> None:
    for wrong, says in refusals(data):
        given = {"model": net(), "train": data[0], "val": data[1], "size": SIZE, "epochs": 2} | wrong
        with pytest.raises(CourseError, match=says) as caught:
            fine_tune(**given)
        assert "\n" not in str(caught.value) and str(caught.value).endswith("."), wrong


# -- pictures ---------------------------------------------------------------------------------------------------------
def test_every_epoch_has_every_picture_once_in_another_order_and_no_lonely_one(data: Any) -> None:
    transforms = fine_tune(net(), *data, epochs=1, size=SIZE).transforms
    train = replace(data[0], pictures=data[0].pictures[:13] + data[0].pictures[-4:])
    batches = TrainingPictures(train, transforms, batch_size=8, seed=0)
    first, second = (list(batches) for _ in range(2))
    assert len(batches) == len(first) == 3 and [len(y) for _, y in first] == [6, 6, 5]
    for epoch in (first, second):
        assert sorted(torch.cat([y for _, y in epoch]).tolist()) == [index for _, index in train.pictures]
        assert all(x.shape == (len(y), 3, SIZE, SIZE) and x.dtype == torch.float32 for x, y in epoch)
    assert not torch.equal(torch.cat([x for x, _ in first]), torch.cat([x for x, _ in second]))
    again = list(TrainingPictures(train, transforms, batch_size=8, seed=0))
    assert all(torch.equal(a, b) for (a, _), (b, _) in zip(first, again, strict=True))


@pytest.mark.parametrize("count", range(2, 12))
@pytest.mark.parametrize("batch_size", [2, 3, 4, 100])
def test_no_picture_is_alone_in_a_batch(count: int, batch_size: int, data: Any) -> None:
    transforms = ImageClassification(crop_size=SIZE)
    train = replace(data[0], pictures=data[0].pictures[:count])
    sizes = [len(y) for _, y in TrainingPictures(train, transforms, batch_size=batch_size, seed=0)]
    assert sum(sizes) == count and min(sizes) >= 2
    assert sorted(sizes) == sizes[::-1] and max(sizes) <= batch_size + (batch_size == 2 and count % 2)


def test_validation_pictures_are_what_the_transforms_make_of_them(data: Any) -> None:
    transforms = fine_tune(net(), *data, epochs=1, size=SIZE).transforms
    batches = list(ValidationPictures(data[1], transforms, batch_size=4))
    expected = torch.stack([transforms(open_image(path)) for path, _ in data[1].pictures])
    assert torch.equal(torch.cat([x for x, _ in batches]), expected) and [len(y) for _, y in batches] == [4, 4, 2]


def test_batches_are_where_the_model_is(data: Any) -> None:
    transforms = fine_tune(net(), *data, epochs=1, size=SIZE).transforms
    on_meta: dict[str, Any] = {"batch_size": 8, "device": "meta"}
    learnt = TrainingPictures(data[0], transforms, seed=0, **on_meta)
    for batches in (learnt, ValidationPictures(data[1], transforms, **on_meta)):
        assert all(x.is_meta and y.is_meta and len(x) == len(y) for x, y in batches)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
def test_it_trains_on_a_gpu(data: Any) -> None:
    training = fine_tune(net().cuda(), *data, epochs=2, size=SIZE)
    assert training.classifier.device.type == "cuda" and len(training.history) == 2


@pytest.mark.parametrize("width, height", [(64, 48), (48, 300), (33, 33), (1, 50), (400, 20)])
def test_windows_lie_in_the_picture_and_some_are_mirrored(width: int, height: int) -> None:
    # every pixel knows where it is: red counts columns, green counts rows
    across, down = torch.arange(width) / max(width - 1, 1), torch.arange(height) / max(height - 1, 1)
    ramp = torch.stack([across.expand(height, width), down[:, None].expand(height, width), torch.ones(height, width)])
    generator, mirrored, sides = torch.Generator().manual_seed(0), 0, []
    for _ in range(40):
        window = varied((255 * ramp).byte(), 32, generator)
        assert window.shape == (3, 32, 32) and window.dtype == torch.uint8 and bool((window[2] == 255).all())
        left, right = (float(window[0, :, k].float().mean()) for k in (0, -1))
        mirrored += left > right
        sides.append(abs(right - left) / 255 * width)
        assert float(window[1, 0].float().mean()) <= float(window[1, -1].float().mean())
    if min(width, height) > 30:
        assert 8 < mirrored < 32 and min(sides) > 0.55 * min(width, height) and max(sides) <= 1.1 * min(width, height)


@pytest.mark.parametrize("size", [(640, 480), (60, 90), (200, 160), (30, 3000)])
def test_pictures_are_kept_small_but_never_made_larger(size: tuple[int, int]) -> None:
    kept = small(Image.new("RGB", size, (9, 8, 7)), 112)
    assert min(kept.shape[1:]) == min(160, *size) and kept.dtype == torch.uint8
    assert kept.shape[2] / kept.shape[1] == pytest.approx(size[0] / size[1], rel=0.02)


# -- curves -----------------------------------------------------------------------------------------------------------
def history(*accuracies: float, seconds: float = 2.0) -> tuple[Epoch, ...]:
    return tuple(Epoch(k, 1.2 - one, one - 0.02, 1.1 - one, one, seconds) for k, one in enumerate(accuracies, 1))


@pytest.mark.parametrize(
    "across, lines, log",
    [
        ("epochs", "training and validation", False),
        ("seconds", "training and validation", True),
        ("epochs", "validation", True),
        ("seconds", "training", False),
    ],
)
def test_curves_of_every_kind_are_whole_pictures(
    across: str, lines: str, log: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Figure] = checks.watch(monkeypatch)
    sets: list[dict[str, tuple[Epoch, ...]]] = [
        {"from the course's weights": history(0.7, 0.9, 0.99), "from scratch": history(0.5, 0.55, 0.61, seconds=9)},
        {"one": history(0.5)},
        {"nothing yet": ()},
        {f"training number {k} with a name that is rather long": history(0.5, 0.5 + k / 20) for k in range(6)},
        {"perfect": (Epoch(1, 0.0, 1.0, 0.0, 1.0, 0.01), Epoch(2, 0.0, 1.0, 0.0, 1.0, 0.01))},
        {"lost": history(*[0.01 * k for k in range(60)])},
    ]
    for one in sets:
        checks.is_picture(draw_curves(one, across=across, lines=lines, log=log, epochs=6), kind="png")
    assert [fault for figure in seen for fault in checks.faults(figure, smallest=9.0)] == []


def test_curves_say_the_best_epoch(data: Any) -> None:
    still = draw_curves({"a": history(0.5, 0.875, 0.75), "b": ()})
    assert "a: 87.5% right at validation in epoch 2, the best of 3; b: no epoch yet" in still.alt
    training = fine_tune(net(), *data, epochs=1, size=SIZE)
    assert f"{100 * training.best.val_accuracy:.1f}% right at validation" in draw_curves(training).alt


def test_curves_of_nothing_or_of_an_unknown_kind() -> None:
    with pytest.raises(CourseError, match="0 training runs to draw"):
        draw_curves({})
    with pytest.raises(CourseError, match="7 training runs to draw: give 1 to 6"):
        draw_curves({str(k): history(0.5) for k in range(7)})
    with pytest.raises(CourseError, match="across='steps': it can be 'epochs', 'seconds'"):
        draw_curves({"a": ()}, across="steps")
    with pytest.raises(CourseError, match="lines='both'"):
        draw_curves({"a": ()}, lines="both")
