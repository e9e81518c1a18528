"""A worksheet as a value: what is asked, what was answered; numbers as people write them; names that last."""

import math
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from annstudio.document.network import Network
from annstudio.errors import GraphError
from annstudio.explain.answers import digits_given, parse_answer
from annstudio.explain.catalogue import Catalogue, Kind
from annstudio.explain.derivation import Explainer
from annstudio.explain.marking import Verdict
from annstudio.explain.number_names import renamed, spelled, weight_named
from annstudio.explain.sheet import laid_out
from annstudio.explain.worksheet import Measure, Tolerance, Worksheet
from annstudio.layers.conv import Conv2D
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.losses import Loss
from annstudio.layers.names import renamed as renamed_path
from annstudio.layers.shaping import Flatten
from tests.builders import chain, small_project, worked_example
from tests.explain.asked import asked
from tests.explain.sheets import all_names, marker_of, told

# Numbers as people write them ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0.082", 0.082), ("0,082", 0.082), (" −0.5 ", -0.5), ("3/8", 0.375), ("-3/8", -0.375), ("0,3/0,8", 0.375),
        ("1e-3", 1e-3), ("1,5E-3", 1.5e-3), ("2·10^-3", 2e-3), ("2·10⁻³", 2e-3), ("2 × 10^(-3)", 2e-3),
        ("10^-3", 1e-3), ("-10⁻³", -1e-3), ("1.234,5", 1234.5), ("1,234.5", 1234.5), ("1 234,5", 1234.5),
        (".5", 0.5), ("5.", 5.0), ("+7", 7.0), ("1\u2009234", 1234.0), ("3 / 8", 0.375),
    ],
)  # fmt: skip
def test_a_number_is_read_as_it_is_written(text, number):
    assert parse_answer(text) == pytest.approx(number, rel=1e-15)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "There is no number yet."), ("abc", "“abc” is no number."), ("1.2.3", "is no number"),
        ("1/0", "A fraction with 0 below is no number."), ("1e999", "too large"), ("9" * 61, "too long"),
        ("0.5*0.3", "is no number"), ("__import__('os')", "is no number"), ("1/2/3", "is no number"),
        ("nan", "is no number"), ("inf", "is no number"), ("1e", "is no number"),
    ],
)  # fmt: skip
def test_what_is_no_number_is_told_in_words(text, said):
    with pytest.raises(ValueError, match=said):
        parse_answer(text)


@given(st.text(max_size=70))
def test_whatever_is_typed_is_a_number_or_told(text):
    with suppress(ValueError):
        assert math.isfinite(parse_answer(text))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_can_be_written_with_point_and_comma(value):
    assert parse_answer(repr(value)) == value
    assert parse_answer(repr(value).replace(".", ",")) == value


def test_the_digits_of_an_answer_are_counted_without_leading_zeros():
    assert [digits_given(t) for t in ("0.0820", "12,5", "3/8", "2·10^-3", "-1.50e4")] == [3, 3, 17, 1, 3]


# Tolerances ----------------------------------------------------------------------------------------------------------


def test_tolerances_count_in_digits_shares_or_amounts():
    four = Tolerance(digits=4)
    assert four.meets(0.08217, 0.0821670)
    assert not four.meets(0.08216, 0.0821670)
    assert four.meets(0.0, 0.0)
    assert not four.meets(1e-12, 0.0)
    percent = Tolerance(measure=Measure.RELATIVE, amount=0.01)
    assert percent.meets(-1.01, -1.0)
    assert not percent.meets(-1.0101, -1.0)
    amount = Tolerance(measure=Measure.ABSOLUTE, amount=0.01)
    assert amount.meets(0.01, 0.0)
    assert not amount.meets(0.0101, 0.0)
    assert [t.words for t in (four, percent, amount)] == [
        "to 4 significant digits", "to within 1 %", "to within ±0.01",
    ]  # fmt: skip


# The sheet -----------------------------------------------------------------------------------------------------------


def test_another_answer_is_another_try_and_the_same_is_none():
    sheet = Worksheet(asked=("a.net[0]", "b.net[0]"))
    sheet = sheet.answered("b.net[0]", "1").answered("b.net[0]", " 1 ").answered("b.net[0]", "2")
    assert (sheet.answer("b.net[0]").text, sheet.answer("b.net[0]").tries) == ("2", 2)
    sheet = sheet.hinted("b.net[0]", 2).hinted("b.net[0]", 1)
    assert sheet.answer("b.net[0]").hints == 2
    sheet = sheet.answered("a.net[0]", "3")
    assert [answer.name for answer in sheet.answers] == ["a.net[0]", "b.net[0]"]
    assert [a.name for a in sheet.asking(("b.net[0]",)).answers] == ["b.net[0]"]
    assert sheet.begun_again().answers == ()


