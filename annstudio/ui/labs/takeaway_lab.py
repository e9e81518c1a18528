"""The laboratory that writes the derivation down: what is to be in the file, how it will look, and saving it."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PySide6.QtCore import QLocale
from PySide6.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QFormLayout,
    QGridLayout,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QSpinBox,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from annstudio.document.network import Network
from annstudio.document.takeaway import about
from annstudio.explain.numbers import MAX_DIGITS, MIN_DIGITS
from annstudio.explain.takeaway import ChapterName, Extent, Paper, fitting, n_numbers, write
from annstudio.formats.base import atomic_write
from annstudio.formats.derivation import OUTPUTS, Output
from annstudio.session import Session
from annstudio.session.labs.study import Tell
from annstudio.ui.actions import by_id
from annstudio.ui.choices import ChoiceField
from annstudio.ui.fields import indent
from annstudio.ui.labs.bench import Bench
from annstudio.ui.labs.takeaway_preview import preview
from annstudio.ui.numbers import count_text
from annstudio.ui.panels.base import Panel, SampleField, heading, quiet_label
from annstudio.ui.theme import GRID

DIGITS, MOST_UNITS = 9, 100_000
PREVIEWED = 250
"""So many numbers are written down for the preview."""
CONTROLS_WIDTH = 78 * GRID
LOOK, SAVE = "look", "save"
SECONDS_A_NUMBER = 0.0015


@dataclass(frozen=True)
class Wish:
    """What is to be written. `units` 0: as many of every layer as the kind of file holds well."""

    sample: int
    output: Output
    digits: int
    units: int
    chapters: frozenset[ChapterName]
    sign: str = "."
    """What stands before the decimals."""

    def paper(self, network: Network, told: Tell[int], most: int) -> Paper:
        """At most so many numbers, and only the chapters that are wanted."""
        stepper = network.stepper(self.sample)
        extent = self.extent(fitting(stepper, most))
        with np.errstate(all="ignore"):
            paper = write(stepper, about(network, self.sample), extent, self.digits, told)
        paper = replace(paper, sign=self.sign)
        if self.output.whole:
            return paper
        return replace(paper, chapters=tuple(c for c in paper.chapters if c.name in self.chapters))

    def extent(self, fits: Extent) -> Extent:
        if not self.units:
            return fits
        return Extent(min(self.units, fits.units) if fits.units else self.units)


@dataclass(frozen=True)
class Looked:
    """What the preview found out."""

    page: str
    whole: int
    """How many numbers a paper on everything would tell."""
    numbers: int
    units: int | None
    """What the file would have: of so many units (None: of all) so many numbers."""


def look(wish: Wish, network: Network, told: Tell[int]) -> Looked:
    """The beginning of the file, and how large it would be."""
    stepper = network.stepper(wish.sample)
    extent = Extent(wish.units) if wish.units else fitting(stepper, wish.output.most)
    whole, numbers = n_numbers(stepper, Extent()), n_numbers(stepper, extent)
    page = preview(wish.paper(network, told, PREVIEWED), wish.output)
    return Looked(page, whole, numbers, None if numbers == whole else extent.units)


def save(wish: Wish, network: Network, path: Path, told: Tell[int]) -> str:
    """Write the file; what is in it comes back in words."""
    paper = wish.paper(network, told, wish.output.most if not wish.units else 1 << 60)
    n = sum(1 for _ in paper.entries())
    atomic_write(path, wish.output.written(paper, lambda done: told(n + done)))
    return f"Saved {path.name}: {count_text(n)} numbers. {paper.words_on_extent}".strip()


class TakeAwayLab(Panel):
    """Take the whole calculation of one example away: as a web page, LaTeX, an Excel workbook that reckons, a table."""

    title = by_id("take_away").text

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.sample = SampleField(session, self.body)
        self.kind = ChoiceField({suffix: f"{o.name} ({suffix})" for suffix, o in OUTPUTS.items()}, self.body)
        self.kind.set_value(".html")
        self.kind.setAccessibleName("Kind of file")
        self.kind.setToolTip("In the workbook every number is a formula: change a weight and everything follows")
        self.digits = self._spin(MIN_DIGITS, MAX_DIGITS, DIGITS, "Digits", "How many digits numbers are told with")
        self.units = self._spin(0, MOST_UNITS, 0, "Units", "Of large networks the first units of every layer are told")
        self.units.setSpecialValueText("as many as fit")
        self.chapters = {name: QCheckBox(str(name), self.body) for name in ChapterName}
        self.told = quiet_label("", self.body)
        self.save_button = QPushButton("Save …", self.body)
        self.save_button.setProperty("primary", True)
        self.save_button.setToolTip("Write the file")
        self.bar = QProgressBar(self.body)
        self.bar.setAccessibleName("Progress")
        self.cancel = QPushButton("Cancel", self.body)
        self.cancel.setToolTip("Stop writing; no file is changed")
        self.page = QTextBrowser(self.body)
        self.page.setAccessibleName("Preview")
        self.page.setOpenLinks(True)
        self._bench = Bench(self, waits=False)
        self._shown: tuple[Network, Wish] | None = None
        self._numbers = 0
        self._lay_out()
        self._connect()
        self._kind_chosen(self.kind.value())
        self._show_saving(busy=False)

    def _spin(self, least: int, most: int, value: int, name: str, tip: str) -> QSpinBox:
        spin = QSpinBox(self.body)
        indent(spin)
        spin.setRange(least, most)
        spin.setValue(value)
        spin.setKeyboardTracking(False)
        spin.setAccessibleName(name)
        spin.setToolTip(tip)
        return spin

    def _lay_out(self) -> None:
        controls = QWidget(self.body)
        controls.setFixedWidth(CONTROLS_WIDTH)
        column = QVBoxLayout(controls)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2 * GRID)
        rows = QFormLayout()
        rows.setHorizontalSpacing(3 * GRID)
        rows.addRow(self.sample)
        for words, field in (
            ("File", self.kind), ("Digits", self.digits), ("Units a layer", self.units),
        ):  # fmt: skip
            rows.addRow(words, field)
        column.addLayout(rows)
        column.addWidget(heading("Chapters", controls))
        grid = QGridLayout()
        for i, box in enumerate(self.chapters.values()):
            box.setChecked(True)
            grid.addWidget(box, i // 3, i % 3)
        column.addLayout(grid)
        column.addWidget(self.told)
        buttons = QHBoxLayout()
        for part in (self.save_button, self.cancel, self.bar):
            buttons.addWidget(part, int(part is self.bar))
        buttons.addStretch()
        column.addLayout(buttons)
        column.addStretch(1)
        row = QHBoxLayout(self.body)
        row.setContentsMargins(3 * GRID, 2 * GRID, 3 * GRID, 2 * GRID)
        row.setSpacing(4 * GRID)
        row.addWidget(controls)
        row.addWidget(self.page, 1)

    def _connect(self) -> None:
        self.kind.edited.connect(self._kind_chosen)
        for spin in (self.digits, self.units):
            spin.valueChanged.connect(self._wished)
        for box in self.chapters.values():
            box.toggled.connect(self._wished)
        self.save_button.clicked.connect(self._save)
        self.cancel.clicked.connect(self._cancel)
        self._bench.brought.connect(self._take)
        self._bench.troubled.connect(self._troubled)

    # Showing ---------------------------------------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether the preview or a file is being written."""
        return self._bench.busy

    @property
    def output(self) -> Output:
        return OUTPUTS[self.kind.value()]

    @property
    def wish(self) -> Wish:
        chosen = frozenset(name for name, box in self.chapters.items() if box.isChecked())
        sample = self.sample.value() - 1
        return Wish(sample, self.output, self.digits.value(), self.units.value(), chosen, QLocale().decimalPoint())

    def refresh(self) -> None:
        self.sample.update_now()
        if self.session.activity == "train":
            if self._shown is None:
                self.say("The network is learning. Pause: the derivation of its next step appears here.")
            return
        if not self.session.project.graph.nodes:
            self._shown = None
            self.say("Draw a network and choose data: here its whole calculation is written down.")
            return
        now = (self.session.network, self.wish)
        if self._shown is not None and now[0] is self._shown[0] and now[1] == self._shown[1]:
            return
        self._shown = now
        self.told.setText("Writing …")
        wish, network = now[1], now[0]
        self._bench.start(LOOK, lambda tell: tell(look(wish, network, lambda far: tell(None))))

    def redress(self) -> None:
        self._shown = None  # Links have the theme's colour.

    def _kind_chosen(self, suffix: str) -> None:
        self.kind.set_value(suffix)
        for name, box in self.chapters.items():
            box.setEnabled(not self.output.whole)
            told = (
                "A workbook needs all chapters" if self.output.whole else f"Whether the chapter {name} is in the file"
            )
            box.setToolTip(told)
        self._wished()

    def _wished(self, *_: object) -> None:
        self.touch(0)

    def _looked(self, found: Looked) -> None:
        self.say("")
        at = self.page.verticalScrollBar().value()
        self.page.setHtml(found.page)
        self.page.verticalScrollBar().setValue(at)
        self.told.setText(_size(found, self.output))
        self._numbers = found.numbers

    def _take(self, news: dict[str, object]) -> None:
        """What the threads have brought: how far they are, or what they were asked for."""
        for found in news.values():
            if isinstance(found, Looked):
                self._looked(found)
            elif isinstance(found, int):
                self.bar.setValue(found)
            elif isinstance(found, str):
                self.session.told.emit("info", found)
        if SAVE in news and not isinstance(news[SAVE], int):
            self._show_saving(busy=False)

    def _troubled(self, name: str, words: str) -> None:
        if name == LOOK:
            self.say(f"The calculation is written down here once the network has its data and no problem. {words}")
        else:
            self.session.told.emit("error", words)

    # Saving ----------------------------------------------------------------------------------------------------------

    def _save(self) -> None:
        output = self.output
        name = f"{self.session.title} derivation{output.suffix}"
        chosen, _ = QFileDialog.getSaveFileName(
            self.window(), "Save the derivation", name, f"{output.name} (*{output.suffix})"
        )
        if chosen:
            path = Path(chosen)
            self.save_to(path if path.suffix.lower() == output.suffix else path.with_name(path.name + output.suffix))

    def save_to(self, path: Path) -> None:
        """Write the file in a thread."""
        self.bar.setRange(0, max(2 * self._numbers, 1))
        self.bar.setValue(0)
        self._show_saving(busy=True)
        wish, network = self.wish, self.session.network
        self._bench.start(SAVE, lambda tell: tell(save(wish, network, path, tell)))

    def _cancel(self) -> None:
        self._bench.drop(SAVE)
        self._show_saving(busy=False)
        self.session.told.emit("info", "Nothing was saved.")

    def _show_saving(self, *, busy: bool) -> None:
        self.save_button.setVisible(not busy)
        for part in (self.bar, self.cancel):
            part.setVisible(busy)


def _size(found: Looked, output: Output) -> str:
    """How large the file will be, and what to do about it. What is counted beforehand is only about right."""
    whole = f"The whole batch is about {count_text(found.whole)} numbers."
    if found.units is None:
        words = whole
    else:
        units = "unit" if found.units == 1 else f"{found.units} units"
        words = f"{whole} The file has those of the first {units} of every layer: {count_text(found.numbers)}."
    seconds = found.numbers * SECONDS_A_NUMBER
    slow = f" Writing it takes about {seconds:.0f} seconds." if seconds > 4 else ""
    heavy = " Such a large file opens slowly." if found.numbers > 3 * output.most else ""
    shorter = " The preview is shorter." if found.numbers > PREVIEWED else ""
    return words + slow + heavy + shorter
