"""Errors of a training loop: the backward pass, the optimizer and its schedule. The loss is in ``loss_errors``."""

from __future__ import annotations

import ast
import re
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.clinic.diagnosis import Diagnosis
from course_lib.clinic.statements import name_of_call, statements_around
from course_lib.clinic.tracebacks import MISSING, RaisedError, attribute
from course_lib.tracing.mismatches import Party

__all__ = [
    "backward_twice",
    "layers_in_a_list",
    "loss_is_a_number",
    "loss_of_each",
    "mean_of_whole_numbers",
    "no_gradient",
    "optimizer_parameters",
    "optimizer_state",
    "schedule",
    "step_between",
]


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
