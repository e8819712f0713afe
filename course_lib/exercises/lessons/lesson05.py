"""The exercises of lesson 05, weight enums. Each solution is the code that ``.solution()`` shows and the tests run.

Truth comes from torchvision: its enums, its ``verify``, its registry. What is built by a learner, an enum or a
builder, is checked in ``weights_checks``; verify and the hash of a file in ``enum_checks``; ported weights in
``porting_checks``.
"""

# No `from __future__ import annotations` here: torchvision finds a builder's enum in its evaluated annotation.

import hashlib
import math
import random
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import urlparse
from urllib.request import url2pathname

import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F
from torchvision import models
from torchvision.models import Weights, WeightsEnum
from torchvision.transforms import InterpolationMode
from torchvision.transforms._presets import ImageClassification

from course_lib.exercises.checks import enum_checks, porting_checks
from course_lib.exercises.checks.weights_checks import check_own_model, check_read_in_place
from course_lib.exercises.engine.exercise import exercise
from course_lib.exercises.engine.requirements import Wrong, call, need_choice, need_function, need_number
from course_lib.exercises.engine.variants import Variants, spelled
from course_lib.models import hear, hear_all
from course_lib.models.spellings import SpellingTable
from course_lib.networks import vgg

#: EfficientNet-Lite0 from torchvision's parts, with random weights and PyTorch's padding: what ``port`` begins with.
bare_lite0 = porting_checks.bare_lite0


# -- 1: the same preprocessing -----------------------------------------------------------------------------------------
@exercise(
    id="05_same_preprocessing",
    title="The same preprocessing",
    minutes=5,
    difficulty="medium",
    hints=[
        "Print weights.transforms(), with the brackets: the settings are in the text.",
        "== on two such objects only asks whether they're the same object. Compare their texts instead.",
    ],
    praise="AlexNet of 2012 and ViT of 2020 want the same; ResNet50's own two entries don't.",
)
def same_preprocessing(one: WeightsEnum, other: WeightsEnum) -> bool:
    """Whether two entries do the same to every picture."""
    return str(one.transforms()) == str(other.transforms())  # crop, resize, mean, std and interpolation, in words


_PAIRS = (
    ("ResNet50_Weights.IMAGENET1K_V1", "ResNet50_Weights.IMAGENET1K_V1"),
    ("ResNet50_Weights.IMAGENET1K_V1", "ResNet50_Weights.IMAGENET1K_V2"),
    ("ResNet18_Weights.IMAGENET1K_V1", "VGG11_Weights.IMAGENET1K_V1"),
    ("ResNet18_Weights.IMAGENET1K_V1", "EfficientNet_B0_Weights.IMAGENET1K_V1"),
    ("VGG16_Weights.IMAGENET1K_V1", "VGG16_Weights.IMAGENET1K_FEATURES"),
    ("ViT_B_16_Weights.IMAGENET1K_V1", "ViT_B_16_Weights.IMAGENET1K_SWAG_E2E_V1"),
    ("AlexNet_Weights.IMAGENET1K_V1", "ViT_B_16_Weights.IMAGENET1K_V1"),
)


@lru_cache(maxsize=16)
def _prepared(name: str) -> torch.Tensor:
    picture = torch.arange(3 * 40 * 52).mul(7919).remainder(256).view(3, 40, 52).to(torch.uint8)
    made: torch.Tensor = models.get_weight(name).transforms()(picture)
    return made


@same_preprocessing.checker
def _(answer: Any) -> None:
    need_function(answer)
    for names in _PAIRS:
        entry, other = (models.get_weight(name) for name in names)
        case = f"{names[0].replace('_Weights', '')} and {names[1].replace('_Weights', '')}"
        value, truth = call(answer, entry, other, case=case), torch.equal(*map(_prepared, names))
        if not isinstance(value, bool):
            raise Wrong(f"On {case} the answer is True or False, not a value of type {type(value).__name__}.")
        if value == truth:
            continue
        if truth and entry is other:
            raise Wrong("You call an entry different from itself: transforms() makes a new object at every call.")
        if truth:
            raise Wrong(
                f"{case} treat every picture alike, but you say no. Two objects with the same settings are still "
                "two objects: compare their texts."
            )
        mine, theirs = (str(weights.transforms()).splitlines() for weights in (entry, other))
        line = next(f"{a.strip()} and {b.strip()}" for a, b in zip(mine, theirs, strict=True) if a != b)
        raise Wrong(f"{case} differ, for example here: {line}.")