@pytest.mark.parametrize(
    "fields",
    [
        {"asked": ("a", "a")},
        {"asked": ("a",), "answers": ({"name": "b"},)},
        {"asked": tuple(map(str, range(101)))},
        {"examples": ()},
        {"examples": (-1,)},
        {"tolerance": {"amount": 0}},
        {"tolerance": {"amount": float("inf")}},
        {"unknown": 1},
    ],
)
def test_a_sheet_that_cannot_be_is_refused(fields):
    with pytest.raises(ValidationError):
        Worksheet.model_validate(fields)


# Names ---------------------------------------------------------------------------------------------------------------


def catalogue_of(project, *examples: int) -> Catalogue:
    return Catalogue(Explainer(Network(project).stepper(*examples)))


def test_the_worked_examples_numbers_have_the_names_that_one_would_give_them():
    names = all_names(Network(worked_example()).stepper(0))
    for name in ("hidden.net[0]", "output.out[1]", "loss", "loss.e[0]", "d output.out[0]", "d hidden.net[1]",
                 "d output.W[0,1]", "new hidden.W[1,0]"):  # fmt: skip
        assert name in names
    assert not any(".b" in name for name in names), "fixed biases are not learned"


@pytest.mark.parametrize("examples", [(0,), (2, 0, 1)])
def test_every_name_is_found_again_as_the_same_number(examples):
    catalogue = catalogue_of(small_project(), *examples)
    everything = [one for group in catalogue.groups for one in catalogue.members(group)]
    assert len({one.name for one in everything}) == len(everything)
    assert len({(a.quantity, a.kind) for a in everything}) == len(everything)
    for one in everything:
        assert catalogue.find(one.name) == one
    assert sum(map(catalogue.size, catalogue.groups)) == len(everything)
    assert {a.kind for a in everything} == set(Kind)
    shuffled = sorted((a.name for a in everything), key=hash)
    assert catalogue.ordered(shuffled) == tuple(a.name for a in everything)


@pytest.mark.parametrize(
    "name",
    ["hidden.net[9]", "hidden.net", "nobody.net[0]", "hidden.net[0] of example 2",
     "hidden.net[0] of example 0", "hidden.net[0,0]", "loss[0]", "",
     "d ", "[0]", "hidden.net[999999999]", "hidden.net[0-1]", "new hidden.b[0]", "new ", "new hidden.net[0]",
     "hidden.W[0,0]", "loss.e", "loss.e[2]", "d loss.e", "input.x[0]", "hidden.net[0]@1"],
)  # fmt: skip
def test_a_name_that_the_network_does_not_have_is_told(name):
    with pytest.raises(GraphError, match="This network has no number"):
        catalogue_of(worked_example(), 0).find(name)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("d hidden/W[1,2]", "d hidden.W[1,2]"),
        ("new hidden/W[1,2]", "new hidden.W[1,2]"),
        ("new  hidden.b [ 1 ]", "new hidden.b[1]"),
        ("hidden.net[3]  of example 3", "hidden.net[3] of example 3"),
        ("hidden.net[3]", "hidden.net[3] of example 1"),
        ("loss.E", "loss"),
        ("loss/e[1] of example 2", "loss.e[1] of example 2"),
        ("nobody/W[0]", "nobody/W[0]"),
    ],
)
def test_a_name_spelled_otherwise_is_the_same_number(name, written):
    catalogue = catalogue_of(small_project(), 2, 0, 1)
    assert catalogue.written(name) == written
    if name != written:
        assert catalogue.find(name) == catalogue.find(written)


def test_a_sheet_spelled_otherwise_is_marked_by_its_own_names():
    marker = marker_of(worked_example(), "d output/W[0,0]", "new output/W[0,1]", "loss.E")
    assert marker.missing == ()
    assert {line.name for line in laid_out(marker, marker.sheet).blanks} == set(marker.sheet.asked)
    assert told(marker, "d output/W[0,0]", marker.solution("d output/W[0,0]")).verdict is Verdict.RIGHT
    sheet = marker.sheet.answered("loss.E", "1").answered("new output/W[0,1]", "2")
    spelled_now = sheet.spelled(marker.catalogue.written)
    assert spelled_now.asked == ("d output.W[0,0]", "new output.W[0,1]", "loss")
    assert [(a.name, a.text) for a in spelled_now.answers] == [("new output.W[0,1]", "2"), ("loss", "1")]


