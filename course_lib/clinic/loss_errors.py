"""Errors of a loss and its labels: how many classes, which shapes and types, and losses that are built with the data.

The tensors that met are read from the loss function's own frame; the repair is the learner's line with one of its
arguments changed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.loss import _Loss

from course_lib.clinic.diagnosis import Diagnosis
from course_lib.clinic.statements import name_of_call, source_of
from course_lib.clinic.tracebacks import MISSING, RaisedError, attribute
from course_lib.tracing.mismatches import Party
from course_lib.tracing.records import times

__all__ = [
    "binary_range",
    "class_numbers",
    "labels_beyond",
    "labels_shape",
    "loss_arguments",
    "loss_built_with_data",
]

_LOSSES = ("cross_entropy", "nll_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits", "mse_loss",
           "l1_loss", "smooth_l1_loss")  # fmt: skip
_IGNORED = -100  # what cross_entropy leaves out unless told otherwise


class _LossCall:
    """The loss that failed: its tensors, and where the learner wrote them."""

    def __init__(self, raised: RaisedError) -> None:
        self.raised, self.name, self.input, self.target = raised, "", MISSING, MISSING
        for name in _LOSSES:
            space = raised.variables_of(name, "torch/nn/functional.py")
            if space is not None:
                self.name, self.input, self.target = name, space.get("input"), space.get("target")
                break
        self.call: ast.Call | None = None
        self.given: Any = None
        self.wanted: Any = None
        source = raised.statement
        for call in source.calls() if source else ():
            named = {keyword.arg: keyword.value for keyword in call.keywords}
            given = call.args[0] if call.args else named.get("input")
            wanted = call.args[1] if len(call.args) > 1 else named.get("target")
            function = raised.value(call.func)
            built = isinstance(call.func, ast.Call) and name_of_call(call.func).endswith("Loss")
            if given is not None and wanted is not None and (
                name_of_call(call) in _LOSSES or isinstance(function, _Loss) or built
            ):  # fmt: skip
                self.call, self.given, self.wanted = call, given, wanted
                break

    def shapes(self) -> tuple[Party, ...]:
        return tuple(
            Party(f"the {word}, {str(value.dtype).removeprefix('torch.')}", tuple(value.shape))
            for word, value in (("model's output", self.input), ("labels", self.target))
            if isinstance(value, Tensor)
        )

    def with_labels(self, more: str) -> str:
        """The learner's line with the labels changed."""
        source = self.raised.statement
        if source is None or self.call is None:
            return f"labels = labels{more}"
        return source.rewritten((self.wanted, source.chained(self.wanted, more)))

    def with_output(self, more: str) -> str:
        """The learner's line with the output changed."""
        source = self.raised.statement
        if source is None or self.call is None:
            return f"outputs = outputs{more}"
        return source.rewritten((self.given, source.chained(self.given, more)))


def _told(loss: _LossCall, name: str, what: str, repair: str = "", why: str = "") -> Diagnosis:
    return loss.raised.diagnosis(name, what, repair, why, loss.shapes())


# Labels.


