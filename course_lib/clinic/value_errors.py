"""Errors of using tensors as Python's numbers, lists and arrays: truth, indices, conversion, plotting."""

from __future__ import annotations

import ast
import re

import numpy as np
from PIL import Image
from torch import Tensor

from course_lib.clinic.diagnosis import Diagnosis
from course_lib.clinic.dimension_errors import tensor_shape
from course_lib.clinic.module_errors import no_return
from course_lib.clinic.statements import Source, name_of_call
from course_lib.clinic.tracebacks import MISSING, RaisedError
from course_lib.tracing.mismatches import Party
from course_lib.tracing.records import times

__all__ = [
    "array_in_torch",
    "attribute_of_value",
    "format_of_tensor",
    "in_place_type",
    "index_of_list",
    "index_type",
    "not_whole",
    "one_number",
    "picture_arithmetic",
    "shown_picture",
    "single_number",
    "truth",
]


def one_number(raised: RaisedError) -> Diagnosis | None:
    """``.item()``, ``float()`` or ``int()`` of several numbers."""
    source = raised.statement
    if source is None:
        return None
    what = "Only a tensor with a single number can be made a Python number, and this one has several."
    for call in source.calls("item"):
        if isinstance(call.func, ast.Attribute) and not call.args:
            text = source.segment(call.func.value)
            code = source.rewritten((call, f"{text}.tolist()"))
            why = "tolist() gives them all; .mean() or .max() before .item() makes one of them."
            return raised.diagnosis(
                "several numbers where one is needed", what, code, why, tensor_shape(raised, call.func.value, text)
            )
    for call in source.calls("float", "int"):
        value = raised.value(call.args[0]) if len(call.args) == 1 else MISSING
        if isinstance(value, Tensor) and value.numel() > 1:
            text = source.segment(call.args[0])
            code = source.rewritten((call, f"{text}.tolist()"))
            return raised.diagnosis(
                "several numbers where one is needed", what, code, "", tensor_shape(raised, call.args[0], text)
            )
    for call in source.calls("tensor", "FloatTensor", "as_tensor"):
        value = raised.value(call.args[0]) if call.args else MISSING
        text = source.segment(call.args[0]) if call.args else ""
        if isinstance(value, list | tuple) and any(isinstance(part, Tensor) for part in value):
            what = f"{text} is a list of tensors; torch.tensor makes a tensor of numbers."
            same = len({tuple(part.shape) for part in value if isinstance(part, Tensor)}) == 1
            code = source.rewritten((call, f"torch.stack({text})")) if same and not call.keywords else ""
            return raised.diagnosis(
                "torch.tensor of tensors", what, code, "They become one tensor, with a new first dimension."
            )
    return None


def truth(raised: RaisedError) -> Diagnosis | None:
    """``if predictions == labels:`` with several numbers."""
    source = raised.statement
    if source is None or not (raised.direct or raised.raised_in("torch/_tensor.py")):
        return None
    what = "A tensor with several numbers is neither true nor false; Python needs one answer here."
    head = source.tree.body[0]
    test = getattr(head, "test", None)
    if test is None and isinstance(head, ast.Return | ast.Assign | ast.Expr):
        test = head.value
    if isinstance(test, ast.IfExp):
        test = test.test
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        test = test.operand
    if isinstance(test, ast.BoolOp):
        sign = " & " if isinstance(test.op, ast.And) else " | "
        code = source.rewritten((test, sign.join(f"({source.segment(part)})" for part in test.values)))
        if isinstance(head, ast.If | ast.While | ast.Assert):
            code = source.rewritten((test, f"({sign.join(f'({source.segment(part)})' for part in test.values)}).all()"))
        return raised.diagnosis("several numbers as a condition", what, code, "& and | compare number by number.")
    if (
        isinstance(test, ast.Compare)
        and len(test.ops) == 1
        and isinstance(head, ast.If | ast.While | ast.Assert | ast.Assign)
    ):
        left, right = source.segment(test.left), source.segment(test.comparators[0])
        values = raised.value(test.left), raised.value(test.comparators[0])
        tensors = all(isinstance(value, Tensor) for value in values)
        if isinstance(test.ops[0], ast.Eq) and tensors:
            code = source.rewritten((test, f"torch.equal({left}, {right})"))
            why = f"This asks whether all are equal; the share that is equal is ({left} == {right}).float().mean()."
            return raised.diagnosis("several numbers as a condition", what, code, why)
        if isinstance(test.ops[0], ast.In | ast.NotIn):
            return None
        code = source.rewritten((test, f"({source.segment(test)}).all()"))
        return raised.diagnosis(
            "several numbers as a condition", what, code, ".any() asks for at least one, .all() for every one."
        )
    if isinstance(test, ast.Name) and isinstance(head, ast.If | ast.While):
        code = source.rewritten((test, f"{test.id}.any()"))
        return raised.diagnosis("several numbers as a condition", what, code, "Or ask whether it exists: is not None.")
    return None


