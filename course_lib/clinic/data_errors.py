"""Errors of data on its way to a model: datasets, loaders and their workers, samples that become a batch.

No sample of a learner's dataset is asked for again.
"""

from __future__ import annotations

import ast
import re
from difflib import get_close_matches
from typing import Any

from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from course_lib.clinic.diagnosis import Diagnosis
from course_lib.clinic.statements import source_of
from course_lib.clinic.tracebacks import MISSING, RaisedError
from course_lib.tracing.mismatches import Party
from course_lib.tracing.records import times

__all__ = [
    "batch_of_pictures",
    "batch_parts",
    "batch_unequal",
    "dataset_methods",
    "empty_dataset",
    "loader_settings",
    "loader_used_as_iterator",
    "loader_used_as_list",
    "pickled_workers",
    "split_lengths",
    "start_of_workers",
]


# Datasets and loaders.


def empty_dataset(raised: RaisedError) -> Diagnosis | None:
    """A loader that shuffles a dataset without samples."""
    space = raised.variables_of("__init__", "torch/utils/data/dataloader.py")
    dataset = space.get("dataset") if space else None
    if dataset is None:
        return None
    name = raised.name_of(dataset, "the dataset")
    what = f"{name} ({type(dataset).__name__}) is empty: its length is 0, so there is nothing to shuffle."
    why = "Common causes: a path or a pattern (such as *.jpg beside *.JPG) that finds no file, or a filter "
    why += "that keeps none."
    return raised.diagnosis("dataset without samples", what, "", why)


def dataset_methods(raised: RaisedError) -> Diagnosis | None:
    """A dataset without ``__len__`` or ``__getitem__``, or its class instead of an object."""
    space = raised.variables_of("__init__", "torch/utils/data/dataloader.py")
    source = raised.statement
    if isinstance(raised.error, NotImplementedError):
        owner = (raised.variables_of("__getitem__", "torch/utils/data/dataset.py") or {}).get("self")
        if owner is None:
            return None
        near = get_close_matches("__getitem__", [key for key in vars(type(owner)) if key != "__init__"], 1, 0.7)
        what = f"{type(owner).__name__} has no __getitem__, the method that returns one sample"
        what += f"; it has {near[0]}." if near else "."
        found = source_of(vars(type(owner)).get(near[0])) if near else None
        head = found[0].text.splitlines()[0].strip() if found else ""
        why = f"Instead of {head}" if head else "Write def __getitem__(self, index): and return picture, label."
        return raised.diagnosis(
            "dataset without __getitem__", what, head.replace(near[0], "__getitem__") if head else "", why
        )
    holder = (space or {}).get("dataset")
    for frame, _ in raised.frames if holder is None else ():
        owner = frame.f_locals.get("self")
        for key in ("data_source", "dataset"):
            holder = vars(owner).get(key, holder) if hasattr(owner, "__dict__") else holder
    if isinstance(holder, type) and issubclass(holder, Dataset):
        name = raised.name_of(holder, holder.__name__)
        nodes = [node for node in source.nodes(ast.Name) if raised.value(node) is holder] if source else []
        what = f"{name} is the class; a DataLoader expects an object of it, with brackets."
        needed = holder.__init__.__code__.co_argcount - 1 if hasattr(holder.__init__, "__code__") else 0
        code = source.rewritten((nodes[0], f"{name}()")) if source and nodes and not needed else ""
        return raised.diagnosis("dataset class instead of a dataset", what, code)
    if isinstance(holder, Dataset) and not hasattr(type(holder), "__len__"):
        what = f"{type(holder).__name__} has no __len__, so the loader cannot know how many samples there are."
        return raised.diagnosis("dataset without __len__", what, "def __len__(self):\n    return len(self.samples)",
                                "Add it to the class, with the name of whatever it keeps its samples in.")  # fmt: skip
    return None


def loader_used_as_iterator(raised: RaisedError) -> Diagnosis | None:
    """``iter(loader).next()`` and ``next(loader)``."""
    source = raised.statement
    if source is None:
        return None
    if isinstance(raised.error, AttributeError):
        if raised.error.name != "next" or not hasattr(type(raised.error.obj), "__next__"):
            return None
        for call in source.calls("next"):
            if isinstance(call.func, ast.Attribute):
                what = "Python 3 iterators have no method next(); the function next(…) asks them."
                code = source.rewritten((call, f"next({source.segment(call.func.value)})"))
                return raised.diagnosis("next() as a method", what, code)
    for call in source.calls("next"):
        if len(call.args) == 1 and isinstance(raised.value(call.args[0]), DataLoader):
            name = source.segment(call.args[0])
            what = f"{name} is a DataLoader, from which many iterators can be made; next(…) expects one of them."
            return raised.diagnosis("next() of a loader", what, source.rewritten((call.args[0], f"iter({name})")))
    return None


