"""Where did the numbers go wrong? Runs a batch again through the plain program and stops at the first bad value."""

import numpy as np

from annstudio.engine.arena import Arena, Weights
from annstudio.engine.op import Array
from annstudio.engine.program import Program, Step
from annstudio.engine.run import Run
from annstudio.training.batches import Rows
from annstudio.training.settings import TrainingSettings


def find_trouble(
    plain: Program, weights: Weights, rows: Rows, indices: Array, settings: TrainingSettings, step: int
) -> str:
    """Which weights or which op of which layer first held a value that is not finite, in plain words."""
    bad = [key for key, array in weights.items() if not np.isfinite(array).all()]
    if bad:
        return f"the last update made {bad[0]} infinite or not a number"
    arena = Arena(plain, settings.dtype)
    arena.load(weights)
    run = Run(plain, arena, len(indices))
    feeds = rows.feeds(plain, indices)
    for feed in plain.feeds:
        if not np.isfinite(feeds[feed.slot]).all():
            return f"the data of column {feed.column!r} holds a value that is not finite"
    run.load(feeds, settings.seed, step)
    with np.errstate(all="ignore"):
        while not run.done:
            done = run.step()
            if isinstance(done, Step):
                for slot in done.writes:
                    if not np.isfinite(run.arrays[slot]).all():
                        where = f"{done.node} at {done.scope}" if done.scope else done.node
                        return f"it began in {where}, in the step {_name(done)}"
    return "it could not be found again when the batch was repeated"


def _name(step: Step) -> str:
    words = "".join(f" {c.lower()}" if c.isupper() else c for c in type(step.op).__name__).strip()
    return f"“{words}” ({'backward' if step.backward else 'forward'})"
