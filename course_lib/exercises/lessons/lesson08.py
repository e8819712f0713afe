"""The exercises of lesson 08, checkpoints. Each solution is what ``.solution()`` shows and the tests run.

Truth comes from ``torch.load`` and live optimizers. The checks of code that reads and writes files are in
``checkpoint_checks``.
"""

from __future__ import annotations

import io
import random
import re
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.exercises.checks.checkpoint_checks import check_read_any, check_resume, check_save_whole
from course_lib.exercises.engine.exercise import exercise
from course_lib.exercises.engine.requirements import Wrong, need_choice, need_number
from course_lib.exercises.engine.variants import Variants

# -- 1: what an error means -------------------------------------------------------------------------------------------
_CAUSES = {"H": "a different head", "D": "a different depth", "K": "the whole dictionary", "P": "a prefix"}
#: A name in each message → the message, and what is true of its file.
_ERRORS = {
    "module.conv1": (
        'Unexpected key(s) in state_dict: "module.conv1.weight", "module.bn1.weight"',
        "every name in the file has the same word before it",
    ),
    "fc.bias": (
        "size mismatch for fc.bias: copying a param with shape torch.Size([7]) from checkpoint",
        "only the last layer differs, and only in its number of classes",
    ),
    "epoch": (
        'Unexpected key(s) in state_dict: "state_dict", "epoch"',
        "the extra entries in the file aren't layers at all",
    ),
    "layer1.2": (
        'Unexpected key(s) in state_dict: "layer1.2.conv1.weight", "layer1.2.bn1.weight"',
        "the file has layers that the model doesn't have",
    ),
}


def _other_errors(source: random.Random) -> dict[str, tuple[str, ...]]:
    """The four errors in another order than the lesson's, and than that of its example, HDKP."""
    while diagnose(order=(order := tuple(source.sample([*_ERRORS], 4)))) in ("PHKD", "HDKP"):
        pass
    return {"order": order}


@exercise(
    id="08_diagnose",
    title="What the error means",
    minutes=4,
    difficulty="medium",
    cell_name="causes",
    hints=[
        "Look at what is unexpected first: is it a layer's name, a layer's name with something in front, or no layer?",
        "A size mismatch in the last layer alone is a head. If layers are unexpected, the file has more of them.",
    ],
    praise="Such errors can list more than two hundred names, and one line of each was enough for you.",
    variants=Variants(
        _other_errors,
        lambda order: "\n".join(f"{place}. `{_ERRORS[name][0]}`" for place, name in enumerate(order, 1)),
    ),
)
def diagnose(*, order: tuple[str, ...] = tuple(_ERRORS)) -> str:
    """The causes of errors 1 to 4, a letter each: H another head, D depth, K the whole dictionary, P a prefix."""
    causes = {"module.conv1": "P", "fc.bias": "H", "epoch": "K", "layer1.2": "D"}
    return "".join(causes[name] for name in order)


@diagnose.checker
def _(answer: Any, order: tuple[str, ...]) -> None:
    if isinstance(answer, (list, tuple)):
        answer = "".join(map(str, answer))
    if not isinstance(answer, str):
        raise Wrong(
            f'The answer is a word of four letters, such as "HDKP", not a value of type {type(answer).__name__}.'
        )
    letters = re.sub(r"[\s,;.\d:]", "", answer).upper()
    if len(letters) != 4 or not set(letters) <= set(_CAUSES):
        raise Wrong(
            f'{answer[:20]!r} is not it: write four letters of H, D, K and P, for errors 1 to 4, such as "HDKP".'
        )
    for number, (letter, right, name) in enumerate(zip(letters, diagnose(order=order), order, strict=True), 1):
        if letter != right:
            raise Wrong(f"Error {number} is not {_CAUSES[letter]}: {_ERRORS[name][1]}.")


