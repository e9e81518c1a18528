"""Widgets for the blocks of a page: boxes with formulas, lines of numbers, tables, notes and source."""

import html as html_module
import re
from bisect import bisect_right
from collections.abc import Callable, Sequence

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QRectF, Qt
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QFontMetrics,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QLabel, QSizePolicy, QTableView, QVBoxLayout, QWidget

from annstudio.explain.told import Quantity
from annstudio.ui.explain.copying import copy_menu, table_latex, table_text
from annstudio.ui.explain.formula import FormulaView
from annstudio.ui.explain.items import signed_text_colour
from annstudio.ui.explain.page import Block, Formula, Lines, Note, Source, Table
from annstudio.ui.explain.rich import address, legible, quantity_at
from annstudio.ui.explain.source_view import SourceView
from annstudio.ui.explain.typing_keys import is_typed
from annstudio.ui.numbers import localised_latex
from annstudio.ui.theme import CARD_RADIUS, GRID, SMALL, TEXT, mixed, mono_font, theme, ui_font

Follow = Callable[[Quantity], None]
Index = QModelIndex | QPersistentModelIndex
_VISIBLE_ROWS = 10
_MEASURED = 30
"""So many rows say how wide a column is."""
_HEADING = 14
"""Room beside the words of a heading."""
_WORDS = 18 * GRID
"""Words give way to numbers down to this."""
_LINKS = (
    Qt.TextInteractionFlag.LinksAccessibleByMouse
    | Qt.TextInteractionFlag.LinksAccessibleByKeyboard
    | Qt.TextInteractionFlag.TextSelectableByMouse
)


class Box(QWidget):
    """A rounded ground for what belongs together."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows = QVBoxLayout(self)
        self.rows.setContentsMargins(3 * GRID, 2 * GRID, 3 * GRID, 2 * GRID)
        self.rows.setSpacing(GRID + 2)

    def paintEvent(self, event: QPaintEvent) -> None:
        t = theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(t.faint, 1) if not t.dark else Qt.PenStyle.NoPen)
        painter.setBrush(t.card if t.dark else t.canvas)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), CARD_RADIUS, CARD_RADIUS)
        painter.end()


def _as_wide_as_there_is_room() -> QSizePolicy:
    """For words that are wrapped: how high they are follows from how wide they may be."""
    policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
    # Setting a policy takes away what wrapping words has set.
    policy.setHeightForWidth(True)
    return policy


class LinesView(QLabel):
    """Lines of numbers; links lead to numbers; the context menu copies them."""

    def __init__(self, lines: Lines, follow: Follow, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        colour = theme().dim if lines.quiet else theme().text
        body = "".join(f'<div style="margin-bottom:{GRID + 1}px">{line}</div>' for line in lines.html)
        self.setText(f'<div style="color:{colour.name()}">{legible(body)}</div>')
        self.plain = plain_text("\n".join(lines.html))
        self.latex = localised_latex(lines.latex)
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setFont(mono_font(SMALL + 1))
        self.setWordWrap(True)
        self.setTextInteractionFlags(_LINKS)
        self.setAccessibleName(self.plain)
        self.linkActivated.connect(lambda target: _activate(target, follow))
        self.setSizePolicy(_as_wide_as_there_is_room())

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = copy_menu(self, self.plain, self.latex)
        menu.exec(event.globalPos())
        menu.deleteLater()


class NoteView(QLabel):
    """Words in the background; as a link they lead to a number."""

    def __init__(self, note: Note, follow: Follow, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        text = note.text
        if note.quantity is not None:
            style = f"color:{theme().link.name()};text-decoration:none"
            text = f'<a href="{address(note.quantity)}" style="{style}">{text} →</a>'
        self.setText(legible(text))
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setFont(ui_font(SMALL + 1))
        self.setWordWrap(True)
        self.setForegroundRole(self.palette().ColorRole.PlaceholderText)
        self.setTextInteractionFlags(_LINKS)
        self.linkActivated.connect(lambda target: _activate(target, follow))
        self.setSizePolicy(_as_wide_as_there_is_room())


class TableModel(QAbstractTableModel):
    """A page's table for Qt."""

    def __init__(self, table: Table, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.table = table

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.table.rows)

    def columnCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.table.heading)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        cell = self.table.rows[index.row()][index.column()]
        match role:
            case Qt.ItemDataRole.DisplayRole | Qt.ItemDataRole.ToolTipRole:
                return cell.text
            case Qt.ItemDataRole.ForegroundRole:
                return None if cell.sign is None else signed_text_colour(theme(), cell.sign)
            case Qt.ItemDataRole.BackgroundRole:
                return chosen_colour() if index.row() == self.table.chosen else None
            case Qt.ItemDataRole.TextAlignmentRole:
                side = Qt.AlignmentFlag.AlignLeft if self.is_words(index.column()) else Qt.AlignmentFlag.AlignRight
                return side | Qt.AlignmentFlag.AlignVCenter
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self.table.heading[section]
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignLeft if self.is_words(section) else Qt.AlignmentFlag.AlignRight
            return side | Qt.AlignmentFlag.AlignVCenter
        return None

    def is_words(self, column: int) -> bool:
        """Whether a column holds words, which stand left, rather than numbers."""
        return column == 0 or any(c.isalpha() for row in self.table.rows[:3] for c in row[column].text.replace("e", ""))


