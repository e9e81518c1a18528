"""A form made from the fields of a pydantic model: titles, help, limits and choices come from the model itself."""

from collections.abc import Iterable, Mapping
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QApplication, QFormLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from annstudio.layers.activation import ActivationName, label
from annstudio.layers.losses import TITLES
from annstudio.ui.choices import CheckField, ChoiceField, FileField
from annstudio.ui.fields import MIXED, NamesField, NumberField, NumbersField, ShapeField, SizeField, TextField
from annstudio.ui.numbers import Limits
from annstudio.ui.theme import GRID

AnyField = NumberField | SizeField | TextField | FileField | CheckField | ChoiceField

LABEL_WIDTH = 27 * GRID
"""All forms of the window put their fields under one another."""

CHOICES: dict[Any, str] = {
    **{name: label(name) for name in get_args(ActivationName)},
    **TITLES,
    "auto": "automatic",
    **{
        f"{name.lower()}_{kind}": f"{name} {kind}"
        for name in ("Glorot", "He", "LeCun")
        for kind in ("uniform", "normal")
    },
}
"""How choices are written; others are shown as they are."""


class Cell(QWidget):
    """A field with room below it for words on what was refused."""

    def __init__(self, field: AnyField, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.field = field
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(field)
        self.words = QLabel(self)
        self.words.setWordWrap(True)
        self.words.setForegroundRole(QPalette.ColorRole.BrightText)
        self.words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.words.hide()
        column.addWidget(self.words)
        self.setFocusProxy(field)
        lines = field.findChildren(QLineEdit) + ([field] if isinstance(field, QLineEdit) else [])
        for line in lines:
            line.textEdited.connect(self.clear)
        for part in (field, *field.findChildren(NumberField)):
            if isinstance(part, NumberField | TextField):
                part.taken_back.connect(self.clear)

    def say(self, words: str) -> None:
        """Show why a value was refused; nothing where there is nothing to say."""
        if words == self.words.text() and self.words.isHidden() != bool(words):
            return
        self.words.setText(words)
        self.words.setVisible(bool(words))
        for widget in (self.field, *self.field.findChildren(QWidget)):
            widget.setProperty("wrong", bool(words))
            widget.style().unpolish(widget)
            widget.style().polish(widget)

    def clear(self) -> None:
        self.say("")


class Form(QWidget):
    """Labels on the left, fields on the right. `edited(name, value)` asks the owner to make the change.

    The owner answers with `set_values` (which emits nothing) or, where the change cannot be, with `refuse`.
    """

    edited = Signal(str, object)

    def __init__(
        self,
        model: type[BaseModel],
        names: Iterable[str] | None = None,
        parent: QWidget | None = None,
        choices: Mapping[str, Mapping[Any, str]] | None = None,
        label_width: int = LABEL_WIDTH,
    ) -> None:
        super().__init__(parent)
        self.model = model
        self._label_width = label_width
        self.cells: dict[str, Cell] = {}
        self.stepping = False
        """While `edited` is told: whether the edit came from an arrow, so that such edits in a row undo as one."""
        self.rows = QFormLayout(self)
        self.rows.setContentsMargins(0, 0, 0, 0)
        self.rows.setHorizontalSpacing(GRID)
        self.rows.setVerticalSpacing(GRID)
        self.rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.rows.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        self._needs: dict[str, tuple[str, str]] = {}
        self._left_out: frozenset[str] = frozenset()
        for name in names if names is not None else model.model_fields:
            info = model.model_fields[name]
            field = _field_for(info, (choices or {}).get(name))
            if field is not None:
                self._add(name, info, field)

    # What the owner calls ----------------------------------------------------------------------------------------

    @property
    def names(self) -> list[str]:
        return list(self.cells)

    def field(self, name: str) -> AnyField:
        """The field that edits the setting `name`."""
        return self.cells[name].field

    def set_values(self, values: Mapping[str, Any]) -> None:
        """Show these values without a sound. A field being typed in is left alone unless its value changed."""
        for name, cell in self.cells.items():
            if name in values:
                if cell.field.value() != values[name]:
                    cell.clear()
                with QSignalBlocker(cell.field):
                    cell.field.set_value(values[name])
        self._show_what_applies()

    def leave_out(self, *names: str) -> None:
        """Show every setting but these, which mean nothing at the moment."""
        self._left_out = frozenset(names)
        self._show_what_applies()

    def offer(self, name: str, choices: Mapping[Any, str]) -> None:
        """Say what can be chosen in a field whose choices depend on what else there is."""
        field = self.field(name)
        assert isinstance(field, ChoiceField)
        field.offer(choices)

    def refuse(self, name: str, words: str) -> None:
        """Say under a field why its value could not be taken. The last good value comes back when it is left."""
        field = self.field(name)
        self.cells[name].say(words)
        if isinstance(field, TextField | NumberField):
            field.turn_down()
        elif not isinstance(field, SizeField | FileField):
            field.restore()

    def settle(self) -> None:
        """Take what is being typed, as if the field were left: before the form shows something else."""
        focus: Any = QApplication.focusWidget()
        while focus is not None and focus is not self:
            if hasattr(focus, "commit") and self.isAncestorOf(focus):
                focus.commit()
                focus.restore()
                return
            focus = focus.parentWidget()

    def clear(self) -> None:
        """Take back all words of refusal."""
        for cell in self.cells.values():
            cell.clear()

    # Inside --------------------------------------------------------------------------------------------------------

    def _add(self, name: str, info: FieldInfo, field: AnyField) -> None:
        title = info.title or name.replace("_", " ").capitalize()
        cell = Cell(field, self)
        words = QLabel(title, self)
        words.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        words.setFixedWidth(self._label_width)
        words.setWordWrap(True)
        # Level with the text inside the field.
        words.setContentsMargins(0, 3 if not isinstance(field, CheckField) else 1, 0, 0)
        words.setBuddy(field)
        help_text = info.description or ""
        for widget in (words, field, *field.findChildren(QWidget)):
            widget.setToolTip(help_text)
            widget.setAccessibleDescription(help_text)
        field.setAccessibleName(title)
        field.setObjectName(name)
        field.edited.connect(lambda value, name=name: self._edited(name, value))
        field.refused.connect(lambda said, cell=cell, title=title: cell.say(f"{title} {said}"))
        self.rows.addRow(words, cell)
        self.cells[name] = cell
        needs = (info.json_schema_extra or {}) if isinstance(info.json_schema_extra, dict | NoneType) else {}
        if "needs" in needs:
            needed, _, value = str(needs["needs"]).partition("=")
            self._needs[name] = needed, value

    def _edited(self, name: str, value: Any) -> None:
        # Whoever edits on has read what was said of other fields too.
        self.clear()
        self.stepping = bool(self.field(name).stepping)
        try:
            self.edited.emit(name, value)
        finally:
            self.stepping = False

    def _show_what_applies(self) -> None:
        for name, cell in self.cells.items():
            shown = self._applies(name)
            if self.rows.isRowVisible(cell) != shown:
                self.rows.setRowVisible(cell, shown)

    def _applies(self, name: str) -> bool:
        """Whether a setting means something: what it needs is so, and means something itself."""
        if name in self._left_out:
            return False
        needed, value = self._needs.get(name, ("", ""))
        if needed not in self.cells:
            return True
        found = self.cells[needed].field.value()
        met = (found is MIXED or str(found) in value.split("|")) if value else found is not False
        return met and self._applies(needed)


# ------------------------------------------------------------------------------------------------ from type to field


def _field_for(info: FieldInfo, choices: Mapping[Any, str] | None) -> AnyField | None:
    """The field that suits a setting's type; None for what a form cannot edit."""
    kind, metadata = _bare(info.annotation, info.metadata)
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    if get_origin(kind) is Literal:
        values = get_args(kind)
        if len(values) < 2:
            return None
        return ChoiceField(choices or {value: CHOICES.get(value, str(value).replace("_", " ")) for value in values})
    if get_origin(kind) is tuple:
        return _tuple_field(get_args(kind), metadata)
    if kind is bool:
        return CheckField()
    if kind is int or kind is float:
        return NumberField(_limits(metadata, whole=kind is int))
    if kind is str and extra.get("offered"):
        return ChoiceField({})
    if kind is str:
        return FileField(str(extra["file"])) if "file" in extra else TextField()
    return None


def _tuple_field(parts: tuple[Any, ...], metadata: list[Any]) -> AnyField | None:
    kind, inner = _bare(parts[0], [])
    if parts[-1] is Ellipsis:
        if kind is int:
            least = next((m.min_length for m in metadata if hasattr(m, "min_length")), 1)
            most = next((m.max_length for m in metadata if hasattr(m, "max_length")), 8)
            return ShapeField(_limits(inner, whole=True), (least, most))
        return {str: NamesField, float: NumbersField}[kind]() if kind in (str, float) else None
    return SizeField(_limits(inner, whole=True), len(parts)) if kind is int else None


def _bare(annotation: Any, metadata: list[Any]) -> tuple[Any, list[Any]]:
    """A type without its Annotated, and all that was annotated."""
    metadata = list(metadata)
    while get_origin(annotation) is Annotated:
        annotation, *more = get_args(annotation)
        for one in more:
            metadata += one.metadata if isinstance(one, FieldInfo) else [one]
    return annotation, metadata


def _limits(metadata: list[Any], *, whole: bool) -> Limits:
    ends: dict[str, Any] = {}
    for one in metadata:
        for sign in ("ge", "gt", "le", "lt"):
            if getattr(one, sign, None) is not None:
                ends[sign] = getattr(one, sign)
    least, most = ends.get("ge", ends.get("gt")), ends.get("le", ends.get("lt"))
    given = {key: value for key, value in (("least", least), ("most", most)) if value is not None}
    return Limits(
        **given, above="ge" not in ends and "gt" in ends, below="le" not in ends and "lt" in ends, whole=whole
    )
