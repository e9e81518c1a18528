"""The inspector: settings, curve, weights and shapes of what is selected; with nothing selected, the whole network."""

from collections import Counter
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from annstudio.engine.op import shape_text
from annstudio.errors import StudioError
from annstudio.layers.base import Layer
from annstudio.layers.block.node import Block
from annstudio.layers.graph import Node
from annstudio.layers.names import is_of, node_of
from annstudio.session import Session
from annstudio.session.answers import weights_of_now
from annstudio.ui.fields import MIXED, TextField
from annstudio.ui.forms import Cell, Form
from annstudio.ui.numbers import count_text
from annstudio.ui.panels.base import Panel, follow, heading, number_label, quiet_label
from annstudio.ui.panels.sections import CurvePreview, ProblemBox, WeightsGlance
from annstudio.ui.panels.training import TrainingPanel
from annstudio.ui.theme import GRID, TEXT, TITLE, ui_font

WEIGHTS_OF = "weights_of"
ABOUT_WEIGHTS = (
    "initializer", "constant", "limit", "deviation", "bias", "bias_start", "bias_value", "train_bias", "share_bias",
    "forget_bias", "recurrent_initializer", "trainable",
)  # fmt: skip
"""Settings that stand with the weights."""
CURVES = ("activation", "function")
"""Settings whose choice is a curve, where its layer is no loss."""
MAX_PROBLEMS = 3


