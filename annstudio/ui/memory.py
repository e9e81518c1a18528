"""What the window remembers between two starts: its place, its docks, the theme, files opened before."""

from pathlib import Path

from PySide6.QtCore import QByteArray, QSettings

LAYOUT_VERSION = 2
"""Raised when the docks change, so that an arrangement of an older version is not forced upon them."""
MAX_RECENT = 8


class Memory:
    """The user's settings, kept where the platform keeps such."""

    def __init__(self) -> None:
        self._settings = QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "ANN Studio", "ANN Studio")

    @property
    def theme(self) -> str:
        found = str(self._settings.value("theme", "system"))
        return found if found in ("system", "light", "dark") else "system"

    @theme.setter
    def theme(self, mode: str) -> None:
        self._settings.setValue("theme", mode)

    @property
    def decimal_sign(self) -> str:
        """What stands before a number's decimals: as the `system` has it, a `point` or a `comma`."""
        found = str(self._settings.value("decimal_sign", "system"))
        return found if found in ("system", "point", "comma") else "system"

    @decimal_sign.setter
    def decimal_sign(self, sign: str) -> None:
        self._settings.setValue("decimal_sign", sign)

    @property
    def digits(self) -> int:
        """Digits of numbers in tables and formulas."""
        found = str(self._settings.value("digits", "4"))
        return min(max(int(found), 2), 17) if found.isdigit() else 4

    @digits.setter
    def digits(self, digits: int) -> None:
        self._settings.setValue("digits", digits)

    @property
    def recent(self) -> list[Path]:
        """Files opened or saved lately that are still there, newest first."""
        found = self._settings.value("recent", [])
        # A list of one comes back as a text.
        texts = [found] if isinstance(found, str) else found if isinstance(found, list) else []
        return [path for text in texts if (path := Path(str(text))).is_file()][:MAX_RECENT]

    def opened(self, path: Path) -> None:
        path = path.resolve()
        others = [str(p) for p in self.recent if p != path]
        self._settings.setValue("recent", [str(path), *others][:MAX_RECENT])

    @property
    def folder(self) -> Path:
        """Where file dialogs begin."""
        found = Path(str(self._settings.value("folder", "")))
        return found if str(found) != "." and found.is_dir() else Path.home()

    @folder.setter
    def folder(self, folder: Path) -> None:
        self._settings.setValue("folder", str(folder))

    def keep_window(self, geometry: QByteArray, state: QByteArray) -> None:
        self._settings.setValue("geometry", geometry)
        self._settings.setValue("state", state)
        self._settings.setValue("layout", LAYOUT_VERSION)

    def window(self) -> tuple[QByteArray, QByteArray] | None:
        """Geometry and arrangement of the last time; None where there is none of this version."""
        if str(self._settings.value("layout", "")) != str(LAYOUT_VERSION):
            return None
        geometry, state = self._settings.value("geometry"), self._settings.value("state")
        return (geometry, state) if isinstance(geometry, QByteArray) and isinstance(state, QByteArray) else None

    def forget_window(self) -> None:
        for name in ("geometry", "state", "layout"):
            self._settings.remove(name)
