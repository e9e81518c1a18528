"""What the network answers: for the watched example in detail, for all examples as a list, the wrong ones to be found.

A network with several ends answers at each: which is shown can be chosen.
"""

from time import monotonic

import numpy as np
from PySide6.QtCore import QModelIndex, QTimer
from PySide6.QtGui import QColor, QHideEvent
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QHeaderView, QLabel, QTableView, QVBoxLayout, QWidget

from annstudio.data.base import Dataset
from annstudio.engine.op import Array
from annstudio.errors import StudioError
from annstudio.layers.losses import Loss
from annstudio.ordinals import nth
from annstudio.session import Session
from annstudio.session.answers import answers
from annstudio.ui.panels.answers import PredictionsModel, answer_text, output_names
from annstudio.ui.panels.bars import Bar, Bars
from annstudio.ui.panels.base import LIVE_SECONDS, Panel, SampleField, number_label
from annstudio.ui.panels.drawn import Examples, ExampleView, lengths_of
from annstudio.ui.panels.examples import target_text, value_text
from annstudio.ui.panels.pictures import signed_text
from annstudio.ui.plots import SaveButton
from annstudio.ui.theme import GRID, SMALL, TEXT, theme, ui_font

MAX_EXAMPLES = 2000
"""Of larger data only so many examples are listed."""
REST = 12
"""While training a part is followed by a pause of so many times its cost."""
MOST_BARS = 40
"""So many outputs have a bar; of an image only the first have one."""
AT_A_TIME = 128
"""So many examples are predicted between two looks at mouse and keys."""


