"""What is said of descent: what the picture is of, where ways ended, and what is true of them."""

import math
from collections.abc import Sequence

from annstudio.explain.number_names import spelled
from annstudio.session.labs.descent import Cut, Raced, Retraced, learns
from annstudio.training.minibatches import Comparison
from annstudio.training.trace import Track
from annstudio.ui.labs.descent_look import RUN, told
from annstudio.ui.numbers import count_text

Rows = Sequence[tuple[str, ...]]
DUST = 1e-6


def cut_words(found: Cut, *, training: bool) -> str:
    """What the picture is of. While training goes on the surface is that of the weights it began with."""
    ground = found.ground
    n, all_n = len(ground.examples), ground.n_train
    of = f"all {count_text(n)} examples" if n == all_n else f"the first {count_text(n)} of {count_text(all_n)} examples"
    slopes = f"loss {told(found.loss)}, slopes {told(found.slope[0], 4)} and {told(found.slope[1], 4)}"
    others, here = ("as they are now", f"○ the weights of now: {slopes}.")
    if training:
        others, here = ("as they were when training was started", "○ the weights of now, wherever the others are.")
    words = [f"Mean loss over {of if n > 1 else 'the one example'}, all other weights {others}. {here}"]
    if ground.job.programs.fast.noises:
        words.append("What is random in training was drawn once, the same everywhere.")
    still = [spelled(*place) for place in found.plane.places if not learns(ground.network, place)]
    if still:
        words.append(f"{' and '.join(still)} {'do' if len(still) > 1 else 'does'} not learn: no way moves there.")
    return " ".join(words)


def way_rows(raced: Raced | None, run: Track | None, rate: float, loss: float | None, *, going: bool) -> Rows:
    """Of every way: its name, rate, steps, and the loss at its end. The project's own `rate` and the `loss` of now are
    the run's, if it ended there; `going` says whether the optimisers are still under way."""
    rows: list[tuple[str, ...]] = []
    if run is not None:
        rows.append((RUN, told(rate, 4), str(int(run.steps[-1])), "…" if loss is None else told(loss)))
    if raced is not None:
        for optimizer, way, reached in zip(raced.race.optimizers, raced.ways, raced.losses, strict=True):
            if len(way.track.steps):
                bad = way.end is not None and way.end.reason == "not finite"
                unknown = "…" if going else "stopped"
                end = "ran away" if bad else unknown if math.isnan(reached) else told(reached)
                rows.append((optimizer.title, told(optimizer.learning_rate, 4), str(int(way.track.steps[-1])), end))
    return rows


def way_words(raced: Raced | None, retraced: Retraced | None, seen: int) -> str:
    """How the ways are related to the surface. `seen`: at how many moments the run was looked at while it trained."""
    words = []
    if raced is not None:
        words.append(f"From loss {told(raced.first)}, batches of {raced.race.batch_size}.")
        words.append(
            "Only these two weights moved: the ways lie on the surface."
            if raced.race.alone
            else "All weights moved: the surface is cut through the weights of now, on the way the others were "
            "different, so losses on the way are not the heights below it."
        )
    if retraced is not None:
        said = {
            None: "The run is being done again from its start.",
            True: "The run was done again from its start and ended at the weights of now, to the last bit.",
            False: "The run was done again from its start but ended elsewhere: weights or settings were changed by "
            "hand on the way. What is drawn is the way without those changes.",
        }
        words.append(f"{said[retraced.exact]} In it all weights moved, not only these two.")
    elif seen > 1:
        words.append(
            f"The run as it was seen at {seen} moments while it trained; “The run's way” shows every step. In it all "
            "weights moved, not only these two."
        )
    return " ".join(words)


def batch_words(found: Comparison) -> str:
    """What the comparison of mini-batches with all examples comes to."""
    full, part = found.full, found.drawn[-1].gradient
    if not math.isfinite(found.error):
        return "The full gradient is zero here: nothing can be off by a share of it."
    angles = [one.angle for one in found.drawn if math.isfinite(one.angle)]
    mean = sum(angles) / len(angles) if angles else math.nan
    return (
        f"{count_text(part.n)} of {count_text(full.n)} examples: {told(1e6 * found.seconds, 3)} µs in place of "
        f"{told(1e6 * full.seconds, 3)} µs. One mini-batch points {_figure(mean, 2)}° aside and is off by "
        f"{_figure(100 * found.error)} % of the full gradient's length; the mean of all {len(found.drawn)} by "
        f"{_figure(100 * found.mean_error, 2)} %."
    )


def batch_rows(found: Comparison) -> Rows:
    """All examples first, then every mini-batch: its angle, length, error, loss and time."""
    full = found.full
    rows: list[tuple[str, ...]] = [
        (f"all {count_text(full.n)}", "0°", "1", "0 %", told(full.loss, 3), told(1e6 * full.seconds, 3))
    ]
    for k, one in enumerate(found.drawn, 1):
        figures = f"{_figure(one.angle)}°", _figure(one.length), f"{_figure(100 * one.error)} %"
        rows.append((str(k), *figures, told(one.gradient.loss, 3), told(1e6 * one.gradient.seconds, 3)))
    return rows


def _figure(number: float, digits: int = 3) -> str:
    """An angle or a share in a few digits; what only rounding leaves of nothing is nothing."""
    return told(0.0 if abs(number) < DUST else number, digits)
