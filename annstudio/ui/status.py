"""The line at the bottom: what is going on, how far it is, how fast, how long still."""

from time import monotonic

from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QSizePolicy, QStatusBar, QWidget

from annstudio.ordinals import ordinal
from annstudio.session import Session
from annstudio.training.snapshot import Snapshot
from annstudio.ui.numbers import count_text, number_text
from annstudio.ui.theme import GRID, SMALL, mono_font, theme

MESSAGE_MS = 9000
SAME_ACT_SECONDS = 0.3
_WORDS = {"idle": "Ready", "training": "Training", "paused": "Paused"}


class StatusBar(QStatusBar):
    """Follows the session; messages of the session appear for a while in place of the state."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._complains, self._told = False, 0.0
        self.setSizeGripEnabled(False)
        self.setContentsMargins(2 * GRID, 0, 3 * GRID, 0)
        self._state = QLabel(self)
        # In a frame of its own: a message hides the frame, and showing the bar inside does not bring it back.
        frame = QWidget(self)
        row = QHBoxLayout(frame)
        row.setContentsMargins(0, 0, 0, 0)
        self._bar = QProgressBar(frame)
        row.addWidget(self._bar)
        frame.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        self._bar.setTextVisible(False)
        self._bar.setFixedSize(180, 6)
        self._bar.setAccessibleName("Progress of the training")
        self._speed, self._left, self._count, self._engine = (QLabel(self) for _ in range(4))
        for label in (self._speed, self._left, self._count, self._engine):
            label.setFont(mono_font(SMALL + 1))
            label.setContentsMargins(2 * GRID, 0, 0, 0)
        for widget in (self._state, frame, self._speed, self._left, self._count):
            self.addWidget(widget)
        self.addPermanentWidget(self._engine)
        session.changed.connect(self._project_changed)
        session.activity_changed.connect(self._activity_changed)
        session.snapshot.connect(self.show_snapshot)
        session.told.connect(self.tell)
        self.update_now()

    def tell(self, level: str, sentence: str) -> None:
        """Show a message for a while; errors stand out."""
        self._complains, self._told = level == "error", monotonic()
        self.setStyleSheet(f"QStatusBar {{ color: {theme().problem.name()}; }}" if level == "error" else "")
        self.showMessage(sentence, 0 if level == "error" else MESSAGE_MS)

    def update_now(self) -> None:
        """Show what is now."""
        session, project = self._session, self._session.project
        record = project.progress.record.last if project.progress else {}
        words = _WORDS[session.state] if session.stepper is None else _explaining(session.stepper.n)
        if session.activity != "explain" and session.state != "training" and record:
            words += f" · epoch {int(record['epoch'])} of {max(project.settings.epochs, int(record['epoch']))}"
        self._state.setText(words)
        checked = session.checked
        self._count.setText(f"{count_text(checked.n_parameters)} parameters")
        self._engine.setText(f"NumPy {project.settings.dtype} · 1 thread")
        if session.state != "training":
            self._speed.clear()
            self._left.clear()
        self._bar.setVisible(session.state in ("training", "paused"))
        if session.state == "paused" and project.progress:
            self._bar.setRange(0, 1000)
            self._bar.setValue(round(1000 * project.progress.epoch / max(project.settings.epochs, 1)))

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Show how far a running training is."""
        epochs = max(self._session.project.settings.epochs, ordinal(snapshot.epoch))
        rate = number_text(snapshot.rate, 3).replace("-", "−")
        steady = self._session.project.settings.schedule.steady
        now = min(ordinal(snapshot.epoch), epochs)
        words = f"Training · epoch {now} of {epochs}"
        # As wide as it will be in the end: counting must not push the others about.
        widest = self._state.fontMetrics().horizontalAdvance(f"Training · epoch {epochs} of {epochs}")
        self._state.setMinimumWidth(widest)
        self._state.setText(words if steady else f"{words} · learning rate {rate}")
        done = (snapshot.epoch + snapshot.position / max(snapshot.n_train, 1)) / epochs
        self._bar.setRange(0, 1000)
        self._bar.setValue(round(1000 * done))
        self._speed.setText(f"{count_text(round(snapshot.samples_per_second))} samples/s")
        self._left.setText(f"{_duration(snapshot.seconds_left)} left")

    def close_down(self) -> None:
        """Stop following the session."""
        for signal, slot in (
            (self._session.changed, self._project_changed), (self._session.activity_changed, self._activity_changed),
            (self._session.snapshot, self.show_snapshot), (self._session.told, self.tell),
        ):  # fmt: skip
            signal.disconnect(slot, missing_ok=True)

    def _project_changed(self, before: object, after: object) -> None:
        if self._complains or monotonic() - self._told > SAME_ACT_SECONDS:
            # Something else was done since. What was told of this very change stays for its while.
            self._clear()
        self.update_now()

    def _activity_changed(self, activity: str) -> None:
        if activity == "train":
            self._clear()
        self.update_now()

    def _clear(self) -> None:
        self._complains = False
        self.clearMessage()
        self.setStyleSheet("")


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds // 60:.0f} min {seconds % 60:.0f} s"
    return f"{seconds // 3600:.0f} h {seconds % 3600 // 60:.0f} min"


def _explaining(n: int) -> str:
    return f"Explain · {'one sample' if n == 1 else f'mini-batch of {count_text(n)}'} · float64"