same_preprocessing.hidden_cases(enum_checks.entries, count=12)


# -- 2: new names ------------------------------------------------------------------------------------------------------
@exercise(
    id="05_new_name",
    title="New names for old weights",
    minutes=10,
    difficulty="hard",
    hints=[
        "Split off what comes after the last dot: it stays. For the five names outside the blocks, use a dictionary.",
        "Find the stage: while the number isn't below this stage's count of blocks, subtract the count and go on.",
        "Inside a block, expand, depthwise and project are 0, 1 and 2, the convolution .0 and its BatchNorm .1. In "
        "stage 1, which has no expand, depthwise is 0 and project 1.",
    ],
    praise="Two hundred and ninety-six names, and every tensor has found its place.",
    check=porting_checks.check_new_name,
)
def new_name(key: str) -> str:
    """A name in the file → its name in torchvision's network."""
    layer, _, kind = key.rpartition(".")  # kind: weight, bias, running_mean, …
    outside = {"_conv_stem": "0.0", "_bn0": "0.1", "_conv_head": "8.0", "_bn1": "8.1"}
    if layer == "_fc":
        return f"classifier.1.{kind}"
    if layer in outside:
        return f"features.{outside[layer]}.{kind}"
    _, number, part = layer.split(".")
    stage, block = 1, int(number)
    for count in (1, 2, 2, 3, 3, 4, 1):  # blocks of each stage
        if block < count:
            break
        stage, block = stage + 1, block - count
    place = {"_expand_conv": 0, "_bn0": 0, "_depthwise_conv": 1, "_bn1": 1, "_project_conv": 2, "_bn2": 2}[part]
    place -= stage == 1  # the first stage does not expand
    return f"features.{stage}.{block}.block.{place}.{1 if part.startswith('_bn') else 0}.{kind}"


new_name.hidden_cases(porting_checks.some_key, count=40)


# -- 3: TensorFlow's padding -------------------------------------------------------------------------------------------
@exercise(
    id="05_same_padding",
    title="TensorFlow's padding",
    minutes=6,
    difficulty="medium",
    hints=[
        "You need ⌈size / stride⌉ places: -(-size // stride), or math.ceil.",
        "From the start of the first window to the end of the last there are (places − 1)·stride + kernel cells.",
        "Whatever exceeds size is the padding, and it's at least 0. Half of it, rounded down, comes before.",
    ],
    praise="For 224, 3 and 2 that is (0, 1): PyTorch's padding=1 would shift every window by one pixel.",
    check=porting_checks.check_same_padding,
)
def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Zeros before and after ``size`` cells, so that a window has ⌈size / stride⌉ places."""
    places = -(-size // stride)  # rounded up
    total = max((places - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


same_padding.hidden_cases(
    lambda source: (source.randint(5, 300), source.randint(1, 7), source.randint(1, 4)), count=20, tolerance=0
)


# -- 4: the port -------------------------------------------------------------------------------------------------------
@exercise(
    id="05_port",
    title="Somebody else's weights in torchvision's network",
    background="`new_name(key)` turns a name in the file into torchvision's name, and `same_padding(size, "
    "kernel, stride)` gives the zeros before and after a row of `size` cells.",
    minutes=10,
    difficulty="hard",
    hints=[
        "First the names: network.load_state_dict({new_name(key): value for key, value in original.items()}).",
        "Then every nn.Conv2d whose stride is (2, 2): set its padding to (0, 0), and pad the maps before it runs.",
        "layer.register_forward_pre_hook(function) calls function(layer, inputs) before each run; what it returns, a "
        "tuple, goes in instead. F.pad(maps, (left, right, top, bottom)) pads. At the end: network.eval().",
    ],
    praise="Google trained this network with TensorFlow, and now it gives the same answers through torchvision's code.",
    check=porting_checks.check_port,
    hidden_check=porting_checks.check_port,
)
def port(network: nn.Module, original: Mapping[str, torch.Tensor]) -> nn.Module:
    """A network with random weights and the file's tensors → the same network with the weights and SAME padding."""
    network.load_state_dict({new_name(key): value for key, value in original.items()})

    def pad(layer, inputs):
        (maps,) = inputs
        top, bottom = same_padding(maps.shape[-2], layer.kernel_size[0], 2)
        left, right = same_padding(maps.shape[-1], layer.kernel_size[1], 2)
        return (F.pad(maps, (left, right, top, bottom)),)

    for layer in network.modules():
        if isinstance(layer, nn.Conv2d) and layer.stride == (2, 2):
            layer.padding = (0, 0)
            layer.register_forward_pre_hook(pad)
    return network.eval()


