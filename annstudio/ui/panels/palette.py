"""The palette: every layer by family, to be dragged onto the canvas or put behind the selection with Enter."""

from html import escape

from PySide6.QtCore import (
    QEvent,
    QMimeData,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QDrag, QKeyEvent, QPainter, QPen, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemView,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from annstudio.layers.base import Family
from annstudio.session import Session
from annstudio.ui.canvas.entries import Entry, search
from annstudio.ui.canvas.node import paint_outline
from annstudio.ui.theme import GRID, SMALL, TEXT, theme, ui_font

_ROW, _HEADING = 32, 30
_GHOST = QSize(140, 34)
_ENTRY = Qt.ItemDataRole.UserRole


class PalettePanel(QWidget):
    """A search field above the list of layers. `chosen` says kind and settings of an entry that was picked."""

    chosen = Signal(str, dict)

    def __init__(self, session: Session | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.setAccessibleName("Layers")
        self.line = QLineEdit()
        self.line.setPlaceholderText("Search layers")
        self.line.setAccessibleName("Search layers")
        self.line.setClearButtonEnabled(True)
        self.list = LayerList()
        self.list.used.connect(self._use)
        self.line.textChanged.connect(self.list.show_matches)
        self.line.installEventFilter(self)
        if session is not None:
            session.opened.connect(self._list_for)
        column = QVBoxLayout(self)
        column.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 0)
        column.setSpacing(GRID)
        column.addWidget(self.line)
        column.addWidget(self.list)
        self.setFocusProxy(self.line)

    def sizeHint(self) -> QSize:
        return QSize(200, 600)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """From the search field: Enter takes what is marked in the list, the arrows mark another."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self.list.use_current()
                return True
            if event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Up):
                self.list.mark_next(1 if event.key() == Qt.Key.Key_Down else -1)
                return True
            if event.key() == Qt.Key.Key_Escape and self.line.text():
                self.line.clear()
                return True
        return False

    def _list_for(self, path: str) -> None:
        self.list.inside = bool(path)
        self.list.show_matches(self.line.text())

    def _use(self, entry: Entry) -> None:
        self.chosen.emit(entry.kind, dict(entry.settings))


class LayerList(QListWidget):
    """Entries under the headings of their families. Double-click, Enter and a drop all carry the same entry."""

    used = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.inside = False
        """Whether layers for the inside of a block are listed."""
        self.setAccessibleName("Layers")
        self.setItemDelegate(_Rows(self))
        self.setDragEnabled(True)
        self.setDragDropMode(QAbstractItemView.DragDropMode.DragOnly)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMouseTracking(True)
        self.itemDoubleClicked.connect(self._use_item)
        self.show_matches("")

    def show_matches(self, text: str) -> None:
        """List what matches a search, all of it for an empty one; the best match is marked."""
        self.clear()
        found = search(text, inside=self.inside)
        for family in Family:
            members = [entry for entry in found if entry.family is family]
            if members:
                heading = QListWidgetItem(family.value, self)
                heading.setFlags(Qt.ItemFlag.NoItemFlags)
            for entry in members:
                item = QListWidgetItem(entry.title, self)
                item.setData(_ENTRY, entry)
                item.setToolTip(f"<b>{escape(entry.title)}</b><br>{escape(entry.note)}")
        if not found:
            QListWidgetItem("No layer matches.", self).setFlags(Qt.ItemFlag.NoItemFlags)
        if text and found:
            self.setCurrentItem(next(item for item in self._items() if item.data(_ENTRY) == found[0]))

    def entries(self) -> list[Entry]:
        """What is listed now."""
        return [item.data(_ENTRY) for item in self._items()]

    def item_of(self, title: str) -> QListWidgetItem:
        """The item with this title. Raises StopIteration where there is none."""
        return next(item for item in self._items() if item.text() == title)

    def use_current(self) -> None:
        """Pick the marked entry."""
        if self.currentItem() is not None:
            self._use_item(self.currentItem())

    def mark_next(self, step: int) -> None:
        items = self._items()
        if items:
            at = items.index(self.currentItem()) + step if self.currentItem() in items else 0
            self.setCurrentItem(items[at % len(items)])

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.use_current()
        else:
            super().keyPressEvent(event)

    def mimeData(self, items: list[QListWidgetItem]) -> QMimeData:  # type: ignore[override]
        return items[0].data(_ENTRY).mime()

    def startDrag(self, actions: Qt.DropAction) -> None:
        item = self.currentItem()
        if item not in self._items():
            return
        drag = QDrag(self)
        drag.setMimeData(self.mimeData([item]))
        picture = _ghost(item.data(_ENTRY), self.devicePixelRatioF())
        drag.setPixmap(picture)
        drag.setHotSpot(QPoint(_GHOST.width() // 2, _GHOST.height() // 2))
        drag.exec(Qt.DropAction.CopyAction)

    def _items(self) -> list[QListWidgetItem]:
        found = (self.item(row) for row in range(self.count()))
        return [item for item in found if item.data(_ENTRY) is not None]

    def _use_item(self, item: QListWidgetItem) -> None:
        entry = item.data(_ENTRY)
        if entry is not None:
            self.used.emit(entry)


class _Rows(QStyledItemDelegate):
    """Paints headings and entries: a dot in the family's colour and the title in a light frame."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(0, _ROW if index.data(_ENTRY) is not None else _HEADING)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        t = theme()
        entry = index.data(_ENTRY)
        rect = QRectF(option.rect)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if entry is None:
            painter.setFont(ui_font(SMALL, bold=True))
            painter.setPen(t.dim)
            painter.drawText(rect.adjusted(1, 6, 0, 0), Qt.AlignmentFlag.AlignVCenter, index.data())
        else:
            state = option.state
            marked = bool(state & QStyle.StateFlag.State_Selected)
            hovered = bool(state & QStyle.StateFlag.State_MouseOver)
            painter.setPen(QPen(t.halo if marked else t.card_border, 1))
            painter.setBrush(t.hover if hovered or marked else t.card)
            painter.drawRoundedRect(rect.adjusted(0.5, 2.5, -1.5, -1.5), 5, 5)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(t.families[entry.family])
            painter.drawRoundedRect(QRectF(9, rect.center().y() - 3.5, 8, 8), 2, 2)
            painter.setFont(ui_font(TEXT - 1))
            painter.setPen(t.text)
            words = painter.fontMetrics().elidedText(entry.title, Qt.TextElideMode.ElideRight, int(rect.width() - 34))
            painter.drawText(rect.adjusted(26, 1, -6, 0), Qt.AlignmentFlag.AlignVCenter, words)
        painter.restore()


def _ghost(entry: Entry, ratio: float) -> QPixmap:
    """What hangs at the pointer during a drag; over the canvas its own ghost shows the place."""
    picture = QPixmap(_GHOST * ratio)
    picture.setDevicePixelRatio(ratio)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    area = QRectF(0, 0, _GHOST.width(), _GHOST.height()).adjusted(1, 1, -1, -1)
    paint_outline(painter, area, theme().families[entry.family])
    painter.setFont(ui_font(TEXT, bold=True))
    painter.setPen(theme().text)
    painter.drawText(area, Qt.AlignmentFlag.AlignCenter, entry.title)
    painter.end()
    return picture
