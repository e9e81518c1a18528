"""What the network says of the examples: the watched one's outputs, and a list in which wrong ones stand out."""

from time import monotonic
from typing import Any

import numpy as np
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QColor, QHideEvent, QImage, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QHeaderView, QLabel, QTableView, QVBoxLayout, QWidget

from annstudio.data.base import Column, Dataset
from annstudio.engine.op import Array
from annstudio.errors import StudioError
from annstudio.session import Session
from annstudio.ui.numbers import count_text, number_text
from annstudio.ui.panels.bars import Bar, Bars
from annstudio.ui.panels.base import LIVE_SECONDS, Panel, SampleField, number_label
from annstudio.ui.panels.examples import picture, target_text, value_text
from annstudio.ui.panels.pictures import Scale, signed_text
from annstudio.ui.plots import SaveButton, Table
from annstudio.ui.theme import GRID, SMALL, TEXT, theme, ui_font

AnyIndex = QModelIndex | QPersistentModelIndex
_NOWHERE = QModelIndex()
Role = Qt.ItemDataRole
MAX_EXAMPLES = 2000
"""Of larger data only so many examples are listed."""
REST = 12
"""While training a part is followed by a pause of so many times its cost."""
AT_A_TIME = 128
"""So many examples are predicted between two looks at mouse and keys."""


