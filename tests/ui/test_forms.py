"""Forms as a user meets them: typing, arrows, mouse; what is refused is said in words, the last good value returns."""

from typing import Literal

import pytest
from pydantic import BaseModel, Field
from PySide6.QtCore import QLocale, QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QStyleOptionComboBox, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from annstudio.layers.base import catalogue
from annstudio.layers.conv import Conv2D
from annstudio.layers.ends import Input
from annstudio.training.settings import TrainingSettings
from annstudio.ui.choices import ChoiceField
from annstudio.ui.explain.elided import TitleLabel
from annstudio.ui.fields import MIXED
from annstudio.ui.forms import Form
from annstudio.ui.numbers import Limits, count_text, number_text, parse_number, stepped


class Sample(BaseModel):
    rate: float = Field(0.1, gt=0, le=1000, title="Learning rate", description="How far.")
    units: int = Field(8, ge=1, le=1000, title="Units")
    on: bool = Field(True, title="On")
    under: bool = Field(True, title="Under", json_schema_extra={"needs": "on"})
    mode: Literal["same", "he_normal"] = Field("same", title="Mode")
    size: tuple[int, int] = Field((3, 3), title="Size")
    name: str = Field("x", title="Name")
    kind: Literal["only"] = "only"


@pytest.fixture
def form(qtbot):
    """A form with an owner who takes whatever pydantic takes, and another field beside it."""
    window = QWidget()
    form = Form(Sample)
    other = QLineEdit()
    layout = QVBoxLayout(window)
    layout.addWidget(form)
    layout.addWidget(other)
    form.now = Sample()
    form.told = []

    def owner(name, value):
        form.told.append((name, value, form.stepping))
        try:
            form.now = Sample(**{**form.now.model_dump(), name: value})
        except ValueError:
            form.refuse(name, "No.")
        form.set_values(form.now.model_dump())

    form.edited.connect(owner)
    form.set_values(form.now.model_dump())
    form.other = other
    qtbot.addWidget(window)
    window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    form.window_kept = window
    return form


def line(form, name):
    field = form.field(name)
    return field if isinstance(field, QLineEdit) else field.lineEdit()


def type_into(form, name, text):
    target = form.field(name)
    target.setFocus()
    line(form, name).selectAll()
    QTest.keyClicks(target, text)


def test_every_layer_of_the_catalogue_has_a_form_with_all_its_settings(qtbot):
    for kind, layer in catalogue().items():
        form = Form(layer)
        qtbot.addWidget(form)
        # What a block holds is edited on the canvas.
        assert form.names == [name for name in layer.model_fields if name != "inside"], kind


def test_titles_help_and_choices_come_from_the_model(form):
    assert form.names == ["rate", "units", "on", "under", "mode", "size", "name"]
    assert form.rows.labelForField(form.cells["rate"]).text() == "Learning rate"
    assert form.field("rate").toolTip() == "How far."
    assert form.field("rate").accessibleDescription() == "How far."
    assert form.field("rate").accessibleName() == "Learning rate"
    mode = form.field("mode")
    assert [mode.itemText(i) for i in range(mode.count())] == ["same", "He normal"]


@pytest.mark.parametrize("text", ["1e-3", "0.001", "0,001", " 1E-03", "1·10^-3"])
def test_a_number_may_be_typed_in_many_ways(form, text):
    type_into(form, "rate", text)
    assert form.told == []
    QTest.keyClick(form.field("rate"), Qt.Key.Key_Return)
    assert form.told == [("rate", 0.001, False)]
    assert form.field("rate").text() == "0.001"


def test_leaving_a_field_takes_what_was_typed(form):
    type_into(form, "units", "64")
    form.other.setFocus()
    assert form.now.units == 64


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("rate", "fast", "Learning rate needs a number; “fast” is none."),
        ("rate", "0", "Learning rate must be above 0 and at most 1000; 0 is not."),
        ("units", "1.5", "Units needs a whole number; “1.5” is none."),
        ("units", "5000", "Units must be at least 1 and at most 1000; 5000 is not."),
    ],
)
def test_what_cannot_be_is_said_in_words_and_the_last_good_value_returns(form, name, text, words):
    before = form.field(name).text()
    type_into(form, name, text)
    QTest.keyClick(form.field(name), Qt.Key.Key_Return)
    cell = form.cells[name]
    assert (cell.words.text(), cell.words.isVisible(), form.told) == (words, True, [])
    assert form.field(name).text() == text
    assert form.field(name).property("wrong") is True
    form.other.setFocus()
    assert form.field(name).text() == before
    assert cell.words.isVisible()
    type_into(form, name, "7")
    assert not cell.words.isVisible()
    QTest.keyClick(form.field(name), Qt.Key.Key_Return)
    assert getattr(form.now, name) == 7


