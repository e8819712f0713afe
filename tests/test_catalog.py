"""The catalogue against torchvision itself: its registry, its weights' metadata, its docstrings, its real networks."""

from __future__ import annotations

import math
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from statistics import median
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torchvision import models
from torchvision.models import VGG, ResNet50_Weights, Weights, WeightsEnum, get_model, get_model_builder
from torchvision.models._api import BUILTIN_MODELS, register_model
from torchvision.models.regnet import BlockParams
from torchvision.models.segmentation import FCN_ResNet50_Weights

from course_lib.errors import CourseError, ModelNameError, WeightsError
from course_lib.models import Catalog, Entry, builders, catalog, catalog_table, entries, entry_of
from course_lib.models.builders import class_of
from course_lib.models.catalog_view import COLUMNS
from course_lib.models.entries import read_entry
from course_lib.models.families import FAMILIES, KINDS, OTHER, family_of
from course_lib.models.weights.weight_files import FOLDER, read_figures

#: The registry, as torchvision lists it.
REGISTRY = [(name, w) for name in models.list_models(module=models) for w in models.get_model_weights(name)]
BUILDERS = list(dict.fromkeys(name for name, _ in REGISTRY))


@pytest.fixture
def registry() -> Iterator[None]:
    """Whatever a test registers is forgotten afterwards."""
    before = dict(BUILTIN_MODELS)
    yield
    BUILTIN_MODELS.clear()
    BUILTIN_MODELS.update(before)


def weights_enum(meta: Any, transforms: Any = None) -> type[WeightsEnum]:
    value = Weights(url="https://example.org/net-12345678.pth", transforms=transforms, meta=meta)
    return WeightsEnum("MyWeights", {"V1": value, "DEFAULT": value})  # type: ignore[no-any-return]


def register(name: str, enum: type[WeightsEnum] | None, build: Callable[[], nn.Module], **notes: Any) -> None:
    def builder(*, weights: Any = None, progress: bool = True, **kwargs: Any) -> nn.Module:
        return build()

    builder.__annotations__ = {**({"weights": enum | None} if enum else {}), **notes}
    builder.__module__ = "__main__"
    register_model(name=name)(builder)


# -- what a row says --------------------------------------------------------------------------------------------------
def test_one_row_for_every_weights_entry_of_torchvision() -> None:
    assert [(row.builder, row.weights) for row in catalog()] == REGISTRY
    assert all(row.weights.name == row.entry and not row.course for row in catalog())


def test_a_row_says_what_its_metadata_says() -> None:
    for row, (_, weights) in zip(catalog(), REGISTRY, strict=True):
        meta, preset = weights.meta, weights.transforms()
        accuracy = meta["_metrics"]["ImageNet-1K"]
        for error, name in ((row.top1, "acc@1"), (row.top5, "acc@5")):
            if math.isnan(accuracy[name]):  # VGG16's features alone
                assert error is None
            else:
                assert error == pytest.approx(100 - accuracy[name], abs=1e-9)
        assert (row.parameters, row.megabytes, row.gmacs) == (meta["num_params"], meta["_file_size"], meta["_ops"])
        assert ([row.crop], [row.resize]) == (list(preset.crop_size), list(preset.resize_size))
        assert (row.mean, row.std) == (tuple(preset.mean), tuple(preset.std))
        assert row.interpolation == preset.interpolation.value
        assert (row.recipe, row.license) == (meta["recipe"], meta.get("license", ""))
        assert row.measured_on == "ImageNet-1K"


def test_one_default_a_model_and_it_is_the_one_that_get_model_takes() -> None:
    assert Counter(row.builder for row in catalog() if row.default) == Counter(BUILDERS)
    for row in catalog().where(default=True):
        assert row.weights is models.get_model_weights(row.builder).DEFAULT