class PredictionsPanel(Panel):
    """On the left the watched example, on the right all of them."""

    title = "Predictions"
    pace = LIVE_SECONDS

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self._scales: tuple[Dataset, Scale] | None = None
        self._parts: list[Array] = []
        self._of: tuple[Dataset | None, object] = (None, None)
        self._next = QTimer(self)
        self._next.setSingleShot(True)
        self._next.timeout.connect(self._predict_part)
        row = QHBoxLayout(self.body)
        row.setContentsMargins(3 * GRID, 2 * GRID, 3 * GRID, 2 * GRID)
        row.setSpacing(6 * GRID)
        holder = QWidget(self.body)
        holder.setFixedWidth(56 * GRID)
        left = QVBoxLayout(holder)
        left.setContentsMargins(0, 0, 0, 0)
        left.setSpacing(GRID)
        self.sample = SampleField(session, self.body)
        self.thumbnail = Thumbnail(self.body)
        self.words = QLabel(self.body)
        self.words.setFont(ui_font(TEXT))
        self.words.setWordWrap(True)
        for part in (self.sample, self.thumbnail, self.words):
            left.addWidget(part)
        left.addStretch(1)
        row.addWidget(holder)
        middle = QVBoxLayout()
        middle.setSpacing(GRID)
        head = QHBoxLayout()
        name = QLabel("Outputs", self.body)
        name.setFont(ui_font(TEXT, bold=True))
        head.addWidget(name)
        head.addStretch(1)
        self.bars = Bars(self._bar_colour, self.body)
        head.addWidget(SaveButton(self.bars, "Outputs", self.bars.table, session.told.emit))
        middle.addLayout(head)
        middle.addWidget(self.bars, 1)
        row.addLayout(middle, 3)
        row.addLayout(self._make_list(), 4)

    def _make_list(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(GRID)
        head = QHBoxLayout()
        self.wrong = QCheckBox("Only wrong ones", self.body)
        self.wrong.setToolTip("List only the examples whose likeliest class is not the right one")
        self.wrong.toggled.connect(self._filter)
        self.count = number_label("", self.body, SMALL)
        head.addWidget(self.count)
        head.addStretch(1)
        head.addWidget(self.wrong)
        column.addLayout(head)
        self.model = PredictionsModel(self)
        self.table = QTableView(self.body)
        self.table.setModel(self.model)
        self.table.setAccessibleName("Predictions")
        self.table.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QTableView.SelectionMode.SingleSelection)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(6 * GRID)
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.table.setShowGrid(False)
        self.table.selectionModel().currentRowChanged.connect(self._choose_row)
        head.addWidget(SaveButton(self.table, "Predictions", self.model.all_rows, self.session.told.emit))
        column.addWidget(self.table, 1)
        return column

    # What is shown ---------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        dataset = self.session.dataset
        if dataset is None or "x" not in dataset.columns:
            self.say(self.session.data_problem or "Choose data: the network's answers to its examples appear here.")
            return
        try:
            alone = self.session.predict(self._rows(self.session.sample % len(dataset), 1))
        except StudioError as error:
            self.say(error.message)
            return
        if alone is None:
            self.say("Predictions appear when the network has no problem.")
            return
        self.say("")
        self.sample.update_now()
        self._show_one(dataset, alone.reshape(-1))
        self._begin(dataset)

    def _begin(self, dataset: Dataset) -> None:
        """Predict all examples bit by bit. While training a pass that is under way is finished first."""
        of = (dataset, self.session.graph)
        if not self._same(of) or not self._next.isActive() or self.session.activity != "train":
            self._of, self._parts = of, []
            self._predict_part()

    def _predict_part(self) -> None:
        """Predict the next examples, and show the list when all are done, or as far as it goes the first time."""
        dataset = self.session.dataset
        if dataset is None or not self._same((dataset, self.session.graph)):
            return  # Another network or other data: `refresh` is on its way.
        done, began = sum(map(len, self._parts)), monotonic()
        try:
            part = self.session.predict(self._rows(done, AT_A_TIME))
        except StudioError:
            part = None
        if part is None:
            return
        self._parts.append(part.reshape(len(part), -1))
        over = done + len(part) >= min(len(dataset), MAX_EXAMPLES)
        if over or dataset is not self.model.dataset or self.model.found.shape[1] != self._parts[0].shape[1]:
            self._show_list(dataset)
        if not over:
            # While training there is no hurry, and the worker wants to get on.
            pause = round(REST * 1000 * (monotonic() - began)) if self.session.activity == "train" else 0
            self._next.start(pause)

    def _same(self, of: tuple[Dataset | None, object]) -> bool:
        return self._of[0] is of[0] and self._of[1] is of[1]

    def _rows(self, start: int, n: int) -> dict[str, Array]:
        dataset = self.session.dataset
        assert dataset is not None
        return {name: column.values[start : start + n] for name, column in dataset.columns.items()}

    def _show_list(self, dataset: Dataset) -> None:
        self.model.show_found(dataset, np.concatenate(self._parts), only_wrong=self.wrong.isChecked())
        self.wrong.setVisible(self.model.judged)
        self.count.setText(self.model.summary)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        if self._next.isActive():
            self._next.stop()
            self._stale = True

    def redress(self) -> None:
        self.bars.update()
        self.model.redress()

    def _show_one(self, dataset: Dataset, found: Array) -> None:
        """The watched example, whether or not it is among those listed."""
        i = self.session.sample % len(dataset)
        x = dataset.columns["x"].values[i]
        pictures = x.ndim == 3
        self.thumbnail.setVisible(pictures)
        if pictures:
            if self._scales is None or self._scales[0] is not dataset:
                self._scales = (dataset, Scale.of([dataset.columns["x"].values[:500]], signed=False))
            self.thumbnail.show_picture(picture(x, self._scales[1]))
        y = dataset.columns.get("y")
        lines = [] if pictures else [f"Input {value_text(dataset.columns['x'], i)}"]
        if y is not None:
            lines += [f"Target {target_text(dataset, i)}", f"Prediction {answer_text(found, y)}"]
        self.words.setText("\n".join(lines))
        names = output_names(y, len(found))
        best = int(found.argmax()) if y is not None and y.is_classes and len(found) > 1 else -1
        low, high = min(float(found.min(initial=0)), 0.0), max(float(found.max(initial=0)), 1.0)
        shown = zip(names[:40], found[:40], strict=True)
        bars = [Bar(n, float(v), signed_text(float(v), 4, low < 0), k == best) for k, (n, v) in enumerate(shown)]
        self.bars.show_bars(bars, low, high)

    def _bar_colour(self, i: int) -> QColor:
        t = theme()
        return t.positive if self.bars.bars[i].value >= 0 else t.negative

    def _filter(self, only_wrong: bool) -> None:
        if self.model.dataset is not None:
            self.model.show_found(self.model.dataset, self.model.found, only_wrong=only_wrong)

    def _choose_row(self, now: QModelIndex, before: QModelIndex) -> None:
        if now.isValid() and self.table.hasFocus():
            self.session.watch(True, int(self.model.shown[now.row()]))


