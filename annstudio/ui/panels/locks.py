"""Locking single numbers in the weights panel: by key, button and menu, for whatever is selected in the table."""

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPoint
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QMenu

from annstudio.engine.op import Array
from annstudio.errors import StudioError
from annstudio.explain.number_names import spelled
from annstudio.ordinals import nth
from annstudio.ui.actions import by_id, shortcuts
from annstudio.ui.theme import icon

if TYPE_CHECKING:
    from annstudio.ui.panels.weights import WeightsPanel


class Locks:
    """What the weights panel does about locks; the panel says which view and which part of it is shown."""

    def __init__(self, panel: "WeightsPanel") -> None:
        self._panel = panel

    def whole(self) -> Array:
        """Which numbers of the view are locked."""
        panel = self._panel
        known = panel.session.project.locked.get(panel.key)
        fits = known is not None and known.shape == panel.array.shape
        return np.array(known) if fits else np.zeros(panel.array.shape, bool)

    def shown(self) -> Array:
        """Which numbers of the table are locked."""
        return self._panel.matrix(self.whole())

    @property
    def possible(self) -> bool:
        """Whether the view is one that is learned."""
        return self._panel.array.size > 0 and self._panel.session.network.may_lock(self._panel.key)

    def toggle(self) -> None:
        """Lock what is selected; unlock it where all of it is locked."""
        chosen = self._panel.table.selected()
        if not chosen.any():
            self._panel.tell(
                "Select the numbers to lock in the table: cells, or whole rows and columns by their heads."
            )
            return
        self.set_locked(chosen, locked=not self.shown()[chosen].all())

    def set_locked(self, where: Array, *, locked: bool) -> None:
        """Lock or free the numbers of the table that are True in `where`, as one edit."""
        panel, whole = self._panel, self.whole()
        panel.matrix(whole)[where] = locked
        panel.tell("")
        try:
            panel.session.lock(panel.key, whole, f"{'Lock' if locked else 'Unlock'} {self._name(where)}")
        except StudioError as error:
            panel.tell(str(error))

    def menu(self, place: QPoint) -> QMenu:
        """What can be done with the cell at a place of the table, and with what is selected."""
        panel, menu = self._panel, QMenu(self._panel.table)
        index = panel.table.indexAt(place)
        chosen = panel.table.selected()
        keys = shortcuts(by_id("lock"))[0].toString(QKeySequence.SequenceFormat.NativeText)
        shown = self.shown()
        locked = bool(chosen.any() and shown[chosen].all())
        act = menu.addAction(icon("unlock" if locked else "lock"), f"{'Unlock' if locked else 'Lock'}\t{keys}")
        act.setEnabled(self.possible and bool(chosen.any()))
        act.triggered.connect(self.toggle)
        lines = ((panel.model.row_name, index.row(), np.s_[index.row(), :]),
                 (panel.model.column_name, index.column(), np.s_[:, index.column()]))  # fmt: skip
        for name, number, line in lines if index.isValid() else ():
            where = np.zeros(shown.shape, bool)
            where[line] = True
            free = bool(shown[line].all())
            act = menu.addAction(f"{'Unlock' if free else 'Lock'} {nth(name, number)}")
            act.setEnabled(self.possible)
            act.triggered.connect(lambda _=False, where=where, free=free: self.set_locked(where, locked=not free))
        act = menu.addAction(f"Unlock all of {panel.key}")
        act.setEnabled(bool(self.whole().any()))
        act.triggered.connect(self._unlock_all)
        menu.addSeparator()
        for words, run in (("Copy", panel.copy), ("Paste", panel.paste)):
            act = menu.addAction(icon(words.lower()), words)
            act.triggered.connect(run)
        menu.aboutToHide.connect(menu.deleteLater)
        return menu

    def _unlock_all(self) -> None:
        panel = self._panel
        panel.session.lock(panel.key, np.zeros(panel.array.shape, bool), f"Unlock all of {panel.key}")

    def _name(self, where: Array) -> str:
        n = int(np.count_nonzero(where))
        if n != 1:
            return f"{n} numbers of {self._panel.key}"
        row, column = (int(i) for i in np.argwhere(where)[0])
        return spelled(self._panel.key, self._panel.index_of(row, column))
