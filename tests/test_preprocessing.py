"""The oracle is ``weights.transforms()`` itself, over every recipe in torchvision's registry, to the bit."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from hypothesis import given, settings, strategies
from PIL import Image
from torchvision.models import ResNet18_Weights
from torchvision.transforms import v2

from course_lib.errors import PictureError, WeightsError
from course_lib.pictures.mistakes import MISTAKES
from course_lib.pictures.preprocessing import (
    Stage,
    moved_crop,
    prepared,
    seen_box,
    stages,
    to_picture,
    transform_settings,
)

T = torchvision.transforms
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def registry() -> dict[str, Any]:
    """One transforms object for every distinct recipe of torchvision's classifiers."""
    found: dict[str, tuple[str, Any]] = {}
    for name in torchvision.models.list_models(module=torchvision.models):
        for weights in torchvision.models.get_model_weights(name):
            transforms = weights.transforms()
            found.setdefault(repr(transforms), (str(weights), transforms))
    return dict(found.values())


RECIPES = registry()
RESNET = ResNet18_Weights.IMAGENET1K_V1.transforms()
#: A Compose as learners write it, in the old style and the new.
COMPOSED: dict[str, Any] = {
    "v1": T.Compose([T.Resize(256), T.CenterCrop(224), T.ToTensor(), T.Normalize(MEAN, STD)]),
    "v1, stretched": T.Compose([T.Resize((96, 64)), T.CenterCrop((48, 64)), T.ToTensor(), T.Normalize(MEAN, STD)]),
    "v1, two steps": T.Compose(
        [T.Resize([64]), T.CenterCrop(48), T.PILToTensor(), T.ConvertImageDtype(torch.float), T.Normalize(MEAN, STD)]
    ),
    "v2": v2.Compose(
        [
            v2.Resize(64, interpolation=T.InterpolationMode.BICUBIC),
            v2.CenterCrop(48),
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(MEAN, STD),
        ]
    ),
}


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    values = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(values)


def tensor_of(stage: Stage) -> torch.Tensor:
    assert isinstance(stage.value, torch.Tensor)
    return stage.value


def test_the_registry_was_really_read() -> None:
    assert len(RECIPES) >= 25


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("size", [(320, 240), (241, 383), (37, 301), (1, 1), (640, 40)])
def test_the_last_stage_equals_the_transforms(name: str, size: tuple[int, int]) -> None:
    transforms, picture = RECIPES[name], noise(*size)
    shown = stages(picture, transforms)
    assert torch.equal(tensor_of(shown[-1]), transforms(picture))
    assert [stage.name for stage in shown] == ["open", "resize", "crop", "to tensor", "normalise"]


@settings(deadline=None, max_examples=40)
@given(width=strategies.integers(1, 500), height=strategies.integers(1, 500), data=strategies.data())
def test_any_size_under_any_recipe(width: int, height: int, data: strategies.DataObject) -> None:
    width, height = min(width, 12 * height), min(height, 12 * width)
    transforms = data.draw(strategies.sampled_from([*RECIPES.values(), *COMPOSED.values()]))
    picture = noise(width, height)
    assert torch.equal(tensor_of(stages(picture, transforms)[-1]), transforms(picture))


@pytest.mark.parametrize("name", COMPOSED)
def test_a_compose_has_the_same_stages(name: str) -> None:
    picture = noise(301, 200)
    shown = stages(picture, COMPOSED[name])
    assert torch.equal(tensor_of(shown[-1]), COMPOSED[name](picture))
    found = transform_settings(COMPOSED[name])
    assert tensor_of(shown[-1]).shape[1:] == found.crop_hw


def test_a_compose_like_the_preset_reads_the_same_settings() -> None:
    assert transform_settings(COMPOSED["v1"]) == transform_settings(RESNET)


