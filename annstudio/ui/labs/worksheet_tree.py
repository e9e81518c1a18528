"""Every number that can be asked, as a tree of arrays and their numbers to tick; an array's are listed when opened."""

import html
from typing import Any

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtWidgets import QWidget

from annstudio.explain.catalogue import Asked, Catalogue, Group, symbol_text
from annstudio.explain.worksheet import MOST_ASKED
from annstudio.ordinals import nth
from annstudio.ui.numbers import count_text

AnyIndex = QModelIndex | QPersistentModelIndex
_NOWHERE = QModelIndex()
Role = Qt.ItemDataRole
MOST_LISTED = 2_000
"""Of larger arrays the first numbers are listed; the others can only be drawn at random."""
DRAWN = 20
"""So many are drawn where a group has more numbers than a sheet holds."""


class NumbersModel(QAbstractItemModel):
    """Groups with their numbers. `ticked(words)`: others are chosen now, and what there is to say about it."""

    ticked = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.catalogue: Catalogue | None = None
        self.groups: tuple[Group, ...] = ()
        self.chosen: dict[str, Group] = {}
        self._members: dict[int, tuple[Asked, ...]] = {}
        self._seed = 0

    # Choosing --------------------------------------------------------------------------------------------------------

    def show_numbers(self, catalogue: Catalogue, chosen: tuple[str, ...]) -> None:
        """Show the numbers of another batch; those of `chosen` that it has are ticked."""
        self.beginResetModel()
        self.catalogue, self.groups = catalogue, catalogue.groups
        self._members = {}
        known = [catalogue.find(name) for name in chosen if catalogue.has(name)]
        self.chosen = {asked.name: catalogue.group_of(asked) for asked in known}
        self.endResetModel()

    @property
    def names(self) -> tuple[str, ...]:
        """The ticked numbers in the order of the calculation."""
        return () if self.catalogue is None else self.catalogue.ordered(self.chosen)

    def choose(self, groups: list[Group]) -> None:
        """Tick all numbers of these groups; of too many some are drawn, others with every call."""
        assert self.catalogue is not None
        total, room = sum(map(self.catalogue.size, groups)), MOST_ASKED - len(self.chosen)
        words = ""
        if total > room:
            self._seed += 1
            n = min(DRAWN, room)
            words = f"Drawn: {n} of {count_text(total)} numbers. A sheet holds at most {MOST_ASKED}."
            drawn = self.catalogue.drawn(groups, n, self._seed) if n else ()
        else:
            drawn = self.catalogue.drawn(groups, total, 0)
        for asked in drawn:
            self.chosen[asked.name] = self.catalogue.group_of(asked)
        self._told(words)

    def clear(self) -> None:
        self.chosen = {}
        self._told("")

    def _told(self, words: str) -> None:
        for row in range(len(self.groups)):
            at = self.index(row, 0)
            self.dataChanged.emit(at, at, [Role.CheckStateRole, Role.DisplayRole])
            if row in self._members:
                n = self.rowCount(at)
                self.dataChanged.emit(self.index(0, 0, at), self.index(n - 1, 0, at), [Role.CheckStateRole])
        self.ticked.emit(words)

    # How Qt asks -----------------------------------------------------------------------------------------------------

    def index(self, row: int, column: int, parent: AnyIndex = _NOWHERE) -> QModelIndex:
        if not self.hasIndex(row, column, parent):
            return QModelIndex()
        return self.createIndex(row, column, parent.row() + 1 if parent.isValid() else 0)

    def parent(self, child: AnyIndex = _NOWHERE) -> QModelIndex:  # type: ignore[override]
        if not child.isValid() or not child.internalId():
            return QModelIndex()
        return self.createIndex(int(child.internalId()) - 1, 0, 0)

    def rowCount(self, parent: AnyIndex = _NOWHERE) -> int:
        if not parent.isValid():
            return len(self.groups)
        if parent.internalId() or self.catalogue is None:
            return 0
        return min(self.catalogue.size(self.groups[parent.row()]), MOST_LISTED)

    def columnCount(self, parent: AnyIndex = _NOWHERE) -> int:
        return 1

    def flags(self, index: AnyIndex) -> Qt.ItemFlag:
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsUserCheckable

    def data(self, index: AnyIndex, role: int = Role.DisplayRole) -> Any:
        if self.catalogue is None or not index.isValid():
            return None
        if not index.internalId():
            return self._group_data(self.groups[index.row()], role)
        asked = self.member(index)
        if role == Role.CheckStateRole:
            return Qt.CheckState.Checked if asked.name in self.chosen else Qt.CheckState.Unchecked
        if role == Role.DisplayRole:
            example = asked.quantity.example
            behind = "" if example is None or self.catalogue.n == 1 else f", {nth('example', example)}"
            return symbol_text(self.catalogue.symbol(asked)) + behind
        # A name counts its places from 0: beside the symbol it looks like the code that it is.
        return f"<code>{html.escape(asked.name)}</code>" if role == Role.ToolTipRole else None

    def _group_data(self, group: Group, role: int) -> Any:
        assert self.catalogue is not None
        size, n = self.catalogue.size(group), sum(other == group for other in self.chosen.values())
        if role == Role.CheckStateRole:
            if not n:
                return Qt.CheckState.Unchecked
            return Qt.CheckState.Checked if n == size else Qt.CheckState.PartiallyChecked
        if role == Role.DisplayRole:
            counted = f"{n} of {count_text(size)}" if n else count_text(size)
            return f"{self.catalogue.title(group)} · {counted}"
        return group.name if role == Role.ToolTipRole else None

    def setData(self, index: AnyIndex, value: Any, role: int = Role.EditRole) -> bool:
        if role != Role.CheckStateRole or self.catalogue is None:
            return False
        on = Qt.CheckState(value) == Qt.CheckState.Checked
        if not index.internalId():
            group = self.groups[index.row()]
            if on:
                self.choose([group])
            else:
                self.chosen = {name: other for name, other in self.chosen.items() if other != group}
                self._told("")
            return True
        asked = self.member(index)
        if on and len(self.chosen) >= MOST_ASKED:
            self._told(f"A sheet holds at most {MOST_ASKED} numbers.")
            return False
        if on:
            self.chosen[asked.name] = self.groups[int(index.internalId()) - 1]
        else:
            self.chosen.pop(asked.name, None)
        self._told("")
        return True

    def member(self, index: AnyIndex) -> Asked:
        """The number that a row below a group stands for."""
        row = int(index.internalId()) - 1
        if row not in self._members:
            assert self.catalogue is not None
            self._members[row] = self.catalogue.members(self.groups[row], MOST_LISTED)
        return self._members[row][index.row()]
