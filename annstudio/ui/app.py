"""Starts the program: the application, the first window, and what happens when something of ours breaks."""

import gc
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import platformdirs
from PySide6.QtCore import QLibraryInfo, QMessageLogContext, QtMsgType, QTranslator, qInstallMessageHandler
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication

from annstudio import __version__
from annstudio.document.project import Project
from annstudio.errors import StudioError
from annstudio.explain import drawn
from annstudio.formats import studio
from annstudio.formats.samples import first_sample
from annstudio.session import Session
from annstudio.ui.crash import CrashDialog
from annstudio.ui.memory import Memory
from annstudio.ui.numbers import use_decimal_sign
from annstudio.ui.theme import app_icon, apply_theme
from annstudio.ui.window import Window

SWITCH_INTERVAL = 0.0005
"""How often Python lets another thread in: keeps the window fluent beside a worker that trains tiny networks."""
PICTURE_SIZE = (1600, 1000)


def application(mode: str = "system") -> QApplication:
    """The one application, dressed. Made when first asked for."""
    app = QApplication.instance()
    if not isinstance(app, QApplication):
        app = QApplication(sys.argv[:1])
        app.setApplicationName("ANN Studio")
        app.setApplicationVersion(__version__)
        app.setDesktopFileName("annstudio")
        _translate(app)
    apply_theme(app, mode)
    app.setWindowIcon(app_icon())
    return app


def run(file: Path | None) -> int:
    """Open the window on a file, or on the sample to begin with, and stay until it is closed."""
    sys.setswitchinterval(SWITCH_INTERVAL)
    memory = Memory()
    app = application(memory.theme)
    use_decimal_sign(memory.decimal_sign)
    session, trouble = _first_session(file)
    window = Window(session, memory)
    window.show()
    threading.Thread(target=get_ready, name="Getting ready", daemon=True).start()
    sys.excepthook = CrashHook(window)
    if trouble is not None:
        window.files.tell(trouble)
    elif file is not None:
        memory.opened(file)
    return app.exec()


def get_ready() -> None:
    """What would hold the window later: formulas need a library that takes long to load, and the garbage collector
    would look through all that is there by now, modules, classes and the window, again and again although it stays."""
    drawn.load()
    gc.freeze()


def picture(path: Path, project: Path) -> None:
    """A picture of the window with a project, drawn without a screen. Raises StudioError."""
    with _without_chatter():
        _picture(path, project)


def _picture(path: Path, project: Path) -> None:
    app = application("light")
    window = Window(Session(studio.load(project), project), Memory())
    window.resize(*PICTURE_SIZE)
    window.show()
    for _ in range(10):
        app.processEvents()
    window.canvas.fit()
    app.processEvents()
    image: QImage = window.grab().toImage()
    if not image.save(str(path)):
        raise StudioError(f"The picture {path} could not be written.", "Choose another folder.")
    window.session.document.mark_saved()
    window.close()
    app.processEvents()


@contextmanager
def _without_chatter() -> Iterator[None]:
    """Leave out what Qt's platform without a screen says of hints that there is nobody to give to."""

    def tell(kind: QtMsgType, context: QMessageLogContext, message: str) -> None:
        if not message.startswith("This plugin does not support"):
            sys.stderr.write(f"{message}\n")

    before = qInstallMessageHandler(tell)
    try:
        yield
    finally:
        qInstallMessageHandler(before)


class CrashHook:
    """Shows what broke, with a report to copy, after the project was put in a safe place. One dialog at a time."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._showing = False

    def __call__(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        report = "".join(traceback.format_exception(kind, error, trace))
        sys.stderr.write(report)
        if self._showing or issubclass(kind, KeyboardInterrupt):
            return
        self._showing = True
        try:
            CrashDialog(report, self._rescue(), self._window).exec()
        finally:
            self._showing = False

    def _rescue(self) -> Path | None:
        """Save the project aside, whatever else is broken; None where even that failed."""
        session = self._window.session
        folder = Path(platformdirs.user_data_dir("ANN Studio", appauthor=False)) / "rescued"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"{session.title}.annstudio"
            project = studio.rebased(session.project, session.folder, folder)
            studio.save(project, path, session.weights())
        except Exception:
            return None
        return path


def _first_session(file: Path | None) -> tuple[Session, StudioError | None]:
    """The session to begin with; a file that cannot be read is told and leaves an empty canvas."""
    if file is not None:
        try:
            return Session(studio.load(file), file), None
        except StudioError as error:
            return Session(Project()), error
    sample = first_sample()
    return Session(studio.load(sample.path)), None


def _translate(app: QApplication) -> None:
    """Qt's own dialogs in the system's language would stand among English words: keep everything in one."""
    translator = QTranslator(app)
    if translator.load("qtbase_en", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)):
        app.installTranslator(translator)