@pytest.mark.parametrize(
    "transforms",
    [
        T.Compose([T.ToTensor(), T.Resize(256), T.CenterCrop(224), T.Normalize(MEAN, STD)]),
        T.Compose([T.Resize(256), T.CenterCrop(224), T.ToTensor()]),
        T.Compose([T.Resize(256), T.RandomCrop(224), T.ToTensor(), T.Normalize(MEAN, STD)]),
        T.Compose([T.Resize(256, max_size=300), T.CenterCrop(224), T.ToTensor(), T.Normalize(MEAN, STD)]),
        T.Compose([]),
        ResNet18_Weights.IMAGENET1K_V1,
        ResNet18_Weights.IMAGENET1K_V1.transforms,  # the brackets are missing
        T.ToTensor(),
        None,
    ],
)
def test_other_transforms_are_refused_with_a_sentence(transforms: object) -> None:
    with pytest.raises(WeightsError, match=r"Compose .*Resize.*CenterCrop.*ToTensor.*Normalize"):
        stages(noise(30, 20), transforms)


def test_each_stage_tells_its_numbers() -> None:
    opened, resized, cropped, tensor, normal = stages(noise(320, 240), RESNET)
    assert [stage.shape for stage in (opened, resized, cropped)] == [(240, 320, 3), (256, 341, 3), (224, 224, 3)]
    assert tensor.shape == normal.shape == (3, 224, 224)
    assert [stage.dtype for stage in (opened, cropped, tensor, normal)] == ["uint8", "uint8", "float32", "float32"]
    assert opened.range == (0.0, 255.0)
    values = tensor_of(normal)
    assert normal.range == (values.min().item(), values.max().item())
    assert "341×256" in resized.note and "bilinear" in resized.note
    assert "224×224" in cropped.note and "43%" in cropped.note  # 1 - 224 * 224 / (341 * 256)
    assert "0.485" in normal.note and "0.225" in normal.note


def test_a_stage_shows_itself_as_a_picture() -> None:
    opened, _, cropped, tensor, normal = stages(noise(320, 240), RESNET)
    assert opened.picture() is opened.value
    assert np.array_equal(np.asarray(tensor.picture()), np.asarray(cropped.value))
    assert normal.picture().getextrema() != cropped.picture().getextrema()
    low, high = zip(*normal.picture().getextrema(), strict=True)
    assert min(low) == 0 and max(high) == 255


def test_other_pictures_are_opened_first() -> None:
    grey = Image.new("L", (40, 30), 80)
    assert torch.equal(tensor_of(stages(grey, RESNET)[-1]), RESNET(grey.convert("RGB")))
    with pytest.raises(PictureError):
        stages("no such file.jpg", RESNET)


@pytest.mark.parametrize("size", [(320, 240), (240, 320), (900, 300), (224, 224), (100, 260)])
@pytest.mark.parametrize("name", [next(iter(RECIPES)), "MaxVit_T_Weights.IMAGENET1K_V1", "v1, stretched"])
def test_nothing_outside_the_seen_box_reaches_the_network(name: str, size: tuple[int, int]) -> None:
    """Change every pixel outside of the box (but for the reach of the resize's filter): the tensor stays the same."""
    transforms = {**RECIPES, **COMPOSED}[name]
    picture = noise(*size)
    left, top, right, bottom = seen_box(size, transforms)
    assert 0 <= left < right <= size[0] and 0 <= top < bottom <= size[1]
    resized = stages(picture, transforms)[1].picture()
    reach = 2 + 2 * max(1, *(before / after for before, after in zip(size, resized.size, strict=True)))
    corner = (max(0, int(left - reach)), max(0, int(top - reach)))
    seen = picture.crop((*corner, min(size[0], int(right + reach)), min(size[1], int(bottom + reach))))
    other = noise(*size, seed=1)
    other.paste(seen, corner)
    assert torch.equal(transforms(other), transforms(picture))