def labels_beyond(raised: RaisedError) -> Diagnosis | None:
    """A label that isn't a class number of the model."""
    loss = _LossCall(raised)
    match = re.match(r"Target (-?\d+) is out of bounds", raised.message)
    if match is None or not isinstance(loss.input, Tensor) or not isinstance(loss.target, Tensor):
        return None
    label, classes = int(match.group(1)), loss.input.shape[1 if loss.input.dim() > 1 else 0]
    known = loss.target[loss.target != _IGNORED]
    low, high = int(known.min()), int(known.max())
    what = f"The model has {classes} classes, numbered 0 to {classes - 1}, but one of the labels is {label}."
    source = raised.statement
    if low >= 1 and high == classes:
        why = "The labels begin at 1; PyTorch counts classes from 0."
        return _told(loss, "labels that begin at 1", what, loss.with_labels(" - 1"), why)
    if label < 0 or (label == 255 and known[known != 255].numel() and int(known[known != 255].max()) < classes):
        if source is None or loss.call is None or name_of_call(loss.call) not in _LOSSES:
            code = f"criterion = nn.CrossEntropyLoss(ignore_index={label})"
        else:
            last = [*loss.call.args, *(keyword.value for keyword in loss.call.keywords)][-1]
            code = source.rewritten((last, f"{source.segment(last)}, ignore_index={label}"))
        why = f"{label} usually marks pixels or pictures without a class; ignore_index leaves them out of the loss."
        return _told(loss, "label that isn't a class", what, code, why)
    code, why = "", f"The last layer needs {high + 1} outputs, or the labels are wrong: look at labels.unique()."
    heads = [
        (name, path, module)
        for name, model in raised.instances(nn.Module)
        for path, module in model.named_modules()
        if isinstance(module, nn.Linear) and module.out_features == classes
    ]
    if len({id(module) for _, _, module in heads}) == 1 and high < 100_000:
        name, path, module = heads[0]
        if path:
            code = f"{attribute(name, path)} = nn.Linear({module.in_features}, {high + 1})"
            why = (
                f"This gives the model {high + 1} outputs, if all the labels are right; do it before the optimizer is "
            )
            why += "made, and train the new layer."
    return _told(loss, "label beyond the model's classes", what, code, why)


def labels_shape(raised: RaisedError) -> Diagnosis | None:
    """Labels whose shape is not what the loss expects for this output."""
    loss = _LossCall(raised)
    x, y = loss.input, loss.target
    if not isinstance(x, Tensor) or not isinstance(y, Tensor):
        return None
    if not y.is_floating_point() and x.dtype in (torch.int64, torch.int32):
        return class_numbers(raised)
    if y.is_floating_point() and not x.is_floating_point():
        return loss_arguments(raised)
    if loss.name.startswith("binary"):
        return _binary_shape(loss, x, y)
    if loss.name not in ("cross_entropy", "nll_loss"):
        return None
    if x.dim() == 2 and y.dim() == 2 and y.shape == (x.shape[0], 1):
        what = f"The labels are a table {times(tuple(y.shape))}; the loss expects one number per picture, in one row."
        return _told(loss, "labels in a column", what, loss.with_labels(".squeeze(1)"), "This removes the 1.")
    if x.dim() == 2 and y.shape == x.shape:
        what = "The labels are one row of 0 and 1 per picture (one-hot); as whole numbers the loss expects the class "
        what += "number instead."
        return _told(loss, "one-hot labels", what, loss.with_labels(".argmax(1)"), "It is the position of the 1.")
    if x.dim() == 4 and y.dim() == 1 and x.shape[0] == y.shape[0]:
        what = f"The model returns maps, {times(tuple(x.shape))}, but there is one label per picture."
        why = (
            "This averages each class's map to one number; in the network, use nn.AdaptiveAvgPool2d(1) and "
            "nn.Flatten()."
        )
        return _told(loss, "maps instead of one answer per picture", what, loss.with_output(".mean((2, 3))"), why)
    if x.dim() == 4 and y.dim() == 4 and y.shape[1] == 1:
        what = f"The masks are {times(tuple(y.shape))}; the loss expects batch×height×width, without a channel."
        return _told(loss, "masks with a channel", what, loss.with_labels(".squeeze(1)"), "This removes the 1.")
    if x.dim() == 4 and y.dim() == 3 and x.shape[0] == y.shape[0]:
        what = f"The masks are {times(tuple(y.shape[1:]))}, and the model's maps {times(tuple(x.shape[2:]))}."
        source = raised.statement
        if source is None or loss.call is None:
            return _told(loss, "masks of the wrong size", what)
        grow = f"{raised.spelled('torch.nn.functional', 'interpolate')}({source.segment(loss.given)}, "
        grow += f"size={tuple(y.shape[1:])}, mode='bilinear')"
        why = "This enlarges the maps, not the masks: class numbers can't be averaged."
        return _told(loss, "masks of the wrong size", what, source.rewritten((loss.given, grow)), why)
    if x.dim() >= 2 and y.dim() >= 1 and x.shape[0] != y.shape[0]:
        return _batches(loss, x, y)
    return None


