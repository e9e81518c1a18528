"""The bar on top: the project's name, the commands used most, and where to find all others."""

from collections.abc import Mapping

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QLabel, QSizePolicy, QToolBar, QToolButton, QWidget

from annstudio.ui import theme as themes
from annstudio.ui.actions import COMMANDS
from annstudio.ui.theme import GRID, TITLE, ui_font

WELL_KNOWN = (1, 3, 5)
"""Groups whose icons do without words where there is little room."""
ALWAYS_WORDED = ("train", "explain")
TITLE_SHARE, TITLE_LEAST = 6, 15 * GRID
"""The name takes no more than this part of the width, and is not shortened below so many pixels."""
_TRAIN = {"training": ("Pause", "pause"), "paused": ("Resume", "play"), "idle": ("Train", "play")}


class ToolBar(QToolBar):
    """Buttons made from the commands that name a group; Explain has a bar of its own."""

    def __init__(self, parent: QWidget, actions: Mapping[str, QAction]) -> None:
        super().__init__("Commands", parent)
        self.setObjectName("toolbar")
        self.setMovable(False)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._train = actions["train"]
        self._title = QLabel(self)
        self._title.setFont(ui_font(TITLE, bold=True))
        self._title.setContentsMargins(GRID, 0, 3 * GRID, 0)
        self.addWidget(self._title)
        self._name = ""
        self._width = 0
        known: list[QToolButton] = []
        learned: list[QToolButton] = []
        group = 1
        for command in sorted((c for c in COMMANDS if c.toolbar), key=lambda c: c.toolbar):
            if command.toolbar != group:
                self.addSeparator()
                group = command.toolbar
            label = command.label or command.text.removesuffix(" …")
            button = self._add(actions[command.id], label)
            if command.toolbar in WELL_KNOWN and label.strip():
                known.append(button)
            elif command.id not in ALWAYS_WORDED and label.strip():
                learned.append(button)
        stretch = QWidget(self)
        stretch.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.addWidget(stretch)
        search = self._add(actions["search"], "Ctrl+K")
        search.setProperty("flat", True)
        self._spared = (known, [search], learned)
        """Whose words are left out where there is little room, those first that are missed least."""

    def show_title(self, title: str) -> None:
        self._name = title
        self._title.setToolTip(title)
        self._title.setAccessibleName(title)
        self.fit_into(self._width)

    def fit_into(self, width: int) -> None:
        """In narrow windows the icons of what everybody knows speak for themselves, and the name is shortened."""
        self._width = width
        room = 0
        for spared in range(len(self._spared) + 1):
            for i, buttons in enumerate(self._spared):
                for button in buttons:
                    show_words(button, i >= spared)
            room = width - self._needed()
            if room >= min(self._title_width(), width // TITLE_SHARE):
                break
        self._title.setMaximumWidth(max(min(room, width // TITLE_SHARE), TITLE_LEAST))
        self._fit_title()

    def _title_width(self) -> int:
        margins = self._title.contentsMargins()
        return self._title.fontMetrics().horizontalAdvance(self._name) + margins.left() + margins.right()

    def _needed(self) -> int:
        """How wide all is besides the name."""
        widgets = [self.widgetForAction(action) for action in self.actions()]
        shown = [widget for widget in widgets if widget is not self._title]
        layout = self.layout()
        assert layout is not None
        margins, gaps = layout.contentsMargins(), layout.spacing() * len(shown)
        return sum(widget.sizeHint().width() for widget in shown) + gaps + margins.left() + margins.right()

    def _fit_title(self) -> None:
        margins = self._title.contentsMargins()
        room = self._title.maximumWidth() - margins.left() - margins.right()
        self._title.setText(self._title.fontMetrics().elidedText(self._name, Qt.TextElideMode.ElideRight, room))

    def show_state(self, state: str) -> None:
        """The train button says what it would do now, in words of another length."""
        words, icon = _TRAIN[state]
        self._train.setText(words)
        if self._train.property("iconName") != icon:
            themes.wear(self._train, icon)
        self._dress_primary()
        self.fit_into(self._width)

    def _add(self, action: QAction, label: str) -> QToolButton:
        self.addAction(action)
        button = self.widgetForAction(action)
        assert isinstance(button, QToolButton)
        if label.strip():
            # The button keeps its short words although the action's own text goes on ("Undo move").
            button.setText(label)
            if action is self._train:
                action.changed.connect(self._dress_primary)
            else:
                action.changed.connect(lambda: button.setText(label))
        else:
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
        if action is self._train:
            button.setProperty("primary", True)
        return button

    def _dress_primary(self) -> None:
        """In the menu the same command has the text's colour; on the filled button its words and icon are light."""
        button = self.widgetForAction(self._train)
        if isinstance(button, QToolButton):
            button.setText(self._train.text())
            themes.wear(button, str(self._train.property("iconName")), "on_accent")


def show_words(button: QToolButton, shown: bool) -> None:
    """A button with its words beside the icon, or with the icon alone."""
    style = Qt.ToolButtonStyle.ToolButtonTextBesideIcon if shown else Qt.ToolButtonStyle.ToolButtonIconOnly
    if button.toolButtonStyle() is not style:
        button.setToolButtonStyle(style)
        # Its dress is another, too, and Qt does not notice.
        button.style().unpolish(button)
        button.style().polish(button)
