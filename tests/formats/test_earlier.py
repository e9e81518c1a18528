"""Worksheets of earlier files: their numbers are named in the words of today, and stay the same numbers."""

import pytest

from annstudio.explain.worksheet import Worksheet
from annstudio.formats.earlier import name_of_today
from annstudio.formats.schema import SCHEMA, migrated
from annstudio.formats.studio import load
from tests.formats.archives import changed_file


@pytest.mark.parametrize(
    ("name", "today"),
    [
        ("hidden.W[0,1]", "hidden.W[0,1]"),
        ("new hidden.W[0,1]", "new hidden.W[0,1]"),
        ("loss", "loss"),
        ("hidden.net[3] of example 0", "hidden.net[3] of example 1"),
        ("lstm_1.c[2] t=3 of example 19", "lstm_1.c[2] t=4 of example 20"),
        ("d lstm_1.c[1] back,t=0", "d lstm_1.c[1] back,t=1"),
        ("rows/rnn_1.out[0] row=9,t=0", "rows/rnn_1.out[0] row=10,t=1"),
        ("d hidden.h[0] t=2 via hidden 2 t = 3 (2)", "d hidden.h[0] t=3 via hidden 2 t = 4 (2)"),
        ("block_1/dense_1[3].W[0,0]", "block_1/dense_1[3].W[0,0]"),
        ("lstm_1.c(t = 3)[2]@1", "lstm_1.c[2] t=4 of example 2"),
        ("d lstm_1.c(back, t = 0)[1]@0", "d lstm_1.c[1] back,t=1 of example 1"),
        ("loss.e#1@1", "loss.e[1] of example 2"),
    ],
)
def test_a_name_is_put_into_the_words_of_today(name, today):
    assert name_of_today(name) == today


def test_a_sheet_from_before_names_counted_from_1_asks_for_the_same_numbers(project, tmp_path):
    sheet = {"examples": [4, 1], "asked": ["hidden.net[0] of example 1", "loss"],
             "answers": [{"name": "hidden.net[0] of example 1", "text": "0,5", "tries": 1}]}  # fmt: skip
    path = changed_file(project, tmp_path, schema_version=4, worksheet=sheet)
    found = load(path).worksheet
    assert found == Worksheet(examples=(4, 1), asked=("hidden.net[0] of example 2", "loss")).answered(
        "hidden.net[0] of example 2", "0,5"
    )


@pytest.mark.parametrize(
    "sheet", [None, 3, {}, {"asked": 3}, {"asked": [None]}, {"answers": [3, {}]}, {"answers": [{"name": None}]}]
)
def test_what_is_no_sheet_is_left_for_the_schema_to_refuse(sheet):
    said = {"format": "annstudio", "schema_version": 4, "worksheet": sheet}
    assert migrated(said) == {**said, "schema_version": SCHEMA}