class PredictionsModel(QAbstractTableModel):
    """Sample, target, prediction and how sure, for all examples or only for the wrong ones."""

    HEADER = ("sample", "target", "prediction", "output")

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.dataset: Dataset | None = None
        self.found: Array = np.zeros((0, 1))
        self.shown: Array = np.zeros(0, int)
        self.right: Array | None = None

    @property
    def judged(self) -> bool:
        """Whether there is a right and a wrong."""
        return self.right is not None

    @property
    def summary(self) -> str:
        n = len(self.found)
        if self.right is None:
            return f"{count_text(n)} examples"
        wrong = n - int(np.count_nonzero(self.right))
        share = 100 * (1 - wrong / max(n, 1))
        return f"{count_text(n)} examples, {count_text(wrong)} wrong · {share:.1f}\u2009% right"

    def show_found(self, dataset: Dataset, found: Array, *, only_wrong: bool) -> None:
        """New answers; the rows stay where they are if the same examples are listed."""
        right = judged(dataset, found)
        shown = np.flatnonzero(~right) if only_wrong and right is not None else np.arange(len(found))
        same = dataset is self.dataset and np.array_equal(shown, self.shown)
        if not same:
            self.beginResetModel()
        self.dataset, self.found, self.right, self.shown = dataset, found, right, shown
        if not same:
            self.endResetModel()
        elif len(shown):
            self.redress()

    def redress(self) -> None:
        if len(self.shown):
            self.dataChanged.emit(self.index(0, 0), self.index(len(self.shown) - 1, len(self.HEADER) - 1))

    def all_rows(self) -> Table:
        rows = [[self.index(r, c).data() for c in range(len(self.HEADER))] for r in range(len(self.shown))]
        return self.HEADER, rows

    def rowCount(self, parent: AnyIndex = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self.shown)

    def columnCount(self, parent: AnyIndex = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self.HEADER)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Role.DisplayRole) -> Any:
        return self.HEADER[section] if role == Role.DisplayRole and orientation == Qt.Orientation.Horizontal else None

    def data(self, index: AnyIndex, role: int = Role.DisplayRole) -> Any:
        i = int(self.shown[index.row()])
        if role == Role.ForegroundRole and self.right is not None and not self.right[i]:
            return theme().problem
        if role == Role.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignCenter
        if role != Role.DisplayRole or self.dataset is None:
            return None
        y = self.dataset.columns.get("y")
        match index.column():
            case 0:
                return str(i + 1)
            case 1:
                return target_text(self.dataset, i)
            case 2:
                return answer_text(self.found[i], y)
            case _:
                return number_text(float(self.found[i].max()), 4)


class Thumbnail(QWidget):
    """One picture, as large as there is room."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._image = QImage()
        self.setFixedHeight(32 * GRID)

    def show_picture(self, image: QImage) -> None:
        self._image = image
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(32 * GRID, 32 * GRID)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        size = self._image.size().scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
        rect = QRectF(0, 0, size.width() - 1, size.height() - 1)
        painter.drawImage(rect, self._image)
        painter.setPen(QPen(theme().card_border, 1))
        painter.drawRect(rect)
        painter.end()


def judged(dataset: Dataset, found: Array) -> Array | None:
    """Which answers (n, k) are right; None where the target is no matter of right or wrong."""
    y = dataset.columns.get("y")
    if y is None:
        return None
    targets = y.values[: len(found)]
    if y.is_classes:
        if found.shape[1] == 1 and len(y.classes) == 2:
            return np.asarray((found[:, 0] > 0.5) == (targets == 1))
        return np.asarray(found.argmax(1) == targets) if found.shape[1] == len(y.classes) else None
    known = dataset.excerpt.columns["y"].array
    if y.shape == (1,) and found.shape[1] == 1 and np.isin(known, (0.0, 1.0)).all():
        return np.asarray((found[:, 0] > 0.5) == (targets[:, 0] > 0.5))
    return None


def answer_text(found: Array, y: Column | None) -> str:
    """What an answer says, as users read it: the likeliest class, or numbers."""
    if y is not None and y.is_classes and len(found):
        if len(found) == len(y.classes):
            return y.classes[int(found.argmax())]
        if len(found) == 1 and len(y.classes) == 2:
            return y.classes[int(found[0] > 0.5)]
    return ", ".join(signed_text(float(value), 4, False) for value in found[:8])


def output_names(y: Column | None, n: int) -> list[str]:
    """The names of the outputs: of the classes or of the target's components, else numbers."""
    if y is not None and y.is_classes and len(y.classes) == n:
        return list(y.classes)
    if y is not None and len(y.names) == n:
        return list(y.names)
    return [f"output {i}" for i in range(n)]