# Indices.


def index_type(raised: RaisedError) -> Diagnosis | None:
    """A list that is indexed by a tensor of several numbers; a tensor that is indexed by decimal numbers."""
    source = raised.statement
    for node in source.nodes(ast.Subscript) if source else ():
        owner, key = raised.value(node.value), raised.value(node.slice)
        if source is None or not isinstance(key, Tensor):
            continue
        text, index = source.segment(node.value), source.segment(node.slice)
        if isinstance(owner, Tensor):
            what = f"{index} holds decimal numbers ({str(key.dtype).removeprefix('torch.')}); an index must be whole."
            return raised.diagnosis(
                "index of decimal numbers", what, source.rewritten((node.slice, source.chained(node.slice, ".long()")))
            )
        if isinstance(owner, list | tuple):
            shapes = [Party(index, tuple(key.shape))]
            if key.numel() == 1:
                what = f"{index} isn't a whole number; a list's index must be one."
                code = source.rewritten((node.slice, f"int({index})"))
                return raised.diagnosis("index of decimal numbers", what, code, "", shapes)
            what = f"{text} is a Python list, and {index} holds {key.numel()} numbers: a list takes one at a time."
            code = source.rewritten((node, f"[{text}[i] for i in {index}.tolist()]"))
            return raised.diagnosis("list indexed by several numbers", what, code, "", shapes)
    return None


def index_of_list(raised: RaisedError) -> Diagnosis | None:
    """A class number beyond a list of names; a number out of a tensor that is one number."""
    source = raised.statement
    if source is None:
        return None
    if "0-dim tensor" in raised.message:
        for node in source.nodes(ast.Subscript):
            inner = node.value
            if isinstance(inner, ast.Attribute) and inner.attr == "data":
                inner = inner.value
            value = raised.value(inner)
            if isinstance(value, Tensor) and value.dim() == 0:
                text = source.segment(inner)
                what = f"{text} is a single number, without a dimension to choose from (older tutorials write "
                what += "loss.data[0])."
                return raised.diagnosis("index into a single number", what, source.rewritten((node, f"{text}.item()")))
    for node in source.nodes(ast.Subscript):
        owner, key = raised.value(node.value), raised.value(node.slice)
        if isinstance(key, Tensor) and key.numel() == 1:
            key = int(key)
        elif (
            isinstance(node.slice, ast.Call)
            and name_of_call(node.slice) == "item"
            and isinstance(node.slice.func, ast.Attribute)
        ):
            inside = raised.value(node.slice.func.value)
            key = int(inside) if isinstance(inside, Tensor) and inside.numel() == 1 else key
        if (
            isinstance(owner, list | tuple)
            and isinstance(key, int)
            and key >= len(owner)
            and owner
            and isinstance(owner[0], str)
        ):
            text = source.segment(node.value)
            what = f"The model predicted class {key}, but {text} has {len(owner)} names, 0 to {len(owner) - 1}."
            why = f"The model has more classes than {text}: a new head for {len(owner)} classes, or the names "
            why += "it was trained with "
            why += '(weights.meta["categories"]).'
            return raised.diagnosis("class without a name", what, "", why)
    return None


def single_number(raised: RaisedError) -> Diagnosis | None:
    """``len`` of, or a loop over, a tensor that is one number."""
    source = raised.statement
    if source is None:
        return None
    nodes = [node.iter for node in source.nodes(ast.For, ast.comprehension)]
    nodes += [call.args[0] for call in source.calls("len", "list", "zip", "enumerate") if call.args]
    for node in nodes:
        value = raised.value(node)
        if isinstance(value, Tensor) and value.dim() == 0:
            text = source.segment(node)
            what = f"{text} is a single number, without a dimension to count or loop over."
            code = source.rewritten((node, source.chained(node, ".reshape(1)")))
            why = "squeeze() on a batch of one removes the batch dimension, too; squeeze(1) doesn't."
            return raised.diagnosis("single number used as a list", what, code, why)
    return None


# Conversion.


