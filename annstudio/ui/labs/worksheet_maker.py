"""Making a worksheet: which numbers are hidden, of which examples, how exactly they must be met, how much is told."""

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from annstudio.explain.catalogue import Catalogue, Kind
from annstudio.explain.number_names import of_any_example
from annstudio.explain.worksheet import MOST_ASKED, MOST_EXAMPLES, Help, Measure, Tolerance, Worksheet
from annstudio.ordinals import index_of, ordinal
from annstudio.ui.choices import ChoiceField
from annstudio.ui.fields import NumberField, TextField
from annstudio.ui.labs.worksheet_tree import NumbersModel
from annstudio.ui.numbers import Limits
from annstudio.ui.panels.base import heading, quiet_label
from annstudio.ui.theme import GRID

PRESETS: tuple[tuple[str, tuple[Kind, ...]], ...] = (
    ("Forward pass", (Kind.FORWARD,)),
    ("Loss", (Kind.LOSS,)),
    ("Deltas", (Kind.DELTA,)),
    ("Gradients", (Kind.GRADIENT,)),
    ("New weights", (Kind.NEW,)),
    ("Everything", tuple(Kind)),
)
MEASURES = {
    Measure.DIGITS: "significant digits", Measure.RELATIVE: "share of the number", Measure.ABSOLUTE: "amount",
}  # fmt: skip
HELPS = {
    Help.SOLUTIONS: "Hints and solutions",
    Help.HINTS: "Hints, no solutions",
    Help.JUDGED: "Right or wrong, no hints",
    Help.NOTHING: "Nothing: collect answers",
}
ALL_LAYERS = ""
PRESETS_WIDTH, SETTINGS_WIDTH = 46 * GRID, 80 * GRID
LEAST_SHARE = 70
"""In narrow places both columns get so much of their width, in %."""
CatalogueOf = Callable[[tuple[int, ...]], Catalogue]