def loader_used_as_list(raised: RaisedError) -> Diagnosis | None:
    """``loader[0]``."""
    source = raised.statement
    for node in source.nodes(ast.Subscript) if source else ():
        if source and isinstance(raised.value(node.value), DataLoader):
            name = source.segment(node.value)
            what = f"{name} is a DataLoader: it makes its batches one after another, and you can't index them."
            code = source.rewritten((node, f"next(iter({name}))"))
            why = f"This returns the first batch; a single sample is {name}.dataset[…]."
            return raised.diagnosis("loader used as a list", what, code, why)
    return None


def loader_settings(raised: RaisedError) -> Diagnosis | None:
    """A loader's settings that exclude each other, or a batch size that isn't a positive whole number."""
    source = raised.statement
    call = next((call for call in source.calls() if call.keywords), None) if source else None
    if source is None or call is None or raised.variables_of("__init__", "torch/utils/data/dataloader.py") is None:
        return None
    named = {keyword.arg: keyword for keyword in call.keywords}
    if "mutually exclusive with shuffle" in raised.message and "shuffle" in named:
        what = "A sampler decides the order itself, so shuffle cannot be asked for beside it."
        code = source.rewritten((named["shuffle"].value, "False"))
        return raised.diagnosis("sampler and shuffle", what, code, "Or leave shuffle out.")
    if "batch_size" in named:
        node = named["batch_size"].value
        value = raised.value(node)
        match = re.search(r"batch_size=(-?[\d.]+)", raised.message)
        what = f"batch_size must be a whole number of at least 1; it is {match.group(1) if match else value}."
        text = source.segment(node)
        number = float(match.group(1)) if match else 0.0
        new = f"int({text})" if number >= 1 else f"max(1, int({text}))"
        return raised.diagnosis("batch size", what, source.rewritten((node, new)))
    return None


def split_lengths(raised: RaisedError) -> Diagnosis | None:
    """``random_split`` whose lengths do not add up."""
    source = raised.statement
    call = next(source.calls("random_split"), None) if source else None
    space = raised.variables_of("random_split", "torch/utils/data/dataset.py")
    if source is None or call is None or space is None or len(call.args) < 2:
        return None
    dataset, lengths, node = space.get("dataset"), space.get("lengths"), call.args[1]
    if not isinstance(dataset, Dataset) or not isinstance(lengths, list | tuple):
        return None
    size = len(dataset)  # type: ignore[arg-type]
    what = f"The lengths add up to {sum(lengths)}, and the dataset has {size} samples."
    code = ""
    if isinstance(node, ast.List | ast.Tuple) and size > sum(lengths[:-1]):
        rest = " - ".join(source.chained(part, "") for part in node.elts[:-1])
        code = source.rewritten((node.elts[-1], f"len({source.segment(call.args[0])}) - {rest}"))
    return raised.diagnosis("lengths of a split", what, code, "Shares that add up to 1 work as well: [0.8, 0.2].")


# Workers.


def start_of_workers(raised: RaisedError) -> Diagnosis | None:
    """A program that starts workers where each of them would start the program again; or workers that were killed."""
    if "bootstrapping phase" in raised.message:
        what = "On Windows and macOS each worker of a DataLoader runs the program's file again, and would "
        what += "start workers too."
        why = 'Put what the program does under if __name__ == "__main__":, or use num_workers=0.'
        return raised.diagnosis("workers that start workers", what, "", why)
    what = (
        "A worker of the DataLoader ended without an error message: usually memory (or /dev/shm in a "
        "container) ran out, or "
    )
    what += "an error in the dataset stopped it."
    names = [name for name, value in raised.instances(DataLoader) if value.num_workers]
    code = f"{names[0]}.num_workers = 0" if len(names) == 1 else ""
    return raised.diagnosis("worker that ended", what, code, "Without workers, the dataset's own error is shown.")


