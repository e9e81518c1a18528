"""Training beside another program that keeps one core busy, as a browser may: ours and PyTorch on two threads.

A figure is PyTorch's time for a step ÷ ours, median over paired rounds, `alone` and `beside` the busy core. `slower` is
how many times as long a step takes beside it. On two cores whoever divides a batch among two threads waits for the
slower one.
"""

import multiprocessing
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from statistics import median
from typing import Any

from threadpoolctl import threadpool_limits

from annstudio.document.network import Network
from annstudio.engine.planning import plan_for
from benchmarks import peers
from benchmarks.engine import ours
from benchmarks.timing import Block, ratio
from benchmarks.workloads import Workload, workloads

NAMES = ["W2_32", "W2_256", "W4"]
ROUNDS = 9
BLOCK_SECONDS = 0.25


def measure() -> dict[str, Any]:
    """Ratios of step times, alone and beside a busy core."""
    with threadpool_limits(1, "blas"):
        return {workload.name: _measured(workload) for workload in workloads(NAMES)}


def told(found: Mapping[str, Any]) -> list[str]:
    """The part of the report."""
    lines = [
        "# Beside a busy core",
        "",
        "Written by `benchmarks/busy.py`: another process spins on one of the cores. `slower` is our step's time",
        "beside it ÷ alone, `torch slower` that of PyTorch (fused Adam, two threads); `alone` and `beside` are",
        "PyTorch's time ÷ ours, median of paired rounds.",
        "",
        "| | our threads | slower | torch slower | alone | beside |",
        "|---|---|---|---|---|---|",
    ]
    for name, one in found.items():
        cells = [one.get(key) for key in ("slower", "torch_slower", "alone", "beside")]
        shown = " | ".join("" if cell is None else f"{cell:.2f}" for cell in cells)
        lines.append(f"| {name} | {one['threads']:g} | {shown} |")
    return lines


def _measured(workload: Workload) -> dict[str, float]:
    network = Network(workload.project())
    plan = plan_for(network.programs.fast, workload.dtype, workload.batch)
    blocks: dict[str, Block] = {"ours": ours(workload, network, plan)}
    if find_spec("torch"):
        variants = peers.torch_peers(workload, network)
        blocks["torch"] = variants["torch_fused"][1]
    alone = _rounds(blocks)
    with _busy_core():
        beside = _rounds(blocks)
    found = {"threads": float(plan.threads), "slower": round(median(beside["ours"]) / median(alone["ours"]), 2)}
    if "torch" in blocks:
        found["torch_slower"] = round(median(beside["torch"]) / median(alone["torch"]), 2)
        found |= {"alone": round(ratio(alone, "torch"), 2), "beside": round(ratio(beside, "torch"), 2)}
    print(workload.name, found, flush=True)
    return found


def _rounds(blocks: dict[str, Block]) -> dict[str, list[float]]:
    """Seconds a step in every round, the contenders in turn. The busy core is meant, so no round is dropped for it."""
    times: dict[str, list[float]] = {name: [] for name in blocks}
    for block in blocks.values():
        block(BLOCK_SECONDS / 2)
    for i in range(ROUNDS):
        for name in list(blocks)[:: 1 if i % 2 == 0 else -1]:
            times[name].append(blocks[name](BLOCK_SECONDS))
    return times


@contextmanager
def _busy_core() -> Iterator[None]:
    """A process that does nothing but turn round, as long as this lasts."""
    other = multiprocessing.get_context("spawn").Process(target=_spin, daemon=True)
    other.start()
    time.sleep(1.0)
    try:
        yield
    finally:
        other.terminate()
        other.join()


def _spin() -> None:
    while True:
        pass
