"""Every command as data: its words, keys, icon, where it stands and when it can be used.

Menus, the toolbar, tooltips and the command search are all made from this list; a command is written nowhere else.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtGui import QKeySequence

from annstudio.engine.program import Phase

if TYPE_CHECKING:
    from annstudio.ui.window import Window

Keys = QKeySequence.StandardKey
Do = Callable[["Window"], object]
When = Callable[["Window"], bool]


def _always(window: "Window") -> bool:
    return True


def _drawing(window: "Window") -> bool:
    return window.session.activity != "explain"


def _chosen(window: "Window") -> bool:
    return _drawing(window) and bool(window.canvas.selection)


def _block_chosen(window: "Window") -> bool:
    return _drawing(window) and bool(window.canvas.chosen_block)


def _something(window: "Window") -> bool:
    return _drawing(window) and bool(window.session.graph.nodes)


def _can_start(window: "Window") -> bool:
    return window.session.activity == "edit" and window.session.checked.trainable and bool(window.session.graph.nodes)


def _under_way(window: "Window") -> bool:
    return window.session.state in ("training", "paused")


def _explaining(window: "Window") -> bool:
    return window.session.activity == "explain"


@dataclass(frozen=True)
class Command:
    """One command. `tip` says what it does; `menu` is where it stands; `toolbar` its group there (0: not there)."""

    id: str
    text: str
    do: Do
    menu: str
    tip: str
    keys: Keys | str | tuple[Keys | str, ...] = ""
    icon: str = ""
    when: When = _always
    toolbar: int = 0
    label: str = ""
    """The words on the toolbar's button, where they are shorter."""
    separator: bool = False
    """A line before it in the menu."""
    chosen: When | None = None
    """For one of several that exclude each other: whether it is the one in use."""