@pytest.mark.parametrize("size", [(320, 240), (240, 320), (900, 300), (224, 224), (100, 260)])
def test_the_borders_of_the_seen_box_do_reach_the_network(size: tuple[int, int]) -> None:
    left, top, right, bottom = seen_box(size, RESNET)
    picture = Image.new("RGB", size, "black")
    for strip in (
        (left, top, left + 3, bottom),
        (right - 3, top, right, bottom),
        (left, top, right, top + 3),
        (left, bottom - 3, right, bottom),
    ):
        other = picture.copy()
        x0, y0, x1, y1 = (round(edge) for edge in strip)
        other.paste("white", (x0, y0, x1, y1))
        changed = (RESNET(other) != RESNET(picture)).any(dim=0)
        rows, columns = (torch.nonzero(changed.any(dim=dim)).flatten() for dim in (1, 0))
        edges = {0, 223}
        assert edges & set(rows.tolist()) and edges & set(columns.tolist())


@settings(deadline=None, max_examples=40)
@given(longer=strategies.integers(256, 600), upright=strategies.booleans())
def test_where_nothing_is_resized_the_box_is_the_crop(longer: int, upright: bool) -> None:
    picture = noise(256, longer) if upright else noise(longer, 256)
    cropped = stages(picture, RESNET)[2].picture()
    left, top, right, bottom = seen_box(picture.size, RESNET)
    assert np.array_equal(np.asarray(picture)[int(top) : int(bottom), int(left) : int(right)], np.asarray(cropped))


@settings(deadline=None, max_examples=60)
@given(width=strategies.integers(1, 500), height=strategies.integers(1, 500), name=strategies.sampled_from([*COMPOSED]))
def test_the_box_is_as_large_as_the_crop_was_before_the_resize(width: int, height: int, name: str) -> None:
    width, height = min(width, 12 * height), min(height, 12 * width)
    transforms = COMPOSED[name]
    resized = transforms.transforms[0](noise(width, height))
    crop_h, crop_w = transform_settings(transforms).crop_hw
    left, top, right, bottom = seen_box((width, height), transforms)
    assert (right - left) * resized.width / width == pytest.approx(min(crop_w, resized.width))
    assert (bottom - top) * resized.height / height == pytest.approx(min(crop_h, resized.height))


def test_a_picture_without_pixels_has_no_box() -> None:
    with pytest.raises(PictureError, match="0"):
        seen_box((0, 10), RESNET)


@pytest.mark.parametrize("name", RECIPES)
def test_the_way_back_gives_the_cropped_picture(name: str) -> None:
    found = transform_settings(RECIPES[name])
    picture = noise(300, 280)
    back = to_picture(RECIPES[name](picture).unsqueeze(0), found.mean, found.std)
    cropped = stages(picture, RECIPES[name])[2].picture()
    assert np.array_equal(np.asarray(back), np.asarray(cropped))


@pytest.mark.parametrize("shape", [(2, 3, 8, 8), (8, 8), (8, 8, 3), (3, 0, 4)])
def test_what_is_no_picture_has_no_way_back(shape: tuple[int, ...]) -> None:
    with pytest.raises(PictureError, match=r"\(3, H, W\)"):
        to_picture(torch.zeros(shape), MEAN, STD)
    with pytest.raises(PictureError, match="2 numbers"):
        to_picture(torch.zeros(3, 4, 4), MEAN[:2], STD[:2])


def imagenet(tensor: torch.Tensor) -> torch.Tensor:
    return (tensor - torch.tensor(MEAN).reshape(3, 1, 1)) / torch.tensor(STD).reshape(3, 1, 1)


def pixels(picture: Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1).float()


