"""What a class needs from a hub: `python benchmarks/hub.py 1 3 10` starts that many kernels on lesson 01 at once.

Each kernel runs the imports and the first prediction of lesson 01, all of them at the same time. Printed are the
seconds until the last one has answered, and the memory of all kernels together: PSS, which counts a page that several
processes share once. What 200 students need is arithmetic on it, which is printed, too. Linux only.
"""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from jupyter_client.manager import KernelManager

CELL = """
import torch
from course_lib import load_classifier, samples
classifier = load_classifier("resnet18", weights="course", device="cpu")
picture = samples()["camel"].open()
classifier.predict(picture)
"""


def memory(process: int) -> float:
    """The proportional share of a process's pages, in MB."""
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1e3


def start() -> tuple[KernelManager, float]:
    """A kernel that has run the cell, and how long that took from the start."""
    began = time.perf_counter()
    kernel = KernelManager(kernel_name="python3")
    kernel.start_kernel()
    client = kernel.blocking_client()
    client.start_channels()
    client.wait_for_ready(timeout=300)
    reply = client.execute_interactive(CELL, timeout=300, output_hook=lambda _: None)
    assert reply["content"]["status"] == "ok", reply["content"]
    client.stop_channels()
    return kernel, time.perf_counter() - began


def main(counts: list[int]) -> None:
    print(f"{'students':>8}  {'seconds, last':>13}  {'MB, all':>8}  {'MB each':>8}")
    rows = []
    for count in counts:
        with ThreadPoolExecutor(count) as pool:
            found = list(pool.map(lambda _: start(), range(count)))
        kernels, seconds = zip(*found, strict=True)
        total = sum(memory(kernel.provisioner.process.pid) for kernel in kernels)
        for kernel in kernels:
            kernel.shutdown_kernel(now=True)
        rows.append((count, max(seconds), total))
        print(f"{count:8}  {max(seconds):13.1f}  {total:8.0f}  {total / count:8.0f}", flush=True)
    (fewest, _, least), (most, slowest, largest) = rows[0], rows[-1]
    if most > fewest:
        each = (largest - least) / (most - fewest)
        memory_of_200, minutes = (least + each * (200 - fewest)) / 1e3, slowest * 200 / most / 60
        print(f"\n200 kernels: about {memory_of_200:.0f} GB, and {minutes:.0f} minutes until the last one has answered")
        print("if all of them start at once on this machine's cores.")


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or [1, 3, 10])