# -- 2: a reader for dirty checkpoints --------------------------------------------------------------------------------
@exercise(
    id="08_read_any",
    former_ids=("07_read_any",),
    title="A reader for dirty checkpoints",
    minutes=12,
    difficulty="hard",
    hints=[
        "torch.load(path, weights_only=True), then ask: where is the state dict, and what stands before its names?",
        'content.get("state_dict", content) is the inner one if there is one, and the content itself otherwise.',
        "There may be two prefixes in a row, and only those at the start must go: use re.sub with ^, or removeprefix.",
    ],
    praise="With these lines you open nearly every checkpoint that people share.",
    check=check_read_any,
    hidden_check=check_read_any,
)
def read_any(path: Path) -> dict[str, Tensor]:
    """A checkpoint's file, in any of the layouts → names as the model has them, and their tensors."""
    content = torch.load(path, map_location="cpu", weights_only=True)
    for key in ("model_state_dict", "state_dict"):
        content = content.get(key, content)
    return {re.sub(r"^((module|_orig_mod)\.)+", "", name): tensor for name, tensor in content.items()}


# -- 3: all or nothing ------------------------------------------------------------------------------------------------
@exercise(
    id="08_save_whole",
    former_ids=("07_save_whole",),
    title="All or nothing",
    minutes=8,
    difficulty="hard",
    hints=[
        'Save beside it first, for example to path.with_name(path.name + ".part").',
        "part.replace(path) puts a file in another's place in a single step.",
        "try: save and replace; finally: part.unlink(missing_ok=True). The error goes on by itself.",
    ],
    praise="Downloads, databases and editors save like this.",
    check=check_save_whole,
    hidden_check=check_save_whole,
)
def save_whole(content: dict[str, Any], path: Path) -> None:
    """Save to the path; where that breaks off, the old file is still there and nothing lies beside it."""
    part = path.with_name(path.name + ".part")
    try:
        torch.save(content, part)
        part.replace(path)  # in one go: nobody ever sees half a file under this name
    finally:
        part.unlink(missing_ok=True)


# -- 4: resuming ------------------------------------------------------------------------------------------------------
@exercise(
    id="08_resume",
    title="Pick up where you left off",
    background="Models, optimizers and schedules all have `state_dict()` and `load_state_dict()`. "
    "`torch.set_rng_state` takes what `torch.get_rng_state` gave.",
    minutes=7,
    difficulty="medium",
    hints=[
        'torch.load(path, map_location="cpu", weights_only=True) gives the dictionary back.',
        "Model, optimizer and schedule each have a load_state_dict of their own, and each takes its own entry.",
        'torch.set_rng_state(content["rng_state"]) comes last; then return content["step"].',
    ],
    praise="Nobody can tell any more that it was ever interrupted, not even by the last bit of a weight.",
    check=check_resume,
    hidden_check=check_resume,
)
def resume(
    path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, schedule: torch.optim.lr_scheduler.LRScheduler
) -> int:
    """Restore a training run from a file; the number of steps that are done."""
    content = torch.load(path, map_location="cpu", weights_only=True)
    model.load_state_dict(content["model_state_dict"])
    optimizer.load_state_dict(content["optimizer_state_dict"])
    schedule.load_state_dict(content["schedule_state_dict"])
    torch.set_rng_state(content["rng_state"])
    step: int = content["step"]
    return step


# -- 5: how large a checkpoint is -------------------------------------------------------------------------------------
@exercise(
    id="08_file_size",
    title="How large a checkpoint is",
    background="Adam keeps two numbers for each weight, in float32 as well.",
    minutes=3,
    difficulty="mild",
    cell_name="checkpoint_megabytes",
    hints=[
        "A float32 number takes 4 bytes. How many numbers are in the file for each weight?",
        "Adam keeps two means for each weight, of its gradients and of their squares. The weight itself makes three.",
    ],
    praise="If you only want to predict, two thirds of such a file are of no use to you.",
    variants=Variants(lambda source: {"millions": source.choice((*range(5, 25), *range(26, 61)))},
                      "{millions} million weights"),
)  # fmt: skip
def file_size(*, millions: int = 25) -> float:
    """A checkpoint's weights in float32, with Adam's two numbers for each of them, in MB of 10⁶ bytes."""
    return millions * 10**6 * 4 * (1 + 2) / 1e6


@lru_cache(maxsize=4)
def _true_size(millions: int) -> float:
    """In MB, of a thousandth of the network: its weights and Adam's state after one step, as torch has them."""
    weights = nn.Parameter(torch.zeros(1000 * millions))
    optimizer = torch.optim.Adam([weights])
    weights.grad = torch.zeros_like(weights)
    optimizer.step()
    kept = [weights, *(value for value in optimizer.state[weights].values() if value.shape == weights.shape)]
    return float(sum(tensor.nbytes for tensor in kept)) * 1000 / 1e6


