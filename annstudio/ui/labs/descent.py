"""Descent: the loss over two weights of the network, ways down it side by side, and gradients of mini-batches."""

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QSize
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from annstudio.errors import StudioError
from annstudio.explain.number_names import spelled
from annstudio.session import Session
from annstudio.session.answers import weights_of_now
from annstudio.session.labs.descent import (
    Cut,
    Retraced,
    Wish,
    cut,
    listed,
    place_of,
    retraced,
    sampled,
    try_out,
    values_at,
)
from annstudio.session.labs.study import every
from annstudio.training.race import Race
from annstudio.ui.actions import by_id
from annstudio.ui.labs.bench import Bench
from annstudio.ui.labs.descent_controls import Controls
from annstudio.ui.labs.descent_findings import Findings
from annstudio.ui.labs.descent_look import Scale, Scene
from annstudio.ui.labs.descent_picture import DescentPicture
from annstudio.ui.labs.descent_results import Results
from annstudio.ui.labs.descent_words import cut_words, way_rows, way_words
from annstudio.ui.panels.base import Panel
from annstudio.ui.plots import SaveButton
from annstudio.ui.theme import GRID

CONTROLS_WIDTH, RESULTS_WIDTH = 63 * GRID, 74 * GRID
PADDING = 0.15
"""Around what is fitted into the ranges."""