def test_classes_and_parameters_are_those_of_the_real_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every builder is called; on meta and without initial values, which would take most of the time."""
    for name in [name for name in vars(nn.init) if name.endswith("_") and not name.startswith("_")]:
        monkeypatch.setattr(nn.init, name, lambda *args, **kwargs: None)
    made = BlockParams.from_init_params.__func__

    def on_cpu(cls: type[BlockParams], *args: Any, **kwargs: Any) -> Any:  # RegNet's sums need numbers
        with torch.device("cpu"):
            return made(cls, *args, **kwargs)

    monkeypatch.setattr(BlockParams, "from_init_params", classmethod(on_cpu))
    for row in catalog().where(default=True):
        how: dict[str, Any] = {"init_weights": False} if row.builder in ("googlenet", "inception_v3") else {}
        if row.builder == "googlenet":  # its weights come without the helper heads
            how["aux_logits"] = False
        if row.family == "ViT":  # one number more for each patch
            how["image_size"] = row.crop
        with torch.device("meta"):
            model = get_model(row.builder, weights=None, **how)
        assert type(model) is row.cls, row.builder
        assert sum(one.numel() for one in model.parameters()) == row.parameters, row.builder


def test_megabytes_are_of_two_to_the_twentieth_and_files_hold_float32() -> None:
    """Four bytes a number, and a little for names and statistics. (A million bytes would be five percent away.)"""
    ratios = [row.megabytes * 2**20 / (4 * row.parameters) for row in catalog() if row.megabytes and row.parameters]
    assert len(ratios) == len(REGISTRY)
    assert median(ratios) == pytest.approx(1, abs=0.01)


def test_the_course_s_own_rows_are_those_of_its_shelf() -> None:
    ours = [row for row in catalog(course=True) if row.course and row.builder.startswith("course_")]
    shelf = read_figures(FOLDER)
    assert {row.builder for row in ours} == {f"course_{name}" for name in shelf}
    for row in ours:
        name = row.builder.removeprefix("course_")
        theirs = catalog()[name]
        assert row.top1 == pytest.approx(100 - shelf[name]["accuracy"]["standard"])
        assert (row.cls, row.family, row.year) == (theirs.cls, theirs.family, theirs.year)
        assert row.parameters == shelf[name]["num_params"] and row.top5 is None
        assert row.measured_on == "Picture book, standard" and "tools.train_weights" in row.recipe
        with torch.device("meta"):
            assert type(get_model(row.builder, weights=None)) is row.cls
        assert row.builder not in {one.builder for one in catalog()}


def test_no_network_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    for cached in (entries._entries_of, builders._class_of, builders._enum_of, catalog_table._catalog):
        cached.cache_clear()
    monkeypatch.setattr(nn.Module, "register_parameter", lambda self, *_: pytest.fail(f"{type(self)} was built"))
    assert len(catalog(course=True)) > len(REGISTRY)
    assert catalog() is catalog()


# -- metadata that is not there ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("gone", ["num_params", "_metrics", "_ops", "_file_size", "recipe", "license", "categories"])
def test_a_key_that_a_version_lacks_is_none_and_the_rest_stays(gone: str) -> None:
    whole = ResNet50_Weights.IMAGENET1K_V2.value
    enum = weights_enum({key: value for key, value in whole.meta.items() if key != gone}, whole.transforms)
    row, full = read_entry("resnet50", enum.V1), catalog()["resnet50"]
    columns = {
        "num_params": ("parameters",), "_metrics": ("top1", "top5", "measured_on"), "_ops": ("gmacs",),
        "_file_size": ("megabytes",), "recipe": ("recipe",), "license": ("license",), "categories": (),
    }[gone]  # fmt: skip
    for name in COLUMNS:
        if name in columns:
            assert getattr(row, name) in (None, ""), name
        elif name not in ("entry", "weights"):
            assert getattr(row, name) == getattr(full, name), name


@pytest.mark.parametrize("meta", [None, {}, {"_metrics": None}, {"_metrics": {"Mine": None}}, {"_metrics": {"A": {}}}])
def test_an_enum_without_anything_is_a_row_all_the_same(meta: Any) -> None:
    row = read_entry("resnet50", weights_enum(meta).V1)
    assert {getattr(row, name) for name in ("top1", "top5", "parameters", "megabytes", "gmacs", "crop", "std")} == {
        None
    }
    few = Catalog((row, *catalog().where(builder="resnet50")))
    assert [one.weights for one in few.sorted("gmacs")][-1] is row.weights
    assert not any(one is row for one in few.where(max_gmacs=1e9))
    assert "–" in str(few) and "–" in few._repr_html_() and "not stated" in str(row) and "no figures" in repr(row)


# -- the table of facts -----------------------------------------------------------------------------------------------
def test_torchvision_has_no_family_that_the_table_lacks() -> None:
    """When this fails, torchvision has something new: give it a row in ``course_lib/models/families.py``."""
    assert [name for name in BUILDERS if family_of(name) is None] == []
    assert all(row.kind in KINDS and row.year and row.paper for row in catalog())


@pytest.mark.parametrize("name", ["convnextv2_tiny", "swin_v3_t", "efficientnet_v3_s", "resnet50_v3", "vit_b", "vggx"])
def test_a_new_family_is_not_taken_for_an_old_one(name: str, registry: None) -> None:
    register(name, weights_enum({}), nn.Identity, **{"return": nn.Identity})
    BUILTIN_MODELS[name].__module__ = f"torchvision.models.{name}"
    row = catalog()[name]
    assert (row.family, row.kind, row.year, row.paper, row.course) == ("Identity", OTHER, None, "", False)
    assert row in catalog().where(kind=OTHER) and row in catalog().where(family="Identity")


def test_every_builder_s_docstring_names_its_family_s_paper_and_no_other() -> None:
    for name in BUILDERS:
        text = (get_model_builder(name).__doc__ or "").replace("http://", "https://")
        family = family_of(name)
        assert family is not None
        papers = set(re.findall(r"https://(?:arxiv\.org/abs|papers\.nips\.cc)/[^>\s]+", text))
        if name == "alexnet":  # its second paper is in a comment of the table
            papers.discard("https://arxiv.org/abs/1404.5997")
        if name == "squeezenet1_1":  # names a repository
            assert "official SqueezeNet repo" in text
        else:
            assert papers == {family.paper}, name


def test_titles_are_those_of_the_docstrings() -> None:
    for family in FAMILIES:
        doc = "".join(get_model_builder(name).__doc__ or "" for name in BUILDERS if family_of(name) == family)
        said = " ".join(doc.split()).replace("Residual Transformation for", "Residual Transformations for")  # sic
        assert family.title in said, family.name


def test_a_year_is_that_of_the_paper_s_address() -> None:
    dates = []
    for family in FAMILIES:
        if arxiv := re.fullmatch(r"https://arxiv\.org/abs/(\d\d)(\d\d)\.(\d{4,5})", family.paper):
            year, month, number = (int(part) for part in arxiv.groups())
            assert family.year == 2000 + year, family.name
            dates.append((family.year, month, number))
        else:
            assert f"/paper/{family.year}/" in family.paper, family.name
            dates.append((family.year, 0, 0))
    assert dates == sorted(dates)


def test_the_table_has_no_row_too_many_and_no_kind_without_one() -> None:
    assert {family.name for family in FAMILIES} == {row.family for row in catalog()}
    assert len({family.name for family in FAMILIES}) == len(FAMILIES)
    assert {family.kind for family in FAMILIES} == set(KINDS)
    for name in BUILDERS:
        assert sum(re.fullmatch(family.builders, name) is not None for family in FAMILIES) == 1, name
    classes = {
        family: {row.cls for row in catalog() if row.family == family} for family in {r.family for r in catalog()}
    }
    assert all(len(found) == 1 for found in classes.values())


# -- what a learner registers -----------------------------------------------------------------------------------------
def test_a_learner_s_builder_is_listed_with_the_course_s(registry: None) -> None:
    whole = ResNet50_Weights.IMAGENET1K_V2.value
    enum = weights_enum({"num_params": 7, "recipe": "<script>my laptop</script>"}, whole.transforms)
    register("my_net", enum, lambda: pytest.fail("it was built"), **{"return": VGG})
    row = catalog(course=True)["my_net"]
    assert (row.cls, row.family, row.kind, row.parameters, row.crop) == (VGG, "VGG", OTHER, 7, 224)
    assert row.course and row.default and row.weights is enum.DEFAULT
    with pytest.raises(WeightsError, match=r"my_net is not among these .* catalog\(course=True\)"):
        catalog()["my_net"]
    page = Catalog((row,))._repr_html_() + row._repr_html_() + Catalog((row,)).show("recipe")._repr_html_()
    assert "<script>" not in page and "&lt;script&gt;" in page


def test_the_class_is_found_by_building_where_the_builder_does_not_say_and_nothing_else_changes(registry: None) -> None:
    state = torch.get_rng_state()
    register("my_flatten", weights_enum({}), lambda: nn.Sequential(nn.Linear(2, 2)))
    register("my_module", weights_enum({}), lambda: nn.Sequential(nn.Linear(2, 2)), **{"return": nn.Module})
    register("my_broken", weights_enum({}), lambda: nn.Linear(-1, "2"))  # type: ignore[arg-type]
    register("my_bare", None, nn.Identity)
    found = {row.builder: row.cls for row in catalog(course=True) if row.builder.startswith("my_")}
    assert found == {"my_flatten": nn.Sequential, "my_module": nn.Sequential, "my_broken": nn.Module}
    assert class_of("my_bare") is nn.Identity
    assert torch.equal(torch.get_rng_state(), state)


# -- choosing rows ----------------------------------------------------------------------------------------------------
@settings(max_examples=40, deadline=None)
@given(
    error=st.none() | st.floats(0, 50),
    size=st.none() | st.floats(0, 700),
    years=st.tuples(st.none() | st.integers(2011, 2023), st.none() | st.integers(2011, 2023)),
    kinds=st.none() | st.sets(st.sampled_from(sorted(KINDS)), min_size=1),
    default=st.none() | st.booleans(),
)
def test_where_leaves_what_the_metadata_allows(
    error: float | None,
    size: float | None,
    years: tuple[int | None, int | None],
    kinds: set[str] | None,
    default: bool | None,
) -> None:
    found = catalog().where(
        max_top1=error, max_megabytes=size, since=years[0], until=years[1], kind=kinds, default=default
    )
    expected = []
    for name, weights in REGISTRY:
        family = family_of(name)
        assert family is not None
        if error is not None and not weights.meta["_metrics"]["ImageNet-1K"]["acc@1"] >= 100 - error - 1e-9:
            continue
        if size is not None and weights.meta["_file_size"] > size:
            continue
        if family.year < (years[0] or 0) or family.year > (years[1] or 9999) or (kinds and family.kind not in kinds):
            continue
        if default is None or default == (type(weights).DEFAULT is weights):
            expected.append(weights)
    assert [row.weights for row in found] == expected


def test_names_with_stars_are_torchvision_s_own_filters() -> None:
    for pattern in ("resnet*", "*v2*", "vgg1?_bn", "nothing"):
        names = models.list_models(module=models, include=pattern)
        assert list(dict.fromkeys(row.builder for row in catalog().where(builder=pattern))) == names
    entries = {row.entry for row in catalog().where(entry="*SWAG*")}
    assert entries == {w.name for _, w in REGISTRY if "SWAG" in w.name}


@pytest.mark.parametrize("column", COLUMNS)
def test_every_column_sorts_and_loses_nothing(column: str) -> None:
    everything = catalog(course=True)
    for reverse in (False, True):
        found = everything.sorted(column, reverse=reverse)
        assert Counter(id(row) for row in found) == Counter(id(row) for row in everything)
        known = [value for row in found if (value := getattr(row, column)) is not None]
        assert all(getattr(row, column) is None for row in found[len(known) :])
        if all(isinstance(value, (int, float)) for value in known) or all(isinstance(value, str) for value in known):
            assert known == sorted(known, reverse=reverse)


def test_best_is_the_least_of_each_group() -> None:
    found = catalog().best("top1", each="family")
    assert [row.family for row in found] == list(dict.fromkeys(row.family for row in catalog()))
    for row in found:
        accuracies = [
            weights.meta["_metrics"]["ImageNet-1K"]["acc@1"]
            for name, weights in REGISTRY
            if getattr(family_of(name), "name", "") == row.family
        ]
        assert row.weights.meta["_metrics"]["ImageNet-1K"]["acc@1"] == max(a for a in accuracies if not math.isnan(a))


def test_rows_are_looked_up_by_place_name_entry_and_member() -> None:
    rows_, v1 = catalog(), ResNet50_Weights.IMAGENET1K_V1
    assert rows_["resnet50"].weights is ResNet50_Weights.DEFAULT
    assert rows_["resnet50", "IMAGENET1K_V1"].weights is rows_[v1].weights is v1
    assert rows_["ResNet50", "DEFAULT"] is rows_["resnet50"]
    assert rows_[0] is rows_.entries[0] and rows_[-1] is rows_.entries[-1] and len(rows_[:7]) == 7
    assert rows_.where(default=False)["resnet50"].weights is v1
    assert isinstance(rows_[:7], Catalog) and isinstance(rows_[0], Entry)


@pytest.mark.parametrize(
    ("ask", "kind", "words"),
    [
        (lambda c: c["resnet-18"], ModelNameError, r"no classifier 'resnet-18'.*'resnet18'"),
        (lambda c: c[50.5], ModelNameError, "is a string"),
        (lambda c: c["fcn_resnet50"], ModelNameError, "segmentation"),
        (lambda c: c["resnet50", "IMAGENET1K_V3"], WeightsError, r"resnet50 has no weights 'IMAGENET1K_V3'.*_V1"),
        (lambda c: c["vgg16", "IMAGNET_FEATURES"], WeightsError, "Did you mean 'IMAGENET1K_FEATURES'"),
        (lambda c: c[FCN_ResNet50_Weights.DEFAULT], WeightsError, "FCN_ResNet50_Weights.* is not among these"),
        (
            lambda c: c.where(family="VGG")["resnet50"],
            WeightsError,
            r"resnet50 is not among these \d+ entries: catalog\(\)",
        ),
        (lambda c: c["course_resnet18"], WeightsError, r"course_resnet18 is not among .*catalog\(course=True\)"),
        (
            lambda c: c.where(default=False)["vit_l_16"],
            WeightsError,
            r"several entries here \(IMAGENET1K_SWAG_E2E_V1, ",
        ),
        (lambda c: c.where(kind="light weight"), CourseError, "no kind 'light weight'. Did you mean 'light-weight'"),
        (lambda c: c.where(family=("VGG", "Resnet")), CourseError, "no family 'Resnet'. Did you mean 'ResNet'"),
        (lambda c: c.sorted("megabyte"), CourseError, "no column 'megabyte'. Did you mean 'megabytes'"),
        (lambda c: c.best("top1", each="kinds"), CourseError, "no column 'kinds'. Did you mean 'kind'"),
        (lambda c: c.best("top_1", each="kind"), CourseError, "no column 'top_1'. Did you mean 'top1'"),
        (lambda c: c.show("top1", "flops"), CourseError, "no column 'flops'"),
    ],
)
def test_a_wrong_name_gets_a_sentence(ask: Callable[[Catalog], Any], kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words) as caught:
        ask(catalog())
    assert str(caught.value).endswith((".", "?")) and "\n" not in str(caught.value)


# -- what is shown ----------------------------------------------------------------------------------------------------
class Page(HTMLParser):
    """The cells of a page's tables, their links, and whether every tag is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.links: list[str] = []
        self.widths: list[float] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "br":  # has no end
            return
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
        for name, value in attrs:
            if name == "href":
                self.links.append(str(value))
            elif name == "style" and str(value).startswith("width:"):
                self.widths.append(float(str(value).removeprefix("width:").removesuffix("%")))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "td" in self.open or "th" in self.open:
            self.rows[-1][-1] += f" {data}" if self.rows[-1][-1] else data


