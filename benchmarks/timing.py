"""Fair timing beside other programs: blocks in turn A B C … C B A, rounds dropped when somebody else was busy."""

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median

Block = Callable[[float], float]
"""Trains for at least so many seconds and says how many seconds a step took."""

BLOCK_SECONDS = 0.15
KEPT_ROUNDS = 9
MAX_BUSY = 0.15
"""The share of a core that other programs may use while a block runs."""
MAX_SECONDS = 120.0


def in_turn(
    blocks: Mapping[str, Block], rounds: int = KEPT_ROUNDS, most: float = MAX_SECONDS
) -> tuple[dict[str, list[float]], float]:
    """Seconds a step of every contender in every kept round, and the most that others were busy in those."""
    for block in blocks.values():
        block(BLOCK_SECONDS / 2)
    times: dict[str, list[float]] = {name: [] for name in blocks}
    busy: list[float] = []
    names = list(blocks)
    began = time.monotonic()
    while len(busy) < rounds or (sum(b < MAX_BUSY for b in busy) < rounds and time.monotonic() - began < most):
        worst = 0.0
        for name in names if len(busy) % 2 == 0 else names[::-1]:
            time.sleep(0.01)
            others, own, start = _all_cpu(), time.process_time(), time.perf_counter()
            times[name].append(blocks[name](BLOCK_SECONDS))
            seconds = time.perf_counter() - start
            worst = max(worst, ((_all_cpu() - others) - (time.process_time() - own)) / seconds)
        busy.append(worst)
    kept = [i for i, b in enumerate(busy) if b < MAX_BUSY]
    if len(kept) < 5:
        kept = sorted(range(len(busy)), key=busy.__getitem__)[: max(5, rounds // 2)]
    return {name: [found[i] for i in kept] for name, found in times.items()}, max(busy[i] for i in kept)


def ratio(times: Mapping[str, list[float]], name: str, base: str = "ours") -> float:
    """How many times as long `name` takes: the median over rounds of the ratio within each round."""
    return median(a / b for a, b in zip(times[name], times[base], strict=True))


def steps(step: Callable[[], object], end: Callable[[], object] = lambda: None) -> Block:
    """A block of single steps; `end` waits for what is still under way."""

    def block(seconds: float) -> float:
        n, start = 0, time.perf_counter()
        pace = 1
        while (passed := time.perf_counter() - start) < seconds:
            for _ in range(pace):
                step()
            n += pace
            if passed < seconds / 8:
                pace *= 2
        end()
        return (time.perf_counter() - start) / n

    return block


def _all_cpu() -> float:
    """Seconds of work of all cores since the machine began (Linux; elsewhere nothing is dropped)."""
    stat = Path("/proc/stat")
    if not stat.exists():
        return time.process_time()
    ticks = [int(number) for number in stat.read_text().splitlines()[0].split()[1:9]]
    return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")