class DescentPanel(Panel):
    """Look at the loss over two weights and send optimisers down it."""

    title = by_id("descent").text

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.bench = Bench(self)
        self.found = Findings()
        self._cut_of: object = None
        self._unfinished = False
        self._settings_of: object = None
        self._ranges_typed = False
        self.controls = Controls(self.body)
        self.picture = DescentPicture(session.told.emit, self.body)
        self.results = Results(self.body)
        self.setFocusProxy(self.controls.pages)
        self._lay_out()
        for signal, slot in (
            (self.controls.cut_edited, self._edit_cut), (self.controls.start_changed, self._show),
            (self.controls.steepest.clicked, self._to_steepest), (self.controls.around.clicked, self._around_now),
            (self.picture.fit.clicked, self._fit), (self.controls.go.clicked, self._go),
            (self.controls.again.clicked, self._trace_run), (self.controls.draw.clicked, self._draw),
            (self.picture.cancelled, self.bench.stop), (self.picture.plane.chosen, self._choose_start),
            (self.bench.brought, self._take), (self.bench.troubled, self._tell_trouble),
        ):  # fmt: skip
            signal.connect(slot)

    def _lay_out(self) -> None:
        row = QHBoxLayout(self.body)
        row.setContentsMargins(3 * GRID, 2 * GRID, 3 * GRID, 2 * GRID)
        row.setSpacing(4 * GRID)
        self.controls.setFixedWidth(CONTROLS_WIDTH)
        row.addWidget(self.controls)
        row.addWidget(self.picture, 1)
        self.results.setFixedWidth(RESULTS_WIDTH)
        row.addWidget(self.results)
        tell = self.session.told.emit
        results = self.results
        results.losses.head.addWidget(SaveButton(results.losses, "Ways down", results.ways_table, tell))
        results.batch_head.addWidget(SaveButton(results.batches, "Mini-batches", results.batches_table, tell))

    def heightForWidth(self, width: int) -> int:
        # Labels that wrap would have the dock ask for the height that all parts would like to have.
        return self.minimumSizeHint().height()

    def sizeHint(self) -> QSize:
        return QSize(CONTROLS_WIDTH + RESULTS_WIDTH + 120 * GRID, 110 * GRID)

    # Following the session ------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        words = self._why_empty()
        self.say(words)
        if words:
            self.bench.stop()
            return
        project = self.session.project
        settings = project.settings
        if self._settings_of != (settings.optimizer, settings.batch_size):
            self._settings_of = (settings.optimizer, settings.batch_size)
            self.controls.optimizers.show_own(settings.optimizer)
            going = self.controls.going.model_copy(update={"batch_size": settings.batch_size})
            drawing = self.controls.drawing.model_copy(update={"size": self._part_of(settings.batch_size)})
            self.controls.show_values(going=going, drawing=drawing)
        if self.session.training and self.found.cut is not None:
            # The ground moves under it: only where the two weights are is followed until it stands still.
            self._follow_run()
            self._show()
            return
        now = (project.graph.meaning, project.data, project.weights, project.locked, settings.seed)
        if self._unfinished and _same(now, self._cut_of):
            self._survey()
        elif not _same(now, self._cut_of):
            structural = not isinstance(self._cut_of, tuple) or not _same(now[:2], self._cut_of[:2])
            self._cut_of = now
            self._forget()
            if structural:
                self._begin_anew()
            elif not self._ranges_typed and not self._sees_now():
                self.controls.show_values(self.controls.cutting.model_copy(update={"x": (), "y": ()}))
            self._survey()

    def redress(self) -> None:
        for part in (self.picture, self.results, self.controls.optimizers):
            part.redress()
        self._show()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        if "surface" in self.bench:
            # A surface that nobody sees is not measured; it begins anew when it is seen again.
            self._unfinished = True
            self.bench.drop("surface")
        if not self.window().isVisible():
            # Behind another tab what was asked for goes on; with the window it ends.
            self.bench.stop()

    def showEvent(self, event: QShowEvent) -> None:
        self._stale = self._stale or self._unfinished
        super().showEvent(event)

    def _follow_run(self) -> None:
        latest, cut = self.session.latest, self.found.cut
        if cut is not None and latest is not None:
            self.found.follow(latest.step, values_at(weights_of_now(self.session), cut.plane.places))

    def _forget(self) -> None:
        for name in ("ways", "run", "batches"):
            self.bench.drop(name)
        self.found.forget()

    def _sees_now(self) -> bool:
        """Whether the weights of now are within the ranges."""
        if self.found.cut is None:
            return False
        plane = self.found.cut.plane
        here = values_at(self.session.weights(), plane.places)
        return all(low < value < high for value, (low, high) in zip(here, (plane.x, plane.y), strict=True))

    def _part_of(self, size: int) -> int:
        """The project's batch size where that is not all examples, else a tenth of them: there is to be an error."""
        n = len(self.session.dataset) if self.session.dataset is not None else 1
        return size if size < n else max(1, n // 10)

    def _why_empty(self) -> str:
        if not self.session.project.graph.nodes:
            return "Draw a network and choose data: here its loss is seen over any two of its weights."
        if not self.session.checked.trainable:
            return "The loss is seen here once the network has no problem and can be trained; see the tab Problems."
        return self.session.data_problem or ("" if self.session.dataset is not None else "Choose data first.")

    def _begin_anew(self) -> None:
        """Another network: nothing that was found out holds any more."""
        self.bench.stop()
        self.found = Findings()
        cutting = self.controls.cutting.model_copy(update={"across": "", "up": "", "x": (), "y": ()})
        self.controls.show_values(cutting, self.controls.going.model_copy(update={"start": ()}))
        self.controls.show_names(listed(self.session.network))

    # What can be asked for ------------------------------------------------------------------------------------------

    def _survey(self) -> None:
        """Measure the surface that is wished for."""
        self._unfinished = False
        network, wished = self.session.network, self.controls.cutting
        wish = Wish(wished.across, wished.up, wished.x, wished.y, wished.intervals, wished.examples)
        self._start("surface", lambda: cut(network, wish))

    def _edit_cut(self, name: str, value: Any) -> None:
        """Another surface is wanted; what cannot be is said at its field."""
        changes = {name: value}
        if name in ("across", "up"):
            try:
                place_of(self.session.network, value)
            except StudioError as error:
                self.controls.cut_form.refuse(name, str(error))
                return
            if value == getattr(self.controls.cutting, "up" if name == "across" else "across"):
                self.controls.cut_form.refuse(name, "Both axes would be the same weight: choose another one.")
                return
            # Another weight has a range of its own.
            changes["x" if name == "across" else "y"] = ()
        self._wish(typed=name in ("x", "y") or (name not in ("across", "up") and self._ranges_typed), **changes)

    def _to_steepest(self) -> None:
        self._wish(across="", up="", x=(), y=())

    def _around_now(self) -> None:
        self._wish(x=(), y=())

    def _fit(self) -> None:
        """Ranges in which every way, the start and the weights of now are seen."""
        if self.found.cut is None:
            return
        points = [self.found.cut.here, *([self.start] if self.start else [])]
        points += [(float(x), float(y)) for way in self.found.ways() for x, y in way.thinned()]
        ranges: dict[str, Any] = {}
        for name, values in zip("xy", zip(*points, strict=True), strict=True):
            low, high = min(values), max(values)
            pad = PADDING * (high - low) or 1.0
            ranges[name] = (low - pad, high + pad)
        self._wish(**ranges)

    def _wish(self, *, typed: bool = False, **changes: Any) -> None:
        self._ranges_typed = typed
        self.controls.show_values(self.controls.cutting.model_copy(update=changes))
        self._survey()

    def _choose_start(self, x: float, y: float) -> None:
        start = (float(f"{x:.4g}"), float(f"{y:.4g}"))
        self.controls.show_values(going=self.controls.going.model_copy(update={"start": start}))
        self._show()

    @property
    def start(self) -> tuple[float, float] | None:
        """Where optimisers begin: the place chosen, else the weights of now."""
        chosen = self.controls.going.start
        if len(chosen) == 2:
            return chosen[0], chosen[1]
        return self.found.cut.here if self.found.cut is not None else None

    def _go(self) -> None:
        self.controls.settle()
        optimizers, start, found = self.controls.optimizers.chosen, self.start, self.found.cut
        if found is None or start is None:
            return
        if not optimizers:
            self.session.told.emit("info", "Tick the optimisers that are to be tried.")
            return
        going = self.controls.going
        race = Race(optimizers, found.plane.places, start, going.steps, going.batch_size, going.alone)
        self._start("ways", lambda: try_out(found.ground, race))

    def _trace_run(self) -> None:
        found, progress = self.found.cut, self.session.project.progress
        if progress is None or not progress.step:
            self.session.told.emit("info", "Nothing was trained yet: press Train, then its way can be shown here.")
        elif found is not None:
            network, places = self.session.network, found.plane.places
            self._start("run", lambda: retraced(network, places))

    def _draw(self) -> None:
        self.controls.settle()
        found, start = self.found.cut, self.start
        if found is not None and start is not None:
            self.found.sampled_at = start
            size, count = self.controls.drawing.size, self.controls.drawing.batches
            self._start("batches", lambda: sampled(found.ground, found.plane.places, start, size, count))

    # What the work brings -------------------------------------------------------------------------------------------

    def _start(self, name: str, work: Callable[[], Any]) -> None:
        self.bench.start(name, every(work))
        self._show_progress()

    def _tell_trouble(self, name: str, words: str) -> None:
        self.session.told.emit("error", words)

    def _take(self, news: dict[str, object]) -> None:
        for found in news.values():
            self._keep(found)
        self._show()
        for name in news:
            if name != "surface":
                self.results.turn_to(batches=name == "batches")
        self._show_progress()

    def _keep(self, found: object) -> None:
        before = self.found.cut
        self.found.keep(found)
        if isinstance(found, Cut):
            if before is not None and before.plane.places != found.plane.places:
                self.found.following = False
                self._forget()
                self.controls.show_values(going=self.controls.going.model_copy(update={"start": ()}))
            across, up = (spelled(*place) for place in found.plane.places)
            shown = {"across": across, "up": up, "x": found.plane.x, "y": found.plane.y}
            self.controls.show_values(self.controls.cutting.model_copy(update=shown))
        elif isinstance(found, Retraced) and found.exact is not None and not self._ranges_typed:
            self._fit()

    # Showing -------------------------------------------------------------------------------------------------------

    def _show(self) -> None:
        found, cut = self.found, self.found.cut
        if cut is None:
            return
        surface = cut.surface if cut.surface is not None and len(cut.surface.xs) else None
        across, up = (spelled(*place) for place in cut.plane.places)
        here = found.seen[-1][1:] if self.session.training and found.seen else cut.here
        ways = found.ways()
        scene = Scene(
            cut.plane, surface, (across, up), here, self.start if self.controls.going.start else None, ways,
            found.sampled, found.sampled_at, Scale.of(surface) if surface is not None else Scale(0.0, 1.0),
        )  # fmt: skip
        self.picture.show_scene(scene, cut_words(cut, training=self.session.training))
        rate, loss = self.session.project.settings.optimizer.learning_rate, cut.loss if found.run_ended_here else None
        rows = way_rows(found.raced, found.run, rate, loss, going="ways" in self.bench)
        words = way_words(found.raced, found.retraced, seen=len(found.seen))
        self.results.show_ways(ways, scene.names, rows, words)
        self.results.show_batches(found.sampled)

    def _show_progress(self) -> None:
        self.picture.show_progress(self.bench.busy, self.found.share(self.bench))


def _same(a: Any, b: Any) -> bool:
    """Whether two tuples hold the same things; weights are compared by identity."""
    return isinstance(b, tuple) and len(a) == len(b) and all(
        x is y or (not isinstance(x, dict) and x == y) for x, y in zip(a, b, strict=True)
    )  # fmt: skip