COMMANDS: tuple[Command, ...] = (
    Command("new", "New", lambda w: w.files.new(), "File", "Begin with an empty canvas", Keys.New, "new"),
    Command("open", "Open …", lambda w: w.files.open(), "File", "Open a project", Keys.Open, "open", toolbar=1,
            label="Open"),
    Command("save", "Save", lambda w: w.files.save(), "File", "Save the project with its weights", Keys.Save, "save",
            toolbar=1),
    Command("save_as", "Save as …", lambda w: w.files.save_as(), "File", "Save the project under another name",
            ("Ctrl+Shift+S",)),
    Command("export", "Export weights …", lambda w: w.files.export(), "File",
            "Write the weights to a file that other programs read", ("Ctrl+E",), "export", _something, 5, "Export …",
            separator=True),
    Command("import", "Import weights …", lambda w: w.files.import_weights(), "File",
            "Take weights of equal names and shapes from a file", (), "import", _something),
    Command("quit", "Quit", lambda w: w.close(), "File", "Close the window", Keys.Quit, separator=True),
    Command("undo", "Undo", lambda w: w.undo(), "Edit", "Take the last change back", Keys.Undo, "undo",
            lambda w: bool(w.session.to_keep or (_drawing(w) and w.session.undo_label)), 1, " "),
    Command("redo", "Redo", lambda w: w.redo(), "Edit", "Make the change again", (Keys.Redo, "Ctrl+Y"), "redo",
            lambda w: _drawing(w) and bool(w.session.document.redo_label), 1, " "),
    Command("cut", "Cut", lambda w: w.canvas.cut(), "Edit", "Cut the selected layers out", Keys.Cut, "cut", _chosen,
            separator=True),
    Command("copy", "Copy", lambda w: w.canvas.copy(), "Edit", "Copy the selected layers", Keys.Copy, "copy", _chosen),
    Command("paste", "Paste", lambda w: w.canvas.paste(), "Edit", "Put in copied layers", Keys.Paste, "paste",
            _drawing),
    Command("duplicate", "Duplicate", lambda w: w.canvas.duplicate(), "Edit", "Copy the selected layers in place",
            ("Ctrl+D",), "duplicate", _chosen),
    Command("delete", "Delete", lambda w: w.canvas.delete_selection(), "Edit",
            "Remove the selected layers and wires; the gap is bridged where shapes allow",
            (Keys.Delete, "Backspace"), "delete",
            lambda w: _drawing(w) and bool(w.canvas.selection or w.scene.chosen_links())),
    Command("rename", "Rename", lambda w: w.canvas.rename_selected(), "Edit", "Give the selected layer another name",
            ("F2",), "rename", _chosen),
    Command("lock", "Lock or unlock weights", lambda w: w.lock_weights(), "Edit",
            "Lock the numbers selected in the Weights panel, so that training leaves them alone", ("Ctrl+L",), "lock",
            _something),
    Command("select_all", "Select all", lambda w: w.canvas.select_all(), "Edit", "Select every layer",
            Keys.SelectAll, "", _something, separator=True),
    Command("add", "Add layer …", lambda w: w.canvas.open_search(), "Edit", "Search for a layer and add it",
            ("/",), "add", _drawing, separator=True),
    Command("connect", "Connect from selected …", lambda w: w.canvas.start_keyboard_connect(), "Edit",
            "Choose a layer that the selected one is to feed", ("C",), "connect", _chosen),
    Command("make_block", "Make block", lambda w: w.canvas.make_block(), "Edit",
            "Put the selected layers into a block of their own", ("Ctrl+G",), "layer-block", _chosen, separator=True),
    Command("open_block", "Open block", lambda w: w.canvas.open_block(), "Edit",
            "Show what the selected block holds (Enter)", (), "", _block_chosen),
    Command("leave_block", "Leave block", lambda w: w.canvas.leave_block(), "Edit",
            "Back to the drawing that the block stands in (Esc, Alt+Up)", (), "",
            lambda w: _drawing(w) and bool(w.session.path)),
    Command("unpack_block", "Unpack block", lambda w: w.canvas.unpack_block(), "Edit",
            "Put what the selected block holds in its place", ("Ctrl+Shift+G",), "", _block_chosen),
    Command("zoom_in", "Zoom in", lambda w: w.canvas.zoom_in(), "View", "Show the canvas larger", Keys.ZoomIn,
            "zoom-in", _drawing),
    Command("zoom_out", "Zoom out", lambda w: w.canvas.zoom_out(), "View", "Show the canvas smaller", Keys.ZoomOut,
            "zoom-out", _drawing),
    Command("zoom_reset", "Actual size", lambda w: w.canvas.zoom_reset(), "View", "Show the canvas at 100 %",
            ("Ctrl+0",), "", _drawing),
    Command("fit", "Fit", lambda w: w.canvas.fit(), "View", "Show the whole network", ("F",), "fit", _something),
    Command("theme_system", "Theme as the system has it", lambda w: w.set_theme("system"), "View",
            "Light or dark as the system is", separator=True, chosen=lambda w: w.memory.theme == "system"),
    Command("theme_light", "Light theme", lambda w: w.set_theme("light"), "View", "Always light",
            chosen=lambda w: w.memory.theme == "light"),
    Command("theme_dark", "Dark theme", lambda w: w.set_theme("dark"), "View", "Always dark",
            chosen=lambda w: w.memory.theme == "dark"),
    Command("reset_layout", "Reset panels", lambda w: w.reset_panels(), "View", "Put all panels back in their places",
            separator=True),
    Command("train", "Train", lambda w: w.toggle_training(), "Train", "Start, pause or go on training",
            ("Ctrl+Return", "F5"), "play", lambda w: _can_start(w) or w.session.state == "training", 2),
    Command("step_batch", "Step batch", lambda w: w.step_batch(), "Train", "Train with one batch", ("F10",),
            "step-batch", _can_start, 2),
    Command("step_epoch", "Step epoch", lambda w: w.step_epoch(), "Train", "Train to the end of the epoch",
            ("Shift+F10",), "step-epoch", _can_start, 2),
    Command("stop", "Stop", lambda w: w.session.stop(), "Train", "End the run; the weights stay as they are",
            ("Shift+F5",), "stop", _under_way, 2),
    Command("reset_same", "Reset weights", lambda w: w.session.reset_same(), "Train",
            "Back to the weights of this seed", ("Ctrl+R",), "reset", _something, 3, "Reset", separator=True),
    Command("reset_new", "Reset to a new seed", lambda w: w.session.reset_new_seed(), "Train",
            "Fresh random weights", ("Ctrl+Shift+R",), "", _something),
    Command("explain", "Explain …", lambda w: w.explain(), "Explain",
            "Step through the network with one sample and the real numbers", ("Ctrl+Shift+E",), "explain",
            lambda w: _something(w) and not w.session.checked.in_the_way, 4),
    Command("step_forward", "Step", lambda w: w.explain_view.tour.step(), "Explain", "One step on", (), "forward-step",
            _explaining, separator=True),
    Command("step_back", "Step back", lambda w: w.explain_view.tour.back(), "Explain", "One step back", (), "back",
            _explaining),
    Command("next_layer", "Next layer", lambda w: w.explain_view.tour.next_layer(), "Explain",
            "On to the end of this layer", (), "next-layer", _explaining),
    Command("next_batch", "Next batch", lambda w: w.explain_view.next_batch(), "Explain",
            "Finish this batch and begin the next (Page Down)", (), "", _explaining),
    Command("previous_batch", "Previous batch", lambda w: w.explain_view.previous_batch(), "Explain",
            "Back to the start of the batch before (Page Up)", (), "", _explaining),
    Command("whole_batch", "Mini-batch", lambda w: w.explain_view.set_whole_batch(not w.session.whole_batch), "Explain",
            "Step through the batches of training, instead of one example (B)", (), "", _explaining,
            chosen=lambda w: w.session.whole_batch),
    Command("to_loss", "Run to loss", lambda w: w.explain_view.tour.to_phase_end(Phase.LOSS), "Explain",
            "On to the loss", (), "to-loss",
            _explaining),
    Command("to_update", "Run to update", lambda w: w.explain_view.tour.to_phase_end(Phase.UPDATE), "Explain",
            "On to the end of the update", (), "to-update", _explaining),
    Command("leave_explain", "Leave explain", lambda w: w.session.leave_explain(), "Explain",
            "Back to the canvas", (), "leave", _explaining),
    Command("search", "Search commands …", lambda w: w.search_commands(), "Help", "Find any command by its name",
            ("Ctrl+K",), "search"),
    Command("about", "About ANN Studio", lambda w: w.about(), "Help", "Version and licences", separator=True),
)  # fmt: skip

MENUS = ("File", "Edit", "View", "Train", "Explain", "Labs", "Help")


def by_id(id: str) -> Command:
    """The command called `id`."""
    return next(command for command in COMMANDS if command.id == id)


def shortcuts(command: Command) -> list[QKeySequence]:
    """The keys of a command as the platform has them, less those that another command claims by name.

    X11 counts Ctrl+D among the keys for Delete; two commands with one key would both be dead.
    """
    others = (key for other in COMMANDS if other is not command for key in _keys(other))
    claimed = {QKeySequence(key) for key in others if isinstance(key, str)}
    found: list[QKeySequence] = []
    for key in _keys(command):
        if isinstance(key, str):
            found.append(QKeySequence(key))
        else:
            found += [one for one in platform_keys(key) if one not in claimed]
    return list(dict.fromkeys(found))


def platform_keys(key: Keys) -> list[QKeySequence]:
    """What is pressed on this platform for a standard command."""
    return QKeySequence.keyBindings(key)


def _keys(command: Command) -> list[Keys | str]:
    keys = command.keys if isinstance(command.keys, tuple) else (command.keys,)
    return [key for key in keys if key]