def test_the_page_holds_every_row_with_its_links() -> None:
    page = Page(catalog()._repr_html_())
    head, *body = page.rows
    assert {len(row) for row in page.rows} == {len(head)}
    for row, cells in zip(catalog(), body, strict=True):
        assert cells[0].split()[:2] == [row.builder, row.entry]
        assert str(row.year) in cells[1] and row.kind in cells[1] and row.cls.__name__ in cells[1]
        top1, top5, parameters, size, gmacs = (float(cell.replace(",", "").replace("–", "nan")) for cell in cells[2:7])
        assert parameters == pytest.approx(row.weights.meta["num_params"] / 1e6, rel=0.01)
        assert size == pytest.approx(row.weights.meta["_file_size"], rel=0.01)
        assert gmacs == pytest.approx(row.weights.meta["_ops"], rel=0.01)
        assert top1 == pytest.approx(100 - row.weights.meta["_metrics"]["ImageNet-1K"]["acc@1"], abs=0.051, nan_ok=True)
        assert top5 == pytest.approx(100 - row.weights.meta["_metrics"]["ImageNet-1K"]["acc@5"], abs=0.051, nan_ok=True)
        assert cells[7].split()[:3] == [str(row.resize), "→", str(row.crop)]
    assert {family.paper for family in FAMILIES} <= set(page.links)
    assert {row.recipe for row in catalog()} <= set(page.links)
    assert max(page.widths) == 100 and page.widths.count(100) >= 5 and min(page.widths) >= 0


