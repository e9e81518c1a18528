"""The menus of sample projects and of files opened before, filled when they are opened."""

from functools import partial
from pathlib import Path

from PySide6.QtWidgets import QMenu

from annstudio.formats.samples import samples
from annstudio.ui.files import Files
from annstudio.ui.memory import Memory


def fill_samples(menu: QMenu, files: Files) -> None:
    """One entry a sample, its note as tooltip."""
    menu.clear()
    menu.setToolTipsVisible(True)
    for sample in samples():
        action = menu.addAction(sample.title)
        action.setToolTip(sample.note)
        action.setStatusTip(sample.note)
        action.triggered.connect(partial(_open_sample, files, sample.path))


def fill_recent(menu: QMenu, memory: Memory, files: Files) -> None:
    """Files opened or saved lately."""
    menu.clear()
    for path in memory.recent:
        action = menu.addAction(path.name)
        action.setStatusTip(str(path))
        action.triggered.connect(partial(_open_recent, files, path))
    if menu.isEmpty():
        menu.addAction("No files yet").setEnabled(False)


def _open_sample(files: Files, path: Path, checked: bool = False) -> None:
    files.open_path(path, sample=True)


def _open_recent(files: Files, path: Path, checked: bool = False) -> None:
    files.open_path(path)
