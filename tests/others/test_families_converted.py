"""Made fully convolutional: the families of torchvision that tests/test_fcn_convert.py leaves out."""

from __future__ import annotations

import pytest

from course_lib.networks.fcn import FcnError, convert
from tests.converted_families import FAMILIES, HERE, assert_its_own_logits


@pytest.mark.parametrize("name", sorted(set(FAMILIES) - set(HERE)))
def test_the_classifiers_own_logits_at_its_own_size(name: str) -> None:
    assert_its_own_logits(name)


def test_a_network_for_one_size_is_refused_with_the_layer() -> None:
    with pytest.raises(FcnError, match=r"only pictures of 224×224 go through it.*window_attention.departition_op"):
        convert("maxvit_t")