class InspectorPanel(Panel):
    """Follows `show_nodes`. `renamed(old, new)` tells the window to keep the node selected under its new name."""

    title = "Inspector"
    renamed = Signal(str, str)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.ids: list[str] = []
        self._forms: dict[tuple[type[Layer], bool], Form] = {}
        self._problems: list[ProblemBox] = []
        self._shown_problems: tuple[object, ...] = ()
        self.column = QVBoxLayout(self.body)
        self.column.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 3 * GRID)
        self.column.setSpacing(GRID)
        self._make_parts(self.body)
        follow(self, session.document.saved, self._saved)

    def _make_parts(self, page: QWidget) -> None:
        top = QHBoxLayout()
        top.setSpacing(GRID)
        self.name = TextField(page)
        self.name.setObjectName("nodeName")
        self.name.setFont(ui_font(TITLE, bold=True))
        # As plain as a heading until it is pointed at.
        self.name.setStyleSheet(
            "QLineEdit:!hover:!focus { border-color: transparent; background: transparent; padding-left: 0 }"
        )
        self.name.setAccessibleName("Name of the layer")
        self.name.setToolTip("The layer's name: its weights are called after it")
        self.name.edited.connect(self._rename)
        self.name_cell = Cell(self.name, page)
        self.head = QLabel(page)
        self.head.setFont(ui_font(TITLE, bold=True))
        self.head.setWordWrap(True)
        self.kind = quiet_label("", page)
        self.kind.setWordWrap(False)
        for part in (self.name_cell, self.head):
            top.addWidget(part, 1)
        top.addWidget(self.kind)
        self.column.addLayout(top)
        self.facts = quiet_label("", page)
        self.column.addWidget(self.facts)
        self.note = QLabel(page)
        self.note.setFont(ui_font(TEXT - 1))
        self.note.setWordWrap(True)
        self.note.setTextFormat(Qt.TextFormat.PlainText)
        self.note.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.note.setContentsMargins(0, GRID, 0, GRID)
        self.column.addWidget(self.note)
        self.problems = QVBoxLayout()
        self.problems.setSpacing(GRID)
        self.column.addLayout(self.problems)
        self.layer_head = self._section("Layer", page)
        self.layer_forms = QVBoxLayout()
        self.column.addLayout(self.layer_forms)
        self.curve = CurvePreview(page)
        self.column.addWidget(self.curve)
        self.weights_head = self._section("Weights", page)
        self.weight_forms = QVBoxLayout()
        self.column.addLayout(self.weight_forms)
        self.glance = WeightsGlance(page)
        self.column.addWidget(self.glance)
        self.shape_head = self._section("Shape", page)
        self.shape = number_label("", page)
        self.column.addWidget(self.shape)
        self.training_head = self._section("Training", page)
        self.training = TrainingPanel(self.session, page)
        self.column.addWidget(self.training)
        self.column.addStretch(1)

    def _section(self, title: str, page: QWidget) -> QLabel:
        label = heading(title, page)
        label.setContentsMargins(0, 2 * GRID, 0, 0)
        self.column.addWidget(label)
        return label

    # What is shown ---------------------------------------------------------------------------------------------------

    def show(self, ids: list[str] | None = None) -> None:
        """Show these nodes; without them simply come into view, as any widget does."""
        if ids is None:
            super().show()
        else:
            self.show_nodes(ids)

    def show_nodes(self, ids: list[str]) -> None:
        """Show these nodes. What was being typed into another node's form is taken first."""
        if ids == self.ids:
            return
        self.settle()
        self.ids = list(ids)
        for form in self._forms.values():
            form.clear()
        self.name_cell.clear()
        self.touch(0)

    def settle(self) -> None:
        """Take what is being typed."""
        if not self.isVisible():
            return
        for form in self._forms.values():
            form.settle()
        self.training.settle()
        if self.name.hasFocus():
            self.name.commit()

    def refresh(self) -> None:
        nodes = self.session.graph.nodes
        self.ids = [id for id in self.ids if id in nodes]
        chosen = [nodes[id] for id in self.ids]
        self._show_head(chosen)
        self._show_problems()
        alike = bool(chosen) and all(type(node.layer) is type(chosen[0].layer) for node in chosen)
        self._show_forms(chosen if alike else [])
        self._show_live()
        one = len(chosen) == 1
        for part in (self.shape_head, self.shape):
            part.setVisible(one)
        self.training_head.setVisible(len(chosen) < 2)
        self.training.setVisible(len(chosen) < 2)
        if one:
            self.shape.setText(self._shape_text(self.ids[0]))

    def _saved(self) -> None:
        """The network may go by another name now."""
        self.touch(0)

    def redress(self) -> None:
        self.glance.redress()
        self.curve.update()
        for box in self._problems:
            box.redress()

    def _show_head(self, chosen: list[Node]) -> None:
        one = len(chosen) == 1
        self.name_cell.setVisible(one)
        self.head.setVisible(not one)
        self.kind.setVisible(one)
        self.facts.setVisible(not one)
        self.note.setText("" if chosen else self.session.project.note)
        self.note.setVisible(bool(self.note.text()))
        if one:
            self.name.set_value(chosen[0].id)
            self.kind.setText(type(chosen[0].layer).kind())
            self.kind.setToolTip((type(chosen[0].layer).__doc__ or "").strip())
        elif chosen:
            kinds = Counter(type(node.layer).kind() for node in chosen)
            self.head.setText(f"{len(chosen)} layers")
            n = sum(f.n_parameters for node in chosen if (f := self.session.here.facts.get(node.id)))
            told = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
            together = (
                " An edit here changes them all." if len(kinds) == 1 else " Layers of one kind are edited together."
            )
            self.facts.setText(f"{told} · {count_text(n)} parameters.{together}")
        else:
            self.head.setText(self.session.title)
            self.facts.setText(network_text(self.session))

    def _shape_text(self, id: str) -> str:
        facts = self.session.here.facts
        links = [link for link in self.session.graph.into(id) if link.source in facts]
        lines = [f"in  {shape_text(facts[k.source].shapes[k.out])}" for k in links]
        if id in facts:
            n = facts[id].n_parameters
            if self.session.graph.nodes[id].layer.gives:
                lines += [f"out {shape_text(shape)}" for shape in facts[id].shapes]
            lines.append(f"{count_text(n)} parameter{'s' if n != 1 else ''}" if n else "no parameters")
        return "\n".join(lines) or "not known yet"

    def _show_problems(self) -> None:
        found = self.session.here.problems
        chosen = tuple(p for p in found if node_of(p.node) in self.ids or not self.ids)[:MAX_PROBLEMS]
        if chosen == self._shown_problems:
            return
        self._shown_problems = chosen
        for box in self._problems:
            self.problems.removeWidget(box)
            box.hide()
            box.deleteLater()
        self._problems = [ProblemBox(problem) for problem in chosen]
        for box in self._problems:
            box.mended.connect(self.session.mend)
            self.problems.addWidget(box)

    # Forms -----------------------------------------------------------------------------------------------------------

    def _show_forms(self, chosen: list[Node]) -> None:
        kind = type(chosen[0].layer) if chosen else None
        heads = (self.layer_head, self.weights_head)
        for about_weights, head in enumerate(heads):
            form = self._form(kind, bool(about_weights)) if kind else None
            for (other, which), made in self._forms.items():
                if which == bool(about_weights):
                    made.setVisible(other is kind)
            head.setVisible(form is not None)
            if form is not None:
                form.set_values(common([node.layer for node in chosen], form.names))
                if WEIGHTS_OF in form.names:
                    form.offer(WEIGHTS_OF, self._lenders())
        name = next((n for n in CURVES if kind and n in kind.model_fields), None)
        values = {getattr(node.layer, name) for node in chosen} if name and kind and kind.has_output else set()
        self.curve.setVisible(len(values) == 1)
        if len(values) == 1:
            self.curve.show_activation(values.pop())

    def _lenders(self) -> dict[str, str]:
        """The blocks beside the chosen ones whose weights these can use."""
        layers = {id: node.layer for id, node in self.session.graph.nodes.items() if id not in self.ids}
        own = [id for id, layer in layers.items() if isinstance(layer, Block) and not layer.weights_of]
        return {"": "its own", **{id: id for id in own}}

    def _form(self, kind: type[Layer], about_weights: bool) -> Form | None:
        """The form of one section, made when first needed and kept; None where the kind has no such settings."""
        names = [name for name in kind.model_fields if (name in ABOUT_WEIGHTS) == about_weights]
        if not names:
            return None
        key = (kind, about_weights)
        if key not in self._forms:
            form = Form(kind, names)
            form.edited.connect(self._edit)
            (self.weight_forms if about_weights else self.layer_forms).addWidget(form)
            self._forms[key] = form
        return self._forms[key]

    def _edit(self, name: str, value: Any) -> None:
        form = self.sender()
        assert isinstance(form, Form)
        merge = (tuple(self.ids), name) if form.stepping else None
        try:
            if len(self.ids) == 1:
                self.session.set_layer(self.ids[0], merge=merge, **{name: value})
            else:
                self._edit_all(name, value, merge)
        except StudioError as error:
            form.refuse(name, error.message)

    def _edit_all(self, name: str, value: Any, merge: object) -> None:
        graph = self.session.graph
        for id in self.ids:
            graph = graph.with_layer(id, graph.nodes[id].layer.changed(**{name: value}))
        self.session.edit_graph(graph, f"Set {name.replace('_', ' ')} of {len(self.ids)} layers", merge)

    def _rename(self, new: str) -> None:
        old = self.ids[0]
        try:
            self.ids = [new]
            self.session.rename(old, new)
        except StudioError as error:
            self.ids = [old]
            self.name_cell.say(error.message)
        else:
            self.renamed.emit(old, new)

    def _show_live(self) -> None:
        """The weights as they are now."""
        # A layer that does not fit has no weights; those of its past are not shown as if they were its own.
        one = self.ids[0] if len(self.ids) == 1 and self.ids[0] in self.session.here.facts else None
        path = self.session.owner(one) if one else ""
        live = weights_of_now(self.session)
        own = {key[len(path) :].lstrip("/"): w for key, w in live.items() if path and is_of(key, path)}
        self.glance.show_weights(own)
        if own:
            self.weights_head.show()


def common(layers: list[Layer], names: list[str]) -> dict[str, Any]:
    """The settings of several layers: what they share, MIXED where they differ."""
    found = {}
    for name in names:
        values = [getattr(layer, name) for layer in layers]
        found[name] = values[0] if all(value == values[0] for value in values) else MIXED
    return found


def network_text(session: Session) -> str:
    """The whole network in a line or two."""
    graph, checked = session.project.graph, session.checked
    if not graph.nodes:
        return "The canvas is empty. Drag an Input from the palette, or press / to search for a layer."
    n = len(graph.nodes)
    words = f"{n} layer{'s' if n != 1 else ''} · {count_text(checked.n_parameters)} parameters"
    dataset = session.dataset
    if dataset is not None:
        several = "s" if len(dataset) != 1 else ""
        words += f" · {dataset.title or dataset.name}, {count_text(len(dataset))} example{several}"
    elif session.data_problem:
        words += f" · {session.data_problem}"
    else:
        words += " · no data chosen yet"
    return words


__all__ = ["InspectorPanel", "common", "network_text"]
