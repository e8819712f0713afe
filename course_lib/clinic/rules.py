"""The table of errors that the clinic knows: for each the classes, a pattern of the message, and what explains it.

PyTorch's messages differ between its versions, so the patterns are wide, and what they let in is looked at again by the
function that explains it: it answers None where the traceback does not confirm it.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.error import HTTPError, URLError

import torch
from PIL import UnidentifiedImageError

from course_lib.clinic import (
    call_errors,
    checkpoint_errors,
    data_errors,
    dimension_errors,
    file_errors,
    loss_errors,
    module_errors,
    name_errors,
    tensor_errors,
    training_errors,
    transform_errors,
    value_errors,
)
from course_lib.clinic.diagnosis import Diagnosis
from course_lib.clinic.input_errors import no_tensor
from course_lib.clinic.shape_errors import shape_error
from course_lib.clinic.tracebacks import RaisedError

__all__ = ["RULES", "Rule"]


@dataclass(frozen=True)
class Rule:
    """A kind of error: its exact classes, a pattern that its message holds, and the function that explains it."""

    kinds: tuple[type[BaseException], ...]
    pattern: str
    explain: Callable[[RaisedError], Diagnosis | None]

    def fits(self, raised: RaisedError) -> bool:
        """Whether the error is of this kind."""
        return raised.kind in self.kinds and re.search(self.pattern, raised.message) is not None


#: Asked in this order; the first answer counts.
RULES: tuple[Rule, ...] = (
    # the loss and its labels
    Rule((AttributeError, TypeError), r"(GoogLeNet|Inception)Outputs", tensor_errors.several_outputs),
    Rule((IndexError,), r"^Target -?\d+ is out of bounds", loss_errors.labels_beyond),
    Rule(
        (RuntimeError,),
        r"batches of spatial targets supported|^0D or 1D target tensor expected|"
        r"multi-target not supp",
        loss_errors.labels_shape,
    ),
    Rule(
        (ValueError, RuntimeError),
        r"to match target batch_size|target batch or spatial sizes don't match|"
        r"^size mismatch \(got input|"
        r"[Tt]arget size \(.+input size",
        loss_errors.labels_shape,
    ),
    Rule(
        (RuntimeError, NotImplementedError),
        r"expected target dtype|expected scalar type \w+ but found|"
        r"^Expected floating point type for target|"
        r"nll_loss.* not implemented for|log_softmax\w* not implemented|"
        r"^Found dtype \w+ but expected|"
        r"^result type \w+ can't be cast",
        loss_errors.class_numbers,
    ),
    Rule((RuntimeError, NotImplementedError, ValueError, TypeError, IndexError), r"", loss_errors.loss_arguments),
    Rule((RuntimeError,), r"^[Aa]ll elements of input should be between 0 and 1", loss_errors.binary_range),
    Rule((RuntimeError,), r"^Boolean value of Tensor with (more than one|no) value", loss_errors.loss_built_with_data),
    # backward, optimizers, schedules
    Rule((RuntimeError,), r"does not require grad and does not have a grad_fn", training_errors.no_gradient),
    Rule((RuntimeError,), r"^Trying to backward through the graph a second time", training_errors.backward_twice),
    Rule((RuntimeError,), r"^grad can be implicitly created only for scalar", training_errors.loss_of_each),
    Rule((AttributeError,), r"has no attribute 'backward'", training_errors.loss_is_a_number),
    Rule((RuntimeError,), r"modified by an inplace operation", training_errors.step_between),
    Rule(
        (RuntimeError, NotImplementedError),
        r"could not infer output dtype|mean\(\):.*dtype|"
        r"softmax\w*\"? not implemented for '(Long|Int|Bool)",
        training_errors.mean_of_whole_numbers,
    ),
    Rule(
        (TypeError,),
        r"'method' object is not iterable|'(builtin_function_or_)?method\w*' object is not subscriptable",
        call_errors.uncalled_method,
    ),
    Rule((ValueError,), r"^optimizer got an empty parameter list", training_errors.layers_in_a_list),
    Rule(
        (ValueError, TypeError),
        r"^can't optimize a non-leaf|^optimizer can only optimize Tensors|"
        r"object is not iterable$|"
        r"^params argument given to the optimizer",
        training_errors.optimizer_parameters,
    ),
    Rule((ValueError,), r"^loaded state dict (contains|has)", training_errors.optimizer_state),
    Rule(
        (TypeError,),
        r"is not an Optimizer$|missing 1 required positional argument: 'metrics'",
        training_errors.schedule,
    ),
    # number types, devices, numpy
    Rule((RuntimeError,), r"^expected scalar type \w+ but found \w+", tensor_errors.dtype),
    Rule((RuntimeError,), r"^Input type \(.+\) and (bias|weight) type \(.+\) should be the same", tensor_errors.dtype),
    Rule((RuntimeError,), r"must have the same dtype|to have the same dtype", tensor_errors.dtype),
    Rule((RuntimeError,), r"^Input type \(.+\) and (bias|weight) type \(.+\) should be the same", tensor_errors.device),
    Rule((RuntimeError,), r"is not on the expected device|on the same device", tensor_errors.device),
    Rule((RuntimeError,), r"device string: ", name_errors.device_word),
    Rule(
        (RuntimeError, AssertionError, torch.AcceleratorError)
        if hasattr(torch, "AcceleratorError")
        else (RuntimeError, AssertionError),
        r"not compiled with CUDA|Found no NVIDIA driver|No CUDA GPUs are available|"
        r"invalid device ordinal|deserialize object on",
        name_errors.no_gpu,
    ),
    Rule((torch.OutOfMemoryError,), r"out of memory", name_errors.out_of_memory),
    Rule(
        (RuntimeError, getattr(torch, "AcceleratorError", RuntimeError)),
        r"device-side assert",
        name_errors.out_of_memory,
    ),
    Rule((RuntimeError,), r"^Can't call numpy\(\) on Tensor that requires grad", tensor_errors.numpy),
    Rule((TypeError,), r"^can't convert \S+ device type tensor to numpy", tensor_errors.numpy),
    # names, weights and checkpoints
    Rule((NameError,), r"^name '\w+' is not defined", name_errors.unknown_name),
    Rule((ModuleNotFoundError,), r"^No module named", name_errors.package),
    Rule((ImportError,), r"^cannot import name", name_errors.import_name),
    Rule((AttributeError,), r"^module '", name_errors.module_attribute),
    Rule((KeyError,), r"", name_errors.key),
    Rule(
        (AttributeError, TypeError),
        r"'property' object|has no attribute '(transforms|meta|url)'|"
        r"\w+\.__init__\(\)",
        name_errors.transforms_of_weights,
    ),
    Rule((TypeError,), r"^Invalid Weight class provided", checkpoint_errors.enum),
    Rule((KeyError, AttributeError), r"", checkpoint_errors.member),
    Rule((ValueError,), r"^Unknown model ", checkpoint_errors.model_name),
    Rule((AttributeError, ImportError), r"torchvision\.models", checkpoint_errors.model_attribute),
    Rule((RuntimeError,), r"^Error\(s\) in loading state_dict for ", checkpoint_errors.state_dict),
    Rule((TypeError,), r"^Expected state_dict to be dict-like", checkpoint_errors.no_state_dict),
    Rule((pickle.UnpicklingError, EOFError, KeyError), r"", checkpoint_errors.checkpoint_file),
    Rule((RuntimeError, OSError), r"^PytorchStreamReader failed|Invalid argument", checkpoint_errors.checkpoint_file),
    # writing modules
    Rule((AttributeError,), r"before (Module|ScriptModule)?\.?__init__\(\) call", module_errors.no_super_init),
    Rule((TypeError,), r"^super\(type, obj\)", module_errors.wrong_super),
    Rule((NotImplementedError,), r"missing the required \"forward\"", module_errors.no_forward),
    Rule((AttributeError,), r"", module_errors.missing_attribute),
    Rule((AttributeError, TypeError), r"[Dd]ict'? object|object is not callable", module_errors.state_dict_as_model),
    Rule((TypeError,), r"'(list|tuple)' object is not callable", module_errors.called_list),
    Rule((TypeError,), r"^cannot assign ", module_errors.assigned_to_module),
    Rule((TypeError,), r"is not a Module subclass", module_errors.not_a_layer),
    Rule((AttributeError,), r"^'function' object has no attribute|^type object '", call_errors.class_for_object),
    Rule((TypeError,), r"got an unexpected keyword argument", call_errors.keyword),
    Rule((TypeError,), r"missing \d+ required positional argument", call_errors.missing_argument),
    Rule(
        (TypeError, IndexError),
        r"object is not subscriptable|object is not iterable|"
        r"index \d+ is out of range",
        call_errors.subscript_of_model,
    ),
    Rule((ValueError,), r"^BasicBlock only supports groups=1", tensor_errors.basic_block),
    Rule((NotImplementedError,), r"^Dilation > 1 not supported in BasicBlock", tensor_errors.basic_block),
    Rule((ValueError,), r"^replace_stride_with_dilation should be", tensor_errors.dilation_list),
    Rule((ValueError,), r"^(in|out)_channels must be divisible by groups", tensor_errors.groups),
    # data: folders, loaders, transforms
    Rule((FileNotFoundError,), r"", file_errors.folder_of_classes),
    Rule((FileNotFoundError,), r"", file_errors.file_not_found),
    Rule(
        (UnidentifiedImageError, OSError), r"^cannot identify image file|^cannot write mode", file_errors.picture_file
    ),
    Rule((RuntimeError,), r"download=True", file_errors.not_downloaded),
    Rule((URLError, HTTPError), r"", file_errors.download),
    Rule((ValueError,), r"num_samples=0", data_errors.empty_dataset),
    Rule((TypeError, NotImplementedError), r"has no len\(\)|should implement __getitem__", data_errors.dataset_methods),
    Rule((AttributeError, TypeError), r"attribute 'next'|is not an iterator", data_errors.loader_used_as_iterator),
    Rule((TypeError,), r"object is not subscriptable|does not support indexing", data_errors.loader_used_as_list),
    Rule((ValueError,), r"^sampler option is mutually exclusive|^batch_size should be", data_errors.loader_settings),
    Rule((ValueError,), r"^Sum of input lengths", data_errors.split_lengths),
    Rule((RuntimeError,), r"bootstrapping phase|exited unexpectedly|killed by signal", data_errors.start_of_workers),
    Rule(
        (pickle.PicklingError, AttributeError, TypeError),
        r"[Cc]an't (get|pickle) local|[Cc]an't pickle|cannot pickle",
        data_errors.pickled_workers,
    ),
    Rule((TypeError,), r"must contain tensors, numpy arrays, numbers", data_errors.batch_of_pictures),
    Rule(
        (RuntimeError,),
        r"stack expects each tensor to be equal size|"
        r"of equal size|storage that is not resizable",
        data_errors.batch_unequal,
    ),
    Rule((ValueError,), r"values to unpack", data_errors.batch_parts),
    Rule((AttributeError,), r"^'(list|tuple)' object", data_errors.batch_parts),
    Rule((TypeError,), r"<class '|does not support PIL|^img should be|float tensor", transform_errors.picture_kind),
    Rule((TypeError,), r"float tensor|Tensor Image|does not support PIL", transform_errors.normalize),
    Rule((TypeError, AttributeError, ValueError), r"", transform_errors.class_in_compose),
    Rule((RuntimeError,), r"size of tensor|broadcast shape", transform_errors.normalize_channels),
    Rule((ValueError,), r"is larger than (padded )?input image size", transform_errors.crop),
    Rule((ValueError,), r"pic should be 2/3 dimensional", transform_errors.to_picture),
    Rule((TypeError,), r"Cannot handle this data type|Too many dimensions", transform_errors.array_to_picture),
    Rule((ValueError,), r"Too many dimensions", transform_errors.array_to_picture),
    # Python on tensors
    Rule(
        (RuntimeError, ValueError, TypeError),
        r"cannot be converted to Scalar|nly one element tensors can be converted",
        value_errors.one_number,
    ),
    Rule((RuntimeError,), r"^Boolean value of Tensor with more than one", value_errors.truth),
    Rule(
        (TypeError, IndexError),
        r"only integer tensors of a single element|"
        r"tensors used as indices must be",
        value_errors.index_type,
    ),
    Rule((IndexError,), r"0-dim tensor|list index out of range|tuple index out of range", value_errors.index_of_list),
    Rule((IndexError,), r"^Dimension out of range", dimension_errors.dimension),
    Rule((RuntimeError,), r"selected index k out of range", dimension_errors.top_k),
    Rule((RuntimeError,), r"^view size is not compatible", dimension_errors.view),
    Rule((RuntimeError,), r"number of dimensions in the tensor input does not match", dimension_errors.permuted),
    Rule(
        (TypeError,),
        r"'torch.Size' object is not callable|'tuple' object is not callable",
        dimension_errors.shape_called,
    ),
    Rule((TypeError,), r"0-d tensor", value_errors.single_number),
    Rule((TypeError,), r"^unsupported format string passed to Tensor", value_errors.format_of_tensor),
    Rule((RuntimeError,), r"^one_hot is only applicable|^Class values must be smaller", value_errors.not_whole),
    Rule(
        (RuntimeError, TypeError),
        r"can't be cast to the desired output type|"
        r"Cannot cast ufunc|_UFuncOutputCasting",
        value_errors.in_place_type,
    ),
    Rule(
        (TypeError, RuntimeError, ValueError),
        r"^(cat|stack|concat)|^expected Tensor as element|non-empty",
        dimension_errors.joined,
    ),
    Rule(
        (TypeError, ValueError),
        r"^expected np.ndarray|negative|must be a sequence|"
        r"too many dimensions|sequence of length|"
        r"invalid data type",
        value_errors.array_in_torch,
    ),
    Rule((TypeError,), r"^unsupported operand type", value_errors.picture_arithmetic),
    Rule((AttributeError,), r"", value_errors.attribute_of_value),
    Rule((TypeError,), r"^Invalid shape \(", value_errors.shown_picture),
    # what a model got, and what comes out of it
    Rule((TypeError, AttributeError), r"", no_tensor),
    Rule((TypeError,), r"positional arguments? but", call_errors.positional),
    Rule((RuntimeError,), r"modified by an inplace operation", tensor_errors.in_place),
    Rule((RuntimeError,), r"leaf Variable that requires grad is being used in an in-place", tensor_errors.leaf),
    # shapes in a forward
    Rule((ValueError, RuntimeError), r"[Ee]xpected \dD.* input|^Expected 3D \(unbatched\)", shape_error),
    Rule((ValueError,), r"^Expected more than 1 value per channel when training", shape_error),
    Rule((ValueError,), r"^not enough values to unpack \(expected 4, got \d\)", shape_error),
    Rule(
        (RuntimeError,),
        r"mat1 and mat2 shapes cannot be multiplied|"
        r"must have same reduction dim",
        shape_error,
    ),
    Rule(
        (RuntimeError,),
        r"expected input\[.+\] to have \d+ channels?, but got|"
        r"Invalid channel dim",
        shape_error,
    ),
    Rule((RuntimeError,), r"^The size of tensor a \(\d+\) must match the size of tensor b", shape_error),
    Rule((RuntimeError,), r"^Sizes of tensors must match except in dimension", shape_error),
    Rule((RuntimeError,), r"Output size is too small|can't be greater than actual input size", shape_error),
    Rule((RuntimeError,), r"^permute\(.*number of dimensions in the tensor input does not match", shape_error),
    Rule((RuntimeError,), r"^shape '\[.+\]' is invalid for input of size", shape_error),
    Rule((RuntimeError,), r"^running_mean should contain|^Given normalized_shape", shape_error),
    Rule((AssertionError,), r"^Wrong image (height|width)! Expected \d+ but got \d+!", shape_error),
)
