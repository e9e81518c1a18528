"""What lies above a drawing and does not zoom with it: the zoom control, the label at the pointer, the first hint."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPoint, QRectF, Qt
from PySide6.QtGui import QEnterEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QLabel, QWidget

from annstudio.ui.theme import TEXT, theme, ui_font

if TYPE_CHECKING:
    from annstudio.ui.canvas.navigation import Navigation
    from annstudio.ui.explain.stage import Stage

_BAR_HEIGHT = 26
EMPTY = "Drag a layer here, press / to search, or open a sample."


class FlatButton(QAbstractButton):
    """A few letters to click. Painted by hand: a dressed QToolButton would double the time of every frame below it."""

    def __init__(self, text: str, tip: str, width: int) -> None:
        super().__init__()
        self.setText(text)
        self.setToolTip(tip)
        self.setAccessibleName(tip)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setFixedSize(width, _BAR_HEIGHT)

    def enterEvent(self, event: QEnterEvent) -> None:
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        t = theme()
        painter = QPainter(self)
        painter.setFont(ui_font(TEXT - 1))
        lit = self.underMouse() or self.isDown() or not self.isEnabled()
        painter.setPen(t.text if lit else t.dim)
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self.text())
        painter.end()


class Plate(QWidget):
    """The ground of controls that lie above the canvas."""

    def paintEvent(self, event: QPaintEvent) -> None:
        t = theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(t.card_border, 1))
        painter.setBrush(t.card)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        painter.end()


class ZoomBar(Plate):
    """− 100 % + Fit. Mouse only: the same commands have keys."""

    def __init__(self, view: "Navigation | Stage") -> None:
        super().__init__(view)
        self._view = view
        row = QHBoxLayout(self)
        row.setContentsMargins(2, 0, 2, 0)
        row.setSpacing(0)
        self.smaller = FlatButton("−", "Zoom out", 26)
        self.percent = FlatButton("100 %", "Show at full size", 48)
        self.larger = FlatButton("+", "Zoom in", 26)
        self.whole = FlatButton("Fit", "Show the whole drawing", 36)
        for button in (self.smaller, self.percent, self.larger, self.whole):
            row.addWidget(button)
        self.smaller.clicked.connect(view.zoom_out)
        self.percent.clicked.connect(view.zoom_reset)
        self.larger.clicked.connect(view.zoom_in)
        self.whole.clicked.connect(view.fit)
        view.looked.connect(self.follow)
        self.adjustSize()

    def follow(self) -> None:
        """Tell the zoom as it is now."""
        words = f"{self._view.zoom * 100:.0f} %"
        if words != self.percent.text():
            self.percent.setText(words)


class Tag(QLabel):
    """A few words beside the pointer; the mouse goes through it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._view = parent
        self.setObjectName("canvasTag")
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setWordWrap(True)
        self.hide()

    def tell(self, words: str, at: QPoint | None = None, *, wrong: bool = False) -> None:
        """Show words beside a point of the parent; without words the label goes."""
        if not words or at is None:
            self.hide()
            return
        if words != self.text() or bool(self.property("wrong")) != wrong:
            self.setText(words)
            self.setProperty("wrong", wrong)
            self.style().unpolish(self)
            self.style().polish(self)
            width = min(self.fontMetrics().horizontalAdvance(words) + 20, 300)
            self.setFixedWidth(width)
            self.setFixedHeight(self.heightForWidth(width))
        room = self._view.rect()
        x = min(at.x() + 16, room.right() - self.width() - 4)
        y = at.y() + 18 if at.y() + 18 + self.height() < room.bottom() else at.y() - self.height() - 8
        self.move(max(x, 4), max(y, 4))
        self.show()
        self.raise_()


class EmptyHint(QLabel):
    """What to do with an empty canvas."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(EMPTY, parent)
        self.setObjectName("canvasHint")
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setWordWrap(True)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
