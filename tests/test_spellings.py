"""What a line asks for, beside torchvision itself: its enums, its ``verify``, its warnings, and real builders."""

from __future__ import annotations

import linecache
import warnings
from html import escape

import pytest
import torch
import torchvision
from torchvision import models
from torchvision.models import WeightsEnum, get_model_weights, list_models

from course_lib import clinic
from course_lib.errors import CourseError
from course_lib.models.builders import class_of
from course_lib.models.spellings import FileRequest, hear, hear_all, stopped_at_files
from course_lib.models.weights import CourseWeightsEnum, course_weights_for

FAMILIES = {class_of(name): name for name in reversed(list_models(module=torchvision.models))}
ONE_EACH = [*FAMILIES.values(), "course_resnet18"]


@pytest.mark.parametrize("name", ONE_EACH)
def test_each_entry_of_a_family_is_what_its_builder_asks_for(name: str) -> None:
    for entry in get_model_weights(name):
        heard = hear(f'get_model("{name}", weights="{entry.name}")')
        assert (heard.outcome, heard.weights, heard.error) == ("trained", entry, None)
        assert hear(f"get_model({name!r}, weights=entry)", entry=entry).weights is entry
    assert hear(f"get_model('{name}')").outcome == "random"


@pytest.mark.parametrize(
    "weights", ['"IMAGENET1K_V1"', "ResNet50_Weights.DEFAULT", '"ResNet50_Weights.DEFAULT"', "None"]
)
def test_an_entry_is_what_torchvisions_verify_says(weights: str) -> None:
    truth = models.ResNet50_Weights.verify(eval(weights, dict(vars(models))))
    assert hear(f"resnet50(weights={weights})").weights is truth


@pytest.mark.parametrize("weights", ['"IMAGENET1K_V9"', "ResNet18_Weights.DEFAULT", '"ResNet18_Weights.DEFAULT"'])
def test_an_error_is_the_one_that_verify_raises(weights: str) -> None:
    with pytest.raises((KeyError, TypeError)) as caught:
        models.ResNet50_Weights.verify(eval(weights, dict(vars(models))))
    heard = hear(f"resnet50(weights={weights})")
    assert heard.outcome == "error" and heard.weights is None
    assert type(heard.error) is caught.type and heard.says == (str(caught.value),)


@pytest.mark.parametrize("given", ["pretrained=True", "True", "weights=True", "pretrained=False", "'DEFAULT'"])
def test_warnings_are_those_of_the_plain_call(given: str) -> None:
    heard = hear(f"squeezenet1_1({given})")
    with warnings.catch_warnings(record=True) as caught, stopped_at_files():
        warnings.simplefilter("always")
        try:
            eval(f"squeezenet1_1({given})", dict(vars(models)))
        except FileRequest as asked:
            assert asked.weights is heard.weights is models.SqueezeNet1_1_Weights.DEFAULT
        else:
            assert heard.outcome == "random"
    assert heard.warnings == tuple(str(one.message) for one in caught) != ()


def test_the_three_errors_are_known_to_the_clinic() -> None:
    table = hear_all([
        'resnet50(weights="IMAGENET1K_V3")', "resnet50(weights=ResNet18_Weights.DEFAULT)", 'get_model("resnet-50")',
    ])  # fmt: skip
    for letter, repair in {"A": '"IMAGENET1K_V2"', "B": "ResNet50_Weights.DEFAULT", "C": '"resnet50"'}.items():
        found = clinic.explain(table[letter].error)
        assert found is not None and repair in found.repair
        assert found.lines[-1].text == table[letter].code
        assert hear(found.repair).error is None  # what it proposes runs


def test_nothing_is_left_behind() -> None:
    torch.manual_seed(3)
    before = (WeightsEnum.get_state_dict, vars(CourseWeightsEnum)["get_state_dict"], torch.get_rng_state().tolist())
    filters, lines = list(warnings.filters), len(linecache.cache)
    for code in ("vgg11()", "vgg11(True)", 'get_model("course_resnet18", weights="DEFAULT")'):
        hear(code)
    assert len(linecache.cache) == lines
    hear("vgg11(weights=3)"), hear("1 / 0"), hear("vgg11(")
    with pytest.raises(FileRequest), stopped_at_files():
        course_weights_for("resnet18").get_state_dict()  # type: ignore[union-attr]
    after = (WeightsEnum.get_state_dict, vars(CourseWeightsEnum)["get_state_dict"], torch.get_rng_state().tolist())
    assert after == before and warnings.filters == filters
    assert course_weights_for("resnet18").get_state_dict()  # type: ignore[union-attr]


def test_what_is_no_network_is_a_value() -> None:
    entry = hear('get_weight("ResNet18_Weights.DEFAULT")')
    assert (entry.outcome, entry.weights) == ("value", models.ResNet18_Weights.IMAGENET1K_V1)
    assert hear('get_model_weights("resnet18")').gives == "ResNet18_Weights"
    assert hear("1 + 1").gives == "2" and hear("1 / 0").says == ("division by zero",)
    assert hear("resnet18(").gives == "SyntaxError"
    assert hear("raises()", raises=lambda: (_ for _ in ()).throw(KeyError())).says == ("",)


def test_a_table_reads_as_text_and_as_html() -> None:
    table = hear_all({"x": "resnet18(pretrained=True)", "y": 'resnet18(weights="<b>")', "z": "resnet18()"})
    assert (table.where("trained"), table.where("error"), table.where("random")) == ("x", "y", "z")
    assert (table.where(warns=True), table.where("random", warns=False), len(table)) == ("x", "z", 3)
    page = table._repr_html_()
    for heard in table:
        assert heard.code in str(table) and escape(heard.code) in page and escape(heard.gives) in page
        for sentence in heard.says:
            assert sentence in str(table) and escape(sentence) in page
    assert "<b>'" not in page and page.count("<tr") == 4
    assert table["z"]._repr_html_().count("<tr") == 2


def test_bad_input_gets_a_sentence() -> None:
    with pytest.raises(CourseError, match="a value of type int"):
        hear(3)  # type: ignore[arg-type]
    with pytest.raises(CourseError, match="as a list of lines"):
        hear_all("resnet18()")
    with pytest.raises(CourseError, match="no spelling 'C' here; there are A, B"):
        hear_all(["1", "2"])["C"]
