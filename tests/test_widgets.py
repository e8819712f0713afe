"""The widgets: what each draws for a state, and that moving a control shows it, without a browser.

Every widget is driven as a hand would (``Explorer.set`` goes through ``.value``), with small random models; a drawing
that fails must leave the old picture and say why.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import ipywidgets
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor, nn
from torchvision.models import get_model, get_model_weights

from course_lib import widgets
from course_lib.drawing.learning_curves import draw_curves
from course_lib.drawing.spots import Spot
from course_lib.drawing.still import Still
from course_lib.errors import CourseError
from course_lib.measuring.choosing import points
from course_lib.measuring.clock import Timing
from course_lib.models.classifier import Classifier
from course_lib.networks.fcn import convert
from course_lib.pictures.mistakes import MISTAKES
from course_lib.pictures.pixels import cut_left
from course_lib.widgets import Explorer, pointer
from course_lib.widgets.crop_explorer import draw_crop
from course_lib.widgets.eval_or_train import draw_modes
from course_lib.widgets.explorer import choice, number, switch, words
from course_lib.widgets.model_chooser import ANY, HERE_FITTING, HERE_SELECTED, NONE, TABLE
from course_lib.widgets.prediction_explorer import OWN, draw_predictions
from course_lib.widgets.preprocessing_explorer import RIGHT, draw_preprocessing
from course_lib.widgets.temperature import draw_temperature
from picturebook import CLASSES, scene

from . import stills as checks
from .widget_examples import DECLARED, EPOCHS, POINTS, built, given, in_no_time

MPS = torch.backends.mps.is_available()
FOLDER = Path(widgets.__file__).parent
PICTURES, WIDE = given().pictures, given().scenes


@pytest.fixture
def models() -> list[Classifier]:
    return list(given().classifiers)


@pytest.fixture(autouse=True)
def nothing_out_of_place(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Figure]]:
    seen = checks.watch(monkeypatch)
    yield seen
    assert [fault for figure in seen for fault in checks.faults(figure)] == []


each_widget = pytest.mark.parametrize("name", DECLARED)


# -- every widget -----------------------------------------------------------------------------------------------------
def assert_spots_are_on_the_picture_and_have_words(shown: Still) -> None:
    for spot in shown.spots:
        left, top, width, height = spot.box
        assert width > 0 and height > 0 and -0.05 < left < left + width < 1.05 and -0.05 < top < top + height < 1.05
        for row, column in ((0, 0), (spot.rows - 1, spot.columns - 1)):
            tip = spot.words(row, column)
            assert 0 < len(tip) < 400 and tip == tip.strip()


@each_widget
def test_every_control_changes_the_picture(name: str) -> None:
    explorer = built(name)
    checks.is_picture(explorer.still)
    assert_spots_are_on_the_picture_and_have_words(explorer.still)
    moved = set()
    for move in DECLARED[name].moves:
        before = explorer.still
        assert explorer.set(**move) is explorer
        changed = explorer.still.data != before.data
        assert changed and explorer.message == "", (
            f"the move {move} changes nothing: {explorer.message or 'no message'}"
        )
        assert {control: explorer.state[control] for control in move} == move
        checks.is_picture(explorer.still)
        assert_spots_are_on_the_picture_and_have_words(explorer.still)
        assert explorer._picture.value == explorer.still.data and explorer._picture.format == explorer.still.format
        moved |= set(move)
    missed = set(explorer.controls) - {"upload", "address"} - moved
    assert not missed, f"moves= of @widget moves every control but {missed}"


@each_widget
def test_what_can_be_touched_moves_its_controls(name: str) -> None:
    explorer = built(name)
    for of in explorer._touch:
        start = explorer.state
        for move in ({}, *DECLARED[name].moves):  # until a picture has such a spot
            spots = [spot for spot in explorer.set(**move).still.spots if spot.of == of]
            if spots:
                break
        assert spots, f"touch= names {of!r}, and no picture has a spot of this kind"
        for spot in {id(spot): spot for spot in (spots[0], spots[-1], spots[len(spots) // 2])}.values():
            for row, column in {(0, 0), (spot.rows // 2, spot.columns // 2), (spot.rows - 1, spot.columns - 1)}:
                explorer.touch(spot, row, column)
                assert explorer.message == "", f"{spot.of} at {row}, {column}: {explorer.message}"
                assert explorer._picture.value == explorer.still.data
        assert len(start) == 1 or len(spots) < 3 or explorer.state != start or spots[0].chosen() != spots[-1].chosen()


@each_widget
def test_what_it_cannot_be_built_from_is_a_sentence(name: str) -> None:
    assert DECLARED[name].refuses, "refuses= of @widget names no argument that is answered with a sentence"
    for wrong, says in DECLARED[name].refuses:
        try:
            built(name, **wrong)
        except CourseError as problem:
            caught = problem
        else:
            pytest.fail(f"refuses= of @widget: {wrong} was accepted")
        assert re.search(says, str(caught)), str(caught)
        sentence = str(caught)
        assert sentence.endswith((".", "?")) and len(sentence) < 600 and "\n" not in sentence


@each_widget
def test_a_notebook_gets_the_live_view_the_still_and_the_words(name: str) -> None:
    explorer = built(name)
    data, how = explorer._repr_mimebundle_()
    kind = f"image/{explorer.still.format}"
    assert set(data) == {"application/vnd.jupyter.widget-view+json", kind, "text/plain"}
    assert data[kind] == explorer.still.data and data["text/plain"] == explorer.still.alt == how[kind]["alt"]
    view = data["application/vnd.jupyter.widget-view+json"]
    assert view == {"version_major": 2, "version_minor": 0, "model_id": explorer.view.model_id}
    rows = [getattr(child, "children", (child,)) for child in explorer.view.children]
    assert set(explorer.controls.values()) < {control for row in rows for control in row}


# Beyond what the traits of ipywidgets 8 would catch: keywords that 7.7.1 does not know (it warns and ignores them).
ONLY_IN_8 = {"tooltip", "description_allow_html", "tabbable", "titles", "repeat", "playing", "orientation"}


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.name)
def test_only_keywords_that_ipywidgets_7_and_8_know(path: Path) -> None:
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    for call in calls:
        if isinstance(call.func, ast.Attribute) and getattr(call.func.value, "id", "") == "widgets":
            kind = getattr(ipywidgets, call.func.attr)
            given = {word.arg for word in call.keywords if word.arg}
            assert given <= set(kind.class_trait_names()), f"{path.name}:{call.lineno}"
            assert not given & ONLY_IN_8, f"{path.name}:{call.lineno}"
            assert call.func.attr not in ("TagsInput", "ColorsInput", "DatetimePicker", "TimePicker", "Stack", "Output")


@each_widget
@pytest.mark.filterwarnings("error:.*unrecognized arguments")
def test_no_control_is_given_what_it_does_not_know(name: str) -> None:
    for control in built(name).controls.values():
        given = control.get_state()
        assert set(given) <= set(type(control).class_trait_names())
        assert control.description  # every control says what it is
        if hasattr(control, "continuous_update"):
            assert control.continuous_update is False  # a redraw costs more than a frame


# -- the mechanism ----------------------------------------------------------------------------------------------------
def plain(text: str = "fine") -> Still:
    file = BytesIO()
    Image.new("RGB", (20, 10), (len(text) * 7 % 255, 0, 0)).save(file, "png")
    return Still(file.getvalue(), "png", 20, text)


@pytest.mark.parametrize(
    "problem, says",
    [(CourseError("Choose <another> one."), "Choose &lt;another&gt; one."), (KeyError("x"), "KeyError: &#x27;x&#x27;")],
)
def test_an_error_is_said_and_the_old_picture_stays(problem: Exception, says: str) -> None:
    def draw(n: int) -> Still:
        if n == 2:
            raise problem
        return plain(f"n is {n}")

    explorer = Explorer(draw, {"n": number("n", 1, 5, 1)})
    old = explorer._picture.value
    explorer.set(n=2)
    assert says in explorer.message and "Traceback" not in explorer.message and 'role="status"' in explorer.message
    assert explorer._picture.value == old and explorer.still.alt == "n is 1"
    explorer.set(n=3)
    assert explorer.message == "" and explorer.still.alt == "n is 3"


@pytest.mark.filterwarnings("error")
def test_the_picture_of_an_older_setting_is_said_to_be_old_and_fades_until_there_is_a_new_one() -> None:
    def draw(n: int) -> Still:
        if n % 2 == 0:
            raise CourseError("Choose an odd number.") if n == 2 else ValueError("No even numbers.")
        return plain(f"n is {n}")

    explorer = Explorer(draw, {"n": number("n", 1, 9, 1)})
    assert not explorer._picture.get_state()["_dom_classes"]
    for n, said in ((2, "Choose an odd number."), (4, "ValueError: No even numbers."), (2, "Choose an odd number.")):
        explorer.set(n=n)
        assert f"{said} The picture below is the last one that could be drawn." in explorer.message
        (kept,) = explorer._picture.get_state()["_dom_classes"]
        assert f".{kept}{{opacity:" in explorer.message
    explorer.set(n=3)
    assert list(explorer._picture.get_state()["_dom_classes"]) == [] and explorer.message == ""


def test_what_one_control_moves_is_drawn_once_and_when_all_are_in_place() -> None:
    lists = {"long": "abcd", "short": "xy", "longer": "123456"}
    drawn: list[str] = []

    def draw(which: str, place: int) -> Still:
        drawn.append(lists[which][place - 1])  # one beyond the end would be an error
        return plain(drawn[-1])

    controls = {"which": choice("which", lists), "place": number("place", 1, 4, 4)}
    settled: list[tuple[str, Any]] = []

    def settle(moved: str, before: Any) -> None:
        settled.append((moved, before))
        controls["place"].max = len(lists[controls["which"].value])

    explorer = Explorer(draw, controls, settle=settle)
    for which, shown, last in (("short", "y", 2), ("longer", "2", 6), ("long", "b", 4)):
        count = len(drawn)
        assert explorer.set(which=which).still.alt == shown and explorer.message == ""
        assert explorer.controls["place"].max == last and len(drawn) == count + 1
    assert explorer.set(place=1).still.alt == "a"
    assert settled == [("which", "long"), ("which", "short"), ("which", "longer"), ("place", 2)]


def test_an_error_while_settling_is_said_and_the_next_move_works() -> None:
    def settle(moved: str, before: Any) -> None:
        if controls["n"].value == 2:
            raise CourseError("Two will not do.")

    controls = {"n": number("n", 1, 5, 1)}
    explorer = Explorer(lambda n: plain(f"n is {n}"), controls, settle=settle)
    assert "Two will not do." in explorer.set(n=2).message and explorer.still.alt == "n is 1"
    assert explorer.set(n=3).message == "" and explorer.still.alt == "n is 3"


def test_a_first_value_that_a_control_does_not_have() -> None:
    for wrong in (0, 6, "3", None, True, float("nan")):
        with pytest.raises(CourseError, match="from 1 to 5"):
            number("n", 1, 5, wrong)  # type: ignore[arg-type]
    with pytest.raises(CourseError, match=r"There is no colour 'rde'.* Did you mean 'red'"):
        choice("colour", ["red", "blue"], "rde")
    with pytest.raises(CourseError, match="no colour to choose from"):
        choice("colour", [])


def test_a_picture_of_another_kind_and_width_is_shown_as_what_it_is() -> None:
    def draw(wide: bool) -> Still:
        return replace(plain(), width=300, format="jpeg") if wide else plain()

    explorer = Explorer(draw, {"wide": switch("wide")})
    explorer.set(wide=True)
    assert (explorer._picture.format, explorer._picture.layout.width) == ("jpeg", "300px")


def test_a_control_that_is_not_there() -> None:
    with pytest.raises(CourseError, match="no control 'm'; it has n"):
        Explorer(lambda n: plain(), {"n": number("n", 1, 5, 1)}).set(m=3)
    with pytest.raises(CourseError, match="cannot be moved to 'c'"):
        Explorer(lambda n: plain(), {"n": choice("n", "ab")}).set(n="c")


def test_a_state_that_cannot_be_drawn_at_first_is_an_error_of_the_cell() -> None:
    def draw(n: int) -> Still:
        raise CourseError("There is nothing to draw.")

    with pytest.raises(CourseError, match="nothing to draw"):
        Explorer(draw, {"n": number("n", 1, 5, 1)})


def test_controls() -> None:
    assert isinstance(number("n", 1, 5, 3), ipywidgets.IntSlider)
    assert isinstance(number("n", 0.5, 5, 3), ipywidgets.FloatSlider)
    assert isinstance(number("n", 1, 5, 3, step=0.5), ipywidgets.FloatSlider)
    assert choice("c", ["a", "b"]).value == "a" and choice("c", ["a", "b"], "b").value == "b"
    assert choice("c", [("one", 1), ("two", 2)]).value == 1
    assert words("w", "64, M").value == "64, M"


def test_many_controls_stand_side_by_side() -> None:
    few, many = ({f"n{k}": number(f"n{k}", 1, 5, 1) for k in range(count)} for count in (4, 5))
    assert list(few.values()) == list(Explorer(lambda **n: plain(), few).view.children[:4])
    assert list(many.values()) == list(Explorer(lambda **n: plain(), many).view.children[0].children)


# -- the pointer ------------------------------------------------------------------------------------------------------
def spotted(n: int) -> Still:
    cells = Spot("cell", (0.5, 0, 0.5, 1), lambda row, column: f"cell {row}, {column}", rows=30, columns=40)
    return replace(plain(f"n is {n}"), spots=(Spot("n", (0, 0, 0.2, 0.2), "five", 5), cells))


def browser(explorer: Explorer, kind: str, *, spot: int, row: int = 0, column: int = 0, back: int = 0) -> list[Any]:
    """Say what the browser would say; gives back what it hears."""
    overlay, heard = explorer._pointer.overlay, []
    overlay.send = lambda message, buffers=None: heard.append(message)
    message = {"kind": kind, "serial": overlay.scene["serial"] - back, "spot": spot, "row": row, "column": column}
    explorer._pointer._heard(overlay, message, [])
    return heard


def test_a_click_moves_the_control_and_is_acknowledged() -> None:
    explorer = Explorer(spotted, {"n": number("n", 0, 60, 1)}, touch={"n": "n", "cell": lambda at: {"n": sum(at)}})
    heard = browser(explorer, "pick", spot=0)
    assert explorer.state == {"n": 5} and explorer.still.alt == "n is 5"
    assert [message["kind"] for message in heard] == ["busy", "ready", "ack"]
    browser(explorer, "pick", spot=1, row=3, column=20, back=1)  # a spot of the picture before
    assert explorer.state == {"n": 23}
    assert browser(explorer, "pick", spot=1, row=20, column=3) == [{"kind": "ack"}]  # the same: nothing to draw
    heard = browser(explorer, "ask", spot=1, row=29, column=39)
    assert heard == [{"kind": "ack", "tip": "cell 29, 39"}] and explorer.state == {"n": 23}
    browser(explorer, "pick", spot=1, row=29, column=39)
    assert explorer.state == {"n": 60}  # a slider stops at its end


def test_what_the_browser_is_told() -> None:
    explorer = Explorer(spotted, {"n": number("n", 0, 60, 1)}, touch={"n": "n"})
    scene = explorer._pointer.overlay.scene
    assert scene["alt"] == "n is 1" and [spot["gesture"] for spot in scene["spots"]] == ["click", None]
    assert scene["spots"][0]["tips"] == ["five"] and scene["spots"][1]["tips"] is None  # 1200 cells: it asks
    assert "n is 1" in explorer._pointer._words.value  # for a screen reader where the module cannot be loaded
    for back in (9, 99):
        assert browser(explorer, "pick", spot=7, back=back)[-1]["kind"] == "ack"
    assert explorer.state == {"n": 1}


def test_without_anywidget_and_on_colab_the_picture_and_its_controls_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "google.colab", sys.modules[__name__])
    explorer = Explorer(spotted, {"n": number("n", 0, 60, 1)}, touch={"n": "n"})
    assert explorer._pointer.overlay is None and explorer.set(n=3).still.alt == "n is 3"
    monkeypatch.setattr(pointer, "_asked", None)
    widgets.touch(True)
    monkeypatch.setattr(pointer, "_overlay", lambda: None)
    explorer = Explorer(spotted, {"n": number("n", 0, 60, 1)}, touch={"n": "n"})
    explorer.touch(explorer.still.spots[0])
    assert explorer._pointer.overlay is None and explorer.still.alt == "n is 5"
    assert explorer._picture in explorer._pointer.view.children


# -- what each draws --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("percent", [0, 33, 95, 100])
def test_a_crop_is_the_right_hand_part(percent: int, models: list[Classifier]) -> None:
    picture = PICTURES["dog"]
    rest, box = cut_left(picture, percent)
    assert rest.size == (box[2] - box[0], picture.height) and rest.width >= 1
    assert rest.tobytes() == picture.crop((picture.width - rest.width, 0, *picture.size)).tobytes()
    label = models[0].predict(rest).label
    assert repr(draw_crop(models[0], picture, percent=percent)) == f"{percent}% of the picture cut away: {label}"


@pytest.mark.parametrize("mistake", [RIGHT, *MISTAKES])
def test_preprocessing_shows_the_models_own_answer_to_the_mistake(mistake: str, models: list[Classifier]) -> None:
    one, picture = models[0], PICTURES["dog"]
    wrong = one.transforms(picture) if mistake == RIGHT else MISTAKES[mistake].apply(picture, one.transforms)
    with torch.no_grad():
        label = CLASSES[int(one.model(wrong[None]).argmax())]
    for stage in range(1, 6):
        assert repr(draw_preprocessing(one, picture, stage=stage, mistake=mistake)).endswith(f"{mistake}: {label}")


def test_predictions_side_by_side(models: list[Classifier]) -> None:
    said = repr(draw_predictions(models, PICTURES["car"], shown="a car"))
    for one in models:
        with torch.no_grad():
            logits = one.model(one.transforms(PICTURES["car"])[None])[0]
        best = int(logits.argmax())
        assert f"{one.name}: {CLASSES[best]} {logits.softmax(0)[best]:.0%}" in said


def test_modes_say_how_many_answers_differ(models: list[Classifier]) -> None:
    batch = models[0].prepare(PICTURES["dog"])
    assert "in eval mode, 5 runs of one picture: 1 answer" in repr(draw_modes(models[0], batch, mode="eval", runs=5))
    dropout = models[1]  # SqueezeNet drops out half of its last features in train mode
    assert "5 different" in repr(draw_modes(dropout, dropout.prepare(PICTURES["dog"]), mode="train", runs=5))
    assert not any(one.model.training for one in models)


@pytest.mark.parametrize("temperature", [0.2, 1.0, 10.0])
@pytest.mark.parametrize("shift", [-10.0, 0.0, 10.0])
def test_temperature_is_a_softmax_of_the_divided_logits(temperature: float, shift: float) -> None:
    logits = torch.tensor([-3.0, 0.5, 2.0, 1.0])
    share = (logits / temperature).softmax(0)[2]  # a shift changes nothing
    said = repr(draw_temperature(logits, ("a", "b", "c", "d"), temperature=temperature, shift=shift))
    assert said == f"Temperature {temperature:.1f}, shift {shift:.0f}: c {share:.0%}"


@pytest.mark.parametrize("logits", [torch.zeros(4), torch.full((4,), -7.0), torch.tensor([300.0, -300.0, 0.0, 1.0])])
def test_temperature_of_odd_logits(logits: Tensor) -> None:
    checks.is_picture(draw_temperature(logits, ("a" * 30, "b", "c", "d"), temperature=0.2, shift=-10.0))


def test_the_chooser_answers_limits_and_measures_what_it_is_told_to() -> None:
    asked: list[list[str]] = []

    def measure(names: list[str], *, device: str, budget: float) -> dict[str, Timing]:
        asked.append(sorted(names))
        return in_no_time(names, device=device, budget=budget)

    explorer = widgets.model_chooser(POINTS, max_ms=20, max_megabytes=20, measure=measure)
    assert "at most 20 ms and 20 MB: 3 of them" in repr(explorer) and not asked  # nothing is measured unasked
    explorer.set(times=HERE_FITTING)
    assert asked == [["efficientnet_b0", "mobilenet_v3_small", "squeezenet1_1"]]
    explorer.set(max_ms=10)  # efficientnet_b0 took 20 ms there, and takes 10 here
    assert "at most 10 ms and 20 MB: 3 of them" in repr(explorer) and len(asked) == 1
    explorer.set(times=TABLE)
    assert "at most 10 ms and 20 MB: 2 of them" in repr(explorer)
    explorer.set(times=HERE_SELECTED)
    assert "Select the model" in explorer.message
    explorer.set(selected="vgg16", max_ms=ANY, max_megabytes=ANY)
    assert asked[1:] == [["vgg16"]] and "vgg16: error 28.4%, 81 ms, 528 MB" in repr(explorer)
    explorer.set(kinds=())
    assert "Choose at least one kind" in explorer.message
    explorer.set(kinds=("classic",), times=HERE_FITTING, max_error=12)
    assert "Nothing fits" in explorer.message
    assert explorer.state["selected"] == "vgg16" and NONE in explorer.controls["selected"].options
    explorer.set(max_error=ANY, times=HERE_SELECTED).set(kinds=("light-weight",))  # where there is no vgg16 to measure
    assert (explorer.state["selected"], explorer.state["times"], explorer.message) == (NONE, TABLE, "")


def test_curves_grow_with_a_training() -> None:
    said = "Loss and accuracy over epochs, training and validation pictures. "
    assert repr(widgets.training_curves()) == said + "no epoch yet"
    curves = widgets.training_curves("from scratch", beside={"everything": EPOCHS}, epochs=3)
    assert repr(curves).endswith("in epoch 2, the best of 2; from scratch: no epoch yet")
    pictures = [curves._picture.value]
    for count in (1, 2, 0):  # at last, the cell is run again
        curves(EPOCHS[:count])
        expected = {"everything": EPOCHS, "from scratch": EPOCHS[:count]}
        assert curves.still.data == draw_curves(expected, epochs=3).data and curves.message == ""
        pictures.append(curves._picture.value)
    assert len(set(pictures)) == 3 and pictures[0] == pictures[-1]
    with pytest.raises(CourseError, match="7 training runs to draw"):
        widgets.training_curves("one more", beside={str(k): EPOCHS for k in range(6)})


@pytest.mark.parametrize("shown", [False, True], ids=["shows itself", "shown before"])
def test_a_saved_notebook_keeps_the_last_curves_and_not_the_first(shown: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    published: list[tuple[str, Any, Any]] = []

    class Handle:
        def update(self, data: Any, **how: Any) -> None:
            published.append(("update", data, how["metadata"]))

    def display(data: Any, **how: Any) -> Handle | None:
        if isinstance(data, Explorer):  # as IPython does
            data._ipython_display_()  # type: ignore[attr-defined]
            return None
        assert how["display_id"] and how["raw"]
        published.append(("display", data, how["metadata"]))
        return Handle()

    module = sys.modules[widgets.TrainingCurves.__module__]
    monkeypatch.setattr(module, "display", display)
    monkeypatch.setattr(module, "in_notebook", lambda: True)
    curves = widgets.training_curves("fine-tuned", epochs=2)
    if shown:
        curves._ipython_display_()
    for count in (1, 2):
        curves(EPOCHS[:count])
    assert [kind for kind, *_ in published] == ["display", "update"]  # once each: what is shown anew flickers
    first = "no epoch yet" if shown else "85.0%"
    for (_, data, how), still in zip(published, (first, "98.0%"), strict=True):
        assert still in data["text/plain"] and how["image/png"]["alt"] == data["text/plain"]
        assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == curves.view.model_id
    assert published[1][1]["image/png"] == curves.still.data


def test_the_choosers_first_state() -> None:
    assert repr(widgets.model_chooser()).startswith(f"{len(points())} models by error, time and size; on the front: ")
    with pytest.raises(CourseError, match="Did you mean 'alexnet'"):
        widgets.model_chooser(POINTS, selected="alexnett")
    with pytest.raises(CourseError, match="no model to choose from"):
        widgets.model_chooser([])
    assert ("device" in widgets.model_chooser(POINTS).controls) == (torch.cuda.is_available() or MPS)


@pytest.mark.parametrize(
    "wrong, says",
    [
        ({"kind": "fine"}, "kind='fine'"),
        ({"scale": "twice"}, "'half of it'"),
        ({"label": "ant"}, "isn't a class of shufflenet"),
    ],
)
def test_a_response_map_that_cannot_be_shown_is_a_sentence(
    wrong: dict[str, str], says: str, models: list[Classifier]
) -> None:
    with pytest.raises(CourseError, match=says):
        widgets.response_map_explorer(WIDE, models[0], **wrong)
    with pytest.raises(CourseError, match="no scene to look at"):
        widgets.response_map_explorer({}, models[0])


def test_any_of_imagenets_dogs_counts_as_a_dog() -> None:
    weights = get_model_weights("squeezenet1_1").DEFAULT
    names = tuple(weights.meta["categories"])
    model = get_model("squeezenet1_1", weights=None).eval()
    one = Classifier("squeezenet1_1", model, weights, weights.transforms(), names, torch.device("cpu"))
    scenes = {"dog": scene("dog", seed=1, size=(260, 300))}
    said = {name: repr(widgets.response_map_explorer(scenes, one, label=name)) for name in ("Samoyed", "tabby")}
    assert "in truth" not in said["Samoyed"] and said["tabby"].endswith("but the true class is dog")


# -- a picture of one's own -------------------------------------------------------------------------------------------
def png() -> bytes:
    file = BytesIO()
    PICTURES["car"].save(file, "png")
    return file.getvalue()


def upload(explorer: Explorer, version: int, content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a file into the upload control as the front end does, in the words of either version of ipywidgets."""
    entry = {"name": "car.png", "type": "image/png", "size": len(content), "content": content}
    if version == 7:
        value: Any = {"car.png": {"metadata": {k: v for k, v in entry.items() if k != "content"}, "content": content}}
    else:
        value = ({**entry, "content": memoryview(content)},)
    control = explorer.controls["upload"]
    change = {"name": "value", "old": control.value, "new": value, "owner": control, "type": "change"}
    monkeypatch.setattr(type(control), "send_state", lambda *what, **how: None)  # no front end listens
    control._trait_values["value"] = value  # past the validation of the version that is installed
    control.notify_change(change)


