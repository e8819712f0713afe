"""Known mistakes in the exercises of lesson 02, choosing a model: mostly the solutions with one thing changed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torchvision
from torchvision.models import get_model_builder, get_model_weights, list_models

from course_lib.exercises.engine.exercise import Exercise
from course_lib.exercises.lessons import lesson02
from tests.exercise_edits import edited


def named_like(class_name: str) -> list[str]:
    return list(list_models(module=torchvision.models, include=f"{class_name.lower()}*"))


def top(*edits: tuple[str, str]) -> Any:
    return edited(lesson02.top_k_error, *edits)


def limits(*edits: tuple[str, str]) -> Any:
    return edited(lesson02.within_limits, *edits)


def chosen(*edits: tuple[str, str]) -> Any:
    return edited(lesson02.choose, *edits)


def watch(*edits: tuple[str, str]) -> Any:
    return edited(lesson02.median_seconds, *edits)


def places(values: Sequence[float]) -> Any:
    return np.array(values).argsort().argsort()


def front_of_two(models: list[tuple[float, ...]]) -> list[int]:
    """Sorted by the first number, kept where the second is smaller than ever before: the third is forgotten."""
    kept, best = [], float("inf")
    for index in sorted(range(len(models)), key=lambda k: models[k]):
        if models[index][1] < best:
            kept.append(index)
            best = models[index][1]
    return kept


def by_any_entry(max_error: float, max_megabytes: float) -> list[str]:
    """Every entry counts, and not the default one alone."""

    def keeps(meta: dict[str, Any]) -> bool:
        error = 100 - meta["_metrics"].get("ImageNet-1K", {}).get("acc@1", 0)
        return bool(error <= max_error and meta["_file_size"] <= max_megabytes)

    names = list_models(module=torchvision.models)
    kept = [name for name in names if any(keeps(entry.meta) for entry in get_model_weights(name))]
    return sorted(kept, key=lambda name: -get_model_weights(name).DEFAULT.meta["_metrics"]["ImageNet-1K"]["acc@1"])


END = "100 - 100 * float(right.float().mean())"
MIDDLE = "sorted(seconds)[repeats // 2]"
CLOCK = "time.perf_counter()"
CLASSIFIERS = "list_models(module=torchvision.models)"
BEATEN = "if nowhere_worse and other != mine:"

MISTAKES: dict[Exercise, list[tuple[Any, str]]] = {
    lesson02.choose: [
        (chosen((" if megabytes[name] <= limit", "")), "its file is larger than the limit"),
        (chosen(("<= limit", "< limit")), "your function raised ValueError"),
        (chosen((">= 0.05", "> 1")), "your function raised ValueError"),
        (lambda right, megabytes, limit: max((n for n in right if megabytes[n] <= limit), key=lambda n: sum(right[n])),
         "'medium' is smaller, and can't be told apart"),
        (lambda right, megabytes, limit: min(right, key=megabytes.get), "the pictures tell it apart from 'large'"),
        (lambda *given: 3, "return one of the names"), ("large", "The answer is a function"),
    ],
    lesson02.separable: [
        (128, "That's the depthwise convolution alone"), (9, "That's the 1×1 convolution alone"),
        (0.1189, "Divide the other way round"), (115.2, "one output channel"), (8.3, "8.3 isn't it"),
        ("8.4", "is a number"),
    ],
    lesson02.builders_of: [
        (named_like, "'mobilenet_v3_large' is missing"),
        (lambda name: [*lesson02.builders_of(name), "resnet18"], "'resnet18' is too much: it makes a ResNet"),
        (lambda name: [*lesson02.builders_of(name), "fcn_resnet50"], "in another module, or it is not torchvision's"),
        (lambda name: [name], "'MobileNetV3' is too much: that is no classifier"),
        (lambda name: lesson02.builders_of(name) * 2, "comes twice"),
        (lambda name: lesson02.builders_of(name)[:2], "'resnet18' is missing: 10 builders make this class"),
        (lambda name: [get_model_builder(one) for one in lesson02.builders_of(name)], "holds a value of type function"),
        (lambda name: [].append(name), "is the return missing"), ("ResNet", "The answer is a function"),
        (lambda class_name: get_model_builder(class_name), "your function raised ValueError"),
    ],
    lesson02.top_k_error: [
        (top((END, "100 * float(right.float().mean())")), "you gave the accuracy"),
        (top((END, "1 - float(right.float().mean())")), "a share from 0 to 1"),
        (top((END, "float(right.float().mean())")), "the share that is right"),
        (top((END, "int((~right).sum())")), "counted the wrong pictures"),
        (top(("topk(k,", "topk(1,")), "the top-1 error"), (top(("topk(k,", "topk(5,")), "but your function gave"),
        (top(("dim=1).indices", "dim=0).indices")), "must match"),
        (top((END, "right")), "is a number"), (5, "The answer is a function"),
    ],
    lesson02.file_size: [
        (553.43, r"10\*\*6 bytes"), (131.9, "a float32 takes four"), (138.36, "how many millions"),
        (263.9, "half precision"), (1055.6, "double precision"), (4222, "Those are bits"), (540_459, "in kilobytes"),
        (553_430_176, "in bytes"), (0.5154, "in gigabytes"), (300, "300 MB isn.t right"), ("528", "is a number"),
    ],
    lesson02.rank_correlation: [
        (lambda a, b: -lesson02.rank_correlation(a, b), "ranked in reverse"),
        (lambda a, b: float(np.corrcoef(a, b)[0, 1]), "values themselves"),
        (lambda a, b: float(np.corrcoef(np.argsort(a), np.argsort(b))[0, 1]), "argsort says which value stands"),
        (lambda a, b: int(((places(a) - places(b)) ** 2).sum()), "the sum of the squared gaps"),
        (lambda a, b: 1 - lesson02.rank_correlation(a, b), "subtract that from 1"),
        (edited(lesson02.rank_correlation, ("1 - 6 *", "1 -")), "and your function gave"),
        (edited(lesson02.rank_correlation, ("gap**2", "gap**4")), "and your function gave"),
        (lambda a, b: places(a), "is a number"), (1, "The answer is a function"),
    ],
    lesson02.median_seconds: [
        (watch(("for _ in range(warmups):\n        run()", "pass")), "the warm-up is missing"),
        (watch(("range(warmups)", "range(1)")), "should be called 7 times, and it was called 6"),
        (watch(("wait()  #", "#")), r"wait\(\) after every run"),
        (watch(("    wait()\n    seconds", "    seconds")), "had to wait for the warm-up"),
        (watch((f"wait()  # a GPU answers before it has finished\n        seconds.append({CLOCK} - start)",
                f"seconds.append({CLOCK} - start)\n        wait()")), "the clock was read before"),
        (watch((MIDDLE, f"1000 * {MIDDLE}")), "in milliseconds; return seconds"),
        (watch((MIDDLE, "sum(seconds) / repeats")), "that is the mean: one slow"),
        (watch((MIDDLE, "min(seconds)")), "the fastest call"), (watch((MIDDLE, "max(seconds)")), "the slowest call"),
        (watch((MIDDLE, "sum(seconds)")), "all the counted calls together"),
        (watch((MIDDLE, "-sorted(seconds)[repeats // 2]")), "never below 0"),
        (watch((MIDDLE, "sorted(seconds)[1]")), "the median of the counted calls is"),
        (watch(("    wait()\n    seconds = []", "    seconds = []"), ("range(repeats)", "range(warmups + repeats)"),
               ("for _ in range(warmups):\n        run()", ""), (MIDDLE, "sum(seconds) / len(seconds)")),
         "that is the mean of all calls"),
        (watch(("    wait()\n    seconds = []", "    seconds = []"), ("range(repeats)", "range(warmups + repeats)"),
               ("for _ in range(warmups):\n        run()", ""), (MIDDLE, "sum(seconds)")), "all calls together"),
        (watch(("    wait()\n    seconds = []", "    seconds = []"), ("range(repeats)", "range(warmups + repeats)"),
               ("for _ in range(warmups):\n        run()", ""), (MIDDLE, "sorted(seconds)[len(seconds) // 2]")),
         "the warm-up is among the calls"),
        (lambda run, wait, warmups, repeats: time, "is a number"), (0.01, "The answer is a function"),
    ],
    lesson02.dominated: [
        ("ABC", "C, resnet50, isn.t beaten: each of the others"),
        ("BD", "D, mobilenet_v3_large, isn.t beaten: its file"),
        ("ABE", "E, convnext_tiny, isn.t beaten: its error"), ("A", "1 of them so far"), ("", "0 of them so far"),
        ("AF", "'F' isn.t one of the letters"), (2, "a word of letters"),
    ],
    lesson02.pareto: [
        (edited(lesson02.pareto, (BEATEN, "if nowhere_worse:")), "doesn.t beat itself"),
        (edited(lesson02.pareto, ("a <= b", "a < b")), "model 0, .*, is nowhere worse than model 2"),
        (edited(lesson02.pareto, (BEATEN, "if nowhere_worse and other is not mine:")), "has a twin"),
        (lambda models: [models[k] for k in lesson02.pareto(models)], "the models themselves"),
        (front_of_two, "nothing beats model 0"), (lambda models: [9], "no model with the index 9"),
        (lambda models: lesson02.pareto(models) * 2, "comes twice"), (lambda models: 0, "not a value of type int"),
        ([0], "The answer is a function"),
    ],
    lesson02.within_limits: [
        (limits(("100 - meta", "meta")), "compared the accuracy"),
        (limits((CLASSIFIERS, "list_models()")), "your function raised KeyError"),
        (lambda *given: list_models(), "it is not in list_models"),
        (limits(("_file_size", "num_params"), ("<= max_megabytes", "/ 1e6 <= max_megabytes")), "million parameters"),
        (limits((" and meta[\"_file_size\"] <= max_megabytes", "")), "too much: its file has"),
        (by_any_entry, "only another entry keeps the limit"),
        (limits(("<= max_megabytes", "< max_megabytes")), "the limit itself is allowed"),
        (limits(("sorted(found)", "sorted(found, reverse=True)")), "not in order"),
        (lambda *given: lesson02.within_limits(*given) * 2, "comes twice"),
        (limits(("[name for _, name in sorted(found)]", "found")), "holds a value of type tuple"),
        (lambda *given: 7, "a list of names, not a value"), (lambda *given: [].append(given), "is the return missing"),
        (["resnet18"], "The answer is a function"),
    ],
}  # fmt: skip
