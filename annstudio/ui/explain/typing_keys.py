"""Which keys are words typed, and which move about: in tables the former are commands of Explain."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent

_COMMANDS = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.MetaModifier


def is_typed(event: QKeyEvent) -> bool:
    """Whether a key writes a letter, a digit, a sign or a space. Lists would look for what begins with it."""
    return bool(event.text()) and event.text().isprintable() and not event.modifiers() & _COMMANDS
