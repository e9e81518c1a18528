"""What every panel is: it follows the session while it is seen, costs nothing otherwise, and says why it is empty."""

import weakref
from collections.abc import Callable
from time import monotonic
from typing import Any, ClassVar

from psygnal import SignalInstance
from PySide6.QtCore import QObject, QPoint, QRect, Qt, QTimer
from PySide6.QtGui import QHideEvent, QPaintEvent, QPalette, QShowEvent
from PySide6.QtWidgets import QDockWidget, QLabel, QSizePolicy, QSpinBox, QStackedLayout, QWidget

from annstudio.document.diff import diff
from annstudio.document.project import Project
from annstudio.ordinals import index_of, ordinal
from annstudio.session import Session
from annstudio.training.snapshot import Finished
from annstudio.ui import theme as themes
from annstudio.ui.fields import indent
from annstudio.ui.numbers import count_text
from annstudio.ui.theme import GRID, SMALL, TEXT, mono_font, ui_font

LIVE_SECONDS = 0.25
"""The least time between two redrawings while training."""


class Panel(QWidget):
    """A part of the window that shows the session. A subclass fills `body` and says in `refresh` what is now.

    `pace` is the least time between two redrawings for edits; snapshots of a training never come faster than 4 Hz.
    """

    title: ClassVar[str] = ""
    pace: ClassVar[float] = 0.0
    waits: ClassVar[bool] = False
    """True where refreshing may wait for a thread with a dialog open. Events that go on while Qt is still showing the
    window may delete widgets that it has yet to show."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.setAccessibleName(self.title)
        self._stale = True
        self._refreshed = 0.0
        self._dock: QDockWidget | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._refresh_if_seen)
        self._stack = QStackedLayout(self)
        self._stack.setContentsMargins(0, 0, 0, 0)
        self.body = QWidget(self)
        self.empty = quiet_label("", self)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setContentsMargins(6 * GRID, 4 * GRID, 6 * GRID, 4 * GRID)
        self._stack.addWidget(self.body)
        self._stack.addWidget(self.empty)
        follow(self, session.changed, self._changed)
        follow(self, session.rechecked, self._rechecked)
        follow(self, session.opened, self._opened)
        follow(self, session.snapshot, self._snapshot)
        follow(self, session.finished, self._snapshot)
        follow(self, session.activity_changed, self._activity)
        follow(self, session.watched, self._watched)
        follow(self, themes.changed, self._theme_changed)

    # For subclasses ------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show what is now."""
        raise NotImplementedError

    def redress(self) -> None:
        """The theme is another: take over its colours where Qt does not do it by itself."""

    def say(self, words: str) -> None:
        """Show words in place of the body; with no words the body."""
        self.empty.setText(words)
        # What is not shown needs no room.
        need = QSizePolicy.Policy.Ignored if words else QSizePolicy.Policy.Preferred
        self.body.setSizePolicy(need, need)
        self._stack.setCurrentWidget(self.empty if words else self.body)

    def heightForWidth(self, width: int) -> int:
        # The stack counts both pages, whichever is shown.
        if self._stack.currentWidget() is self.empty:
            return self.empty.heightForWidth(width)
        return super().heightForWidth(width)

    def touch(self, least: float | None = None) -> None:
        """Something is new: show it, at once or `least` seconds after the last time, if anybody can see it."""
        self._stale = True
        if not self.seen:
            return
        wait = self._refreshed + (self.pace if least is None else least) - monotonic()
        if wait <= 0:
            self._timer.stop()
            self._refresh_if_seen()
        elif not self._timer.isActive() or self._timer.remainingTime() > wait * 1000:
            self._timer.start(max(1, round(wait * 1000)))

    # Following -----------------------------------------------------------------------------------------------------

    def _changed(self, before: Project, after: Project) -> None:
        if not self.seen:
            self._stale = True
        elif not _only_moved(before, after):
            self.touch()

    def _rechecked(self, checked: object) -> None:
        """`changed` came before it and has shown the same."""

    def _opened(self, path: str) -> None:
        self.touch(0)

    def _snapshot(self, snapshot: object) -> None:
        # How a run ended is shown together with the weights it ended with.
        self.touch(0 if isinstance(snapshot, Finished) else max(self.pace, LIVE_SECONDS))

    def _activity(self, activity: str) -> None:
        self.touch()

    def _watched(self, sample: int) -> None:
        self.touch()

    def _theme_changed(self, theme: object) -> None:
        self.redress()
        self.touch(0)

    def _refresh_if_seen(self) -> None:
        if self.seen:
            self._stale = False
            self.refresh()
            self._refreshed = monotonic()

    @property
    def seen(self) -> bool:
        """Whether anything of the panel is on the screen. A dock behind another tab is visible, but lies outside."""
        window = self.window()
        place = QRect(self.mapTo(window, QPoint()), self.size())
        return self.isVisible() and window.rect().intersects(place)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._follow_dock()
        if self._stale and self.waits:
            self._timer.start(0)
        elif self._stale:
            self._refresh_if_seen()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self._stale and not self._timer.isActive():
            # A panel that was scrolled into view is told so by nothing else.
            self._timer.start(0)

    def _follow_dock(self) -> None:
        """Hear when the dock's tab comes to the front: nothing else tells it."""
        dock = self.parentWidget()
        while dock is not None and not isinstance(dock, QDockWidget):
            dock = dock.parentWidget()
        if isinstance(dock, QDockWidget) and dock is not self._dock:
            self._dock = dock
            dock.visibilityChanged.connect(self._came_to_front)

    def _came_to_front(self, front: bool) -> None:
        if front and self._stale:
            self._timer.start(0)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        if self._timer.isActive():
            self._timer.stop()


