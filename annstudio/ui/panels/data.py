"""The data: which it is, its settings, where it comes from, and a look at its examples."""

from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QTableView,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from annstudio.data.base import Dataset, DataSource, sources
from annstudio.data.files import FileSource
from annstudio.data.typed import Typed
from annstudio.document.network import JUDGES
from annstudio.errors import DataError
from annstudio.session import Session
from annstudio.ui.forms import Form
from annstudio.ui.numbers import count_text, number_text
from annstudio.ui.panels.bars import Bar, Bars
from annstudio.ui.panels.base import Panel, quiet_label
from annstudio.ui.panels.drawn import lengths_of
from annstudio.ui.panels.examples import SHOWN, ExamplesModel, Thumbnails, target_text
from annstudio.ui.panels.plane import Plane, class_colours
from annstudio.ui.panels.typed import TypedTable
from annstudio.ui.patience import GivenUp, patiently
from annstudio.ui.theme import GRID, SMALL, ui_font


class DataPanel(Panel):
    """On the left the choice and what is known of it, on the right the examples."""

    title = "Data"
    live = False

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self._forms: dict[type[DataSource], Form] = {}
        self._shown: Dataset | None = None
        row = QHBoxLayout(self.body)
        row.setContentsMargins(3 * GRID, 2 * GRID, 3 * GRID, 2 * GRID)
        row.setSpacing(4 * GRID)
        row.addWidget(self._make_choice())
        row.addWidget(self._make_views(), 1)
        self.nothing = quiet_label("There are no examples to look at yet.", self.body)
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        row.addWidget(self.nothing, 1)

    def _make_choice(self) -> QWidget:
        scroll = QScrollArea(self.body)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFixedWidth(84 * GRID)
        page = QWidget(scroll)
        self.column = QVBoxLayout(page)
        self.column.setContentsMargins(0, 0, 3 * GRID, 0)
        self.column.setSpacing(GRID)
        self.kind = QComboBox(page)
        self.kind.setAccessibleName("Data")
        self.kind.setToolTip("Which examples the network learns from")
        self.kind.addItem("No data", None)
        for kind, source in sources().items():
            self.kind.addItem(source.title, kind)
            self.kind.setItemData(self.kind.count() - 1, source.note, Qt.ItemDataRole.ToolTipRole)
        self.kind.activated.connect(self._choose_kind)
        self.column.addWidget(self.kind)
        self.note = quiet_label("", page, SMALL + 1)
        self.column.addWidget(self.note)
        self.forms = QVBoxLayout()
        self.column.addLayout(self.forms)
        self.problem = QLabel(page)
        self.problem.setForegroundRole(QPalette.ColorRole.BrightText)
        self.problem.setWordWrap(True)
        self.column.addWidget(self.problem)
        self.facts = QLabel(page)
        self.facts.setFont(ui_font(SMALL + 1))
        self.facts.setWordWrap(True)
        self.facts.setTextFormat(Qt.TextFormat.RichText)
        self.facts.setTextInteractionFlags(Qt.TextInteractionFlag.TextBrowserInteraction)
        self.facts.setOpenExternalLinks(True)
        self.column.addWidget(self.facts)
        self.column.addStretch(1)
        scroll.setWidget(page)
        return scroll

    def _make_views(self) -> QWidget:
        self.views = QTabWidget(self.body)
        self.views.setDocumentMode(True)
        self.pictures = Thumbnails(self.views)
        self.pictures.chosen.connect(self._watch)
        self.plane = Plane(self.views)
        self.plane.chosen.connect(self._watch)
        self.plane.hovered.connect(self._tell_place)
        self.place = quiet_label("", self.views, SMALL)
        plane = QWidget(self.views)
        column = QVBoxLayout(plane)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.plane, 1)
        column.addWidget(self.place)
        self.typed = TypedTable(self.session, self.views)
        self.model = ExamplesModel(self)
        self.table = QTableView(self.views)
        self.table.setModel(self.model)
        self.table.verticalHeader().setDefaultSectionSize(6 * GRID)
        self.table.setAccessibleName("Examples")
        self.balance = Bars(_balance_colour, self.views)
        pages = ((self.pictures, "Pictures"), (plane, "Points"), (self.typed, "Typed table"))
        self._pages: list[tuple[QWidget, str]] = [*pages, (self.table, "Table"), (self.balance, "Classes")]
        for page, title in self._pages:
            self.views.addTab(page, title)
        return self.views

    # What is shown ---------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        source = self.session.project.data
        self.kind.setCurrentIndex(self.kind.findData(None if source is None else source.kind))
        self.note.setText("Choose what the network is to learn from." if source is None else source.note)
        self._show_form(source)
        problem = self.session.data_problem
        self.problem.setText(problem)
        self.problem.setVisible(bool(problem))
        dataset = self.session.dataset
        self.facts.setText("" if dataset is None else facts_text(dataset, self.session))
        self.views.setVisible(dataset is not None)
        self.nothing.setVisible(dataset is None)
        if dataset is not None:
            self._show_examples(dataset)

    def redress(self) -> None:
        self.plane.redress()
        self.balance.update()
        self.pictures.viewport().update()

    def _show_form(self, source: DataSource | None) -> None:
        kind = None if source is None else type(source)
        if kind is not None and kind not in self._forms:
            form = Form(kind, label_width=32 * GRID)
            form.edited.connect(self._edit)
            self.forms.addWidget(form)
            self._forms[kind] = form
        for other, form in self._forms.items():
            form.setVisible(other is kind)
        if kind is not None and source is not None:
            self._forms[kind].set_values({name: getattr(source, name) for name in self._forms[kind].names})

    def _show_examples(self, dataset: Dataset) -> None:
        x, y = dataset.columns.get("x"), dataset.columns.get("y")
        typed = isinstance(self.session.project.data, Typed)
        pictures = x is not None and x.values.ndim in (3, 4)
        flat = x is not None and not x.is_classes and x.values.ndim == 2
        points = flat and x is not None and x.values.shape[1] == 2 and y is not None
        classes = y is not None and y.is_classes
        wanted = (pictures, points, typed, flat and not typed, classes)
        for i, shown in enumerate(wanted):
            self.views.setTabVisible(i, bool(shown))
        if pictures and x is not None:
            self.views.setTabText(0, "Pictures" if x.values.ndim == 4 else "Sequences")
            lengths = lengths_of(self.session) if x.values.ndim == 3 else None
            self.pictures.show_rows(x.values, lambda i: target_text(dataset, i), self.session.sample, lengths)
        if points and x is not None:
            classes_of_points, names = plane_classes(dataset.excerpt)
            axes = (x.names[0], x.names[1]) if x.names else ("x1", "x2")
            shown = dataset.excerpt.columns["x"].array
            self.plane.show_points(
                shown, classes_of_points, names, axes, dataset.excerpted, self.session.sample % len(dataset)
            )
            self._tell_place("")
        if typed:
            self.typed.show_source(self.session.project.data, dataset)
        if dataset is not self._shown:
            self.model.show_dataset(dataset if flat else None, editable=False)
            self._show_balance(dataset)
            self._shown = dataset

    def _show_balance(self, dataset: Dataset) -> None:
        y = dataset.columns.get("y")
        if y is not None and y.is_classes:
            known = dataset.excerpt.columns["y"]
            share = len(dataset) / max(len(known), 1)
            counts = np.rint(share * np.bincount(known.array, minlength=len(y.classes)))
            about = "about " if dataset.is_large else ""
            texts = [about + count_text(int(n)) for n in counts]
            bars = [Bar(name, float(n), text) for name, n, text in zip(y.classes, counts, texts, strict=True)]
            self.balance.show_bars(bars, 0, float(max(counts.max(), 1)))

    # Editing ---------------------------------------------------------------------------------------------------------

    def _choose_kind(self, _: int) -> None:
        kind = self.kind.currentData()
        now = self.session.project.data
        if kind != (None if now is None else now.kind):
            self._choose(None if kind is None else sources()[kind](kind=kind))

    def _edit(self, name: str, value: Any) -> None:
        source = self.session.project.data
        assert source is not None
        try:
            changed = source.changed(**{name: value})
        except DataError as error:
            self._forms[type(source)].refuse(name, error.message)
        else:
            self._choose(changed)

    def _choose(self, source: DataSource | None) -> None:
        """Take other data. Large files are read while the window stays alive; who gives up keeps what was."""
        if isinstance(source, FileSource):
            folder = self.session.folder
            try:
                patiently(self.window(), f"Reading {Path(source.path).name}", lambda: source.prepare(folder))
            except GivenUp:
                self.refresh()
                return
        self.session.set_data(source)

    def _watch(self, i: int) -> None:
        self.session.watch(True, i)

    def _tell_place(self, words: str) -> None:
        self.place.setText(words or self.plane.legend())


