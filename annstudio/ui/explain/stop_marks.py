"""The marks on a drawing where stepping and playing stop."""

from collections.abc import Collection, Mapping

from PySide6.QtCore import QPointF
from PySide6.QtWidgets import QGraphicsScene

from annstudio.ui.stop_mark import StopMark, stop_words


class StopMarks:
    """The marks of one scene."""

    def __init__(self, scene: QGraphicsScene) -> None:
        self._scene = scene
        self.marks: dict[str, StopMark] = {}

    def show(self, places: Mapping[str, QPointF], nodes: Collection[str]) -> None:
        """Mark which of the layers at these places are stopped at, or have something in them that is."""
        present = set(self._scene.items())
        for mark in self.marks.values():
            # A scene that was cleared has taken its marks along.
            if mark in present:
                self._scene.removeItem(mark)
        self.marks = {}
        for node, at in places.items():
            words = stop_words(node, nodes)
            if words:
                self.marks[node] = StopMark(at, words)
                self._scene.addItem(self.marks[node])