def follow(widget: QObject, signal: SignalInstance, slot: Callable[..., Any]) -> None:
    """Call `slot`, a method of `widget`, at every emission until the widget is gone."""
    signal.connect(slot)
    held = weakref.WeakMethod(slot)

    def leave() -> None:
        method = held()
        if method is not None:
            signal.disconnect(method, missing_ok=True)

    widget.destroyed.connect(leave)


class SampleField(QSpinBox):
    """Which example is being looked at: "Sample 17 of 1 437", the same in every panel."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        indent(self)
        self.setPrefix("Sample ")
        self.setKeyboardTracking(False)
        self.setWrapping(True)
        self.setAccessibleName("Sample")
        self.setToolTip("Which example of the data is shown in the panels and on the canvas")
        follow(self, session.watched, self.update_now)
        self.update_now()
        self.valueChanged.connect(self._chosen)

    def update_now(self, *_: object) -> None:
        """Show the session's choice, without a sound."""
        dataset = self._session.dataset
        n = len(dataset) if dataset is not None else 1
        before = self.blockSignals(True)
        self.setRange(1, n)
        self.setSuffix(f" of {count_text(n)}")
        self.setValue(ordinal(self._session.sample % n))
        self.blockSignals(before)
        self.setEnabled(n > 1)

    def _chosen(self, number: int) -> None:
        self._session.watch(True, index_of(number))


# ---------------------------------------------------------------------------------------------------------- labels


def heading(text: str, parent: QWidget | None = None) -> QLabel:
    """A section's name: small and bold."""
    label = QLabel(text, parent)
    label.setFont(ui_font(TEXT - 1, bold=True))
    return label


def quiet_label(text: str, parent: QWidget | None = None, size: int = TEXT) -> QLabel:
    """Words that stay in the background."""
    label = QLabel(text, parent)
    label.setForegroundRole(QPalette.ColorRole.PlaceholderText)
    label.setFont(ui_font(size))
    label.setWordWrap(True)
    return label


def number_label(text: str = "", parent: QWidget | None = None, size: int = SMALL + 1) -> QLabel:
    """Numbers, in the font of numbers; they can be copied."""
    label = QLabel(text, parent)
    label.setFont(mono_font(size))
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label


def _only_moved(before: Project, after: Project) -> bool:
    same = (
        before.weights is after.weights
        and before.locked is after.locked
        and before.data is after.data
        and before.settings is after.settings
        and before.progress is after.progress
        and (before.title, before.note) == (after.title, after.note)
    )
    return same and not diff(before.graph, after.graph).structural
