"""Stepping by itself, and the timeline: scrubbed, typed into, turned by the wheel; done, now and to come told apart."""

from collections.abc import Iterator
from itertools import pairwise
from time import monotonic

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QAccessible, QHelpEvent, QImage, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QToolTip
from pytestqt.qtbot import QtBot

from annstudio.explain.moments import Grain
from annstudio.formats import studio
from annstudio.places import SAMPLES
from annstudio.ui.app import application
from annstudio.ui.explain.player import SPEEDS
from annstudio.ui.explain.track import Scale, phase_colour
from tests.builders import worked_example
from tests.ui.explaining import Desk, explaining

Key = Qt.Key


@pytest.fixture
def desk(qtbot: QtBot) -> Iterator[Desk]:
    application("light")
    with explaining(worked_example()) as desk:
        desk.view.player.choose_speed(SPEEDS[-1])
        yield desk


@pytest.fixture
def digits(qtbot: QtBot) -> Iterator[Desk]:
    application("light")
    with explaining(studio.load(SAMPLES / "digits-cnn.annstudio")) as desk:
        desk.view.set_grain(Grain.NUMBER)
        yield desk


# Playing -------------------------------------------------------------------------------------------------------------


def test_space_plays_and_pauses(desk: Desk, qtbot: QtBot):
    places = []
    desk.tour.moved.connect(lambda: places.append(desk.tour.walk.place))
    desk.key(Key.Key_Space)
    assert desk.view.player.playing
    assert desk.view.timeline.play.accessibleName() == "Pause"
    qtbot.waitUntil(lambda: len(places) >= 4)
    desk.key(Key.Key_Space)
    assert not desk.view.player.playing
    assert desk.view.timeline.play.accessibleName() == "Play"
    assert places == list(range(1, len(places) + 1))
    stood = desk.tour.walk.place
    QTest.qWait(120)
    assert desk.tour.walk.place == stood


def test_playing_stops_at_a_breakpoint_and_at_the_end_and_begins_anew_there(desk: Desk, qtbot: QtBot):
    desk.session.breakpoints.toggle("output")
    desk.tour.to(30)
    desk.key(Key.Key_Space)
    qtbot.waitUntil(lambda: not desk.view.player.playing)
    assert desk.tour.walk.place == 36
    desk.key(Key.Key_Space)
    qtbot.waitUntil(lambda: not desk.view.player.playing)
    assert desk.tour.walk.place == 43
    desk.key(Key.Key_Space)
    qtbot.waitUntil(lambda: not desk.view.player.playing)
    assert desk.tour.walk.place == 5


@pytest.mark.parametrize("key", [Key.Key_Right, Key.Key_L, Key.Key_Escape, Key.Key_1])
def test_playing_stops_when_somebody_goes_elsewhere(desk: Desk, key: Qt.Key):
    desk.key(Key.Key_Space)
    assert desk.view.player.playing
    desk.key(key)
    assert not desk.view.player.playing


def test_playing_stops_when_explain_is_left(desk: Desk):
    desk.key(Key.Key_Space)
    desk.session.leave_explain()
    assert not desk.view.player.playing


def test_playing_pauses_at_the_end_of_a_batch_or_runs_on_into_the_next(desk: Desk, qtbot: QtBot):
    desk.tour.to(41)
    QTest.mouseClick(desk.view.timeline.play_on, Qt.MouseButton.LeftButton)
    assert desk.view.player.runs_on
    desk.key(Key.Key_Space)
    qtbot.waitUntil(lambda: desk.tour.journey.number == 1 and desk.tour.walk.place >= 2)
    assert desk.view.player.playing
    assert desk.view.timeline.batch.text() == "Batch 2"
    desk.view.player.toggle_on()
    desk.tour.to(41)
    desk.key(Key.Key_Space)
    qtbot.waitUntil(lambda: not desk.view.player.playing)
    assert (desk.tour.journey.number, desk.tour.walk.place) == (1, 43)