def test_the_note_under_the_page_names_those_that_are_normalised_otherwise() -> None:
    note = catalog()._repr_html_().rpartition("<p>")[2]
    common = ResNet50_Weights.DEFAULT.transforms()
    odd = {name for name, w in REGISTRY if (w.transforms().mean, w.transforms().std) != (common.mean, common.std)}
    assert odd and all(name in note for name in odd)
    assert not any(re.search(rf"\b{name}\b", note) for name in set(BUILDERS) - odd)
    assert "vgg16.IMAGENET1K_FEATURES" in note  # its other entry is as usual


def test_chosen_columns_are_shown_in_their_order_in_every_form() -> None:
    few = catalog().where(family="Swin").show("std", "crop", "paper")
    page = Page(few._repr_html_())
    lines = str(few).splitlines()
    assert page.rows[0] == ["model", "weights", "std", "crop", "paper"]
    assert [name for name in re.split(r"\s{2,}", lines[0]) if name] == page.rows[0]
    for row, cells, line in zip(few, page.rows[1:], lines[1:], strict=True):
        assert cells[0] == row.builder and cells[3] == str(row.crop) and cells[4] in row.paper
        assert re.split(r"\s{2,}", line)[3:] == [str(row.crop), row.paper]
    assert repr(few) == f"Catalog: {len(few)} weights entries of {len(few)} models"