#: The same mistakes as somebody would make them with Pillow and NumPy.
BY_HAND: dict[str, Callable[[Image.Image, Image.Image], torch.Tensor]] = {
    "no normalise": lambda whole, crop: pixels(crop) / 255,
    "BGR": lambda whole, crop: imagenet(pixels(Image.merge("RGB", crop.split()[::-1])) / 255),
    "squashed": lambda whole, crop: imagenet(pixels(whole.resize((224, 224), Image.Resampling.BILINEAR)) / 255),
    "0-255": lambda whole, crop: imagenet(pixels(crop)),
    "wrong mean and std": lambda whole, crop: (pixels(crop) / 255 - 0.5) / 0.5,
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_the_mistake_it_says(name: str) -> None:
    picture = noise(320, 240)
    crop = picture.resize((341, 256), Image.Resampling.BILINEAR).crop((58, 16, 282, 240))
    wrong = MISTAKES[name].apply(picture, RESNET)
    torch.testing.assert_close(wrong, BY_HAND[name](picture, crop), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("transforms", [*RECIPES.values(), COMPOSED["v1"], COMPOSED["v2"]])
@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_gives_no_error_and_the_wrong_numbers(name: str, transforms: Any) -> None:
    picture = noise(320, 240)
    right, wrong = transforms(picture), MISTAKES[name].apply(picture, transforms)
    assert wrong.shape == right.shape and wrong.dtype == right.dtype
    assert not torch.allclose(wrong, right, atol=0.01)


def test_mistakes_explain_themselves_in_one_sentence_and_travel_to_workers() -> None:
    for name, mistake in MISTAKES.items():
        assert mistake.name == name and mistake.explanation.endswith(".") and mistake.explanation.count(". ") == 0
        assert pickle.loads(pickle.dumps(mistake)) == mistake


@pytest.mark.parametrize("size", [(1, 20_000), (20_000, 1), (3, 120_000)])
def test_a_picture_that_resize_would_make_enormous_is_refused(size: tuple[int, int]) -> None:
    transforms = ResNet18_Weights.DEFAULT.transforms()
    picture = Image.new("RGB", size)
    calls: list[Callable[..., object]] = [prepared, stages, *(MISTAKES[name].apply for name in ("BGR", "0-255"))]
    for call in calls:
        with pytest.raises(
            PictureError, match=rf"{size[0]}×{size[1]} pixels, and Resize would make it .*Crop the part"
        ):
            call(picture, transforms)


def test_a_long_picture_below_the_limit_and_transforms_of_any_kind_are_prepared() -> None:
    transforms = ResNet18_Weights.DEFAULT.transforms()
    picture = Image.linear_gradient("L").resize((20, 3000)).convert("RGB")
    assert torch.equal(prepared(picture, transforms), transforms(picture))
    assert prepared(picture, lambda picture: torch.zeros(3, 2, 2)).shape == (3, 2, 2)

    def hungry(picture: object) -> torch.Tensor:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes.")

    with pytest.raises(PictureError, match="needs more memory than this computer has left"):
        prepared(picture, hungry)
    with pytest.raises(ZeroDivisionError):
        prepared(picture, lambda picture: torch.zeros(1) / (1 // 0))


def test_the_first_stage_says_that_sixteen_bits_came_out_nearly_black() -> None:
    dim = np.linspace(0, 4095, 900).astype(np.uint16).reshape(30, 30)
    with pytest.warns(UserWarning, match="nearly black"):
        first = stages(dim, ResNet18_Weights.DEFAULT.transforms())[0]
    assert "only reach from 0 to 4095" in first.note


@pytest.mark.parametrize("size", [(400, 256), (256, 300), (256, 256)])
@pytest.mark.parametrize("percent", [0, 5, 50, 80, 100])
def test_a_moved_crop_is_that_part_of_the_picture_and_nothing_else(size: tuple[int, int], percent: int) -> None:
    transforms = ResNet18_Weights.DEFAULT.transforms(resize_size=256, crop_size=224)  # no pixel is scaled
    pixels = np.random.default_rng(percent).integers(0, 256, (size[1], size[0], 3), np.uint8)
    moved, box = moved_crop(Image.fromarray(pixels), transforms, percent)
    crop = stages(moved, transforms)[2].value
    left, top, right, bottom = (round(edge) for edge in box)
    assert (right - left, bottom - top) == (224, 224) and left >= 0 and top >= 0
    assert right <= size[0] and bottom <= size[1]
    assert np.array_equal(np.asarray(crop), pixels[top:bottom, left:right])
    long, end = (right, size[0]) if size[0] >= size[1] else (bottom, size[1])
    assert abs((long - 224) - percent / 100 * (end - 224)) <= 1  # as far along as was asked for
