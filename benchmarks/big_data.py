"""Training on 10 GB that are not in memory: how much memory of its own that takes, and how fast it is.

`anonymous_mb` is the most that the process had beside the pages of files (RssAnon) while it trained, less what it had
when everything was imported; it must stay below 500. Each kind of data trains in a process of its own, through the real
trainer, with a fifth of the examples kept back and shuffled anew in every epoch.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

GIGABYTES = 10
STEPS, BATCH = 3000, 256
MUST_MB = 500
KINDS = ("mapped float32", "mapped bytes", "generated", "in memory")
SMALL = 20_000
"""So many examples are kept in memory, to compare the speed with."""


def measure() -> dict[str, Any]:
    """Memory and speed of every kind of data."""
    found: dict[str, Any] = {"must_mb": MUST_MB}
    with tempfile.TemporaryDirectory(dir=os.environ.get("BIG_DATA_FOLDER")) as folder:
        for kind in KINDS:
            told = subprocess.run(
                [sys.executable, "-m", "benchmarks.big_data", kind, folder], stdout=subprocess.PIPE, check=True,
                text=True,
            ).stdout  # fmt: skip
            found[kind] = json.loads(told.splitlines()[-1])
            print(kind, found[kind], flush=True)
    return found


def told(found: Mapping[str, Any]) -> list[str]:
    """The part of the report."""
    worst = max(found[kind]["anonymous_mb"] for kind in KINDS if kind != "in memory")
    lines = [
        "# Data that does not fit in memory",
        "",
        f"Written by `benchmarks/big_data.py`: {STEPS:,} steps of 784-128-64-10, batches of {BATCH}, Adam, through the",
        "trainer, shuffled, a fifth kept back. `own memory` is the most that the process had beside pages of files",
        f"(RssAnon) above what it had before the data was opened; it must stay below {found['must_mb']} MB. The files",
        "are mostly holes, so that their pages need no disk: what a disk takes comes on top, one seek an example.",
        "",
        "| | GB | examples | opened in, s | own memory, MB | pages of files, MB | examples a second |",
        "|---|---|---|---|---|---|---|",
    ]
    for kind in KINDS:
        one = found[kind]
        lines.append(
            f"| {kind} | {one['gigabytes']:g} | {one['examples']:,} | {one['open_seconds']:g} | "
            f"{one['anonymous_mb']:g} | {one['mapped_mb']:,.0f} | {one['samples_per_second']:,} |"
        )
    lines += [
        "",
        f"Most beside data in memory: {worst:g} of {found['must_mb']} MB, "
        f"{'reached' if worst < found['must_mb'] else 'missed'}.",
    ]
    return lines


def _train(kind: str, folder: Path) -> dict[str, float]:
    """Train a bounded number of steps on one kind of data, and watch the memory."""
    from threadpoolctl import threadpool_limits

    from annstudio.document.network import Network
    from annstudio.document.project import Project
    from annstudio.training.snapshot import Finished
    from annstudio.training.trainer import train
    from benchmarks.workloads import workloads

    (workload,) = workloads(["W2_256"])
    project = workload.project()
    settings = project.settings.model_copy(
        update={"shuffle": True, "validation_share": 0.2, "batch_size": BATCH, "epochs": 1000}
    )
    # Once on the small data set: what is imported, bound and tried out belongs to no data.
    list(train(Network(replace(project, settings=settings)).job(max_steps=5)))
    source = _source(kind, folder)
    network = Network(Project(graph=project.graph, data=source, settings=settings))
    before = _anonymous_mb()
    peak, over = [before], threading.Event()
    watcher = threading.Thread(target=_watch, args=(peak, over))
    watcher.start()
    start = time.perf_counter()
    dataset = network.need_dataset()
    job = network.job(max_steps=STEPS)
    opened = time.perf_counter() - start
    with threadpool_limits(1, "blas"):
        *_, end = train(job)
    over.set()
    watcher.join()
    x = folder / "x.npy" if kind != "generated" else Path("")
    assert isinstance(end, Finished)
    assert end.reason == "limit", end.trouble
    return {
        "gigabytes": round((x.stat().st_size if x.is_file() else dataset.columns["x"].values.nbytes) / 1e9, 2),
        "examples": len(dataset),
        "open_seconds": round(opened, 2),
        "anonymous_mb": round(max(peak) - before, 1),
        "mapped_mb": round(_status_mb("RssFile"), 1),
        "samples_per_second": round(end.samples_per_second),
    }


def _source(kind: str, folder: Path) -> Any:
    from annstudio.data.arrays import NpyFiles
    from annstudio.data.generated import Clouds

    n = GIGABYTES * 10**9 // (4 * 784)
    if kind == "generated":
        return Clouds(examples=n, features=784, classes=10)
    if kind == "in memory":
        n = SMALL
    size = {"mapped bytes": ("|u1", 4 * n), "in memory": ("<f4", n), "mapped float32": ("<f4", n)}[kind]
    _write(folder / "x.npy", *size)
    np.save(folder / "y.npy", (np.arange(size[1]) % 10).astype(np.uint8))
    return NpyFiles(path=str(folder / "x.npy"), targets=str(folder / "y.npy"))


def _write(file: Path, descr: str, n: int) -> None:
    """An array of examples of 784 numbers: some megabytes of them are random, the rest a hole that reads as zeros."""
    some = np.random.default_rng(0).integers(0, 255, (SMALL, 784), np.uint8)
    with file.open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, {"descr": descr, "fortran_order": False, "shape": (n, 784)})
        begin = stream.tell()
        stream.write(some.astype(np.dtype(descr)).tobytes())
        stream.truncate(begin + n * 784 * np.dtype(descr).itemsize)


def _watch(peak: list[float], over: threading.Event) -> None:
    while not over.wait(0.02):
        peak.append(_anonymous_mb())


def _anonymous_mb() -> float:
    return _status_mb("RssAnon")


def _status_mb(name: str) -> float:
    """A figure of the process's memory as Linux tells it; elsewhere 0."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:")), 0.0)


if __name__ == "__main__":
    print(json.dumps(_train(sys.argv[1], Path(sys.argv[2]))))