# -- 5: its preprocessing ----------------------------------------------------------------------------------------------
@exercise(
    id="05_lite_transforms",
    title="Somebody else's preprocessing",
    minutes=5,
    difficulty="medium",
    hints=[
        "torchvision divides by 255 first. What are mean and std then, so that the result is the same?",
        "(x − 127) / 128 = (x/255 − 127/255) / (128/255).",
        "ImageClassification(crop_size=224, resize_size=256, interpolation=InterpolationMode.BICUBIC, mean=…, std=…), "
        "with three numbers each, makes the preprocessing; call it with the picture.",
    ],
    praise="That was the last of the three differences. Wrong numbers here raise no error; the answers just get worse.",
    check=porting_checks.check_lite_transforms,
    hidden_check=porting_checks.check_lite_transforms,
)
def lite_transforms(picture: Image.Image) -> torch.Tensor:
    """A picture → (3, 224, 224): bicubic to 256, the middle 224, and (x − 127) / 128 of bytes."""
    mean, std = (127 / 255,) * 3, (128 / 255,) * 3
    prepare = ImageClassification(
        crop_size=224, resize_size=256, interpolation=InterpolationMode.BICUBIC, mean=mean, std=std
    )
    tensor: torch.Tensor = prepare(picture)
    return tensor


# -- 6: verify by hand -------------------------------------------------------------------------------------------------
@exercise(
    id="05_verify",
    title="verify, by hand",
    minutes=8,
    difficulty="medium",
    hints=[
        "There are four cases: None, an entry of this enum, a string, anything else.",
        "enum[name] looks a name up and raises KeyError by itself. The enum's own name and a dot may come before it.",
        "isinstance(weights, enum) is False for another model's entry, and for the enum itself.",
    ],
    praise="Every builder in torchvision begins with a few lines like these.",
    check=enum_checks.check_verify,
)
def verify(enum: type[WeightsEnum], weights: object) -> WeightsEnum | None:
    """What every builder does first: from what it was given to one of its entries, or None."""
    if weights is None or isinstance(weights, enum):
        return weights
    if isinstance(weights, str):
        return enum[weights.removeprefix(enum.__name__ + ".")]
    raise TypeError(f"{weights!r} is not one of {enum.__name__}.")


verify.hidden_cases(enum_checks.looked_up, count=20, around=enum_checks.telling_errors)


# -- 7: how many members -----------------------------------------------------------------------------------------------
_FILES = {file[:2]: file for file in ("1a2b3c4d", "5e6f7a8b", "9c0d1e2f", "3a4b5c6d", "7e8f9a0b", "0c1d2e3f")}


def _toy_lines(entries: str) -> str:
    """The entries, such as "1a70 5e75", as they stand in the question."""
    return "\n".join(
        f'    {letter} = Weights("https://example.org/toy-{_FILES[entry[:2]]}.pth", preset, {{"acc": {entry[2:]}}})'
        for letter, entry in zip("ABCDEFGHI", entries.split(), strict=False)
    )


def _other_entries(source: random.Random) -> dict[str, str]:
    """Three to seven that differ, one of them in its accuracy alone, and one or two copies."""
    files, accuracies = source.sample([*_FILES], source.randint(2, 6)), source.sample(range(60, 90), 6)
    entries = [f"{file}{acc}" for file, acc in zip(files, accuracies, strict=False)]
    twin = source.choice(entries)
    entries.append(f"{twin[:2]}{int(twin[2:]) + 1}")
    entries += source.sample(entries, source.randint(1, 2))
    first, second, *others = entries
    return {"entries": " ".join([first, second, *source.sample(others, len(others))])}


