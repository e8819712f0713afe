"""Loading weights from disk: torchvision's way against ours, and many kernels with the same model.

    python benchmarks/loading.py [--processes 1 10 30]

vgg16 (528 MB of random numbers; no trained ones can be had on a build machine): seconds and peak memory beyond the
imports, each way in fresh processes, and equal logits. "torch.hub's cache" is a file whose hash is the one in its name,
as load_classifier takes it; "a learner's own file" goes through read_state_dict and load_model, and is read into memory
so that it may be saved over.

Then several processes that have all run vgg16, as on a class's server: how often do the weights lie in memory? A page
that several processes map counts in each one's proportional set size (PSS) by its share, so the sum over all processes
is what the machine has to have. Linux only, for /proc.
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
from torchvision.models import vgg16

from course_lib.models.weights.weight_files import sha256_of

FASTER_BAR = 50.0
PEAK_BAR = 0.02
COPIES_BAR = 1.1
ROUNDS = 3
LABELS = {"theirs": "torchvision's way", "read": "torch.load, then load_model", "own": "a learner's own file",
          "cached": "torch.hub's cache"}  # fmt: skip

_CHILD = r"""
import json, pathlib, sys, time
import torch, torchvision
from torchvision.models import VGG16_Weights, Weights, WeightsEnum, vgg16
from course_lib.models import pretrained_models
from course_lib.models.checkpoints import load_model, read_state_dict
way, path = sys.argv[1:]
theirs = VGG16_Weights.DEFAULT
# torchvision's entry, but with the hash of our random numbers in the file's name
url = "https://weights.invalid/" + pathlib.Path(path).name
cached = WeightsEnum("Cached", {"DEFAULT": Weights(url, theirs.transforms, theirs.meta)}).DEFAULT
load_model(torchvision.models.squeezenet1_1, torchvision.models.squeezenet1_1().state_dict())  # both ways warmed up

def peak():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) / 1024

def share():
    "Megabytes of this process's share in memory: all of it, and what belongs to the file."
    every, mapped, here = 0, 0, False
    for line in open("/proc/self/smaps"):
        if "-" in line.split(" ")[0]:
            here = line.rstrip().endswith(path)
        elif line.startswith("Pss:"):
            every += int(line.split()[1]) / 1024
            mapped += here * int(line.split()[1]) / 1024
    return every, mapped

open("/proc/self/clear_refs", "w").write("5")  # the peak begins anew
before, start = peak(), time.perf_counter()
if way == "theirs":
    model = vgg16()
    model.load_state_dict(torch.load(path))
    model.eval()
elif way == "read":
    model = load_model(vgg16, torch.load(path, weights_only=True))
elif way == "own":
    model = load_model(vgg16, read_state_dict(path))
else:
    model = pretrained_models.build("vgg16", cached)
seconds, megabytes = time.perf_counter() - start, peak() - before
torch.manual_seed(0)
with torch.inference_mode():
    logits = model(torch.randn(1, 3, 224, 224))[0].tolist()
print(json.dumps({"seconds": seconds, "megabytes": megabytes, "logits": logits}), flush=True)
for _ in sys.stdin:  # asked once every process has touched every page, until the input is closed
    print(json.dumps(share()), flush=True)
"""


def start(way: str, path: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _CHILD, way, str(path)]
    home = os.environ | {"TORCH_HOME": str(path.parents[2])}
    return subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=home)


def answer(child: subprocess.Popen[str]) -> Any:
    assert child.stdout is not None
    return json.loads(child.stdout.readline())


def alone(way: str, path: Path) -> dict[str, Any]:
    child = start(way, path)
    found: dict[str, Any] = answer(child)
    child.communicate()
    return found


def weights_file(folder: Path) -> Path:
    """A file in a cache of torch.hub of our own, with its hash in its name."""
    path = folder / "hub" / "checkpoints" / "vgg16.pth"
    path.parent.mkdir(parents=True)
    torch.save(vgg16(init_weights=False).state_dict(), path)
    return path.rename(path.with_stem(f"vgg16-{sha256_of(path)[:8]}"))


def compare(path: Path) -> bool:
    """The ways beside each other. Returns whether the bars are kept."""
    size = path.stat().st_size / 1024**2
    first = alone("cached", path)["seconds"]
    runs: dict[str, list[dict[str, Any]]] = {way: [] for way in LABELS}
    for _ in range(ROUNDS):
        for way in LABELS:
            runs[way].append(alone(way, path))
    seconds = {way: statistics.median(run["seconds"] for run in rounds) for way, rounds in runs.items()}
    peak = {way: statistics.median(run["megabytes"] for run in rounds) for way, rounds in runs.items()}
    equal = all(run["logits"] == runs["theirs"][0]["logits"] for rounds in runs.values() for run in rounds)
    print(f"vgg16, {size:.0f} MB{'seconds':>34}{'peak MB':>10}")
    for way, label in LABELS.items():
        print(f"  {label:32}{seconds[way]:>10.4f}{peak[way]:>10.1f}")
    faster, part, own = seconds["theirs"] / seconds["cached"], peak["cached"] / size, seconds["read"] / seconds["own"]
    print(f"  cached: {faster:.0f} times faster than torchvision's way (bar: {FASTER_BAR:.0f}), peak {part:.1%} of the "
          f"file (bar: {PEAK_BAR:.0%}); the first time, with its hash, {first:.2f} s")  # fmt: skip
    print(f"  a learner's own file, in a fresh process: {own:.2f} times as fast as torch.load (bar: 1), "
          f"{seconds['theirs'] / seconds['own']:.1f} times as fast as torchvision's way")  # fmt: skip
    print(f"  equal logits: {equal}")
    return faster >= FASTER_BAR and part <= PEAK_BAR and own >= 1 and equal


def shares(way: str, path: Path, counts: list[int]) -> dict[int, tuple[float, float]]:
    """Megabytes of so many processes together: all of it, and what belongs to the file."""
    children: list[subprocess.Popen[str]] = []
    found = {}
    try:
        for count in sorted(counts):
            while len(children) < count:  # one after another, so that the forward passes do not fight over the cores
                children.append(start(way, path))
                answer(children[-1])
            for child in children:
                print(file=child.stdin, flush=True)
            looks = [answer(child) for child in children]
            found[count] = (sum(every for every, _ in looks), sum(mapped for _, mapped in looks))
    finally:
        for child in children:
            child.communicate()
    return found


def share(path: Path, counts: list[int]) -> bool:
    """The memory of many processes. Returns whether the weights lie in it about once."""
    size = path.stat().st_size / 1024**2
    theirs = shares("theirs", path, [1, 3])
    another = (theirs[3][0] - theirs[1][0]) / 2
    print(
        f"vgg16 in processes that have all run it; each one more that loads it torchvision's way takes {another:.0f} MB"
    )
    ours = shares("cached", path, counts)
    for count, (every, mapped) in ours.items():
        print(f"  {count:3} processes: {every / 1024:5.1f} GB altogether, {mapped:.0f} MB of them the weights "
              f"({mapped / size:.2f} times the file, bar: {COPIES_BAR}), "
              f"{(every - mapped) / count:.0f} MB a process of their own")  # fmt: skip
    return all(mapped <= COPIES_BAR * size and every - mapped < size * count for count, (every, mapped) in ours.items())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--processes", type=int, nargs="+", default=[1, 6], help="how many share vgg16 (about 0.4 GB each)"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = weights_file(Path(folder))
        good = [compare(path), share(path, arguments.processes)]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
