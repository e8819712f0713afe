"""Loading weights from disk: torchvision's way against ours, and many kernels with the same model.

    python benchmarks/loading.py [--processes 30]

vgg16 (528 MB of random numbers; no trained ones can be had on a build machine): seconds and peak memory beyond the
imports, each way in fresh processes, and equal logits. Then vgg19 in several processes at once: their proportional set
size says how often the weights are in memory. Linux only, for /proc.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
import torchvision

FASTER_BAR = 50.0
PEAK_BAR = 0.02
COPIES_BAR = 1.1
ROUNDS = 3

_CHILD = r"""
import json, resource, sys, time
import torch, torchvision
from course_lib.models.checkpoints import load_model, read_state_dict
way, name, path = sys.argv[1:]
builder = getattr(torchvision.models, name)
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
else:
    model = load_model(builder, read_state_dict(path, check_numbers=False))
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
    return subprocess.Popen(
        [sys.executable, "-c", _CHILD, way, name, str(path)], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )


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
    path = folder / f"{name}.pth"
    torch.save(getattr(torchvision.models, name)(init_weights=False).state_dict(), path)
    return path


def compare(folder: Path) -> bool:
    path = weights_file("vgg16", folder)
    size = path.stat().st_size / 1024**2
    found: dict[str, list[dict[str, Any]]] = {}
    for way in ("theirs", "ours") * ROUNDS:
        with start(way, "vgg16", path) as child:
            found.setdefault(way, []).append(answer(child))
    path.unlink()
    seconds = {way: statistics.median(run["seconds"] for run in runs) for way, runs in found.items()}
    peak = {way: statistics.median(run["megabytes"] for run in runs) for way, runs in found.items()}
    equal = all(run["logits"] == found["theirs"][0]["logits"] for runs in found.values() for run in runs)
    ratio, share = seconds["theirs"] / seconds["ours"], peak["ours"] / size
    print(f"vgg16, {size:.0f} MB      torchvision's way   ours")
    print(f"  seconds            {seconds['theirs']:>12.3f} {seconds['ours']:>9.4f}")
    print(f"  peak MB            {peak['theirs']:>12.0f} {peak['ours']:>9.1f}")
    print(f"  {ratio:.0f} times faster (bar: {FASTER_BAR:.0f}), peak {share:.1%} of the file (bar: {PEAK_BAR:.0%})")
    print(f"  equal logits: {equal}")
    return ratio >= FASTER_BAR and share <= PEAK_BAR and equal


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