def _batches(loss: _LossCall, x: Tensor, y: Tensor) -> Diagnosis:
    what = f"The model returned outputs for {x.shape[0]} pictures, but there are {y.shape[0]} labels."
    for name, model in loss.raised.instances(nn.Module):
        found = source_of(type(model).forward)
        for call in found[0].calls("view", "reshape") if found else ():
            if len(call.args) == 2 and ast.unparse(call.args[0]) == "-1" and found is not None:
                source = found[0]
                base = source.segment(call.func.value) if isinstance(call.func, ast.Attribute) else "x"
                line = next(node for node in source.nodes(ast.Assign, ast.Return) if call in ast.walk(node))
                code = source.rewritten((call, f"torch.flatten({base}, 1)"), within=line)
                what += f" In the forward of {name}, {source.segment(call)} lets the number of pictures change."
                why = "It keeps the batch; if the next layer then expects a different size, that is the real mistake."
                return _told(loss, "different numbers of outputs and labels", what, code, why)
    why = "They must come from the same batch; a view(-1, …) in a forward that miscounts changes the number as well."
    return _told(loss, "different numbers of outputs and labels", what, "", why)


def _binary_shape(loss: _LossCall, x: Tensor, y: Tensor) -> Diagnosis | None:
    what = f"A binary loss compares number with number: the output is {times(tuple(x.shape))}, and the labels are "
    what += f"{times(tuple(y.shape))}."
    if x.numel() == y.numel():
        code = loss.with_labels(".unsqueeze(1)" if y.dim() == 1 and x.dim() == 2 else f".reshape({tuple(x.shape)})")
        return _told(loss, "labels of a different shape", what, code, "This gives the labels the output's shape.")
    if x.dim() == 2 and y.dim() == 1 and x.shape[0] == y.shape[0]:
        source = loss.raised.statement
        what += f" With {x.shape[1]} classes and one label per picture, the loss is cross entropy."
        if source is None or loss.call is None or loss.name != "binary_cross_entropy_with_logits":
            return _told(loss, "binary loss for several classes", what)
        name = loss.raised.spelled("torch.nn.functional", "cross_entropy")
        code = f"{name}({source.segment(loss.given)}, {source.chained(loss.wanted, '.long()')})"
        return _told(loss, "binary loss for several classes", what, source.rewritten((loss.call, code)))
    return None


def class_numbers(raised: RaisedError) -> Diagnosis | None:
    """Labels, or an output, of the wrong number type."""
    loss = _LossCall(raised)
    x, y = loss.input, loss.target
    if not isinstance(x, Tensor) or not isinstance(y, Tensor):
        return None
    kind = str(y.dtype).removeprefix("torch.")
    if loss.name in ("cross_entropy", "nll_loss"):
        if not x.is_floating_point():
            return _loss_of_predictions(loss) if not y.is_floating_point() else loss_arguments(raised)
        if y.dtype in (torch.int64, torch.uint8) or y.shape == x.shape:
            return labels_shape(raised) if y.shape == x.shape else None
        what = f"Class numbers must be int64 (torch.long), and these labels are {kind}."
        why = "Numbers from numpy or pandas are often int32 or float."
        return _told(loss, "number type of the labels", what, loss.with_labels(".long()"), why)
    if x.is_floating_point() and y.dtype != x.dtype:
        what = f"This loss computes with numbers, so the labels must be {str(x.dtype).removeprefix('torch.')}; they "
        what += f"are {kind}."
        code = loss.with_labels(".float()" if x.dtype == torch.float32 else f".to({x.dtype})")
        return _told(loss, "number type of the labels", what, code)
    return None