def pickled_workers(raised: RaisedError) -> Diagnosis | None:
    """A lambda in a dataset, which cannot be handed to a worker that is started anew."""
    if raised.variables_of("__init__", "torch/utils/data/dataloader.py") is None:
        return None
    names = [name for name, value in raised.instances(DataLoader) if value.num_workers]
    what = "New workers get the dataset as a pickle, but a lambda or a function inside another "
    what += "function cannot be pickled."
    code = f"{names[0]}.num_workers = 0" if len(names) == 1 else ""
    why = "Or write the lambda as a function (def) at the top of a file that both can import."
    return raised.diagnosis("dataset that cannot be handed to workers", what, code, why)


# Samples into a batch.


def batch_of_pictures(raised: RaisedError) -> Diagnosis | None:
    """Samples that cannot be put into a batch, because they aren't tensors or numbers."""
    match = re.search(r"found <class '([\w.]+)'>", raised.message)
    if match is None:
        return None
    kind = match.group(1)
    loaders = raised.instances(DataLoader)
    source = raised.statement
    for node in source.nodes(ast.Call) if source else ():
        value = raised.value(node)
        loaders += [("", value)] if isinstance(value, DataLoader) else []
    dataset = next(iter([value.dataset for _, value in loaders]), _dataset_under_way(raised))
    if kind.startswith("PIL."):
        what = "The dataset gives PIL pictures, but a batch can only be made of tensors: the transform to a tensor is "
        what += "missing."
        made = f"{raised.spelled('torchvision.transforms', 'ToTensor')}()"
        if dataset is not MISSING and hasattr(dataset, "transform") and dataset.transform is None:
            name = raised.name_of(dataset, "dataset")
            return raised.diagnosis("pictures instead of tensors", what, f"{name}.transform = {made}",
                                    f"Better where it is made: transform={made}.")  # fmt: skip
        code, why = _returned(dataset, lambda text: f"{made}({text})")
        return raised.diagnosis("pictures instead of tensors", what, code, why)
    if kind == "NoneType":
        what = "One of the samples, or a part of it, is None, and you can't make a batch with it."
        why = "Look at __getitem__: either one path through it has no return, or a file wasn't found."
        return raised.diagnosis("sample that is None", what, "", why)
    if "Path" in kind:
        what = "The dataset gives paths, but a batch can only be made of tensors, numbers and strings."
        return raised.diagnosis("paths in a batch", what, "", "Return str(path) from __getitem__, or leave it out.")
    what = f"The dataset gives {kind}, but a batch can only be made of tensors, arrays, numbers and strings, and of "
    what += "lists, tuples and dicts of these."
    return raised.diagnosis("samples that can't form a batch", what)


def _dataset_under_way(raised: RaisedError) -> Any:
    fetcher = (raised.variables_of("fetch", "torch/utils/data/_utils/fetch.py") or {}).get("self")
    if fetcher is None:
        iterator = (raised.variables_of("__next__", "torch/utils/data/dataloader.py") or {}).get("self")
        return getattr(iterator, "_dataset", MISSING)
    return getattr(fetcher, "dataset", MISSING)


def _returned(dataset: Any, change: Any) -> tuple[str, str]:
    """The line of ``__getitem__`` that returns a sample, with its first part changed; and which line that is."""
    kind = type(dataset)
    found = source_of(getattr(kind, "__getitem__", None)) if not kind.__module__.startswith("torch") else None
    lines = [node for node in found[0].nodes(ast.Return) if node.value is not None] if found else []
    if found is None or len(lines) != 1:
        return "", ""
    value = lines[0].value
    first = value.elts[0] if isinstance(value, ast.Tuple) and value.elts else value
    code = found[0].rewritten((first, change(found[0].segment(first))), within=lines[0])
    return code, f"In __getitem__, instead of {found[0].segment(lines[0])}"


