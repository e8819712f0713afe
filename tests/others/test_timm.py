"""One model of each of timm's families: traced, tabled, drawn, given another head and made fully convolutional.

The oracles are timm's own forward and ``get_classifier``. What is refused stands in the two tables, with the reason.
Models have random weights; large ones lie on the meta device.
"""

from __future__ import annotations

import copy

import pytest
import timm
import torch
from torch import nn

from benchmarks.others import FAMILIES, tables, timm_model
from course_lib import drawing
from course_lib.models.heads import HeadError, head_path, replace_head
from course_lib.networks.fcn import FcnError, convert
from course_lib.tracing import trace
from tests.tracing_ways import assert_both_ways_agree

#: What the refusal says → the families that have several heads, whose answers are put together.
SEVERAL_HEADS = {
    "no single head: its answer comes from add": "efficientformer efficientformer_v2 levit repvit swiftformer volo",
    "no single head: its answer comes from stack": "crossvit efficientvim",
}
#: What the refusal says → the families that cannot slide.
NO_MAP = {
    r"puts \d tensors together": "efficientformer efficientformer_v2 efficientvim levit repvit swiftformer volo",
    "its classes are told from [0-9]+ tokens": "beit cait coat deepseek_vit eva mlp_mixer pit "
    "vision_transformer_relpos xcit",
    "its positional embedding .* has exactly": "deit tnt vision_transformer_hybrid vitamin",
    "only pictures of .* go through it": "byoanet gcvit maxxvit swin_transformer swin_transformer_v2 "
    "swin_transformer_v2_cr visformer",
    "cannot be taken apart": "convit cpubone crossvit efficientvit_mit efficientvit_msra gemma4_vit hiera mobilenetv5 "
    "mobilevit mvitv2 naflexvit nest qwen3_vit tiny_vit twins vgg vision_transformer vision_transformer_sam",
}
#: Parameters up to which a model gets numbers.
LIGHT = 6_500_000


def refusal(table: dict[str, str], family: str) -> str:
    return next((words for words, families in table.items() if family in families.split()), "")


def test_every_family_is_here() -> None:
    assert set(timm.list_modules()) == set(FAMILIES)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family(family: str) -> None:
    model, size = timm_model(FAMILIES[family])
    if sum(weight.numel() for weight in model.parameters()) <= LIGHT and size[-1] <= 256:
        model, size = timm_model(FAMILIES[family], device="cpu")
    real = not next(model.parameters()).is_meta
    before = copy.deepcopy(model.state_dict())
    picture = torch.randn(1, *size, device="cpu" if real else "meta")
    with torch.inference_mode():
        logits = model(picture)

    assert_both_ways_agree(model, size, mode="eval")
    run = trace(model, size, mode="eval")
    assert run.outputs[0] == tuple(logits.shape) == (1, 10)
    assert run.parameters == sum(weight.numel() for weight in model.parameters())
    tables(run)
    for still in (drawing.block(run), drawing.volumes(run)):
        assert still.data

    if words := refusal(SEVERAL_HEADS, family):
        with pytest.raises(HeadError, match=words):
            replace_head(model, 7)
    else:
        head = model.get_classifier()
        if isinstance(head, nn.Linear | nn.Conv2d):
            assert model.get_submodule(head_path(model)) is head
        with torch.inference_mode():
            assert replace_head(model, 7)(picture).shape == (1, 7)

    if words := refusal(NO_MAP, family):
        with pytest.raises(FcnError, match=words):
            convert(model, window=size[-1])
    else:
        fcn = convert(model, window=size[-1])
        with torch.inference_mode():
            cells = fcn(picture)
        assert cells.shape == (1, 10, 1, 1)
        if real:
            assert torch.allclose(cells[..., 0, 0], logits, rtol=1e-3, atol=1e-4 * float(logits.abs().max()))
    if real:
        assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
