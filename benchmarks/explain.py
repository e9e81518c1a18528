"""How quick Explain is: a step on screen, a question answered, and whether it grows when one walks on and back.

`step_ms` is from the key to the painted window, drawing and panel both (aim < 50 in a network of 10 000 parameters);
`question_ms` from the click to the painted answer (aim < 100); of both the median and the 95th percentile over moments
and numbers of all kinds. Counted is the processor time of the window's thread, which on a quiet machine is the time
that passes; what another thread works out meanwhile is not in it. `grown_mb` is by how much the process grew over the
second half of 1 000 steps on and back. `hold_ms` is the longest that the window's thread was held at a time, processor
time and by the clock (aim < 50), over first questions, steps and toggles, and while a worksheet is shown.
"""

import gc
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from time import thread_time
from typing import Any

import numpy as np
from PySide6.QtCore import QEvent, QEventLoop
from PySide6.QtWidgets import QApplication

from annstudio.document.network import Network
from annstudio.document.project import Project
from annstudio.explain.attribution import FromInput, ToOutputs, output_slots
from annstudio.explain.catalogue import Catalogue
from annstudio.explain.derivation import Explainer
from annstudio.explain.told import Quantity
from annstudio.explain.worksheet import Worksheet
from annstudio.formats import studio
from annstudio.layers.base import make
from annstudio.places import SAMPLES
from annstudio.session import Session
from annstudio.ui.app import application, get_ready
from annstudio.ui.labs.worksheet_lab import WorksheetLab
from annstudio.ui.memory import Memory
from annstudio.ui.window import Window
from benchmarks.holds import SETTLED_MS, acts_of, live, longest
from benchmarks.workloads import WORKLOADS, Workload

STEP_AIM, QUESTION_AIM, HOLD_AIM = 50.0, 100.0, 50.0
BLANKS = 95
MOST_STEPS, QUESTIONS, WALKED = 60, 24, 1000


def _held() -> Iterator[tuple[str, Project, bool]]:
    """What may hold the window long: many steps, many examples; and whether whole batches are explained."""
    pixels, units = (make("Dense", {"units": n, "activation": "relu"}) for n in (100, 32))
    dense = (pixels, units, make("Dense", {"units": 10, "activation": "softmax"}))
    memory = (make("LSTM", {"units": 16, "return_sequences": True}), make("LSTM", {"units": 16}), dense[-1])
    for workload in (
        Workload("LSTM, 100 steps of 64", "", (100, 64), memory, 8),
        Workload("64-100-32-10, batch 128", "", (64,), dense, 128),
        Workload("64-100-32-10, batch 256", "", (64,), dense, 256),
    ):
        WORKLOADS[workload.name] = workload
        yield workload.name, workload.project(), workload.batch > 100
    digits = studio.load(SAMPLES / "digits-cnn.annstudio")
    yield (
        "digits-cnn, batch 128",
        replace(digits, settings=digits.settings.model_copy(update={"batch_size": 128})),
        True,
    )


def _sheet() -> Project:
    """A project with a worksheet that asks for many numbers."""
    project = studio.load(SAMPLES / "digits-mlp.annstudio")
    catalogue = Catalogue(Explainer(Network(project).stepper(0)))
    asked = catalogue.drawn(catalogue.groups, BLANKS, 0)
    return replace(project, worksheet=Worksheet(asked=catalogue.ordered(one.name for one in asked)))


def _networks() -> list[Workload]:
    conv, pool = {"filters": 16, "activation": "relu", "padding": "same"}, make("MaxPool2D", {"pool_size": (2, 2)})
    dense = make("Dense", {"units": 10, "activation": "softmax"})
    mlp = [make("Dense", {"units": units, "activation": "relu"}) for units in (100, 32)]
    image = (make("Conv2D", conv), pool, make("Conv2D", conv), make("Flatten", {}), dense)
    memory = (make("LSTM", {"units": 16, "return_sequences": True}), make("LSTM", {"units": 16}), dense)
    return [
        Workload("10 000 parameters", "64-100-32-10 ReLU", (64,), (*mlp, dense), 8),
        Workload("28×28×16", "28×28: conv 16, pool, conv 16, dense 10", (28, 28, 1), image, 8),
        Workload("LSTM, 100 steps", "100 steps of 3: LSTM 16, LSTM 16, dense 10", (100, 3), memory, 8),
    ]


def measure() -> dict[str, Any]:
    """The figures of every network."""
    app = application("light")
    found = {}
    for workload in _networks():
        WORKLOADS[workload.name] = workload
        found[workload.name] = {"title": workload.title, **_measured(app, workload.project())}
    return {"networks": found, "holds": _holds(app)}


def _holds(app: QApplication) -> dict[str, list[Any]]:
    """By what is explained: what was done when the window was held longest, and how long."""
    held = {}
    for name, project, whole_batch in _held():
        window = _window(app, project)
        get_ready()
        held[name] = longest(acts_of(window, whole_batch=whole_batch))
        _close(app, window)
    window, sheet = _window(app, studio.load(SAMPLES / "digits-mlp.annstudio")), _sheet()
    window.docks.open_lab(WorksheetLab)
    live(SETTLED_MS)
    show = ("show the sheet", lambda: window.session.edit(sheet, "Make a sheet"))
    held[f"a worksheet of {BLANKS}"] = longest(iter([show]))
    _close(app, window)
    return {name: [act, round(own, 1), round(clock, 1)] for name, (act, own, clock) in held.items()}