def test_escape_takes_back_what_was_typed(form):
    type_into(form, "rate", "5")
    QTest.keyClick(form.field("rate"), Qt.Key.Key_Escape)
    assert (form.field("rate").text(), form.told) == ("0.1", [])


def test_escape_takes_the_complaint_back_too(form):
    type_into(form, "rate", "0.0.3")
    QTest.keyClick(form.field("rate"), Qt.Key.Key_Return)
    assert form.cells["rate"].words.isVisible()
    QTest.keyClick(form.field("rate"), Qt.Key.Key_Escape)
    assert not form.cells["rate"].words.isVisible()


def test_a_complaint_ends_when_something_else_is_edited(form):
    type_into(form, "rate", "fast")
    QTest.keyClick(form.field("rate"), Qt.Key.Key_Return)
    type_into(form, "units", "7")
    assert form.cells["rate"].words.isVisible()
    QTest.keyClick(form.field("units"), Qt.Key.Key_Return)
    assert not form.cells["rate"].words.isVisible()


def test_a_double_click_chooses_the_whole_number(form):
    field = line(form, "rate")
    place = QPoint(20, field.height() // 2)
    QTest.mouseClick(field, Qt.MouseButton.LeftButton, pos=place)
    QTest.mouseDClick(field, Qt.MouseButton.LeftButton, pos=place)
    assert field.selectedText() == "0.1"


def test_arrows_step_and_are_told_as_steps(form):
    form.field("units").setFocus()
    QTest.keyClick(form.field("units"), Qt.Key.Key_Up)
    QTest.keyClick(form.field("units"), Qt.Key.Key_Up)
    QTest.keyClick(form.field("units"), Qt.Key.Key_Down)
    assert form.told == [("units", 9, True), ("units", 10, True), ("units", 9, True)]
    form.field("rate").setFocus()
    QTest.keyClick(form.field("rate"), Qt.Key.Key_Down)
    assert form.now.rate == 0.09


def test_a_size_is_two_numbers(form):
    height, width = form.field("size").parts
    width.setFocus()
    width.lineEdit().selectAll()
    QTest.keyClicks(width, "5")
    QTest.keyClick(width, Qt.Key.Key_Return)
    assert form.now.size == (3, 5)
    assert height.text() == "3"


def test_a_tick_and_a_choice(form):
    QTest.mouseClick(form.field("on"), Qt.MouseButton.LeftButton, pos=form.field("on").rect().center() * 0.1)
    assert form.now.on is False
    form.field("mode").setFocus()
    QTest.keyClick(form.field("mode"), Qt.Key.Key_Down)
    assert form.now.mode == "he_normal"


def test_a_setting_that_does_not_apply_is_hidden_from_the_keyboard_too(form):
    form.set_values({"on": False})
    assert not form.field("under").isVisible()
    form.field("on").setFocus()
    QTest.keyClick(form.field("on"), Qt.Key.Key_Tab)
    assert QApplication.focusWidget() is form.field("mode")
    form.set_values({"on": True})
    assert form.field("under").isVisible()


def test_values_from_outside_make_no_sound_and_leave_typing_alone(form):
    type_into(form, "rate", "0.7")
    form.set_values({"rate": 0.1, "units": 99})
    assert form.field("rate").text() == "0.7"
    assert form.field("units").text() == "99"
    form.set_values({"rate": 0.2})
    assert form.field("rate").text() == "0.2"
    assert form.told == []


def test_several_that_differ_show_so_and_one_edit_sets_them_all(form):
    form.set_values({"rate": MIXED, "on": MIXED, "mode": MIXED, "size": MIXED, "name": MIXED})
    assert line(form, "rate").text() == ""
    assert line(form, "rate").placeholderText() == "various"
    assert form.field("on").checkState() == Qt.CheckState.PartiallyChecked
    assert form.field("mode").currentIndex() == -1
    form.field("rate").setFocus()
    form.other.setFocus()
    assert form.told == []
    type_into(form, "rate", "0.5")
    QTest.keyClick(form.field("rate"), Qt.Key.Key_Return)
    assert form.told == [("rate", 0.5, False)]


def test_the_wheel_passes_over_a_field_without_the_focus(form, qtbot):
    form.other.setFocus()
    qtbot.wait(1)
    from PySide6.QtCore import QPointF
    from PySide6.QtGui import QWheelEvent

    for name in ("units", "mode"):
        field = form.field(name)
        centre = QPointF(field.rect().center())
        event = QWheelEvent(
            centre, field.mapToGlobal(centre), QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(field, event)
    assert form.told == []


def test_a_shape_is_typed_as_it_is_read(qtbot):
    form = Form(Input)
    qtbot.addWidget(form)
    told = []
    form.edited.connect(lambda *edit: told.append(edit))
    form.set_values({"shape": (2,), "column": "x"})
    field = form.field("shape")
    assert field.text() == "2"
    for text in ("8x8x1", "8×8×1", "8, 8, 1", "(8 8 1)"):
        field.setText(text)
        QTest.keyClick(field, Qt.Key.Key_Return)
    assert told == [("shape", (8, 8, 1))] * 4
    for text in ("8×8×8×8×8", "eight", "0"):
        field.setText(text)
        QTest.keyClick(field, Qt.Key.Key_Return)
        assert form.cells["shape"].words.text().startswith("Shape needs")
    assert len(told) == 4


def test_kernels_show_as_rows_times_columns(qtbot):
    form = Form(Conv2D)
    qtbot.addWidget(form)
    form.set_values(Conv2D().model_dump())
    assert [part.text() for part in form.field("kernel_size").parts] == ["3", "3"]
    assert [part.accessibleName() for part in form.field("kernel_size").parts] == ["Height", "Width"]


def test_numbers_follow_the_locale():
    before = QLocale()
    try:
        QLocale.setDefault(QLocale(QLocale.Language.German))
        assert number_text(0.5) == "0,5"
        assert parse_number("1.234,5") == 1234.5
        assert parse_number("0.5") == 0.5
        QLocale.setDefault(QLocale(QLocale.Language.English, QLocale.Country.UnitedStates))
        assert number_text(1e-8) == "1e-8"
        assert parse_number("1,234.5") == 1234.5
        assert parse_number("1,234") == 1234
        assert parse_number("−2") == -2
        assert [parse_number(text) for text in ("", "nan", "inf", "1e999", "a")] == [None] * 5
    finally:
        QLocale.setDefault(before)
    assert count_text(4640) == "4\u202f640"


def test_steps_follow_the_leading_digit_and_stay_within_limits():
    free = Limits()
    assert [stepped(x, 1, free) for x in (0.001, 0.009, 0.01, 3.0, 0.0, -1.0)] == [0.002, 0.01, 0.02, 4.0, 0.1, -0.9]
    assert [stepped(x, -1, free) for x in (0.01, 0.001, 0.0, -0.9)] == [0.009, 0.0009, -0.1, -1.0]
    below_one = Limits(0, 1, below=True)
    assert stepped(0.9, 1, below_one) == 0.9
    assert stepped(5, 10, Limits(1, 8, whole=True)) == 8
    assert Limits(0, 1, above=True).words() == "above 0 and at most 1"


def test_no_title_of_a_setting_is_cut_off(qtbot):
    for model in (TrainingSettings, *catalogue().values()):
        form = Form(model)
        qtbot.addWidget(form)
        form.resize(280, form.sizeHint().height())
        form.show()
        for name, cell in form.cells.items():
            words = form.rows.labelForField(cell)
            if words.isVisible():
                room = words.contentsRect().size()
                needed = words.fontMetrics().boundingRect(
                    0, 0, room.width(), 999, words.alignment() | Qt.TextFlag.TextWordWrap, words.text()
                )
                assert needed.width() <= room.width(), name
                assert needed.height() <= room.height() + 2, name


def test_what_was_refused_is_not_offered_again_when_the_field_is_left(form, qtbot):
    field = form.field("rate")
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field.lineEdit(), "-3")
    QTest.keyClick(field.lineEdit(), Qt.Key.Key_Return)
    assert "must be above 0" in form.cells["rate"].words.text()
    said = []
    field.refused.connect(said.append)
    form.other.setFocus()
    qtbot.waitUntil(form.other.hasFocus)
    assert said == []
    assert field.text() == "0.1"


def test_a_choice_that_is_too_long_for_its_box_ends_in_dots(qtbot: QtBot) -> None:
    box = ChoiceField({"short": "Adam", "long": "Binary cross-entropy over many classes"})
    qtbot.addWidget(box)
    box.resize(120, 28)
    box.show()
    seen = {}
    for value in ("short", "long"):
        box.set_value(value)
        option = QStyleOptionComboBox()
        box.initStyleOption(option)
        seen[value] = box.seen_text(option)
    assert seen["short"] == "Adam"
    assert seen["long"].startswith("Binary")
    assert seen["long"].endswith("…")


def test_what_is_said_of_a_title_gives_way_before_its_name(qtbot: QtBot) -> None:
    title = TitleLabel()
    qtbot.addWidget(title)
    title.tell("out of conv_2", "0 … 3.0977")
    title.resize(400, 20)
    assert title.shown_text() == "out of conv_2  0 … 3.0977"
    title.resize(title.fontMetrics().horizontalAdvance("out of conv_2") + 4, 20)
    assert title.shown_text() == "out of conv_2"
