"""Errors of a training loop: the loss and its labels, the backward pass, the optimizer and its schedule.

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
from course_lib.clinic.statements import name_of_call, source_of, statements_around
from course_lib.clinic.tracebacks import MISSING, RaisedError, attribute
from course_lib.tracing.mismatches import Party
from course_lib.tracing.records import times

__all__ = [
    "backward_twice",
    "binary_range",
    "class_numbers",
    "labels_beyond",
    "labels_shape",
    "layers_in_a_list",
    "loss_arguments",
    "loss_built_with_data",
    "loss_is_a_number",
    "loss_of_each",
    "mean_of_whole_numbers",
    "no_gradient",
    "optimizer_parameters",
    "optimizer_state",
    "schedule",
    "step_between",
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


# The backward pass.


def no_gradient(raised: RaisedError) -> Diagnosis | None:
    """``backward()`` of something that no gradient was recorded for."""
    around = statements_around(*raised.own) if raised.own else None
    source = raised.statement
    call = next(source.calls("backward"), None) if source else None
    if around is None or source is None or call is None or not isinstance(call.func, ast.Attribute):
        return None
    name, what = (
        "no gradient to go back through",
        "backward() starts from a tensor for which no gradients were recorded",
    )
    loss = source.segment(call.func.value)
    if not torch.is_grad_enabled():
        code, why = "with torch.enable_grad():", "Compute the loss inside of it as well."
        return raised.diagnosis(name, f"{what}: gradients are switched off here.", "", f"{code} {why}")
    whole, block, place = around
    for node in block[:place]:
        if isinstance(node, ast.With) and re.search(
            r"no_grad|inference_mode", whole.segment(node.items[0].context_expr)
        ):
            names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
            if loss in names:
                body = "\n".join(whole.rewritten(within=line) for line in node.body)
                what += f": {loss} was computed under {whole.segment(node.items[0].context_expr)}."
                why = "Use these lines instead of the with-block; no_grad is for predictions."
                return raised.diagnosis(name, what, body, why)
    frozen = [
        (key, model)
        for key, model in raised.instances(nn.Module)
        if any(True for _ in model.parameters()) and not any(p.requires_grad for p in model.parameters())
    ]
    if len(frozen) == 1:
        key, model = frozen[0]
        last = [path for path, module in model.named_modules() if isinstance(module, nn.Linear | nn.Conv2d)][-1:]
        what += f": all of {key}'s weights are frozen (requires_grad is False), the last layer's too."
        code = f"{attribute(key, last[0])}.requires_grad_(True)" if last else f"{key}.requires_grad_(True)"
        return raised.diagnosis(name, what, code, "Then compute the output and the loss again.")
    why = "Common causes: .detach(), .item(), argmax or numpy between the model and the loss, or no_grad around them."
    return raised.diagnosis(name, f"{what}.", "", why)


def backward_twice(raised: RaisedError) -> Diagnosis | None:
    """A second ``backward()`` through one graph."""
    around = statements_around(*raised.own) if raised.own else None
    source = raised.statement
    call = next(source.calls("backward"), None) if source else None
    if around is None or source is None or call is None or not isinstance(call.func, ast.Attribute):
        return None
    what = "backward() was called a second time on the same computation, whose steps are freed after the first call."
    whole, block, place = around
    value = call.func.value
    base = next((node.id for node in ast.walk(value) if isinstance(node, ast.Name)), "")
    for node in reversed(block[:place]):
        if isinstance(node, ast.Assign) and any(ast.unparse(target) == base for target in node.targets):
            why = f"It computes {base} anew, with the weights as they are now. If two losses share one output, add "
            why += "them and call backward() once."
            code = f"{whole.rewritten(within=node)}\n{source.text}"
            return raised.diagnosis("backward twice through one computation", what, code, why)
    why = "Compute the loss again before each backward(); add losses that share an output, and call it once."
    return raised.diagnosis("backward twice through one computation", what, "", why)


def loss_of_each(raised: RaisedError) -> Diagnosis | None:
    """``backward()`` of a tensor with several numbers."""
    source = raised.statement
    call = next(source.calls("backward"), None) if source else None
    if source is None or call is None or not isinstance(call.func, ast.Attribute):
        return None
    value, shapes = raised.value(call.func.value), []
    if isinstance(value, Tensor):
        shapes = [Party(source.segment(call.func.value), tuple(value.shape))]
    what = "backward() starts from one number, but this tensor has several."
    code = source.rewritten((call.func.value, source.chained(call.func.value, ".mean()")))
    why = "Without reduction='none', a loss returns this mean of the pictures' losses."
    return raised.diagnosis("backward of several numbers", what, code, why, shapes)


def loss_is_a_number(raised: RaisedError) -> Diagnosis | None:
    """``loss = criterion(…).item()`` and then ``loss.backward()``."""
    around = statements_around(*raised.own) if raised.own else None
    name = getattr(raised.error, "name", "")
    if not isinstance(getattr(raised.error, "obj", None), float | int) or name != "backward" or around is None:
        return None
    whole, block, place = around
    what = (
        "The loss is a plain Python number here, without the computation that led to it: .item() was called too early."
    )
    for node in reversed(block[:place]):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and name_of_call(node.value) == "item":
            call: Any = node.value.func
            code = whole.rewritten((node.value, whole.segment(call.value)), within=node)
            why = "Instead of the line that makes the loss; use loss.item() where it is printed or added up."
            return raised.diagnosis("loss that is a plain number", what, code, why)
    return raised.diagnosis("loss that is a plain number", what, "", "Call backward() on the tensor, before item().")


def step_between(raised: RaisedError) -> Diagnosis | None:
    """``optimizer.step()`` between a forward and its backward."""
    around = statements_around(*raised.own) if raised.own else None
    match = re.search(r"\[torch\.[\w.]+ \[([\d, ]*)\]\](?:, which is output \d+ of (\w+))?", raised.message)
    if around is None or match is None:
        return None
    shape = tuple(int(number) for number in match.group(1).split(",") if number.strip())
    maker = match.group(2) or ""
    if maker and not re.match(r"(T|AsStrided|Transpose|Permute)(Backward\d*)?$", maker):
        return None
    weights = [
        (attribute(name, path), tuple(weight.shape))
        for name, model in raised.instances(nn.Module)
        for path, weight in model.named_parameters()
        if tuple(weight.shape) in (shape, shape[::-1]) and weight._version > 0
    ]
    whole, block, place = around
    steps = [
        number for number, node in enumerate(block[:place])
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and name_of_call(node.value) == "step"
    ]  # fmt: skip
    if not weights or not steps:
        return None
    step, failed = block[steps[-1]], block[place]
    between = block[steps[-1] + 1 : place]
    what = f"{whole.segment(step)} changed the weights between a forward and its backward(); that backward still needs "
    what += "them as they were."
    code = "\n".join(whole.rewritten(within=node) for node in [*between, failed, step])
    shapes = [Party(f"the weight, such as {weights[0][0]}", weights[0][1])]
    why = "Call backward() for both first, then step(); or compute the second output after the step."
    return raised.diagnosis("weights changed between forward and backward", what, code, why, shapes)


def mean_of_whole_numbers(raised: RaisedError) -> Diagnosis | None:
    """``(predictions == labels).mean()``."""
    source = raised.statement
    calls = list(source.calls("mean", "softmax", "std", "log_softmax")) if source else []
    if source is None or len(calls) != 1 or not isinstance(calls[0].func, ast.Attribute):
        return None
    call, function = calls[0], calls[0].func
    if isinstance(raised.value(function.value), type(torch)):
        target: ast.AST = call.args[0] if call.args else call
    else:
        target = function.value
    what = "The tensor holds whole numbers or true and false, and this works with decimal numbers only."
    code = source.rewritten((target, source.chained(target, ".float()")))
    return raised.diagnosis(f"{function.attr} of whole numbers", what, code, "True counts as 1, False as 0.")


# Optimizers and schedules.


def optimizer_parameters(raised: RaisedError) -> Diagnosis | None:
    """An optimizer that was given something other than tensors."""
    source = raised.statement
    space = raised.variables_of("__init__", "torch/optim/optimizer.py")
    if source is None or space is None:
        return None
    call = next((call for call in source.calls() if call.args or call.keywords), None)
    first = call.args[0] if call and call.args else None
    if call is not None and first is None:
        first = next((keyword.value for keyword in call.keywords if keyword.arg == "params"), None)
    if first is None:
        return None
    given, name = raised.value(first), source.segment(first)
    if "non-leaf" in raised.message:
        what = (
            "This tensor is the result of a computation; an optimizer only changes leaf tensors, which "
            "were not computed from others."
        )
        names = [key for key, value in raised.instances(Tensor) if value.requires_grad and not value.is_leaf]
        code = f"{names[0]} = {names[0]}.detach().requires_grad_()" if len(names) == 1 else ""
        return raised.diagnosis(
            "optimizer of a computed tensor", what, code, "This makes a new leaf tensor from its numbers."
        )
    if isinstance(given, nn.Module):
        what = f"{name} is a model; an optimizer expects its parameters."
        return raised.diagnosis(
            "optimizer without parameters()", what, source.rewritten((first, f"{name}.parameters()"))
        )
    if isinstance(first, ast.List) and first.elts and isinstance(raised.value(first.elts[0]), nn.Module):
        what = "The list holds layers; an optimizer expects their parameters."
        parts = ", ".join(f"*{source.segment(layer)}.parameters()" for layer in first.elts)
        return raised.diagnosis("optimizer without parameters()", what, source.rewritten((first, f"[{parts}]")))
    if isinstance(given, Tensor):
        what = "An optimizer expects a list of tensors, and it got one tensor."
        return raised.diagnosis("one tensor for an optimizer", what, source.rewritten((first, f"[{name}]")))
    return None


def layers_in_a_list(raised: RaisedError) -> Diagnosis | None:
    """An optimizer that got no parameters: the layers are in a plain list, or there are none."""
    if raised.variables_of("__init__", "torch/optim/optimizer.py") is None:
        return None
    what = "The optimizer got no parameters at all"
    for name, model in raised.instances(nn.Module):
        for key, value in vars(model).items():
            layers = isinstance(value, list | tuple | dict) and value
            if layers and all(
                isinstance(part, nn.Module) for part in (value.values() if isinstance(value, dict) else value)
            ):
                kind = "ModuleDict" if isinstance(value, dict) else "ModuleList"
                made = raised.spelled("torch.nn", kind)
                what += f": {name}.{key} is a plain {type(value).__name__}, and PyTorch does not look for layers there."
                code = f"{name}.{key} = {made}({name}.{key})"
                why = f"Better in the class: self.{key} = {made}(…)."
                return raised.diagnosis("layers in a plain list", what, code, why)
    frozen = [name for name, model in raised.instances(nn.Module)
              if (own := list(model.parameters())) and not any(p.requires_grad for p in own)]  # fmt: skip
    what += f": every weight of {frozen[0]} is frozen." if frozen else "."
    why = "A generator such as model.parameters() is empty after its first use; call it again for each optimizer."
    return raised.diagnosis("optimizer of nothing", what, "", why)


def optimizer_state(raised: RaisedError) -> Diagnosis | None:
    """``optimizer.load_state_dict`` of the state of another one."""
    space = raised.variables_of("load_state_dict", "torch/optim/optimizer.py")
    optimizer = space.get("self") if space else None
    if space is None or not isinstance(optimizer, torch.optim.Optimizer):
        return None
    given = [len(group["params"]) for group in space.get("state_dict", {}).get("param_groups", ())]
    own = [len(group["params"]) for group in optimizer.param_groups]
    name, source = raised.name_of(optimizer, "optimizer"), raised.statement
    what = f"The state is that of an optimizer of {' + '.join(map(str, given))} parameters, and {name} has "
    what += f"{' + '.join(map(str, own))}: they must be made for the same parameters, in the same groups."
    held = {id(weight) for group in optimizer.param_groups for weight in group["params"]}
    for key, model in raised.instances(nn.Module):
        weights = list(model.parameters())
        if held <= {id(weight) for weight in weights} and given == [len(weights)] and source is not None:
            kind = raised.spelled("torch.optim", type(optimizer).__name__)
            rate = optimizer.param_groups[0].get("lr")
            code = f"{name} = {kind}({key}.parameters(), lr={rate})\n{source.text}"
            return raised.diagnosis(
                "state of a different optimizer", what, code, "It is made for all the parameters, too."
            )
    return raised.diagnosis(
        "state of a different optimizer", what, "", "Make it as it was made when its state was saved."
    )


def schedule(raised: RaisedError) -> Diagnosis | None:
    """A schedule that was given no optimizer, or whose step needs a number."""
    source = raised.statement
    if source is None:
        return None
    if "is not an Optimizer" in raised.message:
        call = next((call for call in source.calls() if call.args), None)
        names = [name for name, _ in raised.instances(torch.optim.Optimizer)]
        if call is None or len(names) != 1:
            return None
        what = f"A learning-rate schedule belongs to an optimizer, and it got {source.segment(call.args[0])}."
        return raised.diagnosis("schedule without an optimizer", what, source.rewritten((call.args[0], names[0])))
    call = next(source.calls("step"), None)
    if call is None or not isinstance(call.func, ast.Attribute):
        return None
    owner = raised.value(call.func.value)
    if not isinstance(owner, torch.optim.lr_scheduler.ReduceLROnPlateau):
        return None
    losses = [
        name for name in ("val_loss", "valid_loss", "test_loss", "loss") if raised.value(ast.Name(name)) is not MISSING
    ]
    what = "ReduceLROnPlateau lowers the rate when a number stops falling, so step() must be told that number."
    code = source.rewritten((call, f"{source.segment(call.func)}({losses[0]})")) if losses else ""
    return raised.diagnosis("schedule that needs the loss", what, code, "Give it the loss on the validation pictures.")
