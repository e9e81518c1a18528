"""What a convolution or pooling layer makes of one example: its feature maps and its kernels, each in one scale.

Of a sequence there is one map: time to the right, one row a feature.
"""

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from annstudio.engine.op import Array
from annstudio.ordinals import nth, ordinal
from annstudio.session import Session
from annstudio.session.answers import weights_of_now
from annstudio.ui.numbers import count_text
from annstudio.ui.panels.base import Panel, SampleField, number_label
from annstudio.ui.panels.pictures import ROW_AND_COLUMN, Axes, ColourBar, Mosaic, Scale
from annstudio.ui.panels.sections import kernel_names
from annstudio.ui.plots import SaveButton, Table
from annstudio.ui.theme import GRID, SMALL, TEXT, ui_font

MAX_MAPS = 256


class MapsPanel(Panel):
    """Feature maps on the left, kernels on the right. `choose(node)` follows the selection."""

    title = "Feature maps"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        column = QVBoxLayout(self.body)
        column.setContentsMargins(3 * GRID, 2 * GRID, 3 * GRID, 2 * GRID)
        column.setSpacing(2 * GRID)
        top = QHBoxLayout()
        top.setSpacing(GRID)
        self.node = QComboBox(self.body)
        self.node.setAccessibleName("Layer")
        self.node.setToolTip("Which layer's maps are shown; follows the selection on the canvas")
        self.node.activated.connect(self._pick)
        self.sample = SampleField(session, self.body)
        self.target = number_label("", self.body)
        for widget in (self.node, self.sample, self.target):
            top.addWidget(widget)
        top.addStretch(1)
        column.addLayout(top)
        row = QHBoxLayout()
        row.setSpacing(6 * GRID)
        self.maps = MosaicView("Feature maps", session, self.body)
        self.kernels = MosaicView("Kernels", session, self.body)
        row.addWidget(self.maps, 3)
        row.addWidget(self.kernels, 2)
        column.addLayout(row, 1)

    def choose(self, node: str) -> None:
        """Show this node's maps, if it makes images."""
        if node in self._nodes() and node != self.node.currentText():
            self._fill()
            self.node.setCurrentText(node)
            self.touch(0)

    def refresh(self) -> None:
        self._fill()
        self.sample.update_now()
        if not self.node.count():
            self.say("No layer makes images or sequences here. Feature maps belong to convolution and pooling layers.")
            return
        views = self.session.views
        path = self.session.path_of(self.node.currentText())
        if views is None or path not in views.activations:
            self.say("Feature maps appear when the data is there and the network has no problem.")
            return
        self.say("")
        self._show_target()
        values = views.activations[path][0]
        if values.ndim == 2:
            told = f"{count_text(values.shape[1])} over {count_text(len(values))} steps"
            signed = bool((values < 0).any())
            self.maps.show_maps(values.T[None], told, [""], signed=signed, axes=("feature", "step"))
        else:
            self._show_images(np.moveaxis(values, 2, 0))
        self._show_kernels()

    def redress(self) -> None:
        self.maps.redress()
        self.kernels.redress()

    def _show_images(self, maps: Array) -> None:
        n = f"{count_text(len(maps))} of {maps.shape[1]}×{maps.shape[2]}"
        more = f", the first {MAX_MAPS} shown" if len(maps) > MAX_MAPS else ""
        names = [nth("map", i) for i in range(len(maps))]
        self.maps.show_maps(maps[:MAX_MAPS], n + more, names, signed=bool((maps < 0).any()))

    def _show_kernels(self) -> None:
        w = weights_of_now(self.session).get(f"{self.session.owner(self.node.currentText())}/W")
        self.kernels.setVisible(w is not None and w.ndim >= 3)
        if w is not None and w.ndim == 3:
            filters, channels, steps = w.shape
            told = f"{filters} filters × {channels} channel{'s' if channels != 1 else ''} of {steps}"
            names = [nth("filter", i) for i in range(min(filters, MAX_MAPS))]
            self.kernels.show_maps(w[:MAX_MAPS], told, names, signed=True, axes=("channel", "step"))
        if w is not None and w.ndim == 4:
            filters, channels, height, width = w.shape
            kernels = w.reshape(filters * channels, height, width)[:MAX_MAPS]
            names = kernel_names(channels, len(kernels))
            told = f"{filters} filters × {channels} channel{'s' if channels != 1 else ''} of {height}×{width}"
            more = f", the first {MAX_MAPS} shown" if filters * channels > MAX_MAPS else ""
            self.kernels.show_maps(kernels, told + more, names, signed=True)

    def _show_target(self) -> None:
        dataset = self.session.dataset
        y = None if dataset is None else dataset.columns.get("y")
        if dataset is not None and y is not None and y.is_classes:
            self.target.setText(f"class {y.classes[int(y.values[self.session.sample % len(dataset)])]}")
        else:
            self.target.setText("")

    def _nodes(self) -> list[str]:
        """Nodes whose result is an image or a sequence, those behind the input only."""
        facts, nodes = self.session.here.facts, self.session.graph.nodes
        return [
            id
            for id, node in nodes.items()
            if id in facts and len(facts[id].shape) in (2, 3) and node.layer.takes[1] != 0
        ]

    def _fill(self) -> None:
        names = self._nodes()
        if [self.node.itemText(i) for i in range(self.node.count())] != names:
            before = self.node.currentText()
            self.node.clear()
            self.node.addItems(names)
            self.node.setCurrentText(before if before in names else next(iter(names), ""))

    def _pick(self, _: int) -> None:
        self.touch(0)


class MosaicView(QWidget):
    """A mosaic with its name, its scale, the value under the pointer, and a button that saves it."""

    def __init__(self, title: str, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID)
        head = QHBoxLayout()
        head.setSpacing(2 * GRID)
        name = QLabel(title, self)
        name.setFont(ui_font(TEXT, bold=True))
        self.count = number_label("", self, SMALL)
        self.bar = ColourBar(self)
        self.mosaic = Mosaic(self, largest_cell=24)
        self.place = number_label("", self, SMALL)
        self.mosaic.hovered.connect(self.place.setText)
        head.addWidget(name)
        head.addWidget(self.count)
        head.addStretch(1)
        head.addWidget(self.bar)
        head.addWidget(SaveButton(self, title, self.table, session.told.emit))
        column.addLayout(head)
        column.addWidget(self.mosaic, 1)
        column.addWidget(self.place, 0, Qt.AlignmentFlag.AlignLeft)

    def show_maps(
        self, maps: Array, count: str, names: Sequence[str], *, signed: bool, axes: Axes = ROW_AND_COLUMN
    ) -> None:
        """Maps (n, rows, columns) in the one scale that fits them all."""
        scale = Scale.of([maps], signed=signed)
        self.count.setText(count)
        self.bar.show_scale(scale)
        self.mosaic.show_maps(maps, scale, names, axes)

    def redress(self) -> None:
        self.mosaic.redress()
        self.bar.update()

    def table(self) -> Table:
        maps = self.mosaic.maps
        down, across = self.mosaic.axes
        columns = [nth(across, i) for i in range(maps.shape[2])]
        rows = [
            [self.mosaic.names[i], ordinal(r), *map(float, row)]
            for i, one in enumerate(maps) for r, row in enumerate(one)
        ]  # fmt: skip
        return ["map", down, *columns], rows