@exercise(
    id="05_members",
    title="How many entries",
    background="`Weights` and `WeightsEnum` are in `torchvision.models`, and `preset` is always the same object.",
    minutes=3,
    difficulty="mild",
    hints=[
        "An Enum compares each new value with those that it has: an equal one becomes another name, an alias.",
        "Two Weights are equal when url, transforms and meta are. Which of the four names are equal?",
    ],
    praise="If you copy an entry and forget to change it, Python silently makes it an alias.",
    variants=Variants(
        _other_entries, _toy_lines, lambda entries: f"Which of the {spelled(len(entries.split()) + 1)} names"
    ),
)
def members(*, entries: str = "1a70 5e75 1a70") -> int:
    """The same enum, made by a call: of each entry there are the first letters of its file, and its accuracy."""
    preset = partial(ImageClassification, crop_size=224)
    values: dict[str, Any] = {}
    for letter, entry in zip("ABCDEFGHI", entries.split(), strict=False):
        values[letter] = Weights(f"https://example.org/toy-{entry[:2]}.pth", preset, {"acc": int(entry[2:])})
    values["DEFAULT"] = values["B"]
    return len(list(WeightsEnum("Toy_Weights", values)))


@members.checker
def _(answer: Any, entries: str) -> None:
    number, right, given = need_number(answer, whole=True), members(entries=entries), entries.split()
    if number == right:
        return
    if number == len(given) + 1:
        names = spelled(len(given) + 1)
        raise Wrong(f"There are {names} names, but a second name for the same value doesn't make a second member.")
    if number == len(given):
        copy = next(place for place, entry in enumerate(given) if entry in given[:place])
        alias, first = "ABCDEFGHI"[copy], "ABCDEFGHI"[given.index(given[copy])]
        raise Wrong(f"DEFAULT is only another name for B, yes. Now compare {alias} with {first}, field by field.")
    if number == 1:
        raise Wrong("A and B have different files and different accuracies, so they are two.")
    raise Wrong(f"{number:g} isn't right: go from top to bottom, and count only values that weren't there before.")


# -- 8: which spellings ------------------------------------------------------------------------------------------------
SPELLINGS = {
    "A": 'resnet18(weights="ResNet18_Weights.IMAGENET1K_V1")',
    "B": 'resnet18(weights="imagenet1k_v1")',
    "C": "resnet18(weights=ResNet18_Weights)",
    "D": 'resnet18(weights=get_weight("ResNet18_Weights.DEFAULT"))',
    "E": 'resnet18("DEFAULT")',
    "F": 'get_model("ResNet18", weights="DEFAULT")',
    "G": 'get_model("resnet18")',
    "H": 'resnet18(weights=get_model_weights("resnet18").DEFAULT)',
}


def lines(order: str) -> dict[str, str]:
    """The lines in an order such as "HGFEDCBA", with the letters A to H in front."""
    return {letter: SPELLINGS[line] for letter, line in zip("ABCDEFGH", order, strict=True)}


@lru_cache(maxsize=1)
def _heard() -> SpellingTable:
    return hear_all(SPELLINGS)


def _clean(order: str) -> str:
    """The letters of those that give trained weights without a warning."""
    clean = _heard().where("trained", warns=False)
    return "".join(letter for letter, line in zip("ABCDEFGH", order, strict=True) if line in clean)


def _other_order(source: random.Random) -> dict[str, str]:
    """An order in which other letters are right."""
    while _clean(order := "".join(source.sample("ABCDEFGH", 8))) == _clean("ABCDEFGH"):
        pass
    return {"order": order}


@exercise(
    id="05_spellings",
    title="Clean spellings",
    background="All the names come from `torchvision.models`.",
    minutes=5,
    difficulty="mild",
    cell_name="clean",
    hints=[
        "Names of entries are case-sensitive. get_model turns a model's name into small letters first.",
        "An enum isn't one of its entries. And what happens to an argument that is given without its name?",
        "hear(...) from course_lib.models says what a line asks for.",
    ],
    praise="get_weight and get_model_weights are two more ways to the same entry.",
    variants=Variants(
        _other_order, lambda order: "\n".join(f"- **{letter}** `{code}`" for letter, code in lines(order).items())
    ),
)
def spellings(*, order: str = "ABCDEFGH") -> str:
    """The letters of the lines that give trained weights and warn of nothing."""
    letters = ""
    for letter, code in lines(order).items():
        heard = hear(code)  # runs the line up to the place where the file would be read
        if heard.outcome == "trained" and not heard.warnings:
            letters += letter
    return letters


