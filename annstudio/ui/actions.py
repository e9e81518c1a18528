"""Every command as data: its words, keys, icon, where it stands and when it can be used.

Menus, the toolbar, tooltips and the command search are all made from this list; a command is written nowhere else.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QKeyCombination
from PySide6.QtGui import QKeySequence

from annstudio.explain.moments import Grain
from annstudio.ui.explain.player import SPEEDS

if TYPE_CHECKING:
    from annstudio.explain.walk import Walk
    from annstudio.ui.explain.view import ExplainView
    from annstudio.ui.window import Window

Keys = QKeySequence.StandardKey
Do = Callable[["Window"], object]
When = Callable[["Window"], bool]
Go = Callable[["ExplainView"], object]
CanGo = Callable[["ExplainView"], bool]


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
    go: Go | None = None
    """What it does to the Explain view, for commands that are about it, and `can_go` when."""
    can_go: CanGo | None = None
    submenu: str = ""
    """The menu in the menu in which it stands."""
    local: bool = False
    """Its keys are plain ones: they are the Explain view's and its panel's, and fields and tables there come first."""

    @property
    def help(self) -> str:
        """What it does, with its first key."""
        keys = shortcuts(self)
        return f"{self.tip} ({keys[0].toString(QKeySequence.SequenceFormat.NativeText)})" if keys else self.tip


def _walk(
    id: str,
    text: str,
    go: Go,
    tip: str,
    keys: str | tuple[str, ...] = (),
    icon: str = "",
    when: "Callable[[Walk], object]" = bool,
    *,
    can_go: CanGo | None = None,
    chosen: CanGo | None = None,
    separator: bool = False,
    submenu: str = "",
) -> Command:
    """A command of the Explain view; `when` asks the walk that is under way, `can_go` the view."""

    def can(view: "ExplainView") -> bool:
        walk = view.tour.walk
        return walk is not None and bool(can_go(view) if can_go is not None else when(walk))

    return Command(
        id, text, lambda w: go(w.explain_view), "Explain", tip, keys, icon,
        lambda w: _explaining(w) and can(w.explain_view), separator=separator,
        chosen=None if chosen is None else lambda w: _explaining(w) and chosen(w.explain_view),
        go=go, can_go=can, local=True, submenu=submenu,
    )  # fmt: skip


def _by(id: str, text: str, grain: Grain, tip: str, key: str) -> Command:
    """The choice of a grain."""
    return _walk(id, text, lambda v: v.tour.set_grain(grain), tip, key, submenu="Step by",
                 chosen=lambda v: v.tour.walk is not None and v.tour.walk.grain is grain)  # fmt: skip


def _lab(id: str, text: str, tip: str) -> Command:
    """Opens the laboratory that is called so."""
    return Command(id, text, lambda w: w.open_lab(id), "Labs", tip)


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
    Command("decimal_system", "Decimal sign as the system has it", lambda w: w.set_decimal_sign("system"), "View",
            "Point or comma as the system is set", separator=True,
            chosen=lambda w: w.memory.decimal_sign == "system"),
    Command("decimal_point", "Decimal point", lambda w: w.set_decimal_sign("point"), "View",
            "Write 0.5; 0,5 can be typed, too", chosen=lambda w: w.memory.decimal_sign == "point"),
    Command("decimal_comma", "Decimal comma", lambda w: w.set_decimal_sign("comma"), "View",
            "Write 0,5; 0.5 can be typed, too", chosen=lambda w: w.memory.decimal_sign == "comma"),
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
    _walk("step_forward", "Step", lambda v: v.tour.step(), "One step on", "Right", "forward-step",
          can_go=lambda v: v.tour.can_go_on, separator=True),
    _walk("step_back", "Step back", lambda v: v.tour.back(), "One step back", "Left", "back",
          can_go=lambda v: v.tour.can_step_back),
    _walk("next_operation", "Next operation", lambda v: v.tour.next_operation(),
          "On to the end of this operation, past the elements that are left of it", "Shift+Right", "",
          lambda w: w.grain is Grain.NUMBER and w.place < len(w)),
    _walk("previous_operation", "Previous operation", lambda v: v.tour.previous_operation(),
          "Back to before this operation", "Shift+Left", "", lambda w: w.grain is Grain.NUMBER and w.place),
    _walk("next_layer", "Next layer", lambda v: v.tour.next_layer(), "On to the end of this layer", "Ctrl+Right",
          "next-layer", can_go=lambda v: v.tour.can_go_on),
    _walk("previous_layer", "Previous layer", lambda v: v.tour.previous_layer(), "Back to before this layer",
          "Ctrl+Left", can_go=lambda v: v.tour.can_step_back),
    _walk("step_over", "Step over", lambda v: v.tour.over(),
          "On over what comes next, whatever it holds: a layer, a block, a time step", "F10", "step-over",
          lambda w: w.place < len(w), separator=True),
    _walk("step_into", "Step into", lambda v: v.tour.into(),
          "Into the block or the recurrent layer at hand, or the one that comes next", "F11", "step-into",
          lambda w: w.enterable),
    _walk("step_out", "Step out", lambda v: v.tour.out(),
          "On to the end of the block or the recurrent layer that we are in, and close it", "Shift+F11", "step-out",
          lambda w: w.inside),
    _walk("to_start", "To the start", lambda v: v.to_start(), "Back to the start of the batch", "Home", "to-start",
          lambda w: w.place, submenu="Go to", separator=True),
    _walk("to_loss", "Run to loss", lambda v: v.to_loss(), "To where the error is known", "L", "to-loss",
          lambda w: w.program.loss is not None, submenu="Go to"),
    _walk("to_gradients", "Run to gradients", lambda v: v.to_gradients(), "To where every gradient is known", "G", "",
          lambda w: w.program.loss is not None, submenu="Go to"),
    _walk("to_update", "Run to update", lambda v: v.to_update(), "To where every weight has its new value", "U",
          "to-update", lambda w: w.program.loss is not None and w.place < len(w), submenu="Go to"),
    _walk("to_end", "To the end", lambda v: v.to_end(), "On to the end of the batch", "End", "to-end",
          lambda w: w.place < len(w), submenu="Go to"),
    _walk("next_batch", "Next batch", lambda v: v.tour.next_batch(), "Finish this batch and begin the next", "PgDown",
          can_go=lambda v: v.tour.has_batch(1), submenu="Go to"),
    _walk("previous_batch", "Previous batch", lambda v: v.tour.previous_batch(),
          "Back to the start of the batch before", "PgUp", can_go=lambda v: v.tour.has_batch(-1), submenu="Go to"),
    _walk("play_steps", "Play", lambda v: v.player.toggle(), "Step by itself, or stop that", "Space", "play", len,
          submenu="Play"),
    _walk("play_faster", "Play faster", lambda v: v.player.change_speed(1), "More steps a second", ("+", "Ctrl+Up"),
          can_go=lambda v: v.player.speed < SPEEDS[-1], submenu="Play"),
    _walk("play_slower", "Play slower", lambda v: v.player.change_speed(-1), "Fewer steps a second", ("-", "Ctrl+Down"),
          can_go=lambda v: v.player.speed > SPEEDS[0], submenu="Play"),
    _walk("play_on", "Play on into the next batch", lambda v: v.player.toggle_on(),
          "Playing goes on with the next batch, instead of pausing at the end of this one", icon="play-on", when=len,
          chosen=lambda v: v.player.runs_on, submenu="Play"),
    _by("by_layer", "Step by layer", Grain.LAYER, "One step is one layer on its way forward, back, or updated; "
        "a block or a recurrent layer that is not gone into counts as one", "1"),
    _by("by_operation", "Step by operation", Grain.OP, "One step is one operation of a layer", "2"),
    _by("by_element", "Step by element", Grain.NUMBER,
        "One step is one number: one unit, one pixel, one gate at one time step", "3"),
    Command("breakpoint", "Set or remove breakpoint", lambda w: w.toggle_breakpoint(), "Explain",
            "Stop at this layer, forward, back and in the update, or no longer", ("F9",), "breakpoint",
            lambda w: _chosen(w) or (_explaining(w) and bool(w.explain_view.node_at_hand)), submenu="Breakpoints",
            go=lambda v: v.toggle_breakpoint(), can_go=lambda v: bool(v.node_at_hand)),
    _walk("next_breakpoint", "Run to breakpoint", lambda v: v.tour.next_breakpoint(), "On to the next breakpoint", "F8",
          "to-breakpoint", can_go=lambda v: v.tour.has_stop(1), submenu="Breakpoints"),
    _walk("previous_breakpoint", "Back to breakpoint", lambda v: v.tour.previous_breakpoint(),
          "Back to the breakpoint before", "Shift+F8", "back-breakpoint", can_go=lambda v: v.tour.has_stop(-1),
          submenu="Breakpoints"),
    Command("clear_breakpoints", "Remove all breakpoints", lambda w: w.session.breakpoints.clear(), "Explain",
            "Stop nowhere any more", when=lambda w: bool(w.session.breakpoints.nodes), submenu="Breakpoints"),
    _walk("ask_next", "Ask about the next number", lambda v: v.ask_neighbour(1),
          "The next unit or weight of the drawing", "Down", can_go=lambda v: v.shows_neurons, submenu="Ask"),
    _walk("ask_previous", "Ask about the number before", lambda v: v.ask_neighbour(-1),
          "The unit or weight before", "Up", can_go=lambda v: v.shows_neurons, submenu="Ask"),
    _walk("ask_back", "Previous question", lambda v: v.tour.ask_back(), "To the question before", "Alt+Left",
          can_go=lambda v: v.tour.can_go_back, submenu="Ask"),
    _walk("let_go", "Follow the steps", lambda v: v.let_go(),
          "Stop playing; leave the question and the layer that is held", "Esc", can_go=lambda v: v.holds_something,
          submenu="Ask"),
    _walk("whole_batch", "Mini-batch", lambda v: v.other_kind(),
          "Step through the batches of training, instead of one example", "B", can_go=lambda v: True,
          chosen=lambda v: v.session.whole_batch, separator=True),
    _walk("fit_explained", "Fit the drawing", lambda v: v.fit(),
          "Show the whole drawing, or again as large as it can be read", "F", "fit", can_go=lambda v: True),
    Command("leave_explain", "Leave explain", lambda w: w.session.leave_explain(), "Explain",
            "Back to the canvas", (), "leave", _explaining, go=lambda v: v.leave(), can_go=lambda v: True),
    _lab("activation_curves", "Activation curves",
         "See what activations do: f and f′ of any two, weight and bias to turn, and your own layers' sums on them"),
    _lab("descent", "Descent", "Look at the loss over two weights and send optimisers down it"),
    _lab("worksheet", "Worksheet",
         "Hide numbers of your network and work them out: every answer is judged, and typical slips are named"),
    _lab("take_away", "Take away",
         "Take the whole calculation of an example away: as a web page, LaTeX, a table, a workbook that reckons"),
    Command("search", "Search commands …", lambda w: w.search_commands(), "Help", "Find any command by its name",
            ("Ctrl+K",), "search"),
    Command("about", "About ANN Studio", lambda w: w.about(), "Help", "Version and licences", separator=True),
)  # fmt: skip

MENUS = ("File", "Edit", "View", "Train", "Explain", "Labs", "Help")


def by_id(id: str) -> Command:
    """The command called `id`."""
    return next(command for command in COMMANDS if command.id == id)


def key_of(text: str) -> QKeyCombination:
    """The one key press that a text such as Ctrl+Right names."""
    combination: QKeyCombination = QKeySequence(text)[0]  # type: ignore[index]  # the stubs do not know it
    return combination


def explain_keys() -> dict[QKeyCombination, Command]:
    """What a key press in the Explain view or its panel does."""
    return {key_of(str(key)): command for command in COMMANDS if command.go is not None for key in _keys(command)}


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
