"""How the network is trained: optimiser, loss, batches, epochs. The loss lives in its node and is shown here too."""

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from annstudio.engine.optimizers import OPTIMIZERS, Adam, Optimizer
from annstudio.engine.schedules import SCHEDULES, Schedule
from annstudio.errors import Remedy, StudioError
from annstudio.layers.losses import Loss
from annstudio.session import Session
from annstudio.training.patience import watched_losses
from annstudio.training.settings import TrainingSettings
from annstudio.ui.forms import Form
from annstudio.ui.kinds import KindForm
from annstudio.ui.panels.base import Panel
from annstudio.ui.panels.rates import RatePicture
from annstudio.ui.theme import GRID

SMALL_RATE = 0.02
"""Adam's rate is the size of every step: what suits plain gradients is mostly too large for it, and the other way."""


class TrainingPanel(Panel):
    """Training settings as a form; usable alone, or as the last section of the inspector."""

    title = "Training"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.column = QVBoxLayout(self.body)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(GRID)
        fields = TrainingSettings.model_fields
        self.optimizer = KindForm(fields["optimizer"], OPTIMIZERS, self.body)
        self.optimizer.chosen.connect(self._choose_optimizer)
        self.optimizer.edited.connect(self._set_optimizer)
        self.schedule = KindForm(fields["schedule"], SCHEDULES, self.body, last=("warm_up",))
        self.schedule.chosen.connect(self._choose_schedule)
        self.schedule.edited.connect(self._set_schedule)
        self.rates = RatePicture(self.body)
        self.loss = Form(Loss, ["function"], self.body)
        self.loss.edited.connect(self._set_loss)
        self.add_loss = QPushButton("Add the loss", self.body)
        self.add_loss.setToolTip("Put a loss behind the last layer: training needs one")
        self.add_loss.clicked.connect(self._add_loss)
        self.rest = Form(TrainingSettings, self._rest_names(), self.body)
        self.rest.edited.connect(self._set)
        for part in (self.optimizer, self.schedule, self.rates, self.loss):
            self.column.addWidget(part)
        self.column.addWidget(self.add_loss, 0, Qt.AlignmentFlag.AlignLeft)
        self.column.addWidget(self.rest)
        self.column.addStretch(1)

    def refresh(self) -> None:
        settings = self.session.project.settings
        self.optimizer.set_value(settings.optimizer)
        self.schedule.set_value(settings.schedule)
        self._show_rate(settings)
        self.rest.leave_out(*([] if self.session.network.uneven else ["group_by_length"]))
        self.rest.set_values({name: getattr(settings, name) for name in self.rest.names})
        node = self._loss_node()
        self.loss.setVisible(node is not None)
        self.add_loss.setVisible(node is None and bool(self.session.project.graph.nodes))
        if node is not None:
            self.loss.set_values(dict(self.session.project.graph.nodes[node].layer))

    def settle(self) -> None:
        """Take what is being typed."""
        for form in (self.optimizer, self.schedule, self.loss, self.rest):
            form.settle()

    def redress(self) -> None:
        self.rates.update()

    def _show_rate(self, settings: TrainingSettings) -> None:
        """The picture of the rate, where it is not always the same."""
        self.rates.setVisible(not settings.schedule.steady)
        if settings.schedule.steady:
            return
        latest, network = self.session.latest, self.session.network
        if self.session.state == "training" and latest is not None:
            losses, done, now = watched_losses(latest.record), latest.epochs_done, latest.rate
        else:
            losses, done, now = watched_losses(network.run_so_far.record), network.epochs_done, network.rate
        self.rates.show_settings(settings, tuple(losses), done, now)

    # Editing -------------------------------------------------------------------------------------------------------

    @staticmethod
    def _rest_names() -> list[str]:
        names = [name for name in TrainingSettings.model_fields if name not in ("optimizer", "schedule")]
        return sorted(names, key=lambda name: name == "dtype")

    def _choose_optimizer(self, kind: str) -> None:
        other = switched(self.session.project.settings.optimizer, _of_kind(OPTIMIZERS, kind))
        self._apply(self.optimizer.choice, "kind", optimizer=other.model_dump())

    def _set_optimizer(self, name: str, value: Any) -> None:
        now = self.session.project.settings.optimizer.model_dump()
        self._apply(self.optimizer.form, name, optimizer={**now, name: value})

    def _choose_schedule(self, kind: str) -> None:
        warm_up = self.session.project.settings.schedule.warm_up
        other: Schedule = _of_kind(SCHEDULES, kind)(warm_up=warm_up)
        self._apply(self.schedule.choice, "kind", schedule=other.model_dump())

    def _set_schedule(self, name: str, value: Any) -> None:
        now = self.session.project.settings.schedule.model_dump()
        self._apply(self.schedule.form, name, schedule={**now, name: value})

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


def _of_kind(kinds: Any, kind: str) -> Any:
    return next(one for one in kinds if one.model_fields["kind"].default == kind)


def switched(old: Optimizer, kind: type[Optimizer]) -> Optimizer:
    """Another optimiser with the learning rate kept where it means about the same, else with its own usual one."""
    usual = float(kind.model_fields["learning_rate"].default)
    chosen = old.learning_rate != type(old).model_fields["learning_rate"].default
    alike = (kind is Adam) == isinstance(old, Adam)
    sensible = old.learning_rate <= SMALL_RATE if kind is Adam else old.learning_rate > SMALL_RATE / 10
    return kind(learning_rate=old.learning_rate if alike or (chosen and sensible) else usual)


__all__ = ["TrainingPanel", "switched"]
