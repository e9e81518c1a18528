"""Makes the pictures of the README: the real window, trained and explaining, in light and in dark.

`make pictures` runs it; without a screen it draws offscreen.
"""

import os
import sys
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtWidgets import QApplication

from annstudio.explain.number_names import NumberNames
from annstudio.explain.told import Quantity
from annstudio.formats import studio
from annstudio.places import SAMPLES
from annstudio.session import Session
from annstudio.ui.app import application
from annstudio.ui.labs.descent import DescentPanel
from annstudio.ui.labs.worksheet_lab import WorksheetLab
from annstudio.ui.memory import Memory
from annstudio.ui.window import Window

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "pictures"
SIZE = (1600, 1000)
BRIGHT_PIXEL = "conv_1.out[2,2,2]"


def main() -> int:
    """Write all pictures."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for mode in ("light", "dark"):
        app = application(mode)
        _train(app, FOLDER / f"build-{mode}.png")
        _explain(app, FOLDER / f"explain-{mode}.png")
        _ask(app, "digits-cnn", BRIGHT_PIXEL, FOLDER / f"explain-cnn-{mode}.png")
        _ask(app, "vowels-lstm", "memory.i[2] t=5", FOLDER / f"explain-lstm-{mode}.png")
        _descend(app, FOLDER / f"descent-{mode}.png")
        _fill_in(app, FOLDER / f"worksheet-{mode}.png")
    return 0


def _window(sample: str) -> Window:
    window = Window(Session(studio.load(SAMPLES / f"{sample}.annstudio")), Memory())
    window.reset_panels()
    window.resize(*SIZE)
    window.show()
    _wait(300)
    return window


def _train(app: QApplication, path: Path) -> None:
    """The digits after some epochs, still training, with a convolution selected."""
    window = _window("digits-cnn")
    window.canvas.fit()
    window.canvas.select(["conv_2"])
    window.session.set_settings(epochs=12)
    window.session.train()
    while window.session.state == "training" and (window.session.latest is None or window.session.latest.epoch < 7):
        _wait(20)
    _wait(60)
    _photograph(app, window, path)


def _explain(app: QApplication, path: Path) -> None:
    """The worked example on the way back, with the question about w₅."""
    window = _window("worked-example")
    window.session.explain()
    _wait(200)
    stepper = window.session.stepper
    assert stepper is not None
    _ask_w5(window)
    _wait(400)
    _photograph(app, window, path)


def _ask(app: QApplication, sample: str, number: str, path: Path) -> None:
    """A larger network at the moment when one of its numbers has its gradient, with the question about it."""
    window = _window(sample)
    window.session.explain()
    _wait(200)
    tour = window.explain_view.tour
    quantity = NumberNames(tour.names).quantity(number)
    tour.to_position(tour.stepper.written_by[tour.program.gradients[quantity.slot]] + 1)
    tour.ask(quantity)
    _wait(600)
    _photograph(app, window, path)


def _descend(app: QApplication, path: Path) -> None:
    """Optimisers on their way down a ravine."""
    window = _window("ravine")
    window.docks.open_lab(DescentPanel)
    lab = window.docks.panels[DescentPanel]
    assert isinstance(lab, DescentPanel)
    lab.controls.pages.setCurrentIndex(1)
    _rest(lab)
    lab.controls.go.click()
    _rest(lab)
    _photograph(app, window, path)


def _rest(lab: DescentPanel) -> None:
    """Wait until a laboratory has worked out what it was asked for."""
    _wait(600)
    while lab.bench.busy:
        _wait(50)
    _wait(400)


def _fill_in(app: QApplication, path: Path) -> None:
    """A worksheet with a right answer, a slip and a hint."""
    window = _window("worked-example-worksheet")
    window.docks.open_lab(WorksheetLab)
    lab = window.docks.panels[WorksheetLab]
    assert isinstance(lab, WorksheetLab)
    _wait(800)
    for name, answer in (("hidden.net[0]", "0.3775"), ("hidden.out[0]", "0.3775")):
        lab.page.given.emit(name, answer, True)
        _wait(600)
    _photograph(app, window, path)


def _ask_w5(window: Window) -> None:
    """Ask about the first weight of the output layer, once it has been reached on the way back."""
    tour = window.explain_view.tour
    parameter, _ = tour.program.parameter_of("output/W")
    gradient = tour.program.gradients[parameter.slot]
    tour.to_position(tour.stepper.written_by[gradient] + 1)
    tour.ask(Quantity(parameter.slot, (0, 0)))


def _photograph(app: QApplication, window: Window, path: Path) -> None:
    window.grab().save(str(path))
    print(path.name)
    window.session.pause()
    window.session.document.mark_saved()
    window.close()
    app.processEvents()


def _wait(milliseconds: int) -> None:
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


sys.exit(main())