@file_size.checker
def _(answer: Any, millions: int) -> None:
    number, right = need_number(answer), _true_size(millions)
    if abs(number - right) <= 1 or abs(number - right * 1e6 / 2**20) <= 1:  # MB or MiB
        return
    slips = {
        4 * millions: "Those are the weights alone. What does Adam keep for each of them?",
        8 * millions: "That's SGD with momentum, which keeps one number for each weight. Adam keeps two.",
        3 * millions: "Those are millions of numbers. How many bytes does a float32 take?",
        12 * millions * 10**6: "Those are bytes. Give megabytes, of a million bytes each.",
        96 * millions: "Those are bits: a float32 has 32 bits, which are 4 bytes.",
    }
    for slip, sentence in slips.items():
        if abs(number - slip) <= 0.01 * slip:
            raise Wrong(sentence)
    raise Wrong(
        f"{number:g} isn't it: multiply {millions} million weights by the numbers kept for each, and by 4 bytes."
    )


# -- 6: what weights_only opens ---------------------------------------------------------------------------------------
#: What each file holds, as the question says it, in the lesson's order.
_FILES = (
    "model.state_dict()",
    '{"epoch": 14, "model_state_dict": …, "optimizer_state_dict": optimizer.state_dict()}',
    "model",
    '{"classes": ["ant", "bee"], "accuracy": 0.95}',
    '{"state_dict": model.state_dict(), "saved": datetime.now()}',
    "list(model.parameters())",
)


def _other_letters(source: random.Random) -> dict[str, str]:
    """A letter for each file, so that other letters are right than in the lesson."""
    while {(letters := "".join(source.sample("ABCDEF", 6)))[2], letters[4]} == {"C", "E"}:  # the two that don't open
        pass
    return {"letters": letters}


@exercise(
    id="08_opens",
    former_ids=("07_opens",),
    title="What weights_only opens",
    minutes=4,
    difficulty="mild",
    cell_name="opened",
    hints=[
        "Tensors, and what Python has built in: dict, list, tuple, str, int, float, bool, None.",
        "Anything that is built by calling a module's class is refused, and the whole file with it.",
    ],
    praise="So save dates and paths as strings: then nobody has to trust you.",
    variants=Variants(
        _other_letters,
        lambda letters: "\n".join(f"- **{letter}** `torch.save({content}, path)`"
                                  for letter, content in sorted(zip(letters, _FILES, strict=True))),
    ),
)  # fmt: skip
def opens(*, letters: str = "ABCDEF") -> str:
    """The letters of the files that torch.load(path, weights_only=True) opens."""
    model = nn.BatchNorm2d(4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    files = [
        model.state_dict(),
        {"epoch": 14, "model_state_dict": model.state_dict(), "optimizer_state_dict": optimizer.state_dict()},
        model,
        {"classes": ["ant", "bee"], "accuracy": 0.95},
        {"state_dict": model.state_dict(), "saved": datetime(2026, 1, 1)},
        list(model.parameters()),
    ]
    opened = []
    for letter, content in zip(letters, files, strict=True):
        buffer = io.BytesIO()
        torch.save(content, buffer)
        buffer.seek(0)
        try:
            torch.load(buffer, weights_only=True)
        except Exception:
            continue
        opened.append(letter)
    return "".join(sorted(opened))


@lru_cache(maxsize=16)
def _opened(letters: str) -> str:
    opened: str = opens(letters=letters)
    return opened


@opens.checker
def _(answer: Any, letters: str) -> None:
    chosen, right = need_choice(answer, "ABCDEF"), set(_opened(letters))
    state_dict, model, dated = letters[0], letters[2], letters[4]
    if model in chosen:
        raise Wrong(f"{model} is a whole model: to make one, code of its class has to run. That is what is refused.")
    if dated in chosen:
        raise Wrong(
            f"{dated} holds a datetime beside its tensors. A single object of such a class, and the whole file is "
            "refused."
        )
    if state_dict not in chosen:
        raise Wrong(f"{state_dict} is missing: names and tensors are what weights_only was made for.")
    if missing := sorted(right - chosen):
        raise Wrong(
            f"{missing[0]} is missing: no code is needed to build dictionaries, lists, strings, numbers and tensors."
        )
