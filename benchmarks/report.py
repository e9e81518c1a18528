"""benchmarks/RESULTS.md: what was measured, on what, and where it falls short. Each measurement writes its own part."""

import os
import platform
import re
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_info

RESULTS = Path(__file__).with_name("RESULTS.md")
PARTS = ("engine", "ui", "explain", "busy", "scaling", "big_data")
MUST = {
    "W1": 25, "W1b": 26, "W2_32": 2.0, "W2_256": 1.25, "W3": 3.0, "W4": 1.4, "W5": 2.4, "LSTM": 1.0, "RNN": 4.0,
}  # fmt: skip
"""How many times as fast as the best of PyTorch eager each has to be."""
COLUMNS = ("torch_best", "jax", "keras", "sklearn", "naive", "floor")


def write(found: Mapping[str, Mapping[str, Any]]) -> None:
    """Write the report of a whole measurement."""
    lines = [
        "# How fast training is",
        "",
        "Written by `make bench` (`benchmarks/engine.py`). A figure is a peer's time for a step ÷ ours, the median",
        "over paired rounds: above 1 we are faster. A step goes from a batch's examples to the updated weights. Ours",
        "is the trainer as the window runs it: it fetches its batches, keeps history and accuracy, checks every",
        "loss, makes snapshots. Peers are handed finished batches. `floor` is the time of the matrix products and of",
        "the update alone, on one thread, ÷ our time: it can be above 100% where two threads share them.",
        "",
        f"Machine: {_cpu()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}. "
        f"BLAS kernel: {_kernel()}.",
        f"Versions: Python {platform.python_version()}, {_versions()}.",
        "",
        "| | what | ours, µs | " + " | ".join(COLUMNS) + " | must reach |",
        "|---|---|---|" + "---|" * (len(COLUMNS) + 1),
    ]
    for name, figures in found.items():
        cells = [_cell(figures.get(column), column) for column in COLUMNS]
        lines.append(
            f"| {name} | {figures['_title']} | {figures['_seconds'] * 1e6:.1f} | {' | '.join(cells)} | {MUST[name]:g} |"
        )
    lines += ["", *_short_of(found), "", *_details(found)]
    put("engine", lines)


def put(part: str, lines: Sequence[str]) -> None:
    """Write one measurement's part of the report; the other parts stay as they are, in the order of `PARTS`."""
    found = re.split(r"^<!-- (\w+) -->\n", RESULTS.read_text() if RESULTS.exists() else "", flags=re.MULTILINE)
    texts = dict(zip(found[1::2], found[2::2], strict=True))
    texts[part] = "\n".join(lines).strip() + "\n"
    kept = [f"<!-- {name} -->\n{texts[name].strip()}\n" for name in PARTS if name in texts]
    RESULTS.write_text("\n".join(kept))


def _cell(value: float | None, column: str) -> str:
    if value is None:
        return ""
    return f"{value:.0%}" if column == "floor" else f"{value:.2f}"


def _short_of(found: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Which targets were missed, by how much, and where the time goes."""
    missed = [name for name, f in found.items() if "torch_best" in f and f["torch_best"] < MUST[name]]
    if not missed:
        return ["Every figure that must be reached is reached."]
    lines = ["## Missed", ""]
    for name in missed:
        figures = found[name]
        parts = sorted(figures["_parts"].items(), key=lambda part: -part[1])[:6]
        told = ", ".join(f"{part} {seconds * 1e6:.1f} µs" for part, seconds in parts)
        rest = figures["_seconds"] - sum(figures["_parts"].values())
        short = 1 - figures["torch_best"] / MUST[name]
        wanted = figures["_seconds"] * figures["torch_best"] / MUST[name]
        calls, least = figures["_calls"], figures["_call"]
        lines.append(
            f"- **{name}**: {figures['torch_best']:.2f} of {MUST[name]:g}, {short:.0%} short. Its time goes to {told}; "
            f"{max(rest, 0) * 1e6:.1f} µs lie outside the program's calls (batches, history, a colder cache). It is "
            f"{calls} calls of NumPy; the least takes {least * 1e6:.2f} µs, so {calls * least * 1e6:.1f} µs go by "
            f"before anything is reckoned, of the {wanted * 1e6:.1f} µs that it would have to take in all."
        )
    return lines


def _details(found: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Every PyTorch variant, the plan, and what was left out."""
    lines = ["## PyTorch eager, each variant", ""]
    for name, figures in found.items():
        told = ", ".join(f"{variant} {value:.2f}" for variant, value in figures["_torch"].items())
        plan = figures["_plan"]
        lines.append(
            f"- {name}: {told}. {figures['_rounds']} rounds, others used at most {figures['_busy']:.2f} of a core. "
            f"Plan: {len(plan.forms)} products cut up, pieces of {plan.piece or 'the whole batch'}, "
            f"{plan.threads} thread(s)."
        )
        if figures["_void"]:
            apart = ", ".join(f"{peer} ({far:.0e})" for peer, far in figures["_void"].items())
            lines.append(f"  Void, because losses of the first five steps differ: {apart}.")
    return lines


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown processor"


def _kernel() -> str:
    blas = [info for info in threadpool_info() if info["user_api"] == "blas"]
    return ", ".join(f"{i['internal_api']} {i['version']} {i.get('architecture', '')}" for i in blas) or "unknown"


def _versions() -> str:
    found = []
    for package in ("numpy", "torch", "jax", "keras", "scikit-learn"):
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"{package} not installed")
    return ", ".join(found)
