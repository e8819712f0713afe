"""A class on one server: 30 kernels, each with ``load_classifier("vgg19")``. How often do the weights lie in memory?

    python benchmarks/kernels.py [--kernels N]

Real Jupyter kernels read one file of VGG19's size (its numbers are random: nothing is downloaded) and then look at
every number, so that no page of it is left out. A page that several processes map counts in each one's *proportional
set size* (PSS) by its share: the sum over all is what the machine has to have. Linux only (/proc/PID/smaps).
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
import time
from pathlib import Path

import torch
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager
from torchvision.models import vgg19

from course_lib.models.weights.weight_files import sha256_of
from course_lib.progress import track

MEGA = 1e6
ONLY_IMPORTED = "import course_lib.models.classifier"
# Torchvision's entry, but with the hash of the random numbers in the file's name: only a file with its hash is mapped.
LOADED = """
import os
from torchvision.models import VGG19_Weights, Weights, WeightsEnum
from course_lib.models.classifier import load_classifier
theirs = VGG19_Weights.DEFAULT
value = Weights("https://weights.invalid/" + os.environ["VGG19_FILE"], theirs.transforms, theirs.meta)
weights = WeightsEnum("Random", {"DEFAULT": value}).DEFAULT
classifier = load_classifier("vgg19", weights=weights, device="cpu")
_ = [float(weight.sum()) for weight in classifier.model.parameters()]  # every page is looked at
"""


def pss(process: int) -> dict[str, float]:
    """What a process maps → its share of the memory in bytes, by the mapped file's name ("" for memory of its own)."""
    found: dict[str, float] = {}
    name = ""
    for line in Path(f"/proc/{process}/smaps").read_text().splitlines():
        if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            name = line.split(maxsplit=5)[5] if len(line.split(maxsplit=5)) > 5 else ""
        elif line.startswith("Pss:"):
            found[name] = found.get(name, 0.0) + 1024 * int(line.split()[1])
    return found


def started(environment: dict[str, str]) -> tuple[KernelManager, BlockingKernelClient]:
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(env=environment)
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=120)
    return manager, client


def run(client: BlockingKernelClient, code: str) -> None:
    reply = client.execute_interactive(code, timeout=300, output_hook=lambda message: None)["content"]
    if reply["status"] != "ok":
        raise SystemExit("\n".join(reply["traceback"]))


def memory_of(kernels: int, code: str, environment: dict[str, str], file: Path, label: str) -> tuple[float, float]:
    """(bytes of all kernels, bytes of the file's mappings in all kernels) once each one has run the code."""
    running = []
    try:
        for _ in track(range(kernels), label):
            running.append(started(environment))
            run(running[-1][1], code)
        shares = [pss(manager.provisioner.process.pid) for manager, _ in running]  # type: ignore[union-attr]
    finally:
        for manager, client in running:
            client.stop_channels()
            manager.shutdown_kernel(now=True)
    return sum(sum(one.values()) for one in shares), sum(one.get(str(file), 0.0) for one in shares)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kernels", type=int, default=30)
    kernels = parser.parse_args().kernels
    if not sys.platform.startswith("linux"):
        print("kernels.py reads /proc/PID/smaps, which only Linux has")
        return 0
    with tempfile.TemporaryDirectory() as home:
        file = Path(home, "hub", "checkpoints", "vgg19.pth")
        file.parent.mkdir(parents=True)
        torch.save(vgg19(init_weights=False).state_dict(), file)
        file = file.rename(file.with_stem(f"vgg19-{sha256_of(file)[:8]}"))
        size = file.stat().st_size
        environment = os.environ | {"TORCH_HOME": home, "OMP_NUM_THREADS": "1", "VGG19_FILE": file.name}
        began = time.perf_counter()
        bare, _ = memory_of(1, ONLY_IMPORTED, environment, file, "a kernel without a model")
        one, of_one = memory_of(1, LOADED, environment, file, "one kernel with vgg19")
        every, of_file = memory_of(kernels, LOADED, environment, file, f"{kernels} kernels with vgg19")
        own = (every - of_file) / kernels
        rows = {
            "vgg19's file": f"{size / MEGA:8.0f} MB",
            "a kernel without a model": f"{bare / MEGA:8.0f} MB",
            "one kernel with vgg19": f"{one / MEGA:8.0f} MB, {of_one / MEGA:.0f} of them the file",
            f"{kernels} kernels with vgg19": f"{every / MEGA:8.0f} MB, {of_file / MEGA:.0f} of them the file",
            "each kernel's own": f"{own / MEGA:8.0f} MB",
            "the weights lie in memory": f"{of_file / size:8.2f} times; copies would make it {kernels}",
        }
        for name, figures in rows.items():
            print(f"{name:28} {figures}")
        print(f"took {time.perf_counter() - began:.0f} s")
        return 0 if of_file < 1.1 * size and own < 1.2 * (one - of_one) else 1


if __name__ == "__main__":
    sys.exit(main())