class PageTable(QTableView):
    """As tall as its rows up to a limit. A click or Enter on a row asks about it; Ctrl+C copies all rows."""

    def __init__(self, table: Table, follow: Follow, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.table, self._follow = table, follow
        self._model = TableModel(table, self)
        self._wanted: list[int] = []
        """How wide what stands in each column is."""
        self._least: list[int] = []
        self._gives_way = 0
        self.setModel(self._model)
        self.setFont(mono_font(SMALL + 1))
        self.setShowGrid(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setTabKeyNavigation(False)
        self.setAccessibleName(", ".join(filter(None, table.heading)))
        self.verticalHeader().hide()
        row = table.lines * QFontMetrics(self.font()).lineSpacing() + 2 * GRID
        self.verticalHeader().setDefaultSectionSize(row)
        head = self.horizontalHeader()
        head.setHighlightSections(False)
        head.setTextElideMode(Qt.TextElideMode.ElideRight)
        head.setMinimumSectionSize(10 * GRID)
        head.setFont(ui_font(SMALL + 1))
        self._fit_columns(head)
        visible = max(_VISIBLE_ROWS // table.lines, 7)
        shown = min(len(table.rows), visible)
        self.setFixedHeight(shown * row + head.sizeHint().height() + 3)
        if len(table.rows) <= visible:
            self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        if table.links:
            self.setCursor(Qt.CursorShape.PointingHandCursor)
            self.clicked.connect(self._ask)
            self.activated.connect(self._ask)
        if table.chosen is not None:
            self.scrollTo(self.model().index(table.chosen, 0), QAbstractItemView.ScrollHint.PositionAtCenter)

    def _fit_columns(self, head: QHeaderView) -> None:
        """Columns get room by what stands in them; the one with the longest words gives way or takes what is left."""
        metrics, title = QFontMetrics(self.font()), QFontMetrics(head.font())
        head.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        words = [column for column in range(len(self.table.heading)) if self._model.is_words(column)]
        for column, heading in enumerate(self.table.heading):
            texts = [line for row in self.table.rows[:_MEASURED] for line in row[column].text.split("\n")]
            named = title.horizontalAdvance(heading) + _HEADING
            self._least.append(max(named, head.minimumSectionSize()))
            width = max((metrics.horizontalAdvance(text) for text in texts), default=0)
            self._wanted.append(max(named, min(width, 55 * GRID)))
        self._gives_way = max(words, key=self._wanted.__getitem__)
        head.setSectionResizeMode(self._gives_way, QHeaderView.ResizeMode.Stretch)
        self._share_room()

    def _share_room(self) -> None:
        """Where there is little room columns stand closer together, then the longest words give way, then what is
        widest; no heading is cut."""
        room, way = self.viewport().width(), self._gives_way
        between = max(2 * GRID, min(5 * GRID, (room - sum(self._wanted)) // len(self._wanted)))
        wanted = [width + between for width in self._wanted]
        wanted[way] = max(min(wanted[way], room - sum(wanted) + wanted[way]), self._least[way], _WORDS)
        widths = shared(wanted, self._least, room)
        for column, width in enumerate(widths):
            if column != self._gives_way:
                self.setColumnWidth(column, width)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._share_room()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = copy_menu(self, table_text(self._cells()), table_latex(self._cells()))
        menu.exec(event.globalPos())
        menu.deleteLater()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            QGuiApplication.clipboard().setText(table_text(self._cells()))
        elif is_typed(event):
            # A command of Explain.
            event.ignore()
        else:
            super().keyPressEvent(event)

    def _cells(self) -> list[tuple[str, ...]]:
        """The texts of all rows under their heading."""
        return [self.table.heading, *(tuple(cell.text for cell in row) for row in self.table.rows)]

    def _ask(self, index: QModelIndex) -> None:
        quantity = self.table.links[index.row()]
        if quantity is not None:
            self._follow(quantity)


def shared(wanted: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    """Widths that together are no more than `room`, if need be: what wants much gets less, but nothing less than its
    least, where there is room for that.
    """
    if sum(wanted) <= room:
        return list(wanted)
    if sum(least) > room:
        return [low * room // sum(least) for low in least]
    cap = bisect_right(
        range(max(wanted)),
        room,
        key=lambda cap: sum(max(low, min(w, cap)) for w, low in zip(wanted, least, strict=True)),
    )
    return [max(low, min(w, max(cap - 1, 0))) for w, low in zip(wanted, least, strict=True)]


def chosen_colour() -> QColor:
    """The ground of the row that is asked about."""
    return mixed(theme().panel, theme().gradient, 0.18)


def widgets_of(block: Block, follow: Follow, ask: Follow, parent: QWidget) -> QWidget:
    """The widget for a block. `follow` goes to where a number was computed, `ask` asks where we are."""
    match block:
        case Formula():
            view = FormulaView(block.pieces, parent)
            view.followed.connect(follow)
            return view
        case Lines():
            return LinesView(block, follow, parent)
        case Note():
            return NoteView(block, follow, parent)
        case Table():
            return PageTable(block, ask, parent)
        case Source():
            return SourceView(block.text, block.title, parent)


def title_label(text: str, parent: QWidget) -> QLabel:
    """A section's heading."""
    label = QLabel(legible(text), parent)
    label.setTextFormat(Qt.TextFormat.RichText)
    label.setFont(ui_font(TEXT - 1, bold=True))
    label.setForegroundRole(label.palette().ColorRole.PlaceholderText)
    return label


def plain_text(rich: str) -> str:
    """Rich text without its tags: indices after a low line, as in names."""
    text = re.sub(r"<sub>", "_", re.sub(r"<sup>", "^", rich))
    text = re.sub(r"<br>", "\n", text)
    return html_module.unescape(re.sub(r"<[^>]*>", "", text)).replace("\u00a0", " ")


def _activate(target: str, follow: Follow) -> None:
    quantity = quantity_at(target)
    if quantity is not None:
        follow(quantity)