def test_an_entry_alone_shows_every_column() -> None:
    entry = catalog()["vit_h_14"]
    page, lines = Page(entry._repr_html_()), [" ".join(line.split()) for line in str(entry).splitlines()]
    assert [" ".join(cells) for cells in page.rows] == lines
    otherwise = {
        "weights": f"entry {entry.name}", "cls": "class VisionTransformer", "parameters": f"{entry.parameters:,}",
        "megabytes": f"{entry.megabytes:,.1f} MB", "gmacs": f"{entry.gmacs:,.0f} GMACs", "default": "default yes",
        "mean": "mean 0.485, 0.456, 0.406", "std": "std 0.229, 0.224, 0.225", "course": "registered by torchvision",
    }  # fmt: skip
    for name in COLUMNS:
        assert any(otherwise.get(name, str(getattr(entry, name))) in line for line in lines), name
    assert {entry.paper, entry.recipe, entry.license, entry.url} <= set(page.links)


def test_the_entry_of_one_enum_member_is_the_one_in_the_table() -> None:
    assert all(entry_of(entry.weights) is entry for entry in catalog(course=True))


def test_nothing_found_is_said() -> None:
    nothing = catalog().where(max_top1=0)
    assert len(nothing) == 0 and "No weights entry" in str(nothing) and "No weights entry" in nothing._repr_html_()
    assert len(nothing.best("top1", each="kind")) == 0


def test_a_dataframe_holds_the_rows() -> None:
    pandas = pytest.importorskip("pandas")
    frame = catalog().frame()
    assert tuple(frame.columns) == tuple(COLUMNS) and len(frame) == len(REGISTRY)
    best = frame.loc[frame.top1.idxmin()]
    assert best.weights is catalog().sorted("top1")[0].weights
    assert frame.groupby("builder").size().max() == max(Counter(name for name, _ in REGISTRY).values())
    assert list(catalog().show("top1", "entry").frame().columns) == ["builder", "entry", "top1"]
    assert isinstance(frame, pandas.DataFrame) and frame.parameters.dtype == "int64"


def test_without_pandas_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(CourseError, match=r"needs pandas.*pip install pandas.*print\(catalog\(\)\)"):
        catalog().frame()