def batch_unequal(raised: RaisedError) -> Diagnosis | None:
    """Samples, or a list of tensors, of different sizes."""
    match = re.search(r"got \[([\d, ]*)\] at entry 0 and \[([\d, ]*)\] at entry (\d+)", raised.message)
    loading = raised.worker or raised.variables_of("collate", "torch/utils/data/_utils/collate.py") is not None
    if match is None:
        if "equal size" not in raised.message and "not resizable" not in raised.message:
            return None
        what = "The samples of a batch hold sequences of different lengths (boxes, words), which can't form a tensor."
        return _as_lists(raised, what)
    first, other = ([int(n) for n in group.split(",") if n.strip()] for group in match.groups()[:2])
    shapes = (Party("sample 0", tuple(first)), Party(f"sample {match.group(3)}", tuple(other)))
    what = f"The pictures of a batch differ: {times(tuple(first))} and {times(tuple(other))}."
    dataset = _dataset_under_way(raised)
    if len(first) == 3 == len(other) and first[0] != other[0]:
        what += f" One has {first[0]} channels and the other {other[0]}: some are grey, RGB or with transparency."
        why = 'Convert every picture where it is opened: picture.convert("RGB").'
        return raised.diagnosis("channels that differ in a batch", what, "", why, shapes)
    if len(first) != 3 or len(other) != 3:
        return _as_lists(raised, what, shapes) if loading else None
    size = (first[1], first[2])
    steps = getattr(dataset, "transform", None)
    resizes = [n for n, step in enumerate(getattr(steps, "transforms", ())) if type(step).__name__ == "Resize"]
    name, made = raised.name_of(dataset, "dataset"), raised.spelled("torchvision.transforms", "Resize")
    if resizes:
        side = getattr(steps.transforms[resizes[0]], "size", size[0])  # type: ignore[union-attr]
        side = side if isinstance(side, int) else min(side)
        what += " Resize with one number sets the shorter side only, and keeps the proportions."
        code = f"{name}.transform.transforms[{resizes[0]}] = {made}(({side}, {side}))"
        why = "Or keep the proportions, and put a CenterCrop after it."
        return raised.diagnosis("pictures of different sizes in a batch", what, code, why, shapes)
    if steps is not None and hasattr(steps, "transforms"):
        code = f"{name}.transform.transforms.insert(0, {made}({size}))"
        return raised.diagnosis(
            "pictures of different sizes in a batch", what, code, "This makes them all the same size.", shapes
        )
    grow = raised.spelled("torchvision.transforms.functional", "resize")
    code, why = _returned(dataset, lambda text: f"{grow}({text}, {list(size)})")
    return raised.diagnosis(
        "pictures of different sizes in a batch", what, code, why or "Make them all the same size.", shapes
    )


def _as_lists(raised: RaisedError, what: str, shapes: Any = ()) -> Diagnosis:
    loaders = raised.instances(DataLoader)
    code = f"{loaders[0][0]}.collate_fn = lambda samples: tuple(zip(*samples))" if len(loaders) == 1 else ""
    why = "The batch is then a list for each part of a sample, as detection models expect. Better: DataLoader(…, "
    why += "collate_fn=…), with a def."
    return raised.diagnosis("samples of different lengths in a batch", what, code, why, shapes)


def batch_parts(raised: RaisedError) -> Diagnosis | None:
    """A batch that was unpacked into the wrong number of names, or used whole."""
    source = raised.statement
    if source is None:
        return None
    owner = getattr(raised.error, "obj", None)
    if isinstance(owner, list | tuple) and owner and isinstance(owner[0], Tensor):
        name = getattr(raised.error, "name", "")
        node = next((node for node in source.nodes(ast.Attribute) if node.attr == name), None)
        if node is None or not hasattr(Tensor, name or " "):
            return None
        text = source.segment(node.value)
        what = (
            f"{text} is a {type(owner).__name__} of {len(owner)} tensors, not a tensor: a loader's batch "
            "holds pictures "
        )
        what += "and labels."
        same = all(isinstance(x, Tensor) and x.shape == owner[0].shape for x in owner)
        if same and len(owner) != 2:
            what = f"{text} is a {type(owner).__name__} of {len(owner)} tensors of one shape, not a tensor itself."
            code = source.rewritten((node.value, f"torch.stack({text})"))
        else:
            code = source.rewritten((node.value, f"{text}[0]"))
        return raised.diagnosis(
            "list instead of a tensor", what, code, "" if same else "Or take both: images, labels = …"
        )
    node = source.tree.body[0]
    if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Tuple):
        return None
    value, targets = raised.value(node.value), node.targets[0].elts
    if not isinstance(value, list | tuple) or len(value) <= len(targets):
        return None
    what = f"{source.segment(node.value)} has {len(value)} parts, but there are {len(targets)} names before the =."
    code = source.rewritten((targets[-1], f"{source.segment(targets[-1])}, *others"))
    return raised.diagnosis("batch of more parts", what, code, "The rest is then in others.")