@pytest.mark.parametrize("version", [7, 8])
def test_an_uploaded_picture_is_shown_at_once(
    version: int, models: list[Classifier], monkeypatch: pytest.MonkeyPatch
) -> None:
    explorer = built("prediction_explorer")
    expected = repr(draw_predictions(models, PICTURES["car"], shown="your picture"))
    upload(explorer, version, png(), monkeypatch)
    assert explorer.state["picture"] == OWN and explorer.message == "" and repr(explorer) == expected
    before = explorer.still
    upload(explorer, version, b"%PDF-1.7 no picture at all", monkeypatch)
    assert "car.png is not a picture but a PDF" in explorer.message and explorer.still is before


def test_a_path_is_opened_and_a_wrong_one_is_said(models: list[Classifier], tmp_path: Path) -> None:
    (tmp_path / "mine.png").write_bytes(png())
    explorer = built("prediction_explorer")
    explorer.set(address=str(tmp_path / "mine.png"))
    assert explorer.state["picture"] == OWN and explorer.message == "" and "for your picture" in repr(explorer)
    explorer.set(address=str(tmp_path / "mime.png"))
    assert "There is no file" in explorer.message and "mine.png" in explorer.message


def test_words_when_there_is_nothing_to_predict(models: list[Classifier]) -> None:
    explorer = built("prediction_explorer").set(picture=OWN)
    assert "Upload a picture, or type" in explorer.message
    explorer.set(picture="dog", models=())
    assert "Choose at least one model" in explorer.message
    with pytest.raises(CourseError, match="no model to compare"):
        widgets.prediction_explorer([], PICTURES)


