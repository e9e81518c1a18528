"""Training speed against PyTorch, JAX, Keras, scikit-learn and plain NumPy, on nine networks.

Ours is the trainer itself, as the window runs it: it fetches its batches, looks for a stop, keeps history and accuracy,
checks every loss and makes snapshots. The peers are handed finished batches. Peers that are not installed are left out
(`make oracles` installs them).
"""

import math
import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from statistics import median
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from annstudio.document.network import Network
from annstudio.engine.gemm import Product
from annstudio.engine.plan import PLAIN_PLAN
from annstudio.engine.planning import Gathering, plan_for
from annstudio.training.snapshot import Finished, Snapshot
from annstudio.training.trainer import train
from benchmarks import peers, report
from benchmarks.timing import Block, in_turn, ratio
from benchmarks.workloads import MAKERS, Workload, workloads

ROUNDS = 9
AGREEMENT = 1e-5
PEERS: dict[str, tuple[str, Callable[[Workload, Network], tuple[peers.Step, Block]], set[str]]] = {
    "jax": ("jax", peers.jax_peer, set(MAKERS)),
    "keras": ("keras", peers.keras_peer, set(MAKERS) - {"W1"}),
    "sklearn": ("sklearn", peers.sklearn_peer, {"W2_32", "W2_256"}),
    "naive": ("numpy", peers.naive_peer, set(MAKERS) - {"W5"}),
}
"""Package, maker, and where the peer applies: W1's loss is not Keras's, scikit-learn has MLPs only."""


def measure(names: list[str] | None = None, rounds: int = ROUNDS) -> dict[str, Any]:
    """The figures of the report: ratios of step times (above 1: ours is faster) and the share of the floor."""
    # BLAS on one thread: the trainer's way. PyTorch and JAX have thread pools of their own.
    with threadpool_limits(1, "blas"):
        found = {workload.name: _measured(workload, rounds) for workload in workloads(names)}
    if names is None:
        report.write(found)
    return {name: {key: v for key, v in figures.items() if not key.startswith("_")} for name, figures in found.items()}


def _measured(workload: Workload, rounds: int) -> dict[str, Any]:
    network = Network(workload.project())
    plan = plan_for(network.programs.fast, workload.dtype, workload.batch)
    contenders = _contenders(workload, network)
    wanted = first_losses(workload, network)
    blocks: dict[str, Block] = {"ours": ours(workload, network, plan)}
    void: dict[str, float] = {}
    for name, (step, block) in contenders.items():
        losses = [_number(step()) for _ in wanted]
        apart = max(abs(a - b) / max(1e-3, abs(b)) for a, b in zip(losses, wanted, strict=True))
        if apart < AGREEMENT:
            blocks[name] = block
        else:
            void[name] = apart
    times, busy = in_turn(blocks, rounds)
    ratios = {name: ratio(times, name) for name in times if name != "ours"}
    eager = {name: value for name, value in ratios.items() if name.startswith("torch")}
    figures: dict[str, Any] = {name: round(value, 3) for name, value in ratios.items() if name not in eager}
    if eager:
        figures["torch_best"] = round(min(eager.values()), 3)
    seconds = median(times["ours"])
    figures["floor"] = round(floor_seconds(network, workload) / seconds, 3)
    figures |= {
        "_seconds": seconds, "_torch": eager, "_void": void, "_busy": busy, "_rounds": len(times["ours"]),
        "_plan": plan, "_parts": parts(network, workload, plan), "_title": workload.title,
        "_calls": calls_of(network, workload), "_call": call_seconds(),
    }  # fmt: skip
    print(workload.name, f"{seconds * 1e6:.1f} µs", {k: v for k, v in figures.items() if k[0] != "_"}, void, flush=True)
    return figures


def _number(loss: Any) -> float:
    """A loss as a number, off PyTorch's tape."""
    return float(loss.detach() if hasattr(loss, "detach") else loss)


def _contenders(workload: Workload, network: Network) -> dict[str, tuple[peers.Step, Block]]:
    found = peers.torch_peers(workload, network) if find_spec("torch") else {}
    for name, (package, maker, where) in PEERS.items():
        if workload.name in where and find_spec(package):
            found[name] = maker(workload, network)
    return found


def ours(workload: Workload, network: Network, plan: Any) -> Block:
    """A block of the trainer: from one snapshot to a later one."""
    messages = train(workload.job(network, plan=plan))

    def block(seconds: float) -> float:
        # The first snapshot is overdue from the time others had.
        before = _snapshot(next(messages))
        start, last = time.perf_counter(), before
        while time.perf_counter() - start < seconds:
            last = _snapshot(next(messages))
        return (time.perf_counter() - start) / (last.step - before.step)

    return block