@spellings.checker
def _(answer: Any, order: str) -> None:
    chosen, right = need_choice(answer, "".join(SPELLINGS)), set(_clean(order))
    for letter in sorted(chosen - right):
        heard = _heard()[order["ABCDEFGH".index(letter)]]
        if heard.error is not None:
            raise Wrong(f"{letter} raises {heard.gives}: {heard.says[0]}. Names of entries have to be written exactly.")
        if heard.outcome == "random":
            raise Wrong(f"{letter} gives random numbers and says nothing: without weights= nothing is loaded.")
        raise Wrong(f"{letter} gives {heard.gives}, but warns: {heard.says[0].split(' and may')[0].rstrip('.')}.")
    if missing := sorted(right - chosen):
        raise Wrong(f"{len(missing)} more of them give IMAGENET1K_V1 without a warning. Look at {missing[0]} again.")


# -- 9: the best entry -------------------------------------------------------------------------------------------------
@exercise(
    id="05_best_entry",
    title="The best entry",
    minutes=6,
    difficulty="medium",
    hints=[
        "for weights in enum: goes through the entries, DEFAULT not counted twice.",
        'The accuracy is weights.meta["_metrics"]["ImageNet-1K"]["acc@1"].',
        "Leave out nan, the only number that is not equal to itself (or ask math.isnan); then max(..., key=...).",
    ],
    praise="For ViT-B/16 it isn't the DEFAULT: the better ones have another licence, or want larger pictures.",
)
def best_entry(enum: type[WeightsEnum]) -> WeightsEnum:
    """The entry with the highest top-1 accuracy on ImageNet-1K; entries whose accuracy is nan do not count."""

    def top1(weights: WeightsEnum) -> float:
        return float(weights.meta["_metrics"]["ImageNet-1K"]["acc@1"])

    return max((weights for weights in enum if top1(weights) == top1(weights)), key=top1)  # nan differs from itself


@lru_cache(maxsize=1)
def _enums() -> tuple[type[WeightsEnum], ...]:
    """Torchvision's, and one whose first entry was not measured."""

    def measured(name: str, top1: float) -> Weights:
        meta = {"_metrics": {"ImageNet-1K": {"acc@1": top1, "acc@5": 99.0 - top1 / 9}}}
        return Weights(f"https://example.org/{name}.pth", partial(ImageClassification, crop_size=224), meta)

    unknown = {"FEATURES": measured("a", math.nan), "V1": measured("b", 60.0), "V2": measured("c", 50.0)}
    theirs = ("ResNet50", "ViT_B_16", "VGG16", "AlexNet", "RegNet_Y_16GF", "MobileNet_V2")
    return (*(vars(models)[f"{name}_Weights"] for name in theirs), WeightsEnum("Unknown_Weights", unknown))


@best_entry.checker
def _(answer: Any) -> None:
    need_function(answer)
    for enum in _enums():
        case, value = enum.__name__, call(answer, enum, case=enum.__name__)
        figures = {entry: entry.meta["_metrics"]["ImageNet-1K"]["acc@1"] for entry in enum}
        truth = sorted((entry for entry in enum if figures[entry] > 0), key=lambda entry: -figures[entry])[0]
        if isinstance(value, enum) and value is truth:
            continue
        if isinstance(value, str):
            raise Wrong(f"On {case} you gave a string, but the answer is the entry itself, such as {truth!r}.")
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            raise Wrong(f"On {case} you gave a number, but the answer is the entry that has it, such as {truth!r}.")
        if not isinstance(value, enum):
            raise Wrong(f"On {case} you gave a value of type {type(value).__name__}, not one of its entries.")
        if math.isnan(figures[value]):
            raise Wrong(f"{value!r} has the accuracy nan: nobody measured it. And no number is larger than nan.")
        if enum.__members__.get("DEFAULT") is value:
            raise Wrong(
                f"{value!r} is the DEFAULT, with {figures[value]:.1f}%. {truth.name} has {figures[truth]:.1f}%: "
                "DEFAULT is what torchvision recommends, not always the most accurate."
            )
        raise Wrong(f"{value!r} has {figures[value]:.1f}%, but {truth.name} has {figures[truth]:.1f}%.")