def format_of_tensor(raised: RaisedError) -> Diagnosis | None:
    """``f"{loss:.3f}"`` of a tensor that isn't a single number."""
    source = raised.statement
    for node in source.nodes(ast.FormattedValue) if source else ():
        value, text = raised.value(node.value), ast.unparse(node.value)
        if source and isinstance(value, Tensor) and node.format_spec is not None and value.dim() > 0:
            what = f"{text} is a tensor {times(tuple(value.shape))}, and a format such as :.3f is for one number."
            new = f"{text}.item()" if value.numel() == 1 else f"{text}.float().mean().item()"
            code = source.text.replace(f"{{{text}:", f"{{{new}:")
            why = "" if value.numel() == 1 else "The mean of them; print(tensor) shows them all."
            return raised.diagnosis("format of a tensor", what, code if code != source.text else "", why)
    return None


def not_whole(raised: RaisedError) -> Diagnosis | None:
    """One-hot of decimal numbers, or of more classes than were given."""
    source = raised.statement
    call = next(source.calls("one_hot"), None) if source else None
    if source is None or call is None or not call.args:
        return None
    node = call.args[0]
    value = raised.value(node)
    if not isinstance(value, Tensor):
        return None
    if "index tensor" in raised.message:
        what = f"one_hot expects class numbers, int64, and it got {str(value.dtype).removeprefix('torch.')}."
        return raised.diagnosis(
            "one-hot of the wrong number type", what, source.rewritten((node, source.chained(node, ".long()")))
        )
    count = int(value.max()) + 1
    numbers = [*call.args[1:2], *(keyword.value for keyword in call.keywords if keyword.arg == "num_classes")]
    if not numbers or count > 100_000:
        return None
    what = f"The largest class number is {count - 1}, so there are at least {count} classes, and "
    what += f"{source.segment(numbers[0])} were given."
    return raised.diagnosis("one-hot of too few classes", what, source.rewritten((numbers[0], str(count))),
                            "Classes count from 0; look whether the labels do.")  # fmt: skip


def in_place_type(raised: RaisedError) -> Diagnosis | None:
    """``picture /= 255`` of bytes."""
    source = raised.statement
    node = source.tree.body[0] if source else None
    if source is None or not isinstance(node, ast.AugAssign) or not raised.direct:
        return None
    value = raised.value(node.target)
    kind = str(getattr(value, "dtype", "")).removeprefix("torch.")
    signs = {ast.Div: "/", ast.Mult: "*", ast.Add: "+", ast.Sub: "-"}
    sign = signs.get(type(node.op))
    if sign is None or not isinstance(value, Tensor | np.ndarray):
        return None
    text, right = source.segment(node.target), source.chained(node.value, "")
    what = f"{text} holds {kind}, but {sign}= would have to put decimal numbers into it."
    return raised.diagnosis(
        "decimal numbers into whole ones", what, f"{text} = {text} {sign} {right}", "This makes a new one."
    )


def array_in_torch(raised: RaisedError) -> Diagnosis | None:
    """``torch.from_numpy`` and ``torch.tensor`` of what they cannot take."""
    source = raised.statement
    if source is None or not raised.direct:
        return None
    for call in source.calls("from_numpy", "tensor", "as_tensor", "Tensor", "FloatTensor"):
        if len(call.args) < 1:
            continue
        node = call.args[0]
        value, text = raised.value(node), source.segment(node)
        if "negative" in raised.message:
            what = "The array was reversed ([::-1], np.flip), which only changes how it is read; torch "
            what += "expects it in order."
            return raised.diagnosis("reversed array", what, source.rewritten((node, source.chained(node, ".copy()"))))
        if isinstance(value, Image.Image):
            to = raised.spelled("torchvision.transforms.functional", "to_tensor")
            what = f"{text} is a PIL picture; torch makes tensors of numbers."
            return raised.diagnosis("picture instead of numbers", what, source.rewritten((call, f"{to}({text})")))
        if isinstance(value, list | tuple) and name_of_call(call) == "from_numpy":
            what = f"{text} is a {type(value).__name__}; from_numpy takes numpy arrays."
            return raised.diagnosis("list instead of an array", what, source.rewritten((call, f"torch.tensor({text})")))
        if isinstance(value, Tensor) and name_of_call(call) == "from_numpy":
            return raised.diagnosis(
                "tensor instead of an array", f"{text} is a tensor already.", source.rewritten((call, text))
            )
        if isinstance(value, list | tuple) and value and all(isinstance(part, str) for part in value):
            what = f"{text} holds words, and tensors hold numbers."
            code = source.rewritten((node, f"[sorted(set({text})).index(name) for name in {text}]"))
            return raised.diagnosis("words in a tensor", what, code, "This numbers the words in alphabetical order.")
        if isinstance(value, list | tuple) and "expected sequence of length" in raised.message:
            sizes = sorted({len(part) for part in value if hasattr(part, "__len__")})
            what = (
                f"The rows of {text} have different lengths ({', '.join(map(str, sizes))}); a tensor is a full table."
            )
            return raised.diagnosis("rows of different lengths", what)
    return None