def test_a_number_that_was_asked_under_two_names_is_asked_once():
    sheet = Worksheet(asked=("loss", "loss.E")).answered("loss", "1").answered("loss.E", "2")
    sheet = sheet.spelled(catalogue_of(worked_example(), 0).written)
    assert (sheet.asked, [a.text for a in sheet.answers]) == (("loss",), ["1"])


def test_pictures_are_asked_channels_last():
    graph = chain(input=Input(shape=(4, 3, 2)), conv_1=Conv2D(filters=5), flat=Flatten(), out=Dense(), loss=Loss())
    catalogue = Catalogue(asked(graph).explainer)
    group = next(group for group in catalogue.groups if group.name == "conv_1.out")
    assert [number.name for number in catalogue.members(group, 2)] == ["conv_1.out[0,0,0]", "conv_1.out[0,0,1]"]
    assert catalogue.find("conv_1.out[2,1,4]").quantity.index == (4, 2, 1)


@pytest.mark.parametrize("text", ["hidden.W[0,1]", "hidden/W[0,1]", " hidden.W [ 0 , 1 ] "])
def test_a_weight_can_be_named_without_its_network(text):
    key, place = weight_named(text)
    assert (key, place) == ("hidden/W", (0, 1))
    assert spelled(key, place) == "hidden.W[0,1]"


@pytest.mark.parametrize(
    "text", ["", "W[0]", "hidden.W", "hidden.W[]", "hidden.W[0-1]", "hidden.W[0,1] t=3", "[0]", "."]
)
def test_what_names_no_weight_is_told(text):
    with pytest.raises(GraphError, match="names no weight"):
        weight_named(text)


def test_a_sheet_with_names_that_are_gone_asks_for_the_others():
    marker = marker_of(worked_example(), "hidden.net[0]", "gone.net[0]")
    assert marker.missing == ("gone.net[0]",)
    assert set(marker.asked) == {"hidden.net[0]"}
    assert marker.judge(marker.sheet.answered("gone.net[0]", "1"), "gone.net[0]").verdict is Verdict.OPEN


@pytest.mark.parametrize(
    ("name", "follows"),
    [
        ("d hidden.net[0] of example 2", "d block_1/h.1.net[0] of example 2"),
        ("new hidden.W[0,1]", "new block_1/h.1.W[0,1]"),
        ("new hidden/W[0,1]", "new block_1/h.1/W[0,1]"),
        ("hidden.x.net[0]", "hidden.x.net[0]"),
        ("d hidden/inside.W[0,1]", "d block_1/h.1/inside.W[0,1]"),
        ("hidden/inside[3].W[0,1]", "block_1/h.1/inside[3].W[0,1]"),
        ("hidden_2.net[0]", "hidden_2.net[0]"),
        ("d other.out[0] via hidden", "d other.out[0] via block_1/h.1"),
        ("d other.out[0] via hidden/a back, t = 3 (2) of example 1",
         "d other.out[0] via block_1/h.1/a back, t = 3 (2) of example 1"),
        ("d hidden.h[0] t=2 via hidden 2 t = 3", "d block_1/h.1.h[0] t=2 via hidden 2 t = 3"),
        ("loss", "loss"),
    ],
)  # fmt: skip
def test_names_follow_their_layers(name, follows):
    names = {"hidden": "block_1/h.1"}
    assert renamed(name, lambda path: renamed_path(path, names)) == follows


def test_the_score_counts_hints_and_what_was_shown():
    marker = marker_of(worked_example(), "hidden.net[0]", "hidden.net[1]", "hidden.out[0]", "hidden.out[1]")
    sheet = marker.sheet
    for name in sheet.asked[:3]:
        sheet = sheet.answered(name, repr(marker.solution(name)))
    sheet = sheet.hinted(sheet.asked[0], 1).hinted(sheet.asked[1], 3).answered(sheet.asked[3], "7")
    score = marker.score(sheet)
    assert score.points == 2
    assert score.words == "2 of 4 right, 1 with a hint, 1 more after the solution was shown"
    assert told(marker, "hidden.net[0]", "x").verdict is Verdict.UNREADABLE
