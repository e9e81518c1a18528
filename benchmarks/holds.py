"""How long the window's thread is held at a time: between two beats of a timer nothing else that waits has its turn.

What is asked is asked for the first time: whatever an answer needs is worked out then.
"""

import threading
from collections.abc import Callable, Iterator
from time import perf_counter, thread_time

from PySide6.QtCore import QEventLoop, QObject, Qt, QTimer

from annstudio.explain.attribution import FromInput, ToOutputs, output_slots
from annstudio.explain.moments import Grain
from annstudio.explain.told import Quantity
from annstudio.ui.window import Window

BEAT_MS, SETTLED_MS, MOST_MS = 1, 200, 20_000
Act = tuple[str, Callable[[], object]]
Hold = tuple[str, float, float]
"""What was done; the longest hold in ms of the thread's own processor time, and by the clock."""


def acts_of(window: Window, *, whole_batch: bool) -> Iterator[Act]:
    """What a user does in Explain: opens it, asks about one number of every kind, steps, and toggles."""
    view = window.explain_view
    yield "open Explain", window.explain
    if whole_batch:
        yield "to the mini-batch", view.other_kind
    tour = view.tour
    yield "to the gradients", view.to_gradients
    for question in _questions(window):
        yield f"ask {type(question).__name__}", lambda question=question: view.ask(question)
    yield "follow the steps", view.let_go
    yield "another example", lambda: tour.choose_example(1)
    yield from (
        ("to the update", view.to_update),
        ("a step back", tour.back),
        ("to the start", view.to_start),
        ("a step", tour.step),
        ("a layer on", tour.next_layer),
        ("over", tour.over),
        ("into", tour.into),
        ("out", tour.out),
        ("to the loss", view.to_loss),
    )
    for grain in (Grain.NUMBER, Grain.LAYER, Grain.OP):
        yield f"by {grain.value}", lambda grain=grain: view.set_grain(grain)
        yield f"a step by {grain.value}", tour.step
    yield "more digits", lambda: view.set_digits(tour.digits + 1)
    for _ in range(2):
        yield "neurons or layers", lambda: view.show_neurons(not view.shows_neurons)
    yield "the next batch", tour.next_batch
    yield "the batch before", tour.previous_batch
    yield "the other kind", view.other_kind


def longest(acts: Iterator[Act]) -> Hold:
    """The longest hold of all, and what was done then."""
    heart, worst = _Heart(), ("", 0.0, 0.0)
    for name, act in acts:
        heart.begin()
        QTimer.singleShot(0, act)
        live(SETTLED_MS)
        # Whatever waits for a thread has a loop of its own, and may have come back only now.
        live(SETTLED_MS)
        end = perf_counter() + MOST_MS / 1000
        while _works() and perf_counter() < end:
            live(2 * SETTLED_MS)
        worst = max(worst, (name, *heart.end()), key=lambda hold: hold[1])
    return worst


def _questions(window: Window) -> Iterator[Quantity]:
    """Both questions the other way round, and a value, a gradient, a weight and the gradient of a weight each."""
    program = window.explain_view.tour.program

    def number(slot: int) -> Quantity:
        return Quantity(slot, tuple(n // 2 for n in program.slots[slot].shape))

    first, output = program.feeds[0].slot, output_slots(program)[0]
    yield ToOutputs(first, number(first).index)
    yield FromInput(output, number(output).index)
    for kind in ("value", "gradient"):
        slots = [slot.index for slot in program.slots if slot.role == kind and slot.shape and slot.shown]
        for slot in (slots[0], slots[len(slots) // 2], slots[-1]):
            yield number(slot)
    for parameter in program.parameters:
        yield number(parameter.slot)
        yield number(program.gradients[parameter.slot])


def _works() -> bool:
    """Whether a thread of the window's is at work."""
    ours = (thread for thread in threading.enumerate() if thread is not threading.main_thread())
    return any(type(thread).__name__ != "TMonitor" for thread in ours)


def live(milliseconds: int) -> None:
    """Let the window live for a while."""
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


class _Heart(QObject):
    """Beats whenever the window's thread has a turn for it."""

    def __init__(self) -> None:
        super().__init__()
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._beat)

    def begin(self) -> None:
        self._own = self._clock = 0.0
        self._last = thread_time(), perf_counter()
        self._timer.start(BEAT_MS)

    def end(self) -> tuple[float, float]:
        """The longest hold in ms: processor time, and by the clock."""
        self._beat()
        self._timer.stop()
        return self._own * 1000, self._clock * 1000

    def _beat(self) -> None:
        own, clock = thread_time(), perf_counter()
        self._own, self._clock = max(self._own, own - self._last[0]), max(self._clock, clock - self._last[1])
        self._last = own, clock
