"""Known mistakes in the exercises of lesson 05, weight enums: mostly solutions with one thing changed in their text."""

# No `from __future__ import annotations` here: builders made here carry their enum in an evaluated annotation.

import hashlib
import json
from enum import Enum
from functools import partial
from typing import Any

import torch
from torch import nn
from torchvision import models
from torchvision.models import Weights, WeightsEnum
from torchvision.transforms import InterpolationMode
from torchvision.transforms._presets import ImageClassification

from course_lib.exercises.engine.exercise import Exercise
from course_lib.exercises.lessons import lesson05
from course_lib.exercises.lessons.lesson05 import ReadInPlace
from tests.exercise_edits import edited


def own(*edits: tuple[str, str]) -> Any:
    return edited(lesson05.own_model, *edits)


def reads(*edits: tuple[str, str]) -> Any:
    return edited(ReadInPlace, *edits)


def verify(*edits: tuple[str, str]) -> Any:
    return edited(lesson05.verify, *edits)


def words_only(path: Any, categories: list[str]) -> Any:
    """As in a module that begins with from __future__ import annotations."""
    builder = lesson05.own_model(path, categories)
    builder.__annotations__["weights"] = "Own_Weights | None"
    return builder


def no_enum(path: Any, categories: list[str]) -> Any:
    def builder(*, weights: None = None, progress: bool = True, **kwargs: Any) -> None: ...

    return builder


def pretrained(path: Any, categories: list[str]) -> Any:
    return lambda pretrained=False, **kwargs: None


class Plain(Enum):
    """No WeightsEnum."""

    V1 = 1


class Taken(WeightsEnum):
    V1 = Weights("https://example.org/x.pth", partial(str), {})


class Kept(WeightsEnum):
    def file(self) -> str:
        return str(self.url)


BEST = "max((weights for weights in enum if top1(weights) == top1(weights)), key=top1)"
DIGITS = 'path.stem.rpartition("-")[2]'
SUM = "hashlib.sha256(path.read_bytes()).hexdigest().startswith(digits)"
LOAD = 'torch.load(path, map_location="cpu", weights_only=True)'
VALUE = """Weights(
            url=path.as_uri(),
            transforms=partial(ImageClassification, crop_size=64, resize_size=64),
            meta={"categories": categories},
        )"""
VERIFY = "weights = Own_Weights.verify(weights)"
COUNT = 'len(weights.meta["categories"])'
LOADED = "model.load_state_dict(weights.get_state_dict(progress=progress, check_hash=True))"
PARAMETER = "weights: Own_Weights | None = None"


def ported(*edits: tuple[str, str]) -> Any:
    return edited(lesson05.port, *edits)


def prepared(**settings: Any) -> ImageClassification:
    usual = {"crop_size": 224, "resize_size": 256, "interpolation": InterpolationMode.BICUBIC,
             "mean": (127 / 255,) * 3, "std": (128 / 255,) * 3}  # fmt: skip
    return ImageClassification(**(usual | settings))


def renamed(*edits: tuple[str, str]) -> Any:
    return edited(lesson05.new_name, *edits)


