"""What stands on a sheet, and what is saved of it: pages, tables and text that hold what they should and no more."""

import csv
import io
import re
from html.parser import HTMLParser

import pytest

from annstudio.document.network import Network
from annstudio.explain.marking import Marker
from annstudio.explain.names import plain
from annstudio.explain.sheet import digits_given, formula_hint, given_text, laid_out, numbers_hint
from annstudio.explain.sheet_report import as_csv, as_html, as_text, empty_sheet, reported, solutions_sheet
from annstudio.explain.worksheet import Measure, Tolerance, Worksheet
from tests.builders import small_project, worked_example
from tests.explain.sheets import all_names, marker_of


def answered() -> tuple[Marker, Worksheet]:
    marker = marker_of(worked_example(), "hidden.net[0]", "hidden.out[0]", "d output.W[0,0]", "new output.W[0,0]")
    sheet = marker.sheet.changed(student="Ada <b>", title="Week 3")
    sheet = sheet.answered("hidden.net[0]", "0.3775").answered("hidden.out[0]", "0.3775")
    return marker, sheet.answered("d output.W[0,0]", "=1+1").hinted("hidden.out[0]", 2)


def report():
    marker, sheet = answered()
    return reported(marker, sheet, "26 Nov 2026", "Worked example")


class Balanced(HTMLParser):
    """Reads a page and says whether every element is closed, and what it fetches from elsewhere."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []
        self.text: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        if tag != "meta":
            self.open.append(tag)
        self.fetched += [value for name, value in attrs if name in ("src", "href") and not value.startswith("#")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


# The sheet -----------------------------------------------------------------------------------------------------------


def test_the_calculation_stands_in_its_order_up_to_the_last_blank():
    marker = marker_of(worked_example(), "d output.W[0,0]", "output.out[0]")
    sheet = laid_out(marker, marker.sheet)
    assert [section.title for section in sheet.sections] == [
        "Forward · hidden", "Forward · output", "Loss", "Backward · output", "Backward · hidden", "Gradients · output",
    ]  # fmt: skip
    assert [line.text for line in sheet.blanks] == ["out_o1", "∂E/∂w₅"]
    assert [line.text for line in sheet.given.lines[:3]] == ["i₁", "i₂", "w₁"]
    assert sheet.rule == "SGD, η = 0.5"


def test_what_a_blank_is_made_of_is_given_even_where_the_rest_is_not():
    marker = marker_of(worked_example(), "d output.W[0,0]", "new hidden.W[1,0]")
    sheet = laid_out(marker, marker.sheet.changed(rest=False))
    given = {line.text for section in sheet.sections for line in section.given}
    assert given == {"∂E/∂net_o1", "out_h1", "∂E/∂w₃"}


def test_of_a_large_network_only_what_is_needed_is_written_down():
    marker = marker_of(small_project(), examples=tuple(range(20)))
    chosen = marker.sheet.asking(["d hidden.W[0,0]"])
    sheet = laid_out(Marker(marker.stepper, chosen), chosen)
    assert sum(len(section.lines) for section in sheet.sections) < 60
    assert any(section.left_out for section in sheet.sections)


@pytest.mark.parametrize("examples", [(0,), (0, 1)])
def test_hints_come_to_the_right_number_and_never_say_it(examples):
    marker = marker_of(small_project(), examples=examples)
    for name in marker.asked:
        symbols = formula_hint(marker, name)
        numbers = numbers_hint(marker, marker.sheet, name, 9)
        told = f"{marker.solution(name):.9f}"
        assert marker.symbol(name) in symbols[-1]
        assert not any(told in plain(line) for line in numbers), name


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
@pytest.mark.parametrize("examples", [(0,), (0, 1)])
def test_no_hint_says_a_number_that_is_still_to_be_found(examples, optimizer):
    marker = marker_of(small_project(optimizer={"kind": optimizer}), examples=examples)
    secrets = {f"{abs(marker.solution(name)):.6g}" for name in marker.asked}
    for name in marker.asked:
        for line in numbers_hint(marker, marker.sheet, name, 6):
            numbers = re.findall(r"\d+\.\d+", plain(line))
            assert not {f"{float(number):.6g}" for number in numbers} & secrets, (name, line)


def test_given_numbers_have_digits_enough_to_reach_the_answer():
    assert [digits_given(Tolerance(digits=d)) for d in (1, 6, 15)] == [4, 9, 17]
    assert digits_given(Tolerance(measure=Measure.RELATIVE, amount=0.001)) == 6
    assert [given_text(v, 6) for v in (0.15, -0.021773, 1234567.0, -1.5e-7, -0.0)] == [
        "0.15", "−0.021773", "1.23457·10^6", "−1.5·10^-7", "0",
    ]  # fmt: skip


# To take away --------------------------------------------------------------------------------------------------------


def test_the_report_says_what_was_answered_and_how_it_was_judged():
    text = as_text(report())
    for line in (
        "Name: Ada <b>", "Date: 26 Nov 2026", "Asked: 4 numbers, to 6 significant digits", "Score: 1 of 4 right",
        "✓ net_h1 = 0.3775  (right)", "✗ out_h1 = 0.3775  (not right; it is 0.593269992)",
        "    This is what comes out with net of hidden in place of out: the activation was forgotten.",
        "    Help: formula with numbers.", "– w₅⁺ = …  (not answered; it is 0.35891648)",
    ):  # fmt: skip
        assert line in text.splitlines(), text


def test_the_table_can_be_read_by_others_and_holds_no_formulas():
    rows = list(csv.reader(io.StringIO(as_csv(report()))))
    assert ["name", "Ada <b>"] in rows
    table = rows[rows.index([]) + 1 :]
    head, *body = table
    assert [dict(zip(head, row, strict=True))["verdict"] for row in body] == [
        "right", "not right", "no number", "not answered",
    ]  # fmt: skip
    assert body[2][3] == "'=1+1"
    assert float(body[0][4]) == 0.3775


@pytest.mark.parametrize("write", [as_html, empty_sheet, solutions_sheet])
def test_pages_stand_alone_and_are_well_formed(write):
    page = Balanced(write(report()))
    assert page.open == []
    assert page.fetched == []
    assert "Ada <b>" in "".join(page.text)


def test_the_empty_sheet_holds_no_solution_and_the_other_all_of_them():
    marker, sheet = answered()
    made = report()
    empty, solved = ("".join(Balanced(write(made)).text) for write in (empty_sheet, solutions_sheet))
    for name in sheet.asked:
        number = given_text(marker.solution(name), 9)
        assert number not in empty
        assert number in solved
    labels = re.findall(r'aria-label="([^"]*)"', solutions_sheet(made))
    assert any("e^-0.3775" in label for label in labels)


def test_a_whole_sheet_of_any_network_can_be_reported():
    stepper = Network(small_project()).stepper(0, 3)
    marker = Marker(stepper, Worksheet(examples=(0, 3), asked=all_names(stepper)[:100]))
    made = reported(marker, marker.sheet, "", "net")
    assert "No answer was given yet." in as_text(made)
    assert "example 2" in as_text(made)
    assert Balanced(as_html(made)).open == []