def _snapshot(message: object) -> Snapshot:
    assert isinstance(message, Snapshot), message
    return message


def first_losses(workload: Workload, network: Network, n: int = 5) -> list[float]:
    """The losses of our first steps."""
    *_, last = train(workload.job(network, max_steps=n, plan=PLAIN_PLAN))
    assert isinstance(last, Finished)
    return [float(mean) for mean in last.progress.record.blocks[:, 1]]


# Floor and parts -------------------------------------------------------------------------------------------------


def floor_seconds(network: Network, workload: Workload) -> float:
    """What the products and the traffic of parameters alone would take: no copies, no activations, no Python."""
    from annstudio.engine.arena import Arena
    from annstudio.engine.program import Update
    from annstudio.engine.run import Run

    arena = Arena(network.programs.fast, workload.dtype)
    arena.use(network.project.settings.optimizer)
    gathering = Gathering()
    run = Run(network.programs.fast, arena, workload.batch, gathering)
    products = sum(_best(product) for product in gathering.found)
    plain = [call for call in (*run.ahead, *run.after_loss) if getattr(call, "func", None) is np.matmul]
    plain += [c for c in (*run.ahead, *run.after_loss) if _is_dot(c) and len(c.args) == 2 and c.args[0].ndim == 2]
    known = sum(len(product.bind()) for product in gathering.found)
    others = max(0.0, sum(_quickest(call) for call in plain) - (products if known else 0))
    updates = [c for step in run.program.steps if isinstance(step, Update) for c in arena.calls(step)]
    # All in turn: a mean that is multiplied again and again runs into numbers that are slow to reckon with.
    return products + others + min(_seconds(updates) for _ in range(30))


def _is_dot(call: Any) -> bool:
    return getattr(getattr(call, "func", None), "__name__", "") == "dot"


def _best(product: Product) -> float:
    """The quickest form of a product."""
    return min(sum(_quickest(call) for call in product.bind(form)) for form in product.forms())


def _quickest(call: Callable[[], object], tries: int = 12) -> float:
    best = math.inf
    n = 1
    for _ in range(tries):
        start = time.perf_counter()
        for _ in range(n):
            call()
        seconds = (time.perf_counter() - start) / n
        best = min(best, seconds)
        n = max(1, min(1000, int(2e-5 / max(seconds, 1e-8))))
    return best


def parts(network: Network, workload: Workload, plan: Any) -> dict[str, float]:
    """Where the time of a step goes, by op: seconds, the quickest of some whole steps."""
    from annstudio.engine.arena import Arena
    from annstudio.engine.program import Step
    from annstudio.engine.run import Run

    arena = Arena(network.programs.fast, workload.dtype)
    arena.load(network.weights())
    arena.use(network.project.settings.optimizer)
    n = min(plan.piece or -(-workload.batch // plan.threads), workload.batch)
    run = Run(network.programs.fast, arena, n, plan)
    run.load(network.rows(workload.dtype).feeds(run.program, np.arange(n)))
    best = [math.inf] * len(run.program.steps)
    with np.errstate(all="ignore"):
        for _ in range(50):
            run.begin()
            for i in range(len(best)):
                start = time.perf_counter()
                run.step()
                best[i] = min(best[i], time.perf_counter() - start)
    found: dict[str, float] = {}
    for step, seconds in zip(run.program.steps, best, strict=True):
        name = "update"
        if isinstance(step, Step):
            name = f"{type(step.op).__name__.removeprefix('Fast')} {'back' if step.backward else 'forward'}"
            # Threads work side by side, pieces one after the other.
            seconds *= workload.batch / n / plan.threads
        found[name] = found.get(name, 0.0) + seconds
    return found


def calls_of(network: Network, workload: Workload) -> int:
    """How many calls of NumPy a step is, the update's among them."""
    from annstudio.engine.arena import Arena
    from annstudio.engine.run import Run

    arena = Arena(network.programs.fast, workload.dtype)
    arena.use(network.project.settings.optimizer)
    run = Run(network.programs.fast, arena, workload.batch)
    return len(run.ahead) + len(run.after_loss)


def call_seconds() -> float:
    """What the least call of NumPy costs: one number added to another, everything bound beforehand."""
    x, y, calls = np.ones(2), np.empty(2), 1000
    return min(_seconds([partial(np.add, x, x, y)] * calls) / calls for _ in range(99))


def _seconds(calls: list[Callable[[], object]]) -> float:
    start = time.perf_counter()
    for call in calls:
        call()
    return time.perf_counter() - start