def test_a_model_answers_once_for_a_picture(models: list[Classifier]) -> None:
    class Counted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.calls = 0

        def forward(self, x: Tensor) -> Tensor:
            self.calls += 1
            return torch.arange(10.0).expand(len(x), -1)

    model = Counted()
    explorer = widgets.preprocessing_explorer(replace(models[0], model=model), PICTURES)
    for stage in (1, 2, 3, 4, 5):
        explorer.set(stage=stage)
    assert model.calls == 1


@pytest.mark.parametrize("module", sorted(path.stem for path in FOLDER.glob("*.py")))
def test_a_file_of_a_widget_can_be_read_in_one_sitting(module: str) -> None:
    source = (FOLDER / f"{module}.py").read_text()
    assert len(source.splitlines()) <= 400 and ast.get_docstring(ast.parse(source))
    assert "pyplot" not in source and "clear_output" not in source
    assert inspect.ismodule(widgets)


def test_a_map_of_one_row_has_no_slider_for_it(models: list[Classifier]) -> None:
    wide = WIDE["camel"].picture.resize((512, 230))  # one row of windows, and two columns
    explorer = widgets.cell_explorer(wide, convert(models[0]), cell=(0, 1))
    assert list(explorer.controls) == ["column", "label", "beside"]
    assert explorer.still.data != explorer.set(column=0).still.data
