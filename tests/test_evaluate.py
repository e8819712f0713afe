"""The evaluation writes what its pictures say: the oracle scores the same few pictures one by one."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torchvision

from course_lib.models.weights import weight_files
from picturebook import scene
from tools import evaluate_weights as evaluation

NAME = "shufflenet_v2_x0_5"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shelf")
    torch.manual_seed(0)
    model = torchvision.models.get_model(NAME, num_classes=10)
    weight_files.store(NAME, model, recipe="random", folder=path)
    return path


def test_figures_are_those_of_the_pictures(folder: Path) -> None:
    seeds, levels = [5], ["standard", "hard"]
    figures = evaluation.evaluate([NAME], folder=folder, seeds=seeds, difficulties=levels, processes=1)
    row = figures[NAME]
    assert weight_files.read_figures(folder) == figures
    model = torchvision.models.get_model(NAME, num_classes=10).eval()
    model.load_state_dict(torch.load(folder / row["file"], weights_only=True))
    transforms = torchvision.models.ShuffleNet_V2_X0_5_Weights.DEFAULT.transforms()
    for level in levels:
        expected = [[0] * 10 for _ in range(10)]
        for truth, label in enumerate(weight_files.CATEGORIES):
            for seed in seeds:
                picture = scene(label, seed=seed, size=(224, 224), difficulty=level).picture
                with torch.no_grad():
                    expected[truth][int(model(transforms(picture).unsqueeze(0)).argmax())] += 1
        assert row["confusion"][level] == expected
        assert row["accuracy"][level] == 100 * sum(expected[i][i] for i in range(10)) / 10
    assert row["evaluated"] == {"seeds": [5, 5], "a_class": 1, "size": [224, 224]}
    text = evaluation.table(figures)
    assert NAME in text and f"{row['accuracy']['hard']:.2f}" in text and "taken for" in text


def test_a_model_that_is_not_there_is_one_sentence(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluation.main(["resnet81"]) == 1
    assert "'resnet81' is not on the shelf" in capsys.readouterr().err


def test_an_empty_shelf_is_evaluated_to_nothing(tmp_path: Path) -> None:
    assert evaluation.evaluate(folder=tmp_path) == {}
    assert not list(tmp_path.iterdir())