class NumbersTree(QTreeView):
    """The tree of numbers. Space ticks what is chosen; Enter opens an array."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        at = self.currentIndex()
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and at.isValid():
            self.setExpanded(at, not self.isExpanded(at))
            return
        super().keyPressEvent(event)


class MakerPage(QWidget):
    """`made(Worksheet)`: the sheet is to be used. `left`: all stays as it was. `removed`: there is to be no sheet."""

    made = Signal(object)
    left = Signal()
    removed = Signal()

    def __init__(self, catalogue_of: CatalogueOf, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._catalogue_of = catalogue_of
        self.sheet = Worksheet()
        self.n_data = 1
        self.model = NumbersModel(self)
        self.tree = NumbersTree(self)
        self.tree.setModel(self.model)
        self.tree.setObjectName("ticks")
        self.tree.setHeaderHidden(True)
        self.tree.setUniformRowHeights(True)
        self.tree.setAccessibleName("Numbers to hide")
        self.layer = ChoiceField({ALL_LAYERS: "all layers"}, self)
        self.layer.setAccessibleName("Layer")
        self.layer.setToolTip("The buttons below hide numbers of this layer")
        self.layer.edited.connect(self.layer.set_value)
        self.presets = [self._preset(words, kinds) for words, kinds in PRESETS]
        self.words = quiet_label("", self)
        self.told = quiet_label(
            "Tick numbers of the calculation, or begin with a button on the left.",
            self,
        )
        self.make = QPushButton("Make the sheet", self)
        self.make.setProperty("primary", True)
        self.back = QPushButton("Back to the sheet", self)
        self.remove = QPushButton("Remove the sheet", self)
        self.remove.setToolTip("Take the worksheet out of the project; undo brings it back")
        self._settings()
        self._lay_out()
        self.model.ticked.connect(self._ticked)
        self.make.clicked.connect(lambda: self.made.emit(self.draft()))
        self.back.clicked.connect(self.left)
        self.remove.clicked.connect(self.removed)

    def _preset(self, words: str, kinds: tuple[Kind, ...]) -> QPushButton:
        button = QPushButton(words, self)
        button.setToolTip(f"Hide {words[:1].lower()}{words[1:]}" if len(kinds) == 1 else "Hide every number")
        button.clicked.connect(partial(self._choose, kinds))
        return button

    def _settings(self) -> None:
        self.title = TextField(self)
        self.first = NumberField(Limits(1, 1, whole=True), self)
        self.first.setToolTip("The first example of the batch")
        self.count = NumberField(Limits(1, MOST_EXAMPLES, whole=True), self)
        self.count.setToolTip("With more than one the gradients are the mean over the batch")
        self.measure = ChoiceField(dict(MEASURES), self)
        self.digits = NumberField(Limits(1, 15, whole=True), self)
        self.digits.setToolTip("To so many significant digits an answer must be right")
        self.amount = NumberField(Limits(0, 1e6, above=True), self)
        self.amount.setToolTip("So far an answer may be off: a share of the number, or an amount")
        self.exactness = QStackedWidget(self)
        self.exactness.addWidget(self.digits)
        self.exactness.addWidget(self.amount)
        self.help = ChoiceField(dict(HELPS), self)
        self.rest = QCheckBox("Show the numbers that are not asked", self)
        self.rest.setToolTip("The calculation with blanks; without it only what is given stands on the sheet")
        names = {
            self.title: "Title", self.first: "First example", self.count: "Examples", self.measure: "Judged by",
            self.digits: "Digits", self.amount: "Tolerance", self.help: "What is told",
        }  # fmt: skip
        for field, name in names.items():
            field.setAccessibleName(name)
        for field in (self.title, self.digits, self.amount, self.help):
            field.edited.connect(field.set_value)
        self.measure.edited.connect(self._measure_chosen)
        for field in (self.first, self.count):
            field.edited.connect(partial(self._batch_chosen, field))
        for field in (self.first, self.count, self.digits, self.amount):
            field.refused.connect(partial(self._refused, field))

    def _lay_out(self) -> None:
        left, right = QWidget(self), QWidget(self)
        column = _column(left)
        column.addWidget(heading("Hide", left))
        column.addWidget(self.layer)
        clear = QPushButton("None", left)
        clear.setToolTip("Hide no number")
        clear.clicked.connect(self.model.clear)
        for button in (*self.presets, clear):
            column.addWidget(button)
        column.addStretch(1)
        middle = QWidget(self)
        column = _column(middle)
        column.addWidget(heading("Numbers to hide", middle))
        column.addWidget(self.told)
        column.addWidget(self.tree, 1)
        column.addWidget(self.words)
        column = _column(right)
        column.addWidget(heading("The sheet", right))
        self.rows = QFormLayout()
        self.rows.setHorizontalSpacing(3 * GRID)
        for field, name in (
            (self.title, "Title"), (self.first, "First example"), (self.count, "Examples"),
            (self.measure, "Judged by"), (self.exactness, "Exactness"), (self.help, "What is told"),
        ):  # fmt: skip
            self.rows.addRow(name, field)
        column.addLayout(self.rows)
        column.addWidget(self.rest)
        column.addWidget(self.make)
        for button in (self.back, self.remove):
            column.addWidget(button)
        column.addStretch(1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4 * GRID)
        row.addWidget(_scrolling(left, self))
        row.addWidget(middle, 1)
        row.addWidget(_scrolling(right, self, SETTINGS_WIDTH))

    # Showing ---------------------------------------------------------------------------------------------------------

    def begin(self, sheet: Worksheet, catalogue: Catalogue, n_data: int, *, there: bool) -> None:
        """Begin with a sheet: the project's, where it is `there`, or a new one."""
        self.sheet, self.n_data = sheet.spelled(catalogue.written), n_data
        self.title.set_value(sheet.title)
        self.title.setPlaceholderText("Worksheet")
        self.first.limits = Limits(1, max(n_data, 1), whole=True)
        self.first.set_value(ordinal(sheet.examples[0] % max(n_data, 1)))
        self.count.limits = Limits(1, min(MOST_EXAMPLES, max(n_data, 1)), whole=True)
        self.count.set_value(len(sheet.examples))
        self.measure.set_value(sheet.tolerance.measure)
        self.digits.set_value(sheet.tolerance.digits)
        self.amount.set_value(sheet.tolerance.amount)
        self.help.set_value(sheet.help)
        self.rest.setChecked(sheet.rest)
        self.exactness.setCurrentIndex(sheet.tolerance.measure is not Measure.DIGITS)
        self.back.setVisible(there)
        self.remove.setVisible(there)
        self.make.setText("Use it" if there else "Make the sheet")
        self._show(catalogue, sheet.asked)

    def _show(self, catalogue: Catalogue, asked: tuple[str, ...]) -> None:
        self.model.show_numbers(catalogue, asked)
        layers = dict.fromkeys(group.node for group in catalogue.groups)
        chosen = self.layer.value()
        with QSignalBlocker(self.layer):
            self.layer.clear()
            self.layer.addItem("all layers", ALL_LAYERS)
            for name in layers:
                self.layer.addItem(name, name)
            self.layer.set_value(chosen if chosen in layers else ALL_LAYERS)
        self._ticked("")

    def draft(self) -> Worksheet:
        """The sheet as it is set here."""
        tolerance = Tolerance(
            measure=Measure(self.measure.value()), digits=self.digits.value(), amount=self.amount.value()
        )
        changed = self.sheet.asking(self.model.names).changed(
            title=self.title.text().strip()[:200], examples=self.examples, tolerance=tolerance,
            help=Help(self.help.value()), rest=self.rest.isChecked(),
        )  # fmt: skip
        # With other examples every answer belongs to another number.
        return changed.begun_again() if changed.examples != self.sheet.examples else changed

    @property
    def examples(self) -> tuple[int, ...]:
        start, n = index_of(self.first.value()), self.count.value()
        return tuple((start + i) % max(self.n_data, 1) for i in range(n))

    # Choosing --------------------------------------------------------------------------------------------------------

    def _choose(self, kinds: tuple[Kind, ...], _checked: bool = False) -> None:
        layer = self.layer.value()
        groups = [g for g in self.model.groups if g.kind in kinds and layer in (ALL_LAYERS, g.node)]
        self.model.choose(groups)

    def _ticked(self, words: str) -> None:
        n = len(self.model.chosen)
        told = f"{n} number{'s' if n != 1 else ''} hidden, of at most {MOST_ASKED}."
        self.words.setText(f"{told} {words}".strip())
        self.make.setEnabled(n > 0)
        self.make.setToolTip("" if n else "Tick the numbers to hide first")

    def _batch_chosen(self, field: NumberField, value: int) -> None:
        before = field.value()
        field.set_value(value)
        chosen = self.model.names
        catalogue = self._catalogue_of(self.examples)
        if value != before:
            # hidden.net[0] of one example is that of the batch's first.
            chosen = tuple(name if len(self.examples) > 1 else of_any_example(name) for name in chosen)
        self._show(catalogue, chosen)

    def _measure_chosen(self, measure: Measure) -> None:
        self.measure.set_value(measure)
        self.exactness.setCurrentIndex(measure != Measure.DIGITS)

    def _refused(self, field: NumberField, words: str) -> None:
        self.words.setText(f"{field.accessibleName()} {words}")
        field.restore()


def _column(parent: QWidget) -> QVBoxLayout:
    column = QVBoxLayout(parent)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(2 * GRID)
    return column


def _scrolling(inside: QWidget, parent: QWidget, width: int = PRESETS_WIDTH) -> QScrollArea:
    area = QScrollArea(parent)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(inside)
    area.setMinimumWidth(LEAST_SHARE * width // 100)
    area.setMaximumWidth(width + 3 * GRID)
    return area