def _loss_of_predictions(loss: _LossCall) -> Diagnosis | None:
    source = loss.raised.statement
    what = "The loss got class numbers instead of the model's output: they have no gradient, and the loss needs the "
    what += "output itself, one number for each class."
    call = loss.given
    if source and isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "argmax":
        return _told(loss, "loss of class numbers", what, source.rewritten((call, source.segment(call.func.value))))
    return _told(loss, "loss of class numbers", what, "", "Leave out argmax for the loss; use it for the accuracy.")


def loss_arguments(raised: RaisedError) -> Diagnosis | None:
    """Output and labels in the wrong order, or something that isn't a tensor."""
    loss = _LossCall(raised)
    source = raised.statement
    if loss.name == "" or source is None or loss.call is None:
        return None
    x, y = loss.input, loss.target
    given, wanted = source.segment(loss.given), source.segment(loss.wanted)
    if isinstance(x, Tensor) and isinstance(y, Tensor):
        if x.is_floating_point() or not y.is_floating_point() or y.dim() < 2 or x.shape[:1] != y.shape[:1]:
            return None
        what = "The labels come first here, and the model's output second; the loss expects them the other way round."
        code = source.rewritten((loss.given, wanted), (loss.wanted, given))
        return _told(loss, "labels before the output", what, code)
    if isinstance(x, Tensor) and isinstance(y, list | tuple):
        what = f"The labels are a {type(y).__name__}; the loss expects a tensor."
        if y and all(isinstance(label, str) for label in y):
            what = "The labels are words; the loss expects class numbers, in a tensor."
            named = [name for name, value in raised.instances(list, tuple) if value is not y and set(y) <= set(value)]
            if not named:
                return _told(loss, "labels that are words", what, "", "Use each class's position in a list of names.")
            code = f"torch.tensor([{named[0]}.index(label) for label in {wanted}])"
            return _told(loss, "labels that are words", what, source.rewritten((loss.wanted, code)))
        return _told(loss, "labels in a list", what, source.rewritten((loss.wanted, f"torch.tensor({wanted})")))
    if isinstance(x, Mapping) and isinstance(x.get("out"), Tensor):
        what = "This model returns a dict; its class maps are under 'out'."
        return _told(loss, "several outputs in a dict", what, loss.with_output('["out"]'))
    return None


def binary_range(raised: RaisedError) -> Diagnosis | None:
    """BCELoss of values that aren't probabilities."""
    loss = _LossCall(raised)
    x, source = loss.input, raised.statement
    if not isinstance(x, Tensor) or loss.name != "binary_cross_entropy" or "input" not in raised.message:
        return None
    low, high = float(x.min()), float(x.max())
    what = f"BCELoss expects probabilities between 0 and 1, and the model's output runs from {low:.3g} to {high:.3g}: "
    what += "these are logits."
    why = "BCEWithLogitsLoss does the sigmoid itself, and more exactly."
    code = ""
    if source is not None and loss.call is not None:
        code = source.text
        if "binary_cross_entropy" in code:
            code = code.replace("binary_cross_entropy", "binary_cross_entropy_with_logits")
        elif "BCELoss" in code:
            code = code.replace("BCELoss", "BCEWithLogitsLoss")
        else:
            made = raised.spelled("torch.nn", "BCEWithLogitsLoss")
            code = f"{source.segment(loss.call.func)} = {made}()\n{code}"
    return _told(loss, "logits instead of probabilities", what, code, why)


def loss_built_with_data(raised: RaisedError) -> Diagnosis | None:
    """``nn.CrossEntropyLoss(outputs, labels)``: the tensors went where the settings belong."""
    source = raised.statement
    for call in source.calls() if source else ():
        kind = raised.value(call.func)
        if source and isinstance(kind, type) and issubclass(kind, _Loss) and len(call.args) >= 2:
            name = source.segment(call.func)
            what = f"{name}(…) builds the loss and takes its settings; the tensors belong in a second call."
            code = source.rewritten((call.func, f"{name}()"))
            return raised.diagnosis("loss that was built with the data", what, code)
    return None
