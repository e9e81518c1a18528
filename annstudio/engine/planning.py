"""Makes a Plan by trying: the forms of large products on scratch arrays, then pieces and threads on whole steps."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import product
from time import perf_counter

import numpy as np

from annstudio.engine.arena import Arena
from annstudio.engine.crew import Crew, divisible
from annstudio.engine.gemm import SPLIT_ABOVE, WHOLE, Call, Product
from annstudio.engine.op import Array
from annstudio.engine.optimizers import SGD
from annstudio.engine.plan import PLAIN_PLAN, Plan
from annstudio.engine.program import Program
from annstudio.engine.run import Run

TRIES = 12
BETTER = 0.95
"""Another way is taken only if it takes less than this share of the time."""
LEAST_SECONDS = 3e-4
"""Steps that take less are not worth handing to another thread: waking it takes up to a tenth of this."""
SMALL = 1 << 15
"""Programs whose arrays are all of fewer numbers than this are not worth trying."""
PIECE = 16

_forms: dict[str, str] = {}
"""The best form of every product tried in this process."""


def plan_for(program: Program, dtype: str, n: int) -> Plan:
    """The plan for training this program with batches of `n`; small ones get the plain one without being tried."""
    sizes = [int(np.prod(slot.shape)) * (n if slot.batched else 1) for slot in program.slots]
    if max(sizes, default=0) < SMALL:
        return PLAIN_PLAN
    arena = Arena(program, dtype)
    arena.values[:] = np.random.default_rng(0).normal(0, 0.05, arena.values.shape)
    arena.use(SGD(learning_rate=1e-6))
    with np.errstate(all="ignore"):
        best = replace(PLAIN_PLAN, forms=_best_forms(program, arena, n))
        run = Run(program, arena, n, best)
        seconds = _quickest(lambda: _step(run), TRIES // 3)
        if not divisible(program) or seconds < LEAST_SECONDS:
            return best
        for piece, threads in product((0, PIECE), (1, 2)):
            if piece * threads > n or (piece, threads) == (0, 1):
                continue
            tried = Plan({**best.forms, **_best_forms(program, arena, piece or n // threads)}, piece, threads)
            needed = _crew_seconds(program, arena, n, tried)
            if needed < seconds * BETTER:
                best, seconds = tried, needed
    return best


@dataclass(frozen=True)
class Gathering(Plan):
    """Notes every product that is bound."""

    found: list[Product] = field(default_factory=list)

    def bind(self, product: Product) -> list[Call]:
        self.found.append(product)
        return super().bind(product)


def _best_forms(program: Program, arena: Arena, n: int) -> dict[str, str]:
    gathering = Gathering()
    Run(program, arena, n, gathering)
    large = {found.key: found for found in gathering.found if found.work >= SPLIT_ABOVE}
    for key, found in large.items():
        if key not in _forms:
            _forms[key] = _best_form(found)
    return {key: _forms[key] for key in large if _forms[key] != WHOLE}


def _best_form(of: Product) -> str:
    calls = {form: of.bind(form) for form in of.forms()}
    seconds = dict.fromkeys(calls, np.inf)
    for _ in range(TRIES):
        # In turn, so that a busy moment of the machine hits all alike.
        for form, bound in calls.items():
            seconds[form] = min(seconds[form], _seconds(bound))
    best = min(seconds, key=lambda form: seconds[form])
    return best if seconds[best] < BETTER * seconds[WHOLE] else WHOLE


def _crew_seconds(program: Program, arena: Arena, n: int, plan: Plan) -> float:
    """The quickest of some steps done by a crew."""
    crew = Crew(program, arena, n, plan, _no_load)
    try:
        return _quickest(lambda: (crew.to_loss(np.arange(n), 0, 0), crew.update()), TRIES // 3)
    finally:
        crew.close()


def _no_load(run: Run) -> Callable[[Array], None]:
    return lambda indices: None


def _step(run: Run) -> None:
    run.begin()
    run.finish()


def _quickest(work: Callable[[], object], tries: int) -> float:
    work()
    return min(_seconds([work]) for _ in range(tries))


def _seconds(calls: list[Call]) -> float:
    start = perf_counter()
    for call in calls:
        call()
    return perf_counter() - start
