"""Copies of a model that can be run while the model stays as it was: the same code, other tensors, no user's hooks.

A copy is made object by object, without running a constructor. A function makes its tensors: on the meta device, on
the model's own memory, or new. What hangs on a module is copied as well (containers, closures, partials, the objects
of a user's own classes), so that whatever a forward keeps or counts, it keeps and counts in the copy. Out of reach is
what belongs to the code instead of the model: global variables, and the variables around a class.
"""

from __future__ import annotations

import copy
import functools
import types
import weakref
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from course_lib.tracing.result import TraceError

__all__ = [
    "FIRST", "HOOKS", "NO_HOOKS", "PLAIN", "Copier", "HookAddedError", "Listener", "copy_model", "meta_tensor",
    "own_tensor", "shared_tensor", "told",
]  # fmt: skip


# -- tensors of a copy ------------------------------------------------------------------------------------------------
def meta_tensor(tensor: Tensor) -> Tensor:
    """A tensor of the same shape, strides and dtype without memory."""
    return torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device="meta")


def own_tensor(tensor: Tensor) -> Tensor:
    """The same numbers in new memory, without gradients."""
    clone = tensor.detach().clone()
    return nn.Parameter(clone, requires_grad=False) if isinstance(tensor, nn.Parameter) else clone


def shared_tensor(tensor: Tensor) -> Tensor:
    """A parameter's numbers where they are, without gradients; a clone of any other tensor, such as a buffer."""
    if isinstance(tensor, nn.Parameter):
        return nn.Parameter(tensor.detach(), requires_grad=False)
    return own_tensor(tensor)


# -- copying ----------------------------------------------------------------------------------------------------------
class Listener(Protocol):
    """Is told which modules and tensors a copy has, and which of its modules runs.

    Attributes:
        no_hooks: what every module of the copy has in the place of hooks; None gives each its own empty dicts.
    """

    no_hooks: Mapping[str, Any] | None

    def meet(self, module: nn.Module, path: str) -> str:
        """The path by which the module is called."""
        ...

    def enter(self, module: nn.Module, path: str, inputs: tuple[Any, ...]) -> None: ...

    def leave(self, module: nn.Module, path: str, output: Any) -> None: ...

    def fail(self) -> None: ...

    def adopt(self, tensor: Tensor, original: Tensor, name: str, parameter: bool) -> None: ...

    def leaf(self, copied: nn.Module, module: nn.Module, path: str, copier: Copier) -> bool:
        """May give ``copied`` the attributes of a layer itself; True if it has."""
        ...

    def children(self, module: nn.Module, prefix: str, copier: Copier) -> MutableMapping[str, Any] | None:
        """May copy the children of a module itself, with a forward that runs them; None leaves it to the copier."""
        ...

    def foreign(self) -> None:
        """Code that is neither PyTorch's nor torchvision's is about to be copied or to run."""
        ...

    def told(self, copied: nn.Module) -> None:
        """This copy's forward has been replaced by one that tells the listener."""
        ...


def copy_model(
    model: nn.Module, made: Callable[[Tensor], Tensor] = shared_tensor, listener: Listener | None = None
) -> nn.Module:
    """A copy of ``model`` in the same mode, without its user's hooks.

    Args:
        made: makes a tensor of the copy from one of the model's; it is asked once for each tensor.
        listener: is told when a module of the copy begins and ends.

    Raises:
        TraceError: a layer is lazily initialised and has no shape yet.

    Example:
        >>> layer = nn.Linear(2, 1)
        >>> copied = copy_model(layer)
        >>> copied is layer, copied.weight.data_ptr() == layer.weight.data_ptr()
        (False, True)
    """
    copier = Copier(made, listener)
    copied = copier.module(model, "")
    copier.finish()
    return copied


PLAIN = frozenset({
    int, float, complex, bool, str, bytes, type(None), type(Ellipsis), type, range, torch.dtype, torch.device,
    torch.Size,
})  # fmt: skip
HOOKS = tuple(
    name for name, value in vars(nn.Module()).items() if name.endswith(("_hooks", "_with_kwargs", "_always_called"))
)
FIRST = tuple(vars(nn.Module()))  # before what a user's constructor adds