def picture_arithmetic(raised: RaisedError) -> Diagnosis | None:
    """``picture / 255`` of a PIL picture, or of None."""
    source = raised.statement
    for node in source.nodes(ast.BinOp) if source else ():
        for side in (node.left, node.right):
            value = raised.value(side)
            if source and isinstance(value, Image.Image):
                to = raised.spelled("torchvision.transforms.functional", "pil_to_tensor")
                text = source.segment(side)
                what = (
                    f"{text} is a PIL picture, which Python can't do arithmetic with; it can with a tensor "
                    "of its numbers."
                )
                return raised.diagnosis("arithmetic with a picture", what, source.rewritten((side, f"{to}({text})")))
    return None


def attribute_of_value(raised: RaisedError) -> Diagnosis | None:
    """A tensor's method asked of a picture, an array or None, and the other way round."""
    owner, name = getattr(raised.error, "obj", None), getattr(raised.error, "name", "") or ""
    source = raised.statement
    nodes = [node for node in source.nodes(ast.Attribute) if node.attr == name] if source else []
    if source is None or len(nodes) != 1 or not raised.direct:
        return None
    node = nodes[0].value
    text = source.segment(node)
    if isinstance(owner, Image.Image) and hasattr(Tensor, name):
        to = raised.spelled("torchvision.transforms.functional", "to_tensor")
        what = f"{text} is a PIL picture, and {name} belongs to tensors."
        return raised.diagnosis("picture instead of a tensor", what, source.rewritten((node, f"{to}({text})")))
    if isinstance(owner, np.ndarray | np.generic) and hasattr(Tensor, name):
        what = f"{text} is a numpy array, and {name} belongs to tensors."
        return raised.diagnosis(
            "array instead of a tensor", what, source.rewritten((node, f"torch.from_numpy({text})"))
        )
    if isinstance(owner, Tensor) and hasattr(np.ndarray, name):
        what = f"{text} is a tensor, and {name} belongs to numpy arrays."
        chain = ".detach().cpu().numpy()" if owner.requires_grad or owner.is_cuda else ".numpy()"
        return raised.diagnosis(
            "tensor instead of an array", what, source.rewritten((node, source.chained(node, chain)))
        )
    if isinstance(owner, Tensor) and hasattr(Image.Image, name):
        to = raised.spelled("torchvision.transforms.functional", "to_pil_image")
        if owner.dim() not in (2, 3):
            return None
        what = f"{text} is a tensor, and {name} belongs to PIL pictures."
        return raised.diagnosis("tensor instead of a picture", what, source.rewritten((node, f"{to}({text})")))
    if type(owner).__module__ == "torch.return_types" and hasattr(Tensor, name):
        what = f"{text} holds two tensors, values and indices: torch.max and min with a dimension give both."
        code = source.rewritten((node, source.chained(node, ".indices")))
        return raised.diagnosis(
            "values and indices", what, code, ".indices are the class numbers; argmax gives them alone."
        )
    if owner is None and raised.error.args:
        return _none(raised, source, text)
    return None


def _none(raised: RaisedError, source: Source, text: str) -> Diagnosis | None:
    if not (raised.own and text):
        return None
    found = no_return(raised)
    if found is not None:
        sentence, line = found
        return raised.diagnosis("forward without return", f"{sentence}, and {text} is None.", line, "At its end.")
    return None


def shown_picture(raised: RaisedError) -> Diagnosis | None:
    """``plt.imshow`` of a tensor with the channels in front."""
    match = re.search(r"Invalid shape \(([\d, ]+)\) for image data", raised.message)
    source = raised.statement
    call = next(source.calls("imshow"), None) if source else None
    if match is None or source is None or call is None or not call.args:
        return None
    shape = [int(number) for number in match.group(1).split(",") if number.strip()]
    node, value = call.args[0], raised.value(call.args[0])
    batch, picture = ("[0]", shape[1:]) if len(shape) == 4 else ("", shape)
    if len(picture) != 3 or picture[0] not in (1, 3, 4):
        return None
    turn = ".permute(1, 2, 0)" if isinstance(value, Tensor) or value is MISSING else ".transpose(1, 2, 0)"
    more = f"{batch}[0]" if picture[0] == 1 else f"{batch}{turn}"
    what = f"matplotlib expects height×width×channels, and it got {times(tuple(shape))}: "
    what += "a batch." if batch else "the channels are in front, as PyTorch has them."
    code = source.rewritten((node, source.chained(node, more)))
    return raised.diagnosis(
        "picture with the channels in front", what, code, "A normalised picture looks wrong: undo that first."
    )