best_entry.hidden_cases(lambda source: (enum_checks.enum(source),), count=12)


# -- 10: does the hash fit ---------------------------------------------------------------------------------------------
@exercise(
    id="05_hash_fits",
    title="Whether the hash fits",
    minutes=6,
    difficulty="medium",
    hints=[
        "hashlib.sha256(path.read_bytes()).hexdigest() gives 64 digits; the name holds the first of them.",
        'path.stem is the name without .pth, and .rpartition("-")[2] is what comes after its last dash.',
        'Every string starts with "", so ask for at least eight digits.',
    ],
    praise="Change one bit, and nearly all digits change, so eight of them are enough to notice an accident.",
    check=enum_checks.check_hash_fits,
)
def hash_fits(path: Path) -> bool:
    """Whether the digits behind the last dash of a file's name are the first of its SHA-256; at least eight of them."""
    digits = path.stem.rpartition("-")[2]
    return len(digits) >= 8 and hashlib.sha256(path.read_bytes()).hexdigest().startswith(digits)


hash_fits.hidden_cases(enum_checks.hashed_file, count=20, around=enum_checks.on_disk)


# -- 11: an enum that reads in place -----------------------------------------------------------------------------------
class ReadInPlace(WeightsEnum):
    """Has no members, so that enums may inherit from it. Reads the file where it lies, if its hash fits."""

    def get_state_dict(self, *args: object, **kwargs: object) -> dict[str, torch.Tensor]:
        path = Path(url2pathname(urlparse(self.url).path))
        if not hash_fits(path):
            raise ValueError(f"{path.name} is not the file that its name promises.")
        return torch.load(path, map_location="cpu", weights_only=True)


read_in_place = exercise(
    id="05_read_in_place",
    title="An enum that reads in place",
    minutes=12,
    difficulty="hard",
    hints=[
        "A builder calls weights.get_state_dict(progress=..., check_hash=True): take both, even if you need neither.",
        "From the address to the file: Path(url2pathname(urlparse(self.url).path)).",
        "hash_fits of the exercise before, raise ValueError if it says False, torch.load(path, weights_only=True).",
    ],
    praise="No copy, no stranger's code, and the hash is checked every time. The course's own enums do just this.",
    check=check_read_in_place,
    hidden_check=check_read_in_place,
)(ReadInPlace)


# -- 12: an enum and a builder of one's own ----------------------------------------------------------------------------
@exercise(
    id="05_own_model",
    title="An enum and a builder of your own",
    background="`vgg` is in `course_lib.networks`, `WeightsEnum` and `Weights` are in `torchvision.models`, and "
    "`ImageClassification` is in `torchvision.transforms._presets`.",
    minutes=15,
    difficulty="hard",
    hints=[
        "Two things inside the function: a class that inherits from WeightsEnum, and a builder that is given back.",
        "The enum: V1 = Weights(url=path.as_uri(), transforms=partial(...), meta={...}) and DEFAULT = V1. The builder: "
        "def own(*, weights: Own_Weights | None = None, progress=True, **kwargs).",
        "The builder: verify, the number of classes from the categories, build, load_state_dict(get_state_dict()).",
    ],
    praise="By name, by string or by entry: torchvision now treats it like one of its own.",
    check=check_own_model,
    hidden_check=check_own_model,
)
def own_model(path: Path, categories: list[str]) -> Callable[..., nn.Module]:
    """A file with trained weights → a builder that torchvision can register: it takes weights=, as torchvision's do."""

    class Own_Weights(WeightsEnum):
        V1 = Weights(
            url=path.as_uri(),
            transforms=partial(ImageClassification, crop_size=64, resize_size=64),
            meta={"categories": categories},
        )
        DEFAULT = V1

    def own(*, weights: Own_Weights | None = None, progress=True, **kwargs):
        weights = Own_Weights.verify(weights)
        if weights is not None:
            kwargs["num_classes"] = len(weights.meta["categories"])
        model = vgg.build("16 M 32 M 64 M", batch_norm=True, hidden=64, **kwargs)
        if weights is not None:
            model.load_state_dict(weights.get_state_dict(progress=progress, check_hash=True))
        return model

    return own
