"""Which error is whose: each mistake by the exact class of its error and a pattern of its message.

Messages differ between PyTorch's versions, so the patterns are wide, and what they let in is looked at again by the
function that explains it: it answers None where the traceback does not bear it out.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from course_lib.clinic import building, files, names, numbers, outputs, shapes, state_dicts
from course_lib.clinic.diagnosis import Diagnosis
from course_lib.clinic.scene import Scene

__all__ = ["RULES", "Rule", "diagnose"]


@dataclass(frozen=True)
class Rule:
    """A kind of error: its exact classes, a pattern that its message holds, and who explains it."""

    kinds: tuple[type[BaseException], ...]
    pattern: str
    explain: Callable[[Scene], Diagnosis | None]

    def fits(self, scene: Scene) -> bool:
        """Whether the error is of this kind."""
        return scene.kind in self.kinds and re.search(self.pattern, scene.said) is not None


#: Asked in this order; the first that answers is believed.
RULES: tuple[Rule, ...] = (
    Rule((RuntimeError,), r"^expected scalar type \w+ but found \w+", numbers.dtype),
    Rule((RuntimeError,), r"^Input type \(.+\) and (bias|weight) type \(.+\) should be the same", numbers.dtype),
    Rule((RuntimeError,), r"must have the same dtype|to have the same dtype", numbers.dtype),
    Rule((RuntimeError,), r"^Input type \(.+\) and (bias|weight) type \(.+\) should be the same", numbers.device),
    Rule((RuntimeError,), r"is not on the expected device|on the same device", numbers.device),
    Rule((RuntimeError,), r"^Can't call numpy\(\) on Tensor that requires grad", numbers.numpy),
    Rule((TypeError,), r"^can't convert \S+ device type tensor to numpy", numbers.numpy),
    Rule((TypeError,), r"^Invalid Weight class provided", names.enum),
    Rule((KeyError, AttributeError), r"", names.member),
    Rule((ValueError,), r"^Unknown model ", names.model),
    Rule((AttributeError, ImportError), r"torchvision\.models", names.attribute),
    Rule((ValueError,), r"^BasicBlock only supports groups=1", building.basic_block),
    Rule((NotImplementedError,), r"^Dilation > 1 not supported in BasicBlock", building.basic_block),
    Rule((ValueError,), r"^replace_stride_with_dilation should be", building.dilation_list),
    Rule((ValueError,), r"^(in|out)_channels must be divisible by groups", building.groups),
    Rule((RuntimeError,), r"^Error\(s\) in loading state_dict for ", state_dicts.explain),
    Rule((TypeError,), r"^Expected state_dict to be dict-like", state_dicts.no_dict),
    Rule((pickle.UnpicklingError, EOFError, KeyError), r"", files.explain),
    Rule((RuntimeError, OSError), r"^PytorchStreamReader failed|Invalid argument", files.explain),
    Rule((AttributeError, TypeError), r"(GoogLeNet|Inception)Outputs", outputs.several_outputs),
    Rule((RuntimeError,), r"modified by an inplace operation", outputs.in_place),
    Rule((RuntimeError,), r"leaf Variable that requires grad is being used in an in-place", outputs.leaf),
    Rule((ValueError, RuntimeError), r"[Ee]xpected \dD.* input|^Expected 3D \(unbatched\)", shapes.explain),
    Rule((ValueError,), r"^Expected more than 1 value per channel when training", shapes.explain),
    Rule((ValueError,), r"^not enough values to unpack \(expected 4, got \d\)", shapes.explain),
    Rule((RuntimeError,), r"mat1 and mat2 shapes cannot be multiplied|must have same reduction dim", shapes.explain),
    Rule((RuntimeError,), r"expected input\[.+\] to have \d+ channels?, but got|Invalid channel dim", shapes.explain),
    Rule((RuntimeError,), r"^The size of tensor a \(\d+\) must match the size of tensor b", shapes.explain),
    Rule((RuntimeError,), r"^Sizes of tensors must match except in dimension", shapes.explain),
    Rule((RuntimeError,), r"Output size is too small|can't be greater than actual input size", shapes.explain),
    Rule((RuntimeError,), r"^permute\(.*number of dimensions in the tensor input does not match", shapes.explain),
    Rule((RuntimeError,), r"^shape '\[.+\]' is invalid for input of size", shapes.explain),
    Rule((RuntimeError,), r"^running_mean should contain|^Given normalized_shape", shapes.explain),
    Rule((AssertionError,), r"^Wrong image (height|width)! Expected \d+ but got \d+!", shapes.explain),
)  # fmt: skip


def diagnose(error: BaseException, model: nn.Module | None = None) -> Diagnosis | None:
    """The diagnosis of an exception that was raised; None where it is not known."""
    scene = Scene(error, model)
    if scene.own_raise:
        return None
    for rule in RULES:
        if rule.fits(scene) and (found := rule.explain(scene)) is not None:
            return found
    return None