def test_playing_that_cannot_go_on_stops(desk: Desk, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(desk.tour, "step", lambda: None)
    desk.key(Key.Key_Space)
    qtbot.waitUntil(lambda: not desk.view.player.playing)


def test_the_speed_is_chosen_by_key_and_by_hand(desk: Desk):
    player, box = desk.view.player, desk.view.timeline.speed
    desk.key(Key.Key_Minus, Key.Key_Minus)
    assert (player.speed, box.currentText()) == (2, "2/s")
    QTest.keyClick(desk.view, Key.Key_Plus, Qt.KeyboardModifier.ShiftModifier)
    assert player.speed == 5
    QTest.keyClick(box, Key.Key_Up)
    assert player.speed == 2


def test_one_step_takes_as_long_as_the_speed_says(desk: Desk, qtbot: QtBot):
    desk.view.player.choose_speed(5)
    at = []
    desk.tour.moved.connect(lambda: at.append(monotonic()))
    desk.key(Key.Key_Space)
    qtbot.waitUntil(lambda: len(at) >= 4)
    assert all(0.15 < after - before < 1 for before, after in pairwise(at))


def test_a_slow_drawing_is_waited_for(desk: Desk, qtbot: QtBot):
    """No step is made before the last one was painted."""
    order = []

    def painted() -> None:
        QTest.qSleep(80)
        order.append("painted")

    desk.view.timeline.track.painted.connect(painted)
    desk.tour.moved.connect(lambda: order.append("moved"))
    desk.key(Key.Key_Space)
    qtbot.waitUntil(lambda: order.count("moved") >= 5)
    desk.key(Key.Key_Space)
    moves = [i for i, word in enumerate(order) if word == "moved"]
    assert all("painted" in order[a:b] for a, b in pairwise(moves))


def test_screen_readers_are_told_each_step_but_not_in_a_rush(desk: Desk, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch):
    told = []
    monkeypatch.setattr(QAccessible, "isActive", lambda: True)
    monkeypatch.setattr(QAccessible, "updateAccessibility", lambda event: told.append(event.message()))
    desk.key(Key.Key_Right)
    assert told == ["Step 1 of 43: Forward · hidden · net_h1"]
    desk.key(Key.Key_1)
    assert told[-1] == "Step 1 of 8: Forward · hidden"
    desk.key(Key.Key_3)
    told.clear()
    desk.tour.to(38)
    told.clear()
    desk.key(Key.Key_Space)
    qtbot.waitUntil(lambda: not desk.view.player.playing)
    assert told == ["Step 43 of 43: Update · hidden · w₄"]


# The track -----------------------------------------------------------------------------------------------------------


def test_every_point_of_a_scale_is_a_moment_and_every_moment_has_its_place():
    scale = Scale([10_000, 1, 50, 200_000], 2, 600, 7)
    edges = [scale.edge(m) for m in (0, 10_000, 10_001, 10_051, 210_051)]
    assert edges[0] == 2
    assert edges[-1] == pytest.approx(602)
    assert all(after - before >= 7 for before, after in pairwise(edges))
    for moment in (0, 5000, 9_999, 10_000, 10_025, 150_000, 210_050):
        middle = (scale.edge(moment) + scale.edge(moment + 1)) / 2
        assert scale.moment_at(middle) == moment
    assert scale.moment_at(-50) == 0
    assert scale.moment_at(9_000) == 210_050


def test_many_moments_are_a_bar_of_layers_with_their_names_under_the_pointer(digits: Desk):
    track = digits.view.timeline.track
    assert not track.in_blocks
    part = next(p for p in track.parts if p.stretch.box.node == "pool_1" and p.stretch.phase == "backward")
    x = track.rect_of((part.first + part.end) // 2).center().x()
    assert track.told_at(x).startswith("Backward · pool_1\nSteps ")
    at = QPoint(round(x), 15)
    QApplication.sendEvent(track, QHelpEvent(QEvent.Type.ToolTip, at, track.mapToGlobal(at)))
    assert QToolTip.text().startswith("Backward · pool_1")
    QToolTip.hideText()
    loss = next(p for p in track.parts if p.stretch.phase == "loss")
    assert track.rect_of(loss.end - 1).right() - track.rect_of(loss.first).left() >= 5


def test_few_moments_say_what_each_is(desk: Desk):
    track = desk.view.timeline.track
    assert track.in_blocks
    assert track.told_at(track.rect_of(2).center().x()) == "Step 3: Forward · hidden · out_h1"
    desk.session.breakpoints.toggle("hidden")
    assert track.told_at(track.rect_of(0).center().x()).endswith("\nStops here")


def test_done_and_to_come_differ_by_more_than_their_colour(desk: Desk):
    """Filled is done, hatched is to come: the same hue, but the one is even and the other is not."""
    track = desk.view.timeline.track
    desk.tour.to(2)
    image = track.grab().toImage()
    ratio = image.devicePixelRatio()

    def shades(moment: int) -> set[str]:
        rect = track.rect_of(moment).adjusted(3, 3, -3, -3)
        return {
            image.pixelColor(round(x * ratio), round(y * ratio)).name()
            for x in range(round(rect.left()), round(rect.right()))
            for y in range(round(rect.top()), round(rect.bottom()))
        }  # fmt: skip

    assert shades(0) == {phase_colour(track.parts[0].stretch.phase).name()}
    assert len(shades(4)) > 1
    assert isinstance(image, QImage)


def test_the_step_is_typed_in(digits: Desk):
    field = digits.view.timeline.number
    for typed, place in (("12 345", 12_345), ("99999999", 28_661), ("7", 7)):
        field.setFocus()
        field.selectAll()
        QTest.keyClicks(field, typed)
        QTest.keyClick(field, Key.Key_Return)
        assert digits.tour.walk.place == place
    assert field.text() == "Step 7 of 28\u202f661"
    assert digits.view.timeline.track.hasFocus()
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, "x")
    assert field.text() == "Step 7 of 28\u202f661"


def test_tab_goes_through_the_timeline_as_it_is_read(desk: Desk):
    timeline = desk.view.timeline
    timeline.number.setFocus()
    seen = [timeline.number]
    while seen[-1] is not timeline.track and len(seen) < 12:
        QTest.keyClick(seen[-1], Key.Key_Tab)
        seen.append(QApplication.focusWidget())
    grains = [widget for widget in seen if widget in timeline.grains.buttons()]
    assert grains
    assert seen == [timeline.number, *grains, timeline.play, timeline.speed, timeline.play_on, timeline.track]


def test_a_narrow_timeline_keeps_the_words_of_the_moment(digits: Desk):
    timeline = digits.view.timeline
    timeline.setParent(None)
    timeline.show()
    timeline.resize(640, timeline.height())
    field = timeline.number
    assert field.fontMetrics().horizontalAdvance(f"Step 28\u202f661{field.suffix()}") < field.lineEdit().width() + 4
    QApplication.processEvents()
    assert timeline.caption.width() > 500
    assert timeline.caption.geometry().bottom() < field.geometry().top()
    timeline.resize(1000, timeline.height())
    QApplication.processEvents()
    assert timeline.caption.geometry().center().y() == pytest.approx(field.geometry().center().y(), abs=2)
    assert timeline.caption.x() > field.x()
    timeline.close()
    timeline.deleteLater()


def turn(desk: Desk, angle: int, *, control: bool = False) -> None:
    track = desk.view.timeline.track
    at = QPointF(track.rect().center())
    modifier = Qt.KeyboardModifier.ControlModifier if control else Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(track, QWheelEvent(
        at, track.mapToGlobal(at), QPoint(), QPoint(0, angle), Qt.MouseButton.NoButton, modifier,
        Qt.ScrollPhase.NoScrollPhase, False,
    ))  # fmt: skip


def test_the_wheel_turns_on_and_back_by_steps_and_by_layers(desk: Desk):
    turn(desk, -120)
    turn(desk, -240)
    assert desk.tour.walk.place == 3
    turn(desk, 60)
    assert desk.tour.walk.place == 3
    turn(desk, 60)
    assert desk.tour.walk.place == 2
    turn(desk, -120, control=True)
    assert desk.view.timeline.caption.text() == "Forward · hidden · out_h2"
    turn(desk, -2000)
    turn(desk, 12_000)
    assert desk.tour.walk.place == 0


def test_a_drag_moves_the_network_at_most_once_a_frame_and_ends_where_it_was_let_go(
    digits: Desk, monkeypatch: pytest.MonkeyPatch
):
    track, moves = digits.view.timeline.track, []
    to = type(digits.tour).to
    monkeypatch.setattr(type(digits.tour), "to", lambda tour, place: (moves.append(place), to(tour, place)))
    QTest.mousePress(track, Qt.MouseButton.LeftButton, pos=QPoint(10, 18))
    for x in range(20, 320, 4):
        QTest.mouseMove(track, QPoint(x, 18))
        assert digits.view.timeline.number.value() == track.value()
    QTest.mouseRelease(track, Qt.MouseButton.LeftButton)
    assert digits.tour.walk.place == track.value() == track.moment_at(316)
    assert len(moves) < 40


def test_a_step_while_dragging_is_not_taken_back_by_the_drag(desk: Desk):
    track = desk.view.timeline.track
    QTest.mousePress(track, Qt.MouseButton.LeftButton, pos=track.rect_of(4).center().toPoint())
    QTest.mouseMove(track, track.rect_of(20).center().toPoint())
    desk.key(Key.Key_Home)
    QTest.mouseRelease(track, Qt.MouseButton.LeftButton)
    assert desk.tour.walk.place == 0