def told(found: Mapping[str, Any]) -> list[str]:
    """The part of the report."""
    lines = [
        "# Explaining",
        "",
        "Written by `benchmarks/explain.py`, in a window of 1600 × 1000. `step` is from the key to the painted window,",
        f"drawing and panel both (aim {STEP_AIM:g} ms), `question` from the click to the painted answer (aim",
        f"{QUESTION_AIM:g} ms), each as median · 95th percentile of the processor time of the window's thread, which",
        "on a quiet machine is the time that passes; `grown` is by how much the process grew over the second half of",
        f"{WALKED:,} steps on and back.",
        "",
        "| | what | operations | opened in, ms | step, ms | question, ms | grown, MB |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, one in found["networks"].items():
        step, question = (" · ".join(f"{ms:.0f}" for ms in one[key]) for key in ("step_ms", "question_ms"))
        lines.append(
            f"| {name} | {one['title']} | {one['operations']:,} | {one['open_ms']:.0f} | {step} | {question} | "
            f"{one['grown_mb']:.1f} |"
        )
    aimed = found["networks"]["10 000 parameters"]
    met = aimed["step_ms"][1] <= STEP_AIM and aimed["question_ms"][1] <= QUESTION_AIM
    words = "reached" if met else "missed"
    lines += ["", f"The aims, which are for the network of 10 000 parameters, are {words}.", ""]
    lines += [
        "`hold` is the longest that the window's thread was held at a time, over first questions of every kind, steps",
        f"and toggles: its own processor time · by the clock (aim {HOLD_AIM:g} ms on a quiet machine).",
        "",
        "| | hold, ms | doing what |",
        "|---|---|---|",
    ]
    return lines + [
        f"| {name} | {cpu:.0f} · {clock:.0f} | {act} |" for name, (act, cpu, clock) in found["holds"].items()
    ]


def _window(app: QApplication, project: Project) -> Window:
    window = Window(Session(project), Memory())
    # Whatever arrangement the user of this machine has.
    window.reset_panels()
    window.resize(1600, 1000)
    window.show()
    _paint(app)
    return window


def _close(app: QApplication, window: Window) -> None:
    window.session.leave_explain()
    window.session.document.mark_saved()
    window.close()
    window.deleteLater()
    _paint(app)


def _measured(app: QApplication, project: Project) -> dict[str, Any]:
    window = _window(app, project)
    opened = _timed(app, window, window.explain)
    view = window.explain_view
    size = len(view.tour.stepper)
    # Whatever is imported for the first formula, and the first picture of every layer, is no part of a step.
    places = np.unique(np.linspace(0, size - 2, MOST_STEPS).astype(int))
    for place in (*places[:: len(places) // 6], size):
        view.tour.to_position(int(place))
        _paint(app)
    steps = [_timed(app, window, move) for move in _moves(app, window, places)]
    view.tour.to_position(view.tour.stepper.end_of("backward"))  # type: ignore[arg-type]
    _paint(app)
    questions = [_timed(app, window, lambda asked=asked: view.ask(asked)) for asked in _questions(window)]
    grown = _walk(app, window)
    _close(app, window)
    return {
        "operations": size,
        "open_ms": round(opened, 1),
        "step_ms": _two(steps),
        "question_ms": _two(questions),
        "grown_mb": round(grown, 2),
    }


def _moves(app: QApplication, window: Window, places: Any) -> Iterator[Callable[[], None]]:
    """One step on and one back, from every place."""
    view = window.explain_view
    for place in places:
        view.tour.to_position(int(place))
        _paint(app)
        yield view.tour.step
        yield view.tour.back


def _questions(window: Window) -> list[Quantity]:
    """Numbers of all kinds: values, gradients, weights, pixels, and the other way round."""
    tour, rng = window.explain_view.tour, np.random.default_rng(0)
    program = tour.program
    kinds = ("feed", "value", "gradient", "parameter")
    slots = [slot for slot in program.slots if slot.role in kinds and slot.shape and slot.shown]
    chosen = [slots[int(i)] for i in np.linspace(0, len(slots) - 1, QUESTIONS)]
    asked = [Quantity(slot.index, tuple(int(rng.integers(n)) for n in slot.shape)) for slot in chosen]
    (output,) = output_slots(program)
    first = program.feeds[0].slot
    pixel = tuple(n // 2 for n in program.slots[first].shape)
    return [*asked, FromInput(output, (3,)), ToOutputs(first, pixel), FromInput(output, (5,)), Quantity(first, pixel)]


def _walk(app: QApplication, window: Window) -> float:
    """By how many MB the process grew over the second half of a long walk on and back."""
    view = window.explain_view
    view.ask(None)
    view.tour.to_position(0)
    before = 0.0
    for i in range(WALKED):
        (view.tour.step if i // 20 % 2 == 0 else view.tour.back)()
        _paint(app)
        if i == WALKED // 2:
            gc.collect()
            before = _resident()
    gc.collect()
    return _resident() - before


def _paint(app: QApplication) -> None:
    for _ in range(3):
        app.processEvents()
    # Outside an event loop nobody else would do it.
    app.sendPostedEvents(None, QEvent.Type.DeferredDelete)  # type: ignore[arg-type]


def _timed(app: QApplication, window: Window, act: Callable[[], None]) -> float:
    """Milliseconds from an action to the painted window."""
    started = thread_time()
    act()
    _paint(app)
    while not window.explain_panel.done or window.explain_view.tour.turner.busy:
        app.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
    return (thread_time() - started) * 1000


def _two(times: list[float]) -> list[float]:
    return [round(float(np.percentile(times, share)), 1) for share in (50, 95)]


def _resident() -> float:
    """The process's memory in MB (Linux; elsewhere 0)."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0.0
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024
