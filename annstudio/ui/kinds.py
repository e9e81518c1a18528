"""A form for one of several kinds, each with settings of its own: which kind it is, and its fields."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Literal, cast

from pydantic import BaseModel, Field, create_model
from pydantic.fields import FieldInfo
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from annstudio.ui.forms import Form
from annstudio.ui.theme import GRID


class KindForm(QWidget):
    """Choose a kind and see its fields alone, those named `last` at the end.

    The owner answers `chosen(kind)` and `edited(name, value)` with `set_value`, or with `refuse` of the form.
    """

    chosen = Signal(str)
    edited = Signal(str, object)

    def __init__(
        self, info: FieldInfo, kinds: Iterable[type[BaseModel]], parent: QWidget | None = None,
        last: Collection[str] = (),
    ) -> None:  # fmt: skip
        super().__init__(parent)
        self._last = last
        self.kinds: Mapping[str, type[BaseModel]] = {str(one.model_fields["kind"].default): one for one in kinds}
        choice = create_model(
            "_Choice",
            kind=(cast(Any, Literal)[tuple(self.kinds)], Field(title=info.title, description=info.description)),
        )
        titles = {"kind": {kind: getattr(one, "title", kind) for kind, one in self.kinds.items()}}
        self.choice = Form(choice, parent=self, choices=titles)
        self.choice.edited.connect(self._choose)
        self.forms = {kind: self._form(one) for kind, one in self.kinds.items()}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID)
        for form in (self.choice, *self.forms.values()):
            column.addWidget(form)

    @property
    def form(self) -> Form:
        """The form of the kind that is now."""
        return self.forms[str(self.choice.field("kind").value())]

    def set_value(self, value: BaseModel) -> None:
        """Show this value without a sound."""
        kind = str(value.model_dump()["kind"])
        self.choice.set_values({"kind": kind})
        for name, form in self.forms.items():
            form.setVisible(name == kind and bool(form.names))
        self.forms[kind].set_values(dict(value))

    def settle(self) -> None:
        """Take what is being typed."""
        for form in (self.choice, *self.forms.values()):
            form.settle()

    def _form(self, kind: type[BaseModel]) -> Form:
        form = Form(kind, sorted(kind.model_fields, key=lambda name: name in self._last), self)
        form.edited.connect(self.edited)
        return form

    def _choose(self, _: str, kind: str) -> None:
        self.chosen.emit(kind)
