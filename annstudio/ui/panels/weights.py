"""Weights as numbers over a heat map: every entry can be read to its last digit, edited, pasted, locked and frozen."""

from typing import Any

import numpy as np
from PySide6.QtCore import QPoint
from PySide6.QtGui import QGuiApplication, QPalette
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from annstudio.engine.op import Array
from annstudio.errors import StudioError
from annstudio.layers.base import Layer
from annstudio.layers.block.boxing import node_at
from annstudio.layers.names import is_of, layer_of, node_of
from annstudio.ordinals import index_of, ordinal
from annstudio.session import Session
from annstudio.session.answers import weights_of_now
from annstudio.ui.fields import indent
from annstudio.ui.numbers import count_text, parse_number
from annstudio.ui.panels.base import Panel, number_label
from annstudio.ui.panels.histogram import Histogram
from annstudio.ui.panels.locks import Locks
from annstudio.ui.panels.matrix import MatrixModel, MatrixView, matrix_text, parse_matrix
from annstudio.ui.panels.pictures import ColourBar, Mosaic, Scale, signed_text
from annstudio.ui.panels.sections import small_maps
from annstudio.ui.theme import GRID

MIN_DIGITS, MAX_DIGITS = 2, 17


class WeightsPanel(Panel):
    """Shows one view (W, b, …) of one node. `choose(node)` follows the selection."""

    title = "Weights"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.array: Array = np.zeros((0, 0))
        self._make_controls()
        self.model = MatrixModel(self)
        self.model.edited.connect(self._edit)
        self.model.refused.connect(self.tell)
        self.table = MatrixView(self.model, self.body)
        self.table.setAccessibleName("Weights")
        self.locks = Locks(self)
        self.table.menu_wanted.connect(self._open_menu)
        self.table.copy_wanted.connect(self.copy)
        self.table.paste_wanted.connect(self.paste)
        self.words = QLabel(self.body)
        self.words.setForegroundRole(QPalette.ColorRole.BrightText)
        self.words.setWordWrap(True)
        self.words.hide()
        self.picture = Mosaic(self.body, largest_cell=10, tallest=20 * GRID)
        self.picture.chosen.connect(self._choose_map)
        self.bar = ColourBar(self.body)
        self.histogram = Histogram(self.body)
        self.facts = number_label("", self.body)
        self._lay_out()

    def _make_controls(self) -> None:
        self.node = QComboBox(self.body)
        self.node.setAccessibleName("Layer")
        self.node.setToolTip("Which layer's weights are shown")
        self.node.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.node.setMaximumWidth(60 * GRID)
        self.node.activated.connect(self._pick)
        self.view = QComboBox(self.body)
        self.view.setAccessibleName("Weights or biases")
        self.view.setToolTip("W: weights, b: biases")
        self.view.activated.connect(self._pick)
        self.filter, self.channel, self.digits = (QSpinBox(self.body) for _ in range(3))
        for spin, prefix in ((self.filter, "filter "), (self.channel, "channel "), (self.digits, "digits ")):
            indent(spin)
            spin.setPrefix(prefix)
            spin.setAccessibleName(prefix.strip().capitalize())
        self.filter.setToolTip("Which filter's kernel is shown")
        self.channel.setToolTip("Which input channel of the filter is shown")
        self.digits.setToolTip("How many significant digits are shown")
        self.digits.setRange(MIN_DIGITS, MAX_DIGITS)
        self.digits.setValue(4)
        self.filter.valueChanged.connect(self._pick)
        self.channel.valueChanged.connect(self._pick)
        self.digits.valueChanged.connect(self._set_digits)
        self.frozen = QCheckBox("Frozen", self.body)
        self.frozen.setToolTip("Training leaves frozen weights alone")
        self.frozen.clicked.connect(self._freeze)
        self.lock_button = self._button(
            "Lock", "Lock what is selected, so that training leaves it alone, or unlock it (Ctrl+L)", self.lock
        )
        self.copy_button = self._button("Copy", "Copy what is selected, or all that is shown (Ctrl+C)", self.copy)
        self.paste_button = self._button(
            "Paste", "Paste a matrix of the same size from the clipboard (Ctrl+V)", self.paste
        )
        self.all = QLineEdit(self.body)
        self.all.setPlaceholderText("Set all to…")
        self.all.setAccessibleName("Set all to")
        self.all.setToolTip("A number and Enter: every entry shown in the table becomes this number")
        self.all.setMaximumWidth(28 * GRID)
        self.all.returnPressed.connect(self._set_all)

    def _button(self, words: str, help_text: str, act: Any) -> QPushButton:
        button = QPushButton(words, self.body)
        button.setToolTip(help_text)
        button.clicked.connect(act)
        return button

    def _lay_out(self) -> None:
        column = QVBoxLayout(self.body)
        column.setContentsMargins(3 * GRID, 2 * GRID, 3 * GRID, 2 * GRID)
        column.setSpacing(2 * GRID)
        top = QHBoxLayout()
        top.setSpacing(GRID)
        for chooser in (self.node, self.view, self.filter, self.channel, self.digits):
            top.addWidget(chooser)
        top.addStretch(1)
        for doer in (self.frozen, self.lock_button, self.all, self.copy_button, self.paste_button):
            top.addWidget(doer)
        column.addLayout(top)
        column.addWidget(self.words)
        row = QHBoxLayout()
        row.setSpacing(4 * GRID)
        row.addWidget(self.table, 1)
        side = QVBoxLayout()
        side.setSpacing(GRID)
        holder = QWidget(self.body)
        holder.setFixedWidth(60 * GRID)
        holder.setLayout(side)
        side.setContentsMargins(0, 0, 0, 0)
        for part in (self.picture, self.bar, self.histogram, self.facts):
            side.addWidget(part)
        side.addStretch(1)
        row.addWidget(holder)
        column.addLayout(row, 1)

    # What is shown ---------------------------------------------------------------------------------------------------

    def choose(self, node: str) -> None:
        """Show this node's weights, if it has any."""
        if self.node.findText(node) < 0:
            self._fill(self.node, self._nodes())
        path = self.session.owner(node)
        # Of a block the first layer inside.
        node = next((known for known in self._nodes() if is_of(known, path)), path)
        if self.node.findText(node) >= 0 and node != self.node.currentText():
            self.node.setCurrentText(node)
            self.tell("")
            self.touch(0)

    @property
    def key(self) -> str:
        """The name of what is shown: `hidden/W`."""
        return f"{self.node.currentText()}/{self.view.currentText()}"

    def refresh(self) -> None:
        weights = weights_of_now(self.session)
        self._fill(self.node, self._nodes())
        if not self.node.count():
            self.say("No layer has weights yet. Add a Dense or Conv2D layer: its weights can be read and edited here.")
            return
        self.say("")
        start = f"{self.node.currentText()}/"
        self._fill(self.view, [key[len(start) :] for key in weights if key.startswith(start)])
        self.array = weights[self.key]
        self._show_places()
        scale = Scale.of([self.array], signed=True)
        row_name, column_name = self._axis_names()
        self.model.show_array(self.matrix(self.array), scale, row_name, column_name, self.locks.shown())
        maps, names, every = small_maps(self.array)
        self.picture.selected = self._map_number() if self._place else -1
        self.picture.show_maps(maps, scale, names, every=every)
        self.bar.show_scale(scale)
        self.histogram.show_values(self.array)
        n_locked = int(np.count_nonzero(self.locks.whole()))
        self.facts.setText(facts_text(self.array) + (f"\n{count_text(n_locked)} locked" if n_locked else ""))
        self.lock_button.setEnabled(self.locks.possible)
        self._show_frozen()

    def redress(self) -> None:
        self.table.delegate.redress()
        self.table.viewport().update()
        self.picture.redress()

    def _nodes(self) -> list[str]:
        """Paths of layers with weights, in the order of the network."""
        known = list(dict.fromkeys(key.rpartition("/")[0] for key in self.session.weights()))
        return [path for id in self.session.project.graph.nodes for path in known if node_of(path) == id]

    @staticmethod
    def _fill(box: QComboBox, names: list[str]) -> None:
        if [box.itemText(i) for i in range(box.count())] != names:
            before = box.currentText()
            box.clear()
            box.addItems(names)
            box.setCurrentText(before if before in names else next(iter(names), ""))

    def _show_places(self) -> None:
        for spin, axis in ((self.filter, 0), (self.channel, 1)):
            several = axis < self.array.ndim - 2
            spin.setVisible(several)
            if several:
                before = spin.blockSignals(True)
                spin.setRange(1, self.array.shape[axis])
                spin.blockSignals(before)

    @property
    def _place(self) -> tuple[int, ...]:
        """Which matrix of a stack is shown: filter and channel, the filter alone (1-D), or nothing to choose."""
        return (index_of(self.filter.value()), index_of(self.channel.value()))[: max(self.array.ndim - 2, 0)]

    def matrix(self, array: Array) -> Array:
        """The part of a view that the table shows."""
        return array[:, None] if array.ndim == 1 else array[self._place]

    def index_of(self, row: int, column: int) -> tuple[int, ...]:
        return (row,) if self.array.ndim == 1 else (*self._place, row, column)

    def _axis_names(self) -> tuple[str, str]:
        try:
            names = self.session.network.plain.parameter_of(self.key)[1].axis_names
        except (StudioError, KeyError):
            names = ()
        if len(names) != self.array.ndim:
            return "row", "column"
        return (names[-2], names[-1]) if len(names) > 1 else (names[0], self.view.currentText())

    def _map_number(self) -> int:
        return int(np.ravel_multi_index(self._place, self.array.shape[:-2]))

    # Editing ---------------------------------------------------------------------------------------------------------

    def _pick(self, _: int = 0) -> None:
        self.tell("")
        self.touch(0)

    def _choose_map(self, i: int) -> None:
        if self._place:
            place = np.unravel_index(i, self.array.shape[:-2])
            for spin, chosen in zip((self.filter, self.channel), place, strict=False):
                spin.setValue(ordinal(chosen))

    def _set_digits(self, digits: int) -> None:
        self.model.set_digits(digits)
        self.table.fit_digits(digits)

    def tell(self, words: str) -> None:
        self.words.setText(words)
        self.words.setVisible(bool(words))

    def _edit(self, row: int, column: int, value: float) -> None:
        self.tell("")
        try:
            self.session.set_weight(self.key, self.index_of(row, column), value)
        except StudioError as error:
            self.tell(error.message)

    def _set_part(self, where: tuple[slice, slice], values: Array | float, label: str) -> None:
        """Change a rectangle of the table as one edit."""
        self.tell("")
        whole = np.array(weights_of_now(self.session)[self.key])
        self.matrix(whole)[where] = values
        try:
            self.session.set_weights(self.key, whole, label)
        except StudioError as error:
            self.tell(error.message)

    def _set_all(self) -> None:
        text = self.all.text()
        value = parse_number(text)
        if value is None:
            self.tell(f"“{text}” is no number; nothing was changed.")
            return
        self.all.clear()
        self._set_part((slice(None), slice(None)), value, f"Set all of {self.key}")

    def copy(self) -> None:
        """Put the selected rectangle, or all that is shown, on the clipboard."""
        rows, columns = self._several() or (slice(None), slice(None))
        QGuiApplication.clipboard().setText(matrix_text(self.model.array[rows, columns]))

    def paste(self) -> None:
        """Take a matrix from the clipboard. It must have the size of the selection or of all that is shown."""
        try:
            values = parse_matrix(QGuiApplication.clipboard().text())
        except ValueError as error:
            self.tell(str(error))
            return
        one = self.table.chosen()
        where = self._several() or (one if one and values.shape == (1, 1) else None) or (slice(None), slice(None))
        wanted = self.model.array[where].shape
        if values.shape != wanted:
            what = "the selection" if self._several() else self.key
            got, need = ("×".join(map(str, shape)) for shape in (values.shape, wanted))
            self.tell(f"The clipboard holds {got} numbers; {what} is {need}. Nothing was pasted.")
            return
        self._set_part(where, values, f"Paste into {self.key}")

    def _several(self) -> tuple[slice, slice] | None:
        """The selected rectangle where it is more than one cell."""
        chosen = self.table.chosen()
        return chosen if chosen and self.model.array[chosen].size > 1 else None

    # Locking and freezing ---------------------------------------------------------------------------------------------

    def lock(self) -> None:
        """Lock what is selected in the table; unlock it where all of it is locked."""
        if self.node.count():
            self.locks.toggle()

    def _open_menu(self, place: QPoint) -> None:
        self.locks.menu(place).popup(self.table.viewport().mapToGlobal(place))

    def _show_frozen(self) -> None:
        layer = self._layer()
        fields = type(layer).model_fields
        bias = self.view.currentText() == "b"
        self.frozen.setEnabled("trainable" in fields)
        learns = getattr(layer, "trainable", True) and (not bias or getattr(layer, "train_bias", True))
        self.frozen.setChecked(not learns)

    def _freeze(self, frozen: bool) -> None:
        node = self.node.currentText()
        fields = type(self._layer()).model_fields
        bias = self.view.currentText() == "b" and "train_bias" in fields
        settings = {"train_bias": not frozen} if bias else {"trainable": not frozen}
        if bias and not frozen:
            settings["trainable"] = True
        self.session.set_layer_at(layer_of(f"{node}/"), **settings)

    def _layer(self) -> Layer:
        """The layer whose weights are shown."""
        node = node_at(self.session.project.graph, self.node.currentText())
        assert node is not None
        return node.layer


def facts_text(array: Array) -> str:
    """What an array's numbers are like, in a few lines."""
    if not array.size or not np.isfinite(array).all():
        return "not all are finite numbers"
    share = 100 * np.count_nonzero(array > 0) / array.size
    mean, spread, least, largest = (
        signed_text(float(v), 3) for v in (array.mean(), array.std(), array.min(), array.max())
    )
    spread = spread.removeprefix("+")
    return (
        f"{count_text(array.size)} numbers · {share:.0f}\u2009% positive\n"
        f"mean {mean}, spread {spread}\nfrom {least} to {largest}"
    )


__all__ = ["WeightsPanel", "facts_text"]
