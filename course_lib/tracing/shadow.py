"""A shadow of a module: the same code and structure, other tensors, so that the module itself is never touched.

A shadow is made object by object, without running a constructor. Its parameters and buffers are stand-ins (on PyTorch's
meta device, or copies), the user's hooks are left out, and it tells a listener when one of its modules begins and ends.
"""

from __future__ import annotations

import types
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from course_lib.tracing.trace_error import TraceError

__all__ = ["Listener", "shadow", "stand_in"]


class Listener(Protocol):
    """Who is told which module runs."""

    def meet(self, module: nn.Module, path: str) -> None: ...

    def enter(self, module: nn.Module, path: str, inputs: tuple[Any, ...]) -> None: ...

    def leave(self, module: nn.Module, path: str, output: Any) -> None: ...

    def fail(self) -> None: ...

    def adopt(self, tensor: Tensor, original: Tensor, name: str, parameter: bool) -> None: ...


_PLAIN = frozenset({int, float, bool, str, bytes, type(None), torch.dtype, torch.device, torch.Size, type})
_HOOKS = tuple(
    name for name, value in vars(nn.Module()).items() if name.endswith(("_hooks", "_with_kwargs", "_always_called"))
)
_OWN = frozenset({*vars(nn.Module()), "forward"}) - {"training"}
_KEEP_HOOKS_OF = ("torch.nn.utils.", "torch.ao.")  # weight_norm and spectral_norm compute the weight in a hook


def stand_in(tensor: Tensor) -> Tensor:
    """A tensor of the same shape, strides and dtype without memory."""
    return torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device="meta")


def shadow(model: nn.Module, listener: Listener, copy: Callable[[Tensor], Tensor] = stand_in) -> nn.Module:
    """The shadow of ``model``; every tensor of it is ``copy(tensor)``, the same tensor always the same copy."""
    return _Maker(listener, copy).module(model, "")


class _Maker:
    def __init__(self, listener: Listener, copy: Callable[[Tensor], Tensor]) -> None:
        self.listener, self.copy = listener, copy
        self.memo: dict[int, Any] = {}

    def tensor(self, tensor: Tensor, name: str, parameter: bool) -> Tensor:
        known = self.memo.get(id(tensor))
        if known is None:
            if is_lazy(tensor):
                raise TraceError(
                    f"{name!r} is lazily initialised and has no shape yet; run one batch through the model first."
                )
            known = self.memo[id(tensor)] = self.copy(tensor)
            self.listener.adopt(known, tensor, name, parameter)
        return known

    def module(self, module: nn.Module, path: str, registered: bool = True) -> nn.Module:
        known = self.memo.get(id(module))
        if known is not None:
            return known  # type: ignore[no-any-return]
        kind = type(module)
        twin: nn.Module = object.__new__(kind)
        self.memo[id(module)] = twin
        self.listener.meet(module, path)
        prefix = f"{path}." if path else ""
        theirs = module.__dict__
        ours = dict(theirs)
        object.__setattr__(twin, "__dict__", ours)  # Module's own takes longer to find out what it is given
        ours.update({name: OrderedDict() for name in _HOOKS})
        if any(map(theirs.get, _HOOKS)):
            ours.update({name: self.hooks(theirs[name]) for name in _HOOKS if theirs.get(name)})
        ours["_compiled_call_impl"] = None
        # In named_parameters' order, so that a shared tensor has the same name here and there.
        ours["_parameters"] = {
            key: None if one is None else self.tensor(one, prefix + key, registered)
            for key, one in theirs["_parameters"].items()
        }
        ours["_buffers"] = {
            key: None if one is None else self.tensor(one, prefix + key, False)
            for key, one in theirs["_buffers"].items()
        }
        ours["_modules"] = {
            key: None if one is None else self.module(one, prefix + key, registered)
            for key, one in theirs["_modules"].items()
        }
        for key in theirs.keys() - _OWN:
            kind_of_value = type(value := theirs[key])
            if kind_of_value in _PLAIN or (kind_of_value is tuple and _PLAIN.issuperset(map(type, value))):
                continue
            if kind_of_value is list and _PLAIN.issuperset(map(type, value)):
                ours[key] = value[:]
            else:
                ours[key] = self.value(value, prefix + key)
        own = theirs.get("forward")
        original = self.value(own, path) if own is not None else kind.forward.__get__(twin)
        ours["forward"] = self.told(twin, path, original)
        return twin

    def told(self, twin: nn.Module, path: str, original: Callable[..., Any]) -> Callable[..., Any]:
        listener = self.listener

        def forward(*args: Any, **kwargs: Any) -> Any:
            listener.enter(twin, path, args)
            try:
                output = original(*args, **kwargs)
            except BaseException:
                listener.fail()
                raise
            listener.leave(twin, path, output)
            return output

        return forward

    def hooks(self, hooks: Any) -> Any:
        return OrderedDict((k, h) for k, h in hooks.items() if type(h).__module__.startswith(_KEEP_HOOKS_OF))

    def value(self, value: Any, path: str) -> Any:
        """Tensors and modules that hang on a module without being registered, also in lists and dicts."""
        if isinstance(value, Tensor):
            return self.tensor(value, path, False)
        if isinstance(value, nn.Module):
            return self.module(value, path, False)
        if isinstance(value, list) and type(value) is list:
            return [self.value(one, f"{path}.{place}") for place, one in enumerate(value)]
        if type(value) is tuple:
            return tuple(self.value(one, f"{path}.{place}") for place, one in enumerate(value))
        if isinstance(value, dict) and type(value) in (dict, OrderedDict):
            return type(value)((key, self.value(one, f"{path}.{key}")) for key, one in value.items())
        if isinstance(value, set) and type(value) is set:
            return set(value)
        if isinstance(value, types.MethodType) and isinstance(value.__self__, nn.Module):
            return types.MethodType(value.__func__, self.module(value.__self__, path, False))
        return value
