"""The tracer against torchinfo (forward on the CPU, and meta mode), torchview and the bare forward, on nine models.

    python benchmarks/tracing.py [--rounds 5]

Processor time in one run, one thread, rounds alternating; a figure is the least of its rounds, since other work on a
machine only ever adds. In a round each way runs three times in a row after a garbage collection, so that none pays for
what another has left in memory and in caches. "trace" has shapes, edges, parameters and multiply-adds of every op;
"and its table" also receptive fields and formulas. torchinfo's and torchview's meta modes get a model on the meta
device (a real one would lose its weights), the tracer and the others the real one. Memory: how far a process's peak
grows by tracing (Linux).
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import subprocess
import sys
import time
import warnings
from collections.abc import Callable

import torch
import torchinfo
from torchvision.models import get_model

from course_lib import tracing

try:
    from torchview import draw_graph
except ImportError:
    draw_graph = None

FASTER_BAR = 10.0
LEAST_BAR = 6.0
MEMORY_BAR = 5.0
IN_A_ROW = 3
NAMES = ("resnet18", "resnet50", "resnet152", "vgg11_bn", "vgg19", "densenet121", "mobilenet_v3_small", "googlenet",
         "inception_v3")  # fmt: skip

_CHILD = r"""
import json, sys
import torch, torchvision
from course_lib.tracing import trace
def memory(name):
    return int(next(line for line in open("/proc/self/status") if line.startswith(name)).split()[1]) / 1024
with torch.device("meta"):
    small = torchvision.models.squeezenet1_1().eval()
model = torchvision.models.get_model(sys.argv[1], init_weights=False).eval() if sys.argv[1] in (
    "vgg19", "vgg11_bn", "googlenet", "inception_v3") else torchvision.models.get_model(sys.argv[1]).eval()
side = 299 if sys.argv[1] == "inception_v3" else 224
answer = []
for _ in range(2):
    open("/proc/self/clear_refs", "w").write("5")
    before = memory("VmRSS")
    found = trace(model, (3, side, side))
    answer.append(memory("VmHWM") - before)
print(json.dumps(answer))
"""


def build(name: str) -> torch.nn.Module:
    extra = {"init_weights": False} if name.startswith(("vgg", "googlenet", "inception")) else {}
    return get_model(name, weights=None, **extra).eval()


def least(rounds: int, ways: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Milliseconds of each way."""
    found = dict.fromkeys(ways, math.inf)
    for place in range(rounds + 1):
        for name, way in ways.items():
            gc.collect()
            for _ in range(IN_A_ROW if place else 1):
                start = time.process_time()
                way()
                if place:  # the first is a warm-up
                    found[name] = min(found[name], (time.process_time() - start) * 1000)
    return found


def measure(name: str, rounds: int) -> dict[str, float]:
    size = (1, 3, 299, 299) if name == "inception_v3" else (1, 3, 224, 224)
    model, batch = build(name), torch.randn(size)
    with torch.device("meta"):
        light = build(name)

    def forward() -> object:
        with torch.inference_mode():
            return model(batch)

    def viewed() -> object:
        return draw_graph(light, input_size=size, device="meta", depth=10)

    return least(rounds, {
        "forward": forward,
        "torchinfo": lambda: torchinfo.summary(model, input_size=size, device="cpu", verbose=0),
        "torchinfo, meta": lambda: torchinfo.summary(light, input_size=size, device="meta", verbose=0),
        **({"torchview, meta": viewed} if draw_graph else {}),
        "trace": lambda: tracing.trace(model, size).macs,
        "and its table": lambda: tracing.trace(model, size).text(),
    })  # fmt: skip


def memory(name: str) -> list[float]:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _CHILD, name], capture_output=True, text=True, check=True
    )
    found: list[float] = json.loads(done.stdout)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    heads = ("forward", "torchinfo", "torchinfo, meta", "torchview, meta", "trace", "and its table")
    print(f"{'ms, 1 thread':20}" + "".join(f"{head:>17}" for head in heads) + f"{'faster':>9}")
    ratios = []
    for name in NAMES:
        found = measure(name, rounds)
        ratios.append(min(found["torchinfo"], found["torchinfo, meta"]) / found["trace"])
        print(
            f"{name:20}"
            + "".join(f"{found[head]:17.1f}" if head in found else f"{'-':>17}" for head in heads)
            + f"{ratios[-1]:8.1f}×",
            flush=True,
        )
    faster = math.exp(sum(math.log(one) for one in ratios) / len(ratios))
    print(f"geometric mean: {faster:.1f} times faster than torchinfo's faster mode (bar: {FASTER_BAR:g})"
          f", at least {min(ratios):.1f} times (bar: {LEAST_BAR:g})")  # fmt: skip
    grown = {name: memory(name) for name in ("vgg19", "densenet121")} if sys.platform == "linux" else {}
    for name, (first, second) in grown.items():
        print(f"{name}: peak memory grows by {first:.1f} MB in a process's first trace, {second:.1f} MB in the next"
              f" (bar: {MEMORY_BAR:g} MB)")  # fmt: skip
    fast = faster >= FASTER_BAR and min(ratios) >= LEAST_BAR
    return 0 if fast and all(first <= MEMORY_BAR for first, _ in grown.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
