"""The table of data typed in by hand: cells are edited, rows and columns added and taken away, a matrix pasted."""

from collections.abc import Callable

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence, QPalette
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QTableView, QVBoxLayout, QWidget

from annstudio.data.base import Dataset, DataSource
from annstudio.data.typed import Typed
from annstudio.errors import DataError
from annstudio.session import Session
from annstudio.ui.panels.examples import ExamplesModel
from annstudio.ui.panels.matrix import parse_matrix
from annstudio.ui.theme import GRID

Rows = tuple[tuple[float, ...], ...]


class TypedTable(QWidget):
    """Inputs on the left, targets on the right, one example a row."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._source = Typed()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, GRID, 0, 0)
        column.setSpacing(GRID)
        row = QHBoxLayout()
        row.setSpacing(GRID)
        acts: tuple[tuple[str, str, Callable[[], None]], ...] = (
            ("+ Row", "Add an example", self.add_row),
            ("− Row", "Take the chosen example away", self.remove_row),
            ("+ Input", "Add an input", lambda: self._widen("inputs", "input_names", 1)),
            ("− Input", "Take the last input away", lambda: self._widen("inputs", "input_names", -1)),
            ("+ Target", "Add a target", lambda: self._widen("targets", "target_names", 1)),
            ("− Target", "Take the last target away", lambda: self._widen("targets", "target_names", -1)),
            ("Paste", "Paste a table of as many columns from the clipboard (Ctrl+V)", self.paste),
        )
        self.buttons: dict[str, QPushButton] = {}
        for words, help_text, act in acts:
            button = QPushButton(words, self)
            button.setToolTip(help_text)
            button.clicked.connect(act)
            self.buttons[words] = button
            row.addWidget(button)
        row.addStretch(1)
        column.addLayout(row)
        self.model = ExamplesModel(self)
        self.model.edited.connect(self._edit)
        self.model.refused.connect(self._tell)
        self.table = TypedView(self.paste, self)
        self.table.setModel(self.model)
        self.table.verticalHeader().setDefaultSectionSize(6 * GRID)
        self.table.setAccessibleName("Typed examples")
        column.addWidget(self.table, 1)
        self.words = QLabel(self)
        self.words.setForegroundRole(QPalette.ColorRole.BrightText)
        self.words.setWordWrap(True)
        self.words.hide()
        column.addWidget(self.words)

    def show_source(self, source: DataSource | None, dataset: Dataset) -> None:
        """Show the source's rows; what is chosen stays chosen."""
        if isinstance(source, Typed) and (source is not self._source or self.model.dataset is None):
            at = self.table.currentIndex()
            self._source = source
            self.model.show_dataset(dataset, editable=True)
            self.table.setCurrentIndex(self.model.index(at.row(), at.column()))

    def add_row(self) -> None:
        """Add an example like the last one."""
        self._change(inputs=(*self._source.inputs, self._source.inputs[-1]),
                     targets=(*self._source.targets, self._source.targets[-1]))  # fmt: skip

    def remove_row(self) -> None:
        """Take the chosen example away, or the last one."""
        n = len(self._source.inputs)
        chosen = self.table.currentIndex().row()
        at = chosen if 0 <= chosen < n else n - 1
        if n == 1:
            self._tell("One example has to stay.")
            return
        self._change(inputs=self._source.inputs[:at] + self._source.inputs[at + 1 :],
                     targets=self._source.targets[:at] + self._source.targets[at + 1 :])  # fmt: skip

    def paste(self) -> None:
        """Replace all rows by a table from the clipboard that has as many columns."""
        try:
            values = parse_matrix(QGuiApplication.clipboard().text())
        except ValueError as error:
            self._tell(str(error))
            return
        n_inputs, n_targets = len(self._source.inputs[0]), len(self._source.targets[0])
        if values.shape[1] != n_inputs + n_targets:
            wanted = f"{n_inputs} input{'s' * (n_inputs != 1)} and {n_targets} target{'s' * (n_targets != 1)}"
            self._tell(f"The clipboard holds {values.shape[1]} columns; needed are {wanted}. Nothing was pasted.")
            return
        rows = [tuple(map(float, row)) for row in values]
        self._change(inputs=tuple(r[:n_inputs] for r in rows), targets=tuple(r[n_inputs:] for r in rows))

    def _widen(self, what: str, names: str, by: int) -> None:
        rows: Rows = getattr(self._source, what)
        if by < 0 and len(rows[0]) == 1:
            self._tell(f"One of the {what} has to stay.")
            return
        wider = tuple((*row, 0.0) if by > 0 else row[:-1] for row in rows)
        # Names count columns: with another number of them they begin anew.
        self._change(**{what: wider, names: ()})

    def _edit(self, row: int, column: int, value: float) -> None:
        n_inputs = len(self._source.inputs[0])
        what, place = ("inputs", column) if column < n_inputs else ("targets", column - n_inputs)
        rows = [list(one) for one in getattr(self._source, what)]
        rows[row][place] = value
        self._change(**{what: tuple(map(tuple, rows))})

    def _change(self, **settings: object) -> None:
        self._tell("")
        try:
            changed = self._source.changed(**settings)
        except DataError as error:
            self._tell(error.message)
        else:
            self._session.set_data(changed)

    def _tell(self, words: str) -> None:
        self.words.setText(words)
        self.words.setVisible(bool(words))


class TypedView(QTableView):
    """A table in which the paste key means numbers, not layers."""

    def __init__(self, paste: Callable[[], None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._paste = paste
        self.setTabKeyNavigation(True)
        self.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)

    def event(self, event: QEvent) -> bool:
        paste = QKeySequence.StandardKey.Paste
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and event.matches(paste):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Paste):
            self._paste()
        else:
            super().keyPressEvent(event)