MISTAKES: dict[Exercise, list[tuple[Any, str]]] = {
    lesson05.new_name: [
        (renamed((".{kind}\"", "\"")), "stays the same: weight"),
        (renamed(('"8.0"', '"9.0"')), "but it should be features.8"),
        (renamed(("place -= stage == 1", "pass")), "stage 1 doesn't expand"),
        (renamed(("(1, 2, 2, 3, 3, 4, 1)", "(1, 2, 2, 3, 4, 3, 1)")), "it belongs to stage 6"),
        (renamed(("block - count", "block - 1")), "this is block"),
        (renamed(('"_expand_conv": 0', '"_expand_conv": 1')), "expand, depthwise and project are 0, 1 and 2"),
        (lambda key: 3, "the answer is a name"), (lambda key: key, "but it should be features.0"),
        ({}, "is a function"),
    ],
    lesson05.same_padding: [
        (lambda size, kernel, stride: (kernel // 2, kernel // 2), "PyTorch's way"),
        (lambda size, kernel, stride: lesson05.same_padding(size, kernel, stride)[::-1], "the odd one after"),
        (edited(lesson05.same_padding, ("-(-size // stride)", "size // stride")), "225.*should be 113"),
        (edited(lesson05.same_padding, ("max((places - 1) * stride + kernel - size, 0)",
                                        "(places - 1) * stride + kernel - size")), "padding can't be negative"),
        (lambda size, kernel, stride: 1, "two whole numbers"), ((0, 1), "is a function"),
    ],
    lesson05.lite_transforms: [
        (prepared(mean=(127,) * 3, std=(128,) * 3), "divide 127 and 128 by 255"),
        (ImageClassification(crop_size=224, interpolation=InterpolationMode.BICUBIC), "ImageNet's usual ones"),
        (prepared(mean=(0.5,) * 3, std=(0.5,) * 3), "but not the same"),
        (prepared(interpolation=InterpolationMode.BILINEAR), "should be bicubic"),
        (prepared(resize_size=224), "should become 256"), (prepared(resize_size=300), "compare the five settings"),
        (prepared(crop_size=256), "the shape should be"),
        (partial(ImageClassification, crop_size=224), "raised TypeError"), (224, "is a function"),
    ],
    lesson05.port: [
        (ported(("layer.register_forward_pre_hook(pad)", "layer.padding = (layer.kernel_size[0] // 2,) * 2")),
         "where PyTorch's padding puts them"),
        (ported(("(left, right, top, bottom)", "(2, 2, 2, 2)")), "check the sides that you pad"),
        (ported(("return network.eval()", "return network.train()")), "still in train mode"),
        (ported(("return network.eval()", "network.eval()")), "is the return missing"),
        (ported(("network.load_state_dict", "print")), "don't hold the file's numbers"),
        (ported(("new_name(key)", "key")), "your function raised RuntimeError"), ("port", "is a function"),
    ],
    lesson05.members: [
        (4, "There are four names"), (3, "compare C with A"), (1, "they are two"), (0, "isn't right"),
        (2.5, "whole number"), (["A", "B"], "is a number"),
    ],
    lesson05.spellings: [
        ("ABDFH", "B raises KeyError: 'imagenet1k_v1'"), ("ACDFH", "C gives ResNet18_Weights.IMAGENET1K_V1, but warns"),
        ("ADEFH", "E gives .* positional"), ("ADFGH", "G gives random numbers"), ("ADF", "1 more .* Look at H"),
        ("", "4 more"), ("ADFZ", "isn't one of the letters"), (4, "a word of letters"),
    ],
    lesson05.best_entry: [
        (lambda enum: enum.DEFAULT, "is the DEFAULT, with 81.1%"),
        (edited(lesson05.best_entry, (BEST, "max(enum, key=top1)")), "no number is larger than nan"),
        (edited(lesson05.best_entry, (BEST, BEST.replace("max", "min"))), "IMAGENET1K_V1 has 76.1%"),
        (edited(lesson05.best_entry, (BEST, f"{BEST}.name")), "you gave a string"),
        (edited(lesson05.best_entry, (BEST, f"top1({BEST})")), "you gave a number"),
        (edited(lesson05.best_entry, (BEST, f"[{BEST}]")), "type list"),
        (lambda enum: enum.BEST, "your function raised AttributeError"), (models.ResNet50_Weights, "is a function"),
    ],
    lesson05.same_preprocessing: [
        (lambda one, other: one.transforms() == other.transforms(), "different from itself"),
        (lambda one, other: one.transforms == other.transforms, "Two objects with the same settings are still two"),
        (lambda one, other: one.transforms().crop_size == other.transforms().crop_size, r"resize_size=\[256\] and"),
        (lambda one, other: [getattr(one.transforms(), name) == getattr(other.transforms(), name)
                             for name in ("crop_size", "resize_size", "mean", "std")] == [True] * 4, "interpolation="),
        (lambda one, other: one.transforms(), "True or False"), (lambda one: True, "raised TypeError"),
        (True, "is a function"),
    ],
    lesson05.verify: [
        (verify(("weights is None or ", "")), "None.* should give None, but it raises TypeError"),
        (verify(('.removeprefix(enum.__name__ + ".")', "")), "it raises KeyError: 'ResNet50_Weights.IMAGENET1K_V2'"),
        (verify((".removeprefix(enum.__name__ + \".\")", '.split(".")[-1]')), "in the enum should raise KeyError"),
        (verify(("isinstance(weights, enum)", "isinstance(weights, WeightsEnum)")),
         "a different kind should raise TypeError"),
        (verify(("raise TypeError", "raise ValueError")), "should raise TypeError, but it raises ValueError"),
        (verify(("return enum[", "return enum, [")), "should give ResNet50_Weights.IMAGENET1K_V1, but it gives"),
        ("DEFAULT", "is a function"),
    ],
    lesson05.hash_fits: [
        (edited(lesson05.hash_fits, ("sha256", "md5")), "should be True: the first eight"),
        (edited(lesson05.hash_fits, ("len(digits) >= 8 and ", "")), "no digits after the dash"),
        (edited(lesson05.hash_fits, (SUM, f"{SUM} or None")), "True or False"),
        (edited(lesson05.hash_fits, ("len(digits) >= 8", "len(digits) > 0")), "four digits are too few"),
        (edited(lesson05.hash_fits, ("len(digits) >= 8", "len(digits) == 8")), "all 64 digits"),
        (edited(lesson05.hash_fits, ("startswith(digits)", "endswith(digits)")), "the last digits, not the first"),
        (edited(lesson05.hash_fits, (DIGITS, 'path.stem.split("-")[1]')), "after the last dash counts"),
        (edited(lesson05.hash_fits, ("startswith(digits)", "startswith(digits[:7])")), "the eighth digit is wrong"),
        (lambda path: path.stem.endswith("-5cacde6f"), "one bit of the file was changed"),
        (edited(lesson05.hash_fits, ("path.read_bytes()", "path.read_text()")), "raised UnicodeDecodeError"),
        (hashlib.sha256(b"").hexdigest(), "is a function"),
    ],
    lesson05.read_in_place: [
        (dict, "the class dict"), (Plain, "the class Plain"), (3, "a value of type int"), (Taken, "has the member V1"),
        (Kept, "no get_state_dict of its own"),
        (reads(("Path(url2pathname(urlparse(self.url).path))", "Path(urlparse(self.url).path)")), "FileNotFoundError"),
        (reads(("if not hash_fits(path)", "if False")), "replaced by another"),
        (reads(("weights_only=True", "weights_only=False")), "its code ran"),
        (reads((f"return {LOAD}", f"self.found = {LOAD}")), "is the return missing"),
        (reads((LOAD, f"list({LOAD}.items())")), "a value of type list"),
        (reads((LOAD, f"{{'model': {LOAD}}}")), "are fc.weight, fc.bias, seen, not model"),
        (reads((LOAD, "{}")), "not none at all"),
        (reads((LOAD, f"{{key: one.float() for key, one in {LOAD}.items()}}")), "seen .* dtype should be torch.int64"),
        (reads((LOAD, f"{{key: torch.zeros_like(one) for key, one in {LOAD}.items()}}")), "values differ"),
        (reads((f"return {LOAD}", "return super().get_state_dict(*args, **kwargs)")), "copied into torch.hub's cache"),
        (reads(("self, *args: object, **kwargs: object", "self")), "unexpected keyword argument 'progress'"),
    ],
    lesson05.own_model: [
        (own(("return own", "")), "is the return missing"), (own(("return own", "return Own_Weights")), "the class"),
        (own(("return own", "return own(num_classes=2)")), "a value of type VGG"), (pretrained, "takes no weights="),
        (words_only, "is only a string"), (no_enum, "can't see which enum"), (lambda path: [path], "raised TypeError"),
        (own((PARAMETER, 'weights: Own_Weights | None = "DEFAULT"')), "the default should be None"),
        (own(("        DEFAULT = V1\n", "")), "has no DEFAULT; it has V1"),
        (own((VALUE, "path")), r"is a Weights\(url=…"), (own(("path.as_uri()", "str(path)")), "path.as_uri"),
        (own(('{"categories": categories}', "{}")), 'as your function was given, not None'),
        (own(('{"categories": categories}', '{"categories": ["camel", "goldfish"]}')),
         r"'mushroom'\], as .* not \['camel', 'goldfish'\]"),
        (own(("partial(ImageClassification, crop_size=64, resize_size=64)",
              "ImageClassification(crop_size=64, resize_size=64)")), "something to call"),
        (own(("crop_size=64, resize_size=64", "crop_size=224")), r"the shape should be \(3, 64, 64\)"),
        (own((", resize_size=64", "")), "values differ"),
        (own((VERIFY, "pass")), "AttributeError .'str' object has no attribute 'meta'"),
        (own(("check_hash=True", "check_hash=False")), "didn't notice"),
        (own((COUNT, "1000")), "size mismatch|Error.s. in loading"), (own((LOADED, "pass")), "were they loaded"),
        (own(("hidden=64, **kwargs", "hidden=64, num_classes=2")), r"should be \(2, 5\)|raised"),
        (own(("if weights is not None", "if True")), "raised AttributeError"),
        (own((VERIFY, "weights = getattr(Own_Weights, weights) if isinstance(weights, str) else weights"),
              ("**kwargs):", "**kwargs):\n        assert not isinstance(weights, models.ResNet18_Weights)")),
         "should raise TypeError"),
        (own((VERIFY, "weights = Own_Weights.V1 if weights is not None else None")), "accepts ResNet18's entry"),
        ({"a": json}, "is a function"), (nn.Linear, "is a function"), (torch.relu, "raised TypeError"),
    ],
}  # fmt: skip
