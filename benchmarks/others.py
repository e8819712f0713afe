"""Models that others wrote: how many of timm's and torchvision's are traced, tabled, drawn, headed and converted.

    python benchmarks/others.py                      # one model of each of timm's families, and all of torchvision's
    python benchmarks/others.py resnet18 dla34       # these
    python benchmarks/others.py --all                # every classifier of timm: an hour or more

Models have random weights and lie on the meta device, without memory, where their forward allows it. For each: the
steps that were refused, with the sentence; anything but a refusal in a sentence is called BROKEN. The last lines count.
timm is installed by `pip install -e ".[timm]"`; without it, torchvision's models alone are looked at.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import torch
import torchvision
from torch import nn
from torchvision.models import get_model, list_models

from course_lib import drawing
from course_lib.errors import CourseError
from course_lib.models.heads import replace_head
from course_lib.networks.fcn import convert
from course_lib.progress import track
from course_lib.tracing import Trace, inputs, trace

try:
    import timm
except ImportError:
    timm = None

#: timm's families (``timm.list_modules()``), and the one of each with the fewest parameters.
FAMILIES: dict[str, str] = {
    "beit": "beit_base_patch16_224", "byoanet": "eca_botnext26ts_256", "byobnet": "test_byobnet",
    "cait": "cait_xxs24_224", "coat": "coat_tiny", "convit": "convit_tiny", "convmixer": "convmixer_768_32",
    "convnext": "test_convnext", "cpubone": "cpubone_nano", "crossvit": "crossvit_tiny_240", "csatv2": "csatv2",
    "cspnet": "cs3darknet_focus_s", "cspnext": "cspnext_tiny", "davit": "davit_tiny",
    "deepseek_vit": "deepseek_vit_412m", "deit": "deit_tiny_patch16_224", "densenet": "densenet121", "dla": "dla34",
    "dpn": "dpn48b", "edgenext": "edgenext_xx_small", "efficientformer": "efficientformer_l1",
    "efficientformer_v2": "efficientformerv2_s0", "efficientnet": "test_efficientnet",
    "efficientvim": "efficientvim_m1", "efficientvit_mit": "efficientvit_b0",
    "efficientvit_msra": "efficientvit_m0", "eva": "vit_tiny_patch16_dinov3_qkvb", "fasternet": "fasternet_t0",
    "fastvit": "fastvit_t8", "focalnet": "focalnet_tiny_srf", "gcvit": "gcvit_xxtiny",
    "gemma4_vit": "gemma4_vit_167m", "ghostnet": "ghostnet_050", "hardcorenas": "hardcorenas_b",
    "hgnet": "hgnetv2_b0", "hiera": "hiera_tiny_224", "hieradet_sam2": "sam2_hiera_tiny",
    "hrnet": "hrnet_w18_small", "iformer": "iformer_t", "inception_next": "inception_next_atto",
    "inception_resnet_v2": "inception_resnet_v2", "inception_v3": "inception_v3", "inception_v4": "inception_v4",
    "lcnetv2": "lcnetv2_small", "levit": "levit_128", "lowformer": "lowformer_b0", "mambaout": "test_mambaout",
    "maxxvit": "test_coatnet", "metaformer": "poolformer_s12", "mlp_mixer": "gmlp_ti16_224",
    "mobilenetv3": "mobilenetv3_small_050", "mobilenetv5": "mobilenetv5_base", "mobilevit": "mobilevit_xxs",
    "mvitv2": "mvitv2_tiny", "naflexvit": "naflexvit_base_patch16_gap", "nasnet": "nasnetalarge",
    "nest": "nest_tiny", "nextvit": "nextvit_small", "nfnet": "test_nfnet", "pit": "pit_ti_224",
    "pnasnet": "pnasnet5large", "pvt_v2": "pvt_v2_b0", "qwen3_vit": "qwen3_vit_88m", "rdnet": "rdnet_tiny",
    "regnet": "regnetx_002", "repghost": "repghostnet_050", "repvit": "repvit_m1", "res2net": "res2net50_26w_4s",
    "resnest": "resnest14d", "resnet": "test_resnet", "resnetv2": "resnetv2_18", "rexnet": "rexnet_100",
    "selecsls": "selecsls42", "senet": "legacy_seresnet18", "sequencer": "sequencer2d_s", "shvit": "shvit_s1",
    "sknet": "skresnet18", "starnet": "starnet_s050", "swiftformer": "swiftformer_xs",
    "swin_transformer": "swin_tiny_patch4_window7_224", "swin_transformer_v2": "swinv2_tiny_window8_256",
    "swin_transformer_v2_cr": "swinv2_cr_tiny_224", "tiny_vit": "tiny_vit_5m_224",
    "tnt": "tnt_s_legacy_patch16_224", "tresnet": "tresnet_m", "twins": "twins_svt_small", "vgg": "vgg11",
    "visformer": "visformer_tiny", "vision_transformer": "test_vit",
    "vision_transformer_hybrid": "vit_tiny_r_s16_p8_224", "vision_transformer_relpos": "test_vit_relpos",
    "vision_transformer_sam": "samvit_base_patch16_224", "vitamin": "vitamin_small_224", "volo": "volo_d1_224",
    "vovnet": "ese_vovnet19b_slim_dw", "xception": "legacy_xception", "xception_aligned": "xception41p",
    "xcit": "xcit_nano_12_p8_224",
}  # fmt: skip

STEPS = ("traced", "tabled", "drawn", "headed", "converted")


def timm_model(name: str, *, device: str = "meta", classes: int = 10) -> tuple[nn.Module, tuple[int, ...]]:
    """A classifier of timm without weights from anywhere, and the size of its pictures."""
    with torch.device(device):
        if name.startswith("sequencer"):  # its LSTMs are unrolled on the meta device, minutes at 224 pixels
            return timm.create_model(name, pretrained=False, num_classes=classes, img_size=56).eval(), (3, 56, 56)
        model = timm.create_model(name, pretrained=False, num_classes=classes).eval()
    return model, tuple(model.default_cfg["input_size"])


def torchvision_model(name: str) -> tuple[nn.Module, Any]:
    """A model of torchvision's registry, and the size of what it takes.

    Quantized models and detectors are real: the first are not initialised by filling, the second need the numbers.
    """
    if name.startswith("quantized_"):
        engines = torch.backends.quantized.supported_engines
        torch.backends.quantized.engine = next(engine for engine in engines if engine != "none")
        return get_model(name, weights=None, quantize=True).eval(), (3, 224, 224)
    module = sys.modules[torchvision.models.get_model_builder(name).__module__].__name__
    if ".detection" in module:
        return inputs.build(name, real=True).eval(), (3, 160, 160)
    model = inputs.build(name).eval()
    if ".optical_flow" in module:
        return model, [(1, 3, 128, 128)] * 2
    if ".video" in module:
        return model, (1, 3, 16, 112, 112) if name.endswith("_18") else (1, 3, 16, 224, 224)
    return model, (3, 299, 299) if name == "inception_v3" else (3, 224, 224)


def tables(run: Trace) -> None:
    """Every table of a trace, and every sentence of its ops."""
    for table in (run.text, run.html, run.csv, run.summary, run.rows):
        table()
    for op in run:
        op.explain()


def survey(model: nn.Module, size: Any) -> dict[str, str]:
    """Step → "" where it went well, else why not."""
    results: dict[str, str] = {}

    def attempt(step: str, call: Callable[[], Any]) -> Any:
        try:
            answer = call()
        except CourseError as error:
            results[step] = str(error)
            return None
        except Exception as error:
            results[step] = f"BROKEN: {type(error).__name__}: {str(error)[:200]}"
            return None
        results[step] = ""
        return answer

    run = attempt("traced", lambda: trace(model, size, mode="eval"))
    if run is None:
        results["tabled"] = results["drawn"] = "it is not traced."
    else:
        attempt("tabled", lambda: tables(run))
        attempt("drawn", lambda: (drawing.block(run), drawing.volumes(run)))
    attempt("headed", lambda: replace_head(model, 7, input_size=None if isinstance(size, tuple) else size))
    attempt("converted", lambda: convert(model, window=size[-1] if isinstance(size, tuple) else None))
    return results


def chosen(names: list[str], everything: bool) -> Iterator[tuple[str, Callable[[str], tuple[nn.Module, Any]]]]:
    """The names, each with what builds its model."""
    mine = [name for name in list_models() if not name.startswith("course_")]
    for name in names:
        yield name, torchvision_model if name in mine else timm_model
    if names:
        return
    if timm is not None:
        yield from ((name, timm_model) for name in (timm.list_models() if everything else FAMILIES.values()))
    yield from ((name, torchvision_model) for name in mine)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="which models")
    parser.add_argument("--all", action="store_true", help="every classifier of timm")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    good: dict[str, Counter[str]] = {"timm": Counter(), "torchvision": Counter()}
    seen: Counter[str] = Counter()
    broken, slowest = 0, (0.0, "")
    for name, builder in track(list(chosen(options.names, options.all)), "models of others"):
        whose = "timm" if builder is timm_model else "torchvision"
        try:
            model, size = builder(name)
        except Exception as error:
            print(f"{name}: not built: {type(error).__name__}: {str(error)[:200]}", flush=True)
            continue
        start = time.perf_counter()
        results = survey(model, size)
        slowest = max(slowest, (time.perf_counter() - start, name))
        seen[whose] += 1
        for step, reason in results.items():
            good[whose][step] += not reason
            broken += reason.startswith("BROKEN")
            if reason:
                print(f"{name:<32} not {step}: {reason}", flush=True)
    for whose, count in seen.items():
        print(f"{whose}: of {count} models " + ", ".join(f"{good[whose][step]} {step}" for step in STEPS))
    print(f"{broken} steps ended in something else than an answer or a sentence; slowest: {slowest[1]}, "
          f"{slowest[0]:.0f} s.")  # fmt: skip
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
