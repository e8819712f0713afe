"""Known mistakes in the exercises of lesson 06, fully convolutional: mostly the solutions with one thing changed."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from course_lib.exercises.engine.exercise import Exercise
from course_lib.exercises.lessons import lesson06
from tests.exercise_edits import edited


def conv(*edits: tuple[str, str]) -> Any:
    return edited(lesson06.linear_to_conv, *edits)


def whole(*edits: tuple[str, str]) -> Any:
    return edited(lesson06.vgg_by_hand, *edits)


def found(*edits: tuple[str, str]) -> Any:
    return edited(lesson06.winning_cell, *edits)


def box(*edits: tuple[str, str]) -> Any:
    return edited(lesson06.box_of, *edits)


def over(*edits: tuple[str, str]) -> Any:
    return edited(lesson06.iou, *edits)


def field(*edits: tuple[str, str]) -> Any:
    return edited(lesson06.cell_field, *edits)


def spoilt_linear(linear: nn.Linear, *size: int) -> nn.Conv2d:
    made = lesson06.linear_to_conv(linear, *size)
    with torch.no_grad():
        linear.weight.zero_()
    return made


def spoilt_network(model: Any) -> Any:
    made = lesson06.vgg_by_hand(model)
    model.avgpool = nn.Identity()
    return made


MAKE = "nn.Conv2d(channels, linear.out_features, (height, width), bias=linear.bias is not None)"
VIEW = "linear.weight.view(linear.out_features, channels, height, width)"
COPY = f"conv.weight.copy_({VIEW})"
SET = f"conv.weight.data = {VIEW}.clone()"
SEQUENTIAL = "nn.Sequential(model.features, *head)"
WIN = "return int(classes[row, column]), row, column"
BOX = "return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1"
UNION = "shared / (sum(areas) - shared)"

MISTAKES: dict[Exercise, list[tuple[Any, str]]] = {
    lesson06.map_shape: [
        ((1000, 2, 4), "Nearly: one picture"), ((2, 4), "has 2 numbers"), ((1, 1000, 4, 2), "swapped"),
        ((1, 512, 2, 4), "512 isn't the number of channels"), ((1, 10, 2, 4), "This network has 1000"),
        ((1, 1000, 1, 1), "what an adaptive pool would give"),
        ((1, 1000, 14, 29), "the map before the pool"), ((1, 1000, 8, 23), "a pool with stride 1"),
        ((1, 1000, 1, 4), "forgets the rounding"), ((1, 1000, 2, 5), "2×5 isn't right"), (8, "is a shape"),
    ],
    lesson06.count_windows: [
        (2046, "Those are the steps"), (99, "multiply"), (3600, "hang over the edge"), (156, "the lesson's picture"),
        (15, "side by side"), (25, "25 isn't right"), ("32 × 67", "is a number"),
    ],
    lesson06.linear_to_conv: [
        (3, "is a function"),
        (lambda linear, *size: linear, "should give an nn.Conv2d, not Linear"),
        (lambda linear, *size: linear.weight, "torch.nn.Module, but it is a value of type Parameter"),
        (spoilt_linear, "only read its weights"),
        (conv((COPY, SET), (MAKE, MAKE.replace("(channels, linear.out_features", "(linear.out_features, channels")),
              ("conv.bias.copy_", "conv.bias.data.equal")), "from 8 channels to 6, but it goes from 6 channels to 8"),
        (conv((COPY, SET), (MAKE, MAKE.replace("(height, width)", "1"))), "as large as the map, 2×4"),
        (conv((COPY, SET), (MAKE, MAKE.replace("(height, width)", "(width, height)"))), "height comes first"),
        (conv((MAKE, MAKE.replace("(height, width)", "1"))), "raised RuntimeError .output with shape .6, 3, 1, 1."),
        (conv((MAKE, MAKE.replace("(height, width)", "(height, width), padding=1"))), "leave the padding at"),
        (conv((MAKE, MAKE.replace("(height, width)", "(height, width), 7"))), "leave the stride at"),
        (conv((MAKE, MAKE.replace(", bias=linear.bias is not None", "")), ("if conv.bias", "if linear.bias")),
         "the convolution has one"),
        (conv((MAKE, MAKE.replace("linear.bias is not None", "False"))), "the convolution has none"),
        (conv((COPY, "pass")), "aren't the linear layer's"),
        (conv((VIEW, "linear.weight.view(-1, height, width, channels).permute(0, 3, 1, 2)")), "not in flatten's order"),
        (conv(("conv.bias.copy_(linear.bias)", "pass")), "the bias was not copied"),
        (conv(("return conv", "return conv.double()")), "the weights are torch.float64 on cpu"),
        (conv((f".copy_({VIEW})", ".copy_(linear.weight)")), "raised RuntimeError"),
        (conv(("return conv", "")), "should be a torch.nn.Module, but it is a value of type NoneType"),
    ],
    lesson06.vgg_by_hand: [
        (nn.Sequential, "is a function"),
        (lambda model: model, "the network itself"), (spoilt_network, "changed the network that it was given"),
        (lambda model: nn.Sequential(model.features, model.avgpool, nn.Flatten(), model.classifier),
         "Leave the flatten out"),
        (whole((SEQUENTIAL, "nn.Sequential(model.features, model.avgpool, *head)")), "Drop it"),
        (whole((SEQUENTIAL, "nn.Sequential(model.features, *(h for h in head if not isinstance(h, nn.Dropout)))")),
         "0 dropouts instead of 2"),
        (whole((SEQUENTIAL, "nn.Sequential(model.features, *(h for h in head if not isinstance(h, nn.ReLU)))")),
         "cells differ from the classifier's"),
        (whole(("side = 1", "pass")), "raised RuntimeError"),
        (whole((SEQUENTIAL, "nn.Sequential(model.features, nn.MaxPool2d(1, 2), *head)")), "raised RuntimeError"),
        (whole((SEQUENTIAL, "nn.Sequential(model.features, *head[:-1])")), r"should be \(1, 5, 1, 1\)"),
        (whole((SEQUENTIAL, "head")), "should be a torch.nn.Module, but it is a value of type list"),
    ],
    lesson06.winning_cell: [
        (found((WIN, "return row, column, int(classes[row, column])")), "in another order"),
        (found((WIN, "return int(classes[row, column]), column, row")), "swapped"),
        (lambda p: (int(p[0].mean((1, 2)).argmax()), 0, 0), "best on average"),
        (found((WIN, "return int(classes[row, column]), row, column + 1")), "the class is right, but its cell is"),
        (found((WIN, "return int(classes[0, 0]), 0, 0")), "the highest probability belongs to class"),
        (found((WIN, "return row, column")), "but it gives something else"),
        (found((WIN, "")), "is the return missing"),
        (found((WIN, "return classes[row, column], row + 0.5, column")), "whole number"), ((1, 2, 3), "is a function"),
    ],
    lesson06.box_of: [
        (box((BOX, "return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1")), "x and y"),
        (box((BOX, BOX.replace(" + 1", ""))), "one too small"),
        (box((BOX, "return int(columns[0]), int(rows[0]), len(columns), len(rows)")), "width and height"),
        (box((">=", ">")), "equals the threshold are left out"),
        (box((BOX, "return 0, 0, scores.shape[1], scores.shape[0]")), r"not \(0, 0, 16, 10\)"),
        (box(("return None", "return 0, 0, 0, 0")), "should return None"),
        (box((BOX, "")), "None; is the return missing"), (box((BOX, "return int(columns[0])")), "gives something else"),
        ((1, 2, 3, 4), "is a function"),
    ],
    lesson06.iou: [
        (over((" if width > 0 and height > 0 else 0", "")), "side by side it should be 0, not -"),
        (over(("width > 0 and height > 0", "width * height > 0")), "to the right it should be 0, not"),
        (over((UNION, "shared")), "Divide it by"),
        (over((UNION, "shared / sum(areas)")), "counts the shared part twice"),
        (over((UNION, "shared / max(areas)")), "by the larger area"),
        (over((UNION, "shared / 100")), "your function says"), (0.5, "is a function"),
        (over((UNION, "(shared,)")), "is a number"),
    ],
    lesson06.cell_field: [
        (field(("+ kernel - 1", "+ kernel")), "not the first one outside"),
        (field(("return first, last", "return max(first, 0), last")), "reaches into the padding"),
        (field(("reversed(layers)", "layers")), "so the last layer comes first"),
        (field((" - padding", "")), "padding moves the first window"),
        (field((" - padding", " + padding")), "the width is right, but the place isn't"),
        (field((" * stride", "")), "the cell sees pixels 10 to 11, not 5 to 6"),
        (field(("+ kernel - 1", "")), "the cell sees pixels 0 to 2, not 0 to 0"),
        (field(("return first, last", "return last - first + 1")), "gives something else"),
        (field(("return first, last", "")), "is the return missing"), (427, "is a function"),
    ],
}  # fmt: skip
