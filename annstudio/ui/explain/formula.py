"""Formulas: pieces of LaTeX in a row, each with its colour, some of them links to their numbers."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QFocusEvent,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from annstudio.explain.names import plain
from annstudio.explain.told import Quantity
from annstudio.ui.explain.copying import copy_menu
from annstudio.ui.explain.typeset import Set, typeset
from annstudio.ui.numbers import localised, localised_latex
from annstudio.ui.theme import GRID, theme

SIZE = 17
_LEAST = 0.5
"""Pieces are not made smaller than this."""


@dataclass(frozen=True)
class Piece:
    """A bit of a formula. `colour` counts a chain rule's factors (None: the text's), `quantity` is where it leads."""

    latex: str
    colour: int | None = None
    quantity: Quantity | None = None
    tip: str = ""


@dataclass(frozen=True)
class _Spot:
    """A piece in its place, perhaps made smaller."""

    x: float
    y: float
    scale: float
    told: Set
    piece: Piece

    @property
    def rect(self) -> QRectF:
        return QRectF(self.x, self.y, self.told.width * self.scale, (self.told.above + self.told.below) * self.scale)


def piece_colour(colour: int | None) -> QColor:
    t = theme()
    return t.text if colour is None else t.factors[colour % len(t.factors)]


def set_ahead(pieces: Sequence[Piece], size: int = SIZE) -> Iterator[None]:
    """Set a formula for the first time, piece by piece, as that is dear: whoever shows it finds it ready."""
    for piece in pieces:
        _set(piece, size)
        yield


def _set(piece: Piece, size: int) -> Set:
    return typeset(localised_latex(piece.latex), size, piece_colour(piece.colour).name())


class FormulaView(QWidget):
    """One formula; it wraps between pieces where it is too long. `followed(Quantity)`: a link in it was clicked."""

    followed = Signal(object)

    def __init__(self, pieces: Sequence[Piece], parent: QWidget | None = None, size: int = SIZE) -> None:
        super().__init__(parent)
        self.pieces = tuple(pieces)
        self.size_of_text = size
        self._spots: list[_Spot] = []
        self._laid_out_for = -1
        self._hovered: Piece | None = None
        self._links = [i for i, piece in enumerate(self.pieces) if piece.quantity is not None]
        self._at: int | None = None
        """Which link is reached by the keyboard."""
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus if self._links else Qt.FocusPolicy.NoFocus)
        # Not fixed: a layout would hold it at the height of a width it does not have yet.
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setAccessibleName(self.text)
        self.setToolTip(self.text)

    @property
    def latex(self) -> str:
        return localised_latex(" ".join(piece.latex for piece in self.pieces))

    @property
    def text(self) -> str:
        """The formula as plain text."""
        return re.sub(r"\s+", " ", " ".join(plain(localised(piece.latex)) for piece in self.pieces))

    # Layout ----------------------------------------------------------------------------------------------------------

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return self._lay_out(width)

    def sizeHint(self) -> QSize:
        width = self.width() if self.width() > 40 * GRID else 90 * GRID
        return QSize(width, self._lay_out(width))

    def minimumSizeHint(self) -> QSize:
        return QSize(20 * GRID, self._lay_out(max(self.width(), 20 * GRID)))

    def _lay_out(self, width: int) -> int:
        """Place the pieces in lines; gives back the height. A piece that is too wide by itself is made smaller."""
        lines: list[list[_Spot]] = [[]]
        x, gap, indent = 0.0, 0.32 * self.size_of_text, 2.0 * self.size_of_text
        for group in self._groups():
            drawn = [self._fitted(piece, width) for piece in group]
            whole = sum(told.width * scale + gap for told, scale in drawn) - gap
            # A term that has room in a line of its own is not torn apart.
            if lines[-1] and x + whole > width and whole <= width - indent:
                lines.append([])
                x = indent
            for piece, (told, scale) in zip(group, drawn, strict=True):
                if lines[-1] and x + told.width * scale > width:
                    lines.append([])
                    x = indent
                lines[-1].append(_Spot(x, 0.0, scale, told, piece))
                x += told.width * scale + gap
        self._spots, y = [], 0.0
        for line in lines:
            above = max((spot.told.above * spot.scale for spot in line), default=0.0)
            below = max((spot.told.below * spot.scale for spot in line), default=0.0)
            self._spots += [replace(spot, y=y + above - spot.told.above * spot.scale) for spot in line]
            y += above + below + 1.5 * GRID
        self._laid_out_for = width
        return math.ceil(y - 1.5 * GRID)

    def _groups(self) -> list[list[Piece]]:
        """The pieces term by term: each sign of a sum begins one."""
        groups: list[list[Piece]] = [[]]
        for piece in self.pieces:
            if piece.latex in ("+", "-") and groups[-1]:
                groups.append([])
            groups[-1].append(piece)
        return groups

    def _fitted(self, piece: Piece, width: int) -> tuple[Set, float]:
        """A piece as it is set, and how much smaller it has to be."""
        told = _set(piece, self.size_of_text)
        return told, max(min(1.0, (width - 2 * self.size_of_text) / max(told.width, 1.0)), _LEAST)

    # Events ----------------------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._laid_out_for != self.width():
            self._lay_out(self.width())
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for spot in self._spots:
            colour = piece_colour(spot.piece.colour)
            spot.told.draw(painter, spot.rect.topLeft(), colour, spot.scale)
            reached = self._at is not None and spot.piece is self.pieces[self._links[self._at]]
            if spot.piece is self._hovered or reached:
                painter.setPen(QPen(colour, 2 if reached else 1))
                painter.drawLine(spot.rect.bottomLeft(), spot.rect.bottomRight())
        painter.end()

    def piece_at(self, point: QPointF | QPoint) -> Piece | None:
        """The link under a point."""
        for spot in self._spots:
            if spot.piece.quantity is not None and spot.rect.adjusted(-2, -2, 2, 2).contains(QPointF(point)):
                return spot.piece
        return None

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        piece = self.piece_at(event.position())
        if piece is not self._hovered:
            self._hovered = piece
            self.setCursor(Qt.CursorShape.PointingHandCursor if piece else Qt.CursorShape.ArrowCursor)
            self.update()
            if piece is not None and piece.tip:
                QToolTip.showText(event.globalPosition().toPoint(), piece.tip, self)

    def leaveEvent(self, event: QEvent) -> None:
        self._hovered = None
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        piece = self.piece_at(event.position())
        if piece is not None and event.button() == Qt.MouseButton.LeftButton:
            self.followed.emit(piece.quantity)

    def focusInEvent(self, event: QFocusEvent) -> None:
        if self._links:
            self._at = len(self._links) - 1 if event.reason() == Qt.FocusReason.BacktabFocusReason else 0
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._at = None
        self.update()

    def focusNextPrevChild(self, next: bool) -> bool:
        """Tab goes from link to link, as in lines of numbers."""
        further = -1 if self._at is None else self._at + (1 if next else -1)
        if 0 <= further < len(self._links):
            self._at = further
            self.update()
            return True
        return super().focusNextPrevChild(next)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            QGuiApplication.clipboard().setText(self.text)
        elif self._at is not None and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.followed.emit(self.pieces[self._links[self._at]].quantity)
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = copy_menu(self, self.text, self.latex)
        menu.exec(event.globalPos())
        menu.deleteLater()