class HookAddedError(BaseException):
    """A forward adds a hook to a copy that shares its empty dicts; no ``except Exception`` in it may hide this."""


class _NoHooks(OrderedDict[Any, Any]):
    """The hooks of many modules that have none: it stays empty."""

    def __setitem__(self, key: Any, value: Any) -> None:
        raise HookAddedError


#: In the place of a module's hooks, for a copy that is made again once ``HookAddedError`` says so.
NO_HOOKS: Mapping[str, Any] = dict.fromkeys(HOOKS, _NoHooks())
_OWN = frozenset({*vars(nn.Module()), "forward"}) - {"training"}
_SHIPPED = ("torch.", "torchvision.")
_KEEP_HOOKS_OF = ("torch.nn.utils.", "torch.ao.")  # weight_norm and spectral_norm compute the weight in a hook
_CONTAINERS = (list, dict, set, deque, bytearray, OrderedDict, defaultdict, Counter)
#: Objects of these modules are not copied: handles of the system, and graphs, which a forward does not change.
_LEFT = ("torch.fx.", "torch._", "torch.jit.", "threading", "_thread", "queue", "multiprocessing", "concurrent",
         "asyncio", "socket", "logging", "io", "_io")  # fmt: skip


class Copier:
    """Makes one copy; ``memo`` knows by the id of each object that was met what stands for it in the copy."""

    def __init__(self, made: Callable[[Tensor], Tensor], listener: Listener | None) -> None:
        self.made, self.listener = made, listener
        self.memo: dict[int, Any] = {}
        self.alive: list[Any] = []  # no id may be given to a second object
        self.waiting: list[tuple[nn.Module, nn.Module, str]] = []  # copy, original, path
        self.shared_values: dict[type, dict[str, Any]] = {}
        self.no_hooks = listener.no_hooks if listener is not None else None

    def finish(self) -> None:
        """Copies the modules' other attributes: last, so that a registered layer is called by its registered name."""
        place = 0
        while place < len(self.waiting):
            self.attributes(*self.waiting[place])
            place += 1
        self.waiting.clear()

    def tensor(self, tensor: Tensor, name: str, parameter: bool) -> Tensor:
        known = self.memo.get(id(tensor))
        if known is None:
            if is_lazy(tensor):
                raise TraceError(
                    f"{name!r} is lazily initialised and has no shape yet; run one batch through the model first."
                )
            known = self.memo[id(tensor)] = self.made(tensor)
            if self.listener is not None:
                self.listener.adopt(known, tensor, name, parameter)
        return known

    def tensors(self, theirs: dict[str, Tensor | None], prefix: str, parameters: bool) -> dict[str, Tensor | None]:
        if not theirs:
            return {}
        return {
            key: None if tensor is None else self.tensor(tensor, prefix + key, parameters)
            for key, tensor in theirs.items()
        }

    def module(self, module: nn.Module, path: str, registered: bool = True) -> nn.Module:
        known = self.memo.get(id(module))
        if known is not None:
            return known  # type: ignore[no-any-return]
        copied: nn.Module = object.__new__(type(module))
        self.memo[id(module)] = copied
        if self.listener is not None:
            path = self.listener.meet(module, path)
            if registered and self.listener.leaf(copied, module, path, self):
                return copied
        self.waiting.append((copied, module, path))
        prefix = f"{path}." if path else ""
        theirs = module.__dict__
        ours = theirs.copy()  # ``dict(theirs)`` takes eight times as long
        object.__setattr__(copied, "__dict__", ours)  # Module's own takes longer to find out what it is given
        ours.update(self.no_hooks or {name: OrderedDict() for name in HOOKS})
        if any(map(theirs.get, HOOKS)):
            ours.update({name: _computing(theirs[name]) for name in HOOKS if theirs.get(name)})
        ours["_compiled_call_impl"] = None
        if "_non_persistent_buffers_set" in theirs:
            ours["_non_persistent_buffers_set"] = set(theirs["_non_persistent_buffers_set"])
        # In named_parameters' order, so that a shared tensor has the same name here and there.
        ours["_parameters"] = self.tensors(theirs["_parameters"], prefix, registered)
        ours["_buffers"] = self.tensors(theirs["_buffers"], prefix, False)
        children = self.listener.children(module, prefix, self) if registered and self.listener is not None else None
        ours["_modules"] = (
            {
                key: None if child is None else self.module(child, prefix + key, registered)
                for key, child in theirs["_modules"].items()
            }
            if children is None
            else children
        )
        return copied

    def attributes(self, copied: nn.Module, module: nn.Module, path: str) -> None:
        """Everything else that hangs on a module, and its forward."""
        theirs, ours, kind = module.__dict__, copied.__dict__, type(module)
        prefix = f"{path}." if path else ""
        names = tuple(theirs)
        for key in names[len(FIRST) :] if names[: len(FIRST)] == FIRST else names:
            if key in _OWN:
                continue
            value = theirs[key]
            kind_of_value = type(value)
            if kind_of_value in PLAIN or (kind_of_value is tuple and PLAIN.issuperset(map(type, value))):
                continue
            ours[key] = self.attribute(value, prefix + key)
        for key, value in self.class_values(kind).items():
            if key not in ours:
                ours[key] = self.attribute(value, prefix + key)
        own = theirs.get("forward")
        if own is not None:
            ours["forward"] = self.attribute(own, path)
        if self.listener is not None:
            original = ours.get("forward") or getattr(ours["_modules"], "forward", kind.forward.__get__(copied))
            ours["forward"] = told(self.listener, copied, path, original)
            self.listener.told(copied)

    def class_values(self, kind: type) -> dict[str, Any]:
        """The lists, dicts and sets that a user's module class has for all its instances."""
        if (values := self.shared_values.get(kind)) is None:
            values = self.shared_values[kind] = {
                key: value
                for base in reversed(kind.__mro__)
                if not base.__module__.startswith(_SHIPPED)
                for key, value in vars(base).items()
                if isinstance(value, _CONTAINERS) and not key.startswith("__")
            }
            if self.listener is not None and not _is_shipped(kind):
                self.listener.foreign()
        return values

    def attribute(self, value: Any, path: str) -> Any:
        """The copy of an attribute; the attribute itself where something in it cannot be copied, such as a lock."""
        known, waiting = len(self.memo), len(self.waiting)
        try:
            return self.value(value, path)
        except TraceError:
            raise
        except Exception:
            for key in list(self.memo)[known:]:
                del self.memo[key]
            del self.waiting[waiting:]
            return value

    def value(self, value: Any, path: str) -> Any:
        kind = type(value)
        if kind in PLAIN or isinstance(value, type):
            return value
        known = self.memo.get(id(value))
        if known is not None:
            return known
        if isinstance(value, Tensor):
            return self.tensor(value, path, False)
        if isinstance(value, nn.Module):
            return self.module(value, path, False)
        if kind is list:
            items = self.memo[id(value)] = []
            items.extend(self.value(item, f"{path}.{place}") for place, item in enumerate(value))
            return items
        if kind in (dict, OrderedDict):
            pairs = self.memo[id(value)] = kind()
            pairs.update((self.value(key, path), self.value(item, f"{path}.{key}")) for key, item in value.items())
            return pairs
        if kind in (tuple, set, frozenset):
            return kind(self.value(item, f"{path}.{place}") for place, item in enumerate(value))
        if isinstance(value, types.FunctionType):
            return self.function(value, path)
        if isinstance(value, types.MethodType):
            return types.MethodType(value.__func__, self.value(value.__self__, path))
        if isinstance(value, types.BuiltinFunctionType | types.MethodWrapperType):
            owner = value.__self__
            left = owner is None or isinstance(owner, types.ModuleType | type)
            return value if left else getattr(self.value(owner, path), value.__name__)
        if kind is functools.partial:
            keywords = {key: self.value(item, path) for key, item in value.keywords.items()}
            arguments = [self.value(item, path) for item in value.args]
            return functools.partial(self.value(value.func, path), *arguments, **keywords)
        if isinstance(value, weakref.ref):
            target = self.memo.get(id(value()))
            return value if target is None else weakref.ref(target)
        if isinstance(value, torch.Generator):
            generator = self.memo[id(value)] = torch.Generator(value.device)
            return generator.set_state(value.get_state())
        return self.instance(value, path)

    def function(self, value: types.FunctionType, path: str) -> types.FunctionType:
        """The same code with copies of what its closure and its defaults hold."""
        closure = value.__closure__ or ()
        if value.__module__ and value.__module__.startswith("torch."):
            return value
        if self.listener is not None:
            self.listener.foreign()
        if not closure and not value.__defaults__ and not value.__kwdefaults__:
            return value
        new = [cell for cell in closure if id(cell) not in self.memo]
        self.memo.update((id(cell), types.CellType()) for cell in new)
        cells = tuple(self.memo[id(cell)] for cell in closure)
        made = types.FunctionType(value.__code__, value.__globals__, value.__name__, None, cells)
        self.memo[id(value)] = made  # before the cells are filled: a function may hold itself
        made.__dict__.update(value.__dict__)
        made.__defaults__ = self.value(value.__defaults__, path)
        made.__kwdefaults__ = self.value(value.__kwdefaults__, path)
        for cell in new:
            try:
                held = cell.cell_contents
            except ValueError:  # an empty cell
                continue
            self.memo[id(cell)].cell_contents = self.value(held, path)
        return made

    def instance(self, value: Any, path: str) -> Any:
        """Any other object, as ``copy.deepcopy`` would copy it."""
        kind = type(value)
        if kind.__module__.startswith(_LEFT) or hasattr(kind, "__del__") or isinstance(value, types.ModuleType):
            return value
        if self.listener is not None:
            self.listener.foreign()
        if hasattr(kind, "__deepcopy__"):
            return copy.deepcopy(value, self.memo)
        reduced = value.__reduce_ex__(4)
        if isinstance(reduced, str):  # the name of a global object
            return value
        self.alive.append(reduced)
        make, arguments, state, items, pairs = (*reduced, None, None, None)[:5]
        made = self.memo[id(value)] = make(*(self.value(argument, path) for argument in arguments))
        if state is not None:
            state = self.value(state, path)
            if hasattr(made, "__setstate__"):
                made.__setstate__(state)
            else:
                values, slots = state if isinstance(state, tuple) else (state, None)
                if values:
                    made.__dict__.update(values)
                for key, item in (slots or {}).items():
                    object.__setattr__(made, key, item)
        for item in items or ():
            made.append(self.value(item, path))
        for key, item in pairs or ():
            made[self.value(key, path)] = self.value(item, path)
        return made


def _is_shipped(kind: type) -> bool:
    """Whether all of a module's code stands in PyTorch's and torchvision's own files."""
    for base in kind.__mro__:
        if base is nn.Module:
            break
        functions = [value for value in vars(base).values() if isinstance(value, types.FunctionType)]
        if not all(str(owner.__module__).startswith(_SHIPPED) for owner in (base, *functions)):
            return False
    return True


def _computing(hooks: Any) -> OrderedDict[int, Any]:
    return OrderedDict((key, hook) for key, hook in hooks.items() if type(hook).__module__.startswith(_KEEP_HOOKS_OF))


def told(listener: Listener, copied: nn.Module, path: str, original: Callable[..., Any]) -> Callable[..., Any]:
    """A forward that tells the listener when it begins and ends."""

    def forward(*args: Any, **kwargs: Any) -> Any:
        listener.enter(copied, path, args)
        try:
            output = original(*args, **kwargs)
        except BaseException:
            listener.fail()
            raise
        listener.leave(copied, path, output)
        return output

    return forward
