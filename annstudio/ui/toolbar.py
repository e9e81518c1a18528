"""The bar on top: the project's name, the commands used most, and where to find all others."""

from collections.abc import Mapping

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QLabel, QSizePolicy, QToolBar, QToolButton, QWidget

from annstudio.ui import theme as themes
from annstudio.ui.actions import COMMANDS
from annstudio.ui.theme import GRID, TITLE, ui_font

ROOMY, NARROW = 1360, 1120
"""From this width on every button has words; below that one, only the most important have."""
ALWAYS_WORDED = ("train", "explain")
WELL_KNOWN = (1, 3, 5)
"""Groups whose icons do without."""
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
        self._known: list[QToolButton] = []
        self._learned: list[QToolButton] = []
        group = 1
        for command in sorted((c for c in COMMANDS if c.toolbar), key=lambda c: c.toolbar):
            if command.toolbar != group:
                self.addSeparator()
                group = command.toolbar
            label = command.label or command.text.removesuffix(" …")
            button = self._add(actions[command.id], label)
            if command.toolbar in WELL_KNOWN and label.strip():
                self._known.append(button)
            elif command.id not in ALWAYS_WORDED and label.strip():
                self._learned.append(button)
        stretch = QWidget(self)
        stretch.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.addWidget(stretch)
        search = self._add(actions["search"], "Ctrl+K")
        search.setProperty("flat", True)

    def show_title(self, title: str) -> None:
        self._name = title
        self._title.setToolTip(title)
        self._title.setAccessibleName(title)
        self._fit_title()

    def fit_into(self, width: int) -> None:
        """In narrow windows the icons of what everybody knows speak for themselves."""
        for buttons, least in ((self._known, ROOMY), (self._learned, NARROW)):
            words = Qt.ToolButtonStyle.ToolButtonTextBesideIcon
            style = words if width >= least else Qt.ToolButtonStyle.ToolButtonIconOnly
            for button in buttons:
                if button.toolButtonStyle() != style:
                    button.setToolButtonStyle(style)
        self._title.setMaximumWidth(width // 6)
        self._fit_title()

    def _fit_title(self) -> None:
        margins = self._title.contentsMargins()
        room = self._title.maximumWidth() - margins.left() - margins.right()
        self._title.setText(self._title.fontMetrics().elidedText(self._name, Qt.TextElideMode.ElideRight, room))

    def show_state(self, state: str) -> None:
        """The train button says what it would do now."""
        words, icon = _TRAIN[state]
        self._train.setText(words)
        if self._train.property("iconName") != icon:
            themes.wear(self._train, icon)
        self._dress_primary()

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
