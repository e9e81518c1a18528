"""Training speed against PyTorch, JAX, Keras, scikit-learn and plain NumPy, on nine networks.

Ours is the trainer itself, as the window runs it: fetching its batches, stop flag, history, accuracy, snapshots.
"""

import sys
import time
from typing import Any

from threadpoolctl import threadpool_limits

from annstudio.document.network import Network
from annstudio.training.snapshot import Snapshot
from annstudio.training.trainer import train
from benchmarks.peers import torch_peers
from benchmarks.timing import Block, in_turn, ratio
from benchmarks.workloads import Workload, workloads


def ours(workload: Workload, network: Network) -> Block:
    """A block of the trainer: from one snapshot to one later."""
    messages = train(workload.job(network))
    last = next(messages)

    def block(seconds: float) -> float:
        nonlocal last
        before, start = last, time.perf_counter()
        while time.perf_counter() - start < seconds:
            last = next(messages)
        assert isinstance(last, Snapshot)
        assert isinstance(before, Snapshot)
        return (time.perf_counter() - start) / (last.step - before.step)

    return block


def first_losses(workload: Workload, network: Network, n: int = 5) -> list[float]:
    """The losses of our first steps."""
    *_, last = train(workload.job(network, max_steps=n))
    return [float(mean) for mean in last.progress.record.blocks[:, 1]]  # type: ignore[union-attr]


def measure_one(workload: Workload, rounds: int = 9, most: float = 120) -> dict[str, Any]:
    network = Network(workload.project())
    peers = torch_peers(workload, network)
    told = first_losses(workload, network)
    for name, (step, _) in peers.items():
        found = [float(step()) for _ in range(5)]
        far = max(abs(a - b) / max(1e-3, abs(b)) for a, b in zip(told, found, strict=True))
        print(workload.name, name, f"losses differ by {far:.1e}", found[-1], told[-1])
    times, busy = in_turn({"ours": ours(workload, network), **{n: b for n, (_, b) in peers.items()}}, rounds, most)
    figures = {name: ratio(times, name) for name in times}
    print(
        workload.name,
        f"{1e6 * min(times['ours']):.1f} µs busy {busy:.2f}",
        {k: round(v, 2) for k, v in figures.items()},
        flush=True,
    )
    return figures


if __name__ == "__main__":
    with threadpool_limits(1, "blas"):
        for workload in workloads(sys.argv[1:]):
            measure_one(workload, 5, 15)