def plane_classes(dataset: Dataset) -> tuple[np.ndarray[Any, Any], tuple[str, ...]]:
    """Class numbers and names for colouring the points of an excerpt; numbers as targets are told apart at the middle
    of their range."""
    y = dataset.columns["y"]
    if y.is_classes:
        return y.array, y.classes
    first = y.array.reshape(len(y), -1)[:, 0]
    if np.isin(first, (0.0, 1.0)).all():
        return first.astype(int), ("0", "1")
    middle = (float(first.min()) + float(first.max())) / 2
    return (first > middle).astype(int), (f"below {number_text(middle, 3)}", f"above {number_text(middle, 3)}")


def facts_text(dataset: Dataset, session: Session) -> str:
    """Everything that is known of a data set, as rows of a small table."""
    n = len(dataset)
    settings = session.project.settings
    train, validation = dataset.split(settings.validation_share, settings.seed)
    split = f"{count_text(len(train))} to learn from, {count_text(len(validation))} kept back to judge by"
    if len(validation) > JUDGES:
        split += f", {count_text(JUDGES)} of them after every epoch"
    rows = [("Examples", f"{count_text(n)}: {split}" if len(validation) else count_text(n))]
    for key, title in (("x", "Input"), ("y", "Target")):
        column = dataset.columns.get(key)
        if column is not None:
            sizes = "×".join(map(str, column.values.shape[1:]))
            rows.append((title, f"{len(column.classes)} classes" if column.is_classes else sizes))
    if dataset.is_large:
        rows.append(("Size", size_text(dataset)))
    rows += [("Stands for", dataset.stands_for), ("Source", dataset.source), ("Licence", dataset.licence)]
    rows += [("Cite", dataset.citation), ("Changes", dataset.changes)]
    cells = "".join(
        f"<tr><td style='padding-right:8px'>{title}</td><td>{escape(words)}</td></tr>" for title, words in rows if words
    )
    return f"<table cellspacing=2>{cells}</table>"


def size_text(dataset: Dataset) -> str:
    """What is said of a data set that is not looked at as a whole."""
    n_bytes = sum(column.values.nbytes for column in dataset.columns.values())
    listed = f", and the first {count_text(SHOWN)} are listed" if len(dataset) > SHOWN else ""
    return (
        f"{number_text(n_bytes / 2**30, 3)} GiB of numbers, not in memory: examples are fetched when they are needed. "
        f"Points and counts are made from {count_text(len(dataset.excerpt))} of them, evenly spread{listed}."
    )


def _balance_colour(i: int) -> QColor:
    return class_colours(2)[1]