class PredictionsPanel(Panel):
    """On the left the watched example, on the right all of them."""

    title = "Predictions"
    pace = LIVE_SECONDS

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self._examples: tuple[Dataset, Examples] | None = None
        self._parts: list[Array] = []
        self._of: tuple[Dataset | None, object, str] = (None, None, "")
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
        self.thumbnail = ExampleView(self.body)
        self.drawn = ExampleView(self.body)
        self.words = QLabel(self.body)
        self.words.setFont(ui_font(TEXT))
        self.words.setWordWrap(True)
        self.end = QComboBox(self.body)
        self.end.setAccessibleName("Which outputs")
        self.end.setToolTip("Whose answers are shown: this network has several ends")
        self.end.activated.connect(self._choose_end)
        pictures = QHBoxLayout()
        pictures.setSpacing(2 * GRID)
        pictures.addWidget(self.thumbnail)
        pictures.addWidget(self.drawn)
        left.addWidget(self.sample)
        left.addWidget(self.end)
        left.addLayout(pictures)
        left.addWidget(self.words)
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
        if dataset is None:
            self.say(self.session.data_problem or "Choose data: the network's answers to its examples appear here.")
            return
        i = self.session.sample % len(dataset)
        try:
            alone = answers(self.session, np.array([i]))
        except StudioError as error:
            self.say(error.message)
            return
        if alone is None:
            self.say("Predictions appear when the network has no problem.")
            return
        self.say("")
        self._show_ends(list(alone))
        self.sample.update_now()
        self._show_one(dataset, i, alone[self.end.currentText()])
        self._begin(dataset)

    def _show_ends(self, names: list[str]) -> None:
        if [self.end.itemText(i) for i in range(self.end.count())] != names:
            before = self.end.currentText()
            self.end.clear()
            self.end.addItems(names)
            self.end.setCurrentText(before if before in names else names[0])
        self.end.setVisible(len(names) > 1)

    def _choose_end(self, _: int) -> None:
        self.touch(0)

    @property
    def _column(self) -> str:
        """Which column of the data the chosen end should meet."""
        graph = self.session.graph
        losses = (graph.nodes[link.target].layer for link in graph.out_of(self.end.currentText()))
        return next((loss.column for loss in losses if isinstance(loss, Loss)), "y")

    def _begin(self, dataset: Dataset) -> None:
        """Predict all examples bit by bit. While training a pass that is under way is finished first."""
        of = (dataset, self.session.project.graph, self.end.currentText())
        if not self._same(of) or not self._next.isActive() or self.session.activity != "train":
            self._of, self._parts = of, []
            self._predict_part()

    def _predict_part(self) -> None:
        """Predict the next examples, and show the list when all are done, or as far as it goes the first time."""
        dataset = self.session.dataset
        if dataset is None or not self._same((dataset, self.session.project.graph, self.end.currentText())):
            return  # Another network or other data: `refresh` is on its way.
        done, began = sum(map(len, self._parts)), monotonic()
        try:
            found = answers(self.session, np.arange(done, min(done + AT_A_TIME, len(dataset))))
        except StudioError:
            found = None
        if found is None:
            return
        part = found[self.end.currentText()]
        self._parts.append(part.reshape(len(part), -1))
        over = done + len(part) >= min(len(dataset), MAX_EXAMPLES)
        same = dataset is self.model.dataset and self._column == self.model.column
        if over or not same or self.model.found.shape[1] != self._parts[0].shape[1]:
            self._show_list(dataset)
        if not over:
            # While training there is no hurry, and the worker wants to get on.
            pause = round(REST * 1000 * (monotonic() - began)) if self.session.activity == "train" else 0
            self._next.start(pause)

    def _same(self, of: tuple[Dataset | None, object, str]) -> bool:
        return self._of[0] is of[0] and self._of[1] is of[1] and self._of[2] == of[2]

    def _show_list(self, dataset: Dataset) -> None:
        found = np.concatenate(self._parts)
        self.model.show_found(dataset, self._column, found, only_wrong=self.wrong.isChecked())
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

    def _show_one(self, dataset: Dataset, i: int, answer: Array) -> None:
        """The watched example, whether or not it is among those listed. `answer` (1, ...)."""
        x, column, found = dataset.columns.get("x"), self._column, answer.reshape(-1)
        y, drawn, lines = dataset.columns.get(column), answer.ndim == 4, []
        pictured = x is not None and x.values.ndim in (3, 4)
        self.thumbnail.setVisible(pictured)
        self.drawn.setVisible(drawn)
        if x is not None and pictured:
            if self._examples is None or self._examples[0] is not dataset:
                self._examples = (dataset, Examples(x.values, lengths_of(self.session)))
            self.thumbnail.show_example(self._examples[1], i)
        elif x is not None:
            lines.append(f"Input {value_text(x, i)}")
        if drawn:
            self.drawn.show_example(Examples(answer))
            lines.append(f"Left {nth('sample', i)}, right what {self.end.currentText()} makes of it")
        elif y is not None:
            lines += [f"Target {target_text(dataset, i, column)}", f"Prediction {answer_text(found, y)}"]
        self.words.setText("\n".join(lines))
        names = output_names(y, len(found))
        best = int(found.argmax()) if y is not None and y.is_classes and len(found) > 1 else -1
        low, high = min(float(found.min(initial=0)), 0.0), max(float(found.max(initial=0)), 1.0)
        shown = zip(names[:MOST_BARS], found[:MOST_BARS], strict=True)
        bars = [Bar(n, float(v), signed_text(float(v), 4, low < 0), k == best) for k, (n, v) in enumerate(shown)]
        self.bars.show_bars(bars, low, high)

    def _bar_colour(self, i: int) -> QColor:
        t = theme()
        return t.positive if self.bars.bars[i].value >= 0 else t.negative

    def _filter(self, only_wrong: bool) -> None:
        if self.model.dataset is not None:
            model = self.model
            model.show_found(self.model.dataset, model.column, model.found, only_wrong=only_wrong)

    def _choose_row(self, now: QModelIndex, before: QModelIndex) -> None:
        if now.isValid() and self.table.hasFocus():
            self.session.watch(True, int(self.model.shown[now.row()]))
