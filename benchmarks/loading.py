"""Loading weights from disk: torchvision's way against ours, and many kernels with the same model.

    python benchmarks/loading.py [--processes 30]

vgg16 (528 MB of random numbers; no trained ones can be had on a build machine): seconds and peak memory beyond the
imports, each way in fresh processes, and equal logits. "Cached" is a file in torch.hub's cache whose hash is the one in
its name, as load_classifier takes it; "own" is a learner's own file by read_state_dict and load_model, read into memory
so that it may be saved over. Then vgg19 in several processes at once: their proportional set size says how often the
weights are in memory. Linux only, for /proc.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
import torchvision

from course_lib.models.weights.weight_files import sha256_of

FASTER_BAR = 50.0
PEAK_BAR = 0.02
COPIES_BAR = 1.1
ROUNDS = 3

_CHILD = r"""
import json, pathlib, sys, time
import torch, torchvision
from torchvision.models import Weights, WeightsEnum, get_model_weights
from course_lib.models import pretrained_models
from course_lib.models.checkpoints import load_model, read_state_dict
way, name, path = sys.argv[1:]
builder = getattr(torchvision.models, name)
theirs = get_model_weights(name).DEFAULT
# torchvision's entry, but with the hash of our random numbers in the file's name
url = "https://weights.invalid/" + pathlib.Path(path).name
cached = WeightsEnum("Cached", {"DEFAULT": Weights(url, theirs.transforms, theirs.meta)}).DEFAULT
load_model(torchvision.models.squeezenet1_1, torchvision.models.squeezenet1_1().state_dict())  # both ways warmed up

def peak():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) / 1024

def reset_peak():
    open("/proc/self/clear_refs", "w").write("5")

reset_peak()
before, start = peak(), time.perf_counter()
if way == "theirs":
    model = builder()
    model.load_state_dict(torch.load(path))
    model.eval()
elif way == "read":
    state = torch.load(path, weights_only=True)
    model = load_model(builder, state)
elif way == "own":
    model = load_model(builder, read_state_dict(path))
else:
    model = pretrained_models.build(name, cached)
seconds, megabytes = time.perf_counter() - start, peak() - before
torch.manual_seed(0)
with torch.inference_mode():
    logits = model(torch.randn(1, 3, 224, 224))[0].tolist()
print(json.dumps({"seconds": seconds, "megabytes": megabytes, "logits": logits}), flush=True)
if way == "shared":
    sys.stdin.readline()  # everybody has touched every page: now look
    mapped, here = 0, False
    for line in open("/proc/self/smaps"):
        if "-" in line.split(" ")[0]:
            here = line.rstrip().endswith(path)
        elif here and line.startswith("Pss:"):
            mapped += int(line.split()[1]) / 1024
    own = next(int(line.split()[1]) / 1024 for line in open("/proc/self/smaps_rollup") if line.startswith("Pss_Anon"))
    print(json.dumps({"mapped": mapped, "own": own}), flush=True)
    sys.stdin.readline()  # nobody leaves before all have looked
"""


def start(way: str, name: str, path: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _CHILD, way, name, str(path)]
    home = os.environ | {"TORCH_HOME": str(path.parents[2])}
    return subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=home)


def answer(child: subprocess.Popen[str]) -> dict[str, Any]:
    assert child.stdout is not None
    found: dict[str, Any] = json.loads(child.stdout.readline())
    return found


def tell(children: list[subprocess.Popen[str]]) -> None:
    for child in children:
        assert child.stdin is not None
        child.stdin.write("\n")
        child.stdin.flush()


def weights_file(name: str, folder: Path) -> Path:
    """A file in a cache of torch.hub of our own, with its hash in its name."""
    path = folder / "hub" / "checkpoints" / f"{name}.pth"
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(getattr(torchvision.models, name)(init_weights=False).state_dict(), path)
    return path.rename(path.with_stem(f"{name}-{sha256_of(path)[:8]}"))


def compare(folder: Path) -> bool:
    path = weights_file("vgg16", folder)
    size = path.stat().st_size / 1024**2
    with start("cached", "vgg16", path) as child:
        first = answer(child)["seconds"]
    runs: dict[str, list[dict[str, Any]]] = {}
    for way in ("theirs", "read", "own", "cached") * ROUNDS:
        with start(way, "vgg16", path) as child:
            runs.setdefault(way, []).append(answer(child))
    path.unlink()
    seconds = {way: statistics.median(run["seconds"] for run in rounds) for way, rounds in runs.items()}
    peak = {way: statistics.median(run["megabytes"] for run in rounds) for way, rounds in runs.items()}
    equal = all(run["logits"] == runs["theirs"][0]["logits"] for rounds in runs.values() for run in rounds)
    labels = {"theirs": "torchvision's way", "read": "torch.load, then load_model", "own": "a learner's own file",
              "cached": "torch.hub's cache"}  # fmt: skip
    print(f"vgg16, {size:.0f} MB{'seconds':>34}{'peak MB':>10}")
    for way, label in labels.items():
        print(f"  {label:32}{seconds[way]:>10.4f}{peak[way]:>10.1f}")
    ratio, share = seconds["theirs"] / seconds["cached"], peak["cached"] / size
    print(f"  cached: {ratio:.0f} times faster than torchvision's way (bar: {FASTER_BAR:.0f}), peak {share:.1%} of the "
          f"file (bar: {PEAK_BAR:.0%}); the first time, with its hash, {first:.2f} s")  # fmt: skip
    print(f"  own: {seconds['theirs'] / seconds['own']:.1f} times faster than torchvision's way")
    print(f"  equal logits: {equal}")
    return ratio >= FASTER_BAR and share <= PEAK_BAR and equal and seconds["own"] <= seconds["theirs"]


def share(folder: Path, processes: int) -> bool:
    path = weights_file("vgg19", folder)
    size = path.stat().st_size / 1024**2
    children = []
    for _ in range(processes):  # one after another, so that the forward passes do not fight over the cores
        children.append(start("shared", "vgg19", path))
        answer(children[-1])
    tell(children)
    looks = [answer(child) for child in children]
    tell(children)
    for child in children:
        child.communicate()
    mapped, own = sum(look["mapped"] for look in looks), sum(look["own"] for look in looks)
    copies = mapped / size
    print(f"vgg19, {size:.0f} MB, in {processes} processes that have all run it")
    print(f"  the file's pages: {mapped:.0f} MB altogether (PSS), {copies:.2f} times the file (bar: {COPIES_BAR})")
    print(f"  everything of their own: {own / processes:.0f} MB a process (Python, torch, a forward's memory)")
    return bool(copies <= COPIES_BAR and own / processes < size)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--processes", type=int, default=6, help="how many kernels share vgg19 (about 0.3 GB each)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        good = [compare(Path(folder)), share(Path(folder), arguments.processes)]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
