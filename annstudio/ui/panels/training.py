"""How the network is trained: optimiser, loss, batches, epochs. The loss lives in its node and is shown here too."""

from typing import Any, Literal, cast

from pydantic import Field, create_model
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from annstudio.engine.optimizers import OPTIMIZERS, Adam, Optimizer
from annstudio.errors import Remedy, StudioError
from annstudio.layers.losses import Loss
from annstudio.session import Session
from annstudio.training.settings import TrainingSettings
from annstudio.ui.forms import Form
from annstudio.ui.panels.base import Panel
from annstudio.ui.theme import GRID

SMALL_RATE = 0.02
"""Adam's rate is the size of every step: what suits plain gradients is mostly too large for it, and the other way."""

KINDS: dict[str, type[Optimizer]] = {str(one.model_fields["kind"].default): one for one in OPTIMIZERS}
_FIELD = TrainingSettings.model_fields["optimizer"]
_Choice = create_model(
    "_Choice",
    kind=(cast(Any, Literal)[tuple(KINDS)], Field(title=_FIELD.title, description=_FIELD.description)),
)


class TrainingPanel(Panel):
    """Training settings as a form; usable alone, or as the last section of the inspector."""

    title = "Training"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.column = QVBoxLayout(self.body)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(GRID)
        titles = {"kind": {kind: one.title for kind, one in KINDS.items()}}
        self.kind = Form(_Choice, parent=self.body, choices=titles)
        self.kind.edited.connect(self._choose_kind)
        self.optimizers = {kind: self._optimizer_form(one) for kind, one in KINDS.items()}
        self.loss = Form(Loss, ["function"], self.body)
        self.loss.edited.connect(self._set_loss)
        self.add_loss = QPushButton("Add the loss", self.body)
        self.add_loss.setToolTip("Put a loss behind the last layer: training needs one")
        self.add_loss.clicked.connect(self._add_loss)
        self.rest = Form(TrainingSettings, self._rest_names(), self.body)
        self.rest.edited.connect(self._set)
        for form in (self.kind, *self.optimizers.values(), self.loss):
            self.column.addWidget(form)
        self.column.addWidget(self.add_loss, 0, Qt.AlignmentFlag.AlignLeft)
        self.column.addWidget(self.rest)
        self.column.addStretch(1)

    @property
    def optimizer_form(self) -> Form:
        """The form of the optimiser that is now."""
        return self.optimizers[str(self._optimizer.model_dump()["kind"])]

    def refresh(self) -> None:
        settings = self.session.project.settings
        kind = settings.optimizer.kind
        self.kind.set_values({"kind": kind})
        for name, form in self.optimizers.items():
            form.setVisible(name == kind)
        self.optimizers[kind].set_values(dict(settings.optimizer))
        self.rest.set_values({name: getattr(settings, name) for name in self.rest.names})
        node = self._loss_node()
        self.loss.setVisible(node is not None)
        self.add_loss.setVisible(node is None and bool(self.session.project.graph.nodes))
        if node is not None:
            self.loss.set_values(dict(self.session.project.graph.nodes[node].layer))

    def settle(self) -> None:
        """Take what is being typed."""
        for form in (self.kind, *self.optimizers.values(), self.loss, self.rest):
            form.settle()

    # Editing -------------------------------------------------------------------------------------------------------

    @property
    def _optimizer(self) -> Optimizer:
        return self.session.project.settings.optimizer

    def _optimizer_form(self, kind: type[Optimizer]) -> Form:
        form = Form(kind, parent=self.body)
        form.edited.connect(self._set_optimizer)
        return form

    @staticmethod
    def _rest_names() -> list[str]:
        names = [name for name in TrainingSettings.model_fields if name != "optimizer"]
        return sorted(names, key=lambda name: name == "dtype")

    def _choose_kind(self, _: str, kind: str) -> None:
        self._apply(self.kind, "kind", optimizer=switched(self._optimizer, KINDS[kind]).model_dump())

    def _set_optimizer(self, name: str, value: Any) -> None:
        form = self.optimizer_form
        self._apply(form, name, optimizer={**self._optimizer.model_dump(), name: value})

    def _set(self, name: str, value: Any) -> None:
        self._apply(self.rest, name, **{name: value})

    def _apply(self, form: Form, name: str, **fields: Any) -> None:
        try:
            self.session.set_settings(merge=("settings", name) if form.stepping else None, **fields)
        except StudioError as error:
            form.refuse(name, error.message)

    def _loss_node(self) -> str | None:
        return next((id for id, node in self.session.project.graph.nodes.items() if isinstance(node.layer, Loss)), None)

    def _set_loss(self, name: str, value: Any) -> None:
        node = self._loss_node()
        if node is not None:
            try:
                self.session.set_layer_at(node, **{name: value})
            except StudioError as error:
                self.loss.refuse(name, error.message)

    def _add_loss(self) -> None:
        offered = [remedy for problem in self.session.checked.problems for remedy in problem.remedies]
        suited = [remedy for remedy in offered if remedy.action == "append" and remedy.layer == "Loss"]
        ends = self.session.network.result_nodes()
        if suited or ends:
            self.session.mend(suited[0] if suited else Remedy("append", "Add the loss", ends[-1], "Loss"))


def switched(old: Optimizer, kind: type[Optimizer]) -> Optimizer:
    """Another optimiser with the learning rate kept where it means about the same, else with its own usual one."""
    usual = float(kind.model_fields["learning_rate"].default)
    chosen = old.learning_rate != type(old).model_fields["learning_rate"].default
    alike = (kind is Adam) == isinstance(old, Adam)
    sensible = old.learning_rate <= SMALL_RATE if kind is Adam else old.learning_rate > SMALL_RATE / 10
    return kind(learning_rate=old.learning_rate if alike or (chosen and sensible) else usual)


__all__ = ["TrainingPanel", "switched"]
