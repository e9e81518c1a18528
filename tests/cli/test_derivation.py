"""The derivation to take away from the command line: one file of every kind, cut where the network is large."""

import pytest

from annstudio.places import SAMPLES
from tests.cli.calls import EXAMPLE, XOR, done, last_object, mistaken
from tests.formats.derivation.spreadsheet import Spreadsheet


@pytest.mark.parametrize("suffix", [".html", ".tex", ".csv"])
def test_a_file_with_the_lectures_new_weights(capsys, tmp_path, suffix):
    target = tmp_path / f"derivation{suffix}"
    assert done(capsys, "explain", EXAMPLE, "--derivation", target) == f"Written: {target}: 59 numbers\n"
    text = target.read_text("utf-8-sig")
    for weight in ("0.358916480", "0.408666186", "0.511301270", "0.561370121", "0.149780716"):
        assert weight in text or suffix == ".csv"
    assert "0.35891647971788" in text or suffix != ".csv"


def test_fewer_digits(capsys, tmp_path):
    target = tmp_path / "derivation.html"
    done(capsys, "explain", EXAMPLE, "--derivation", target, "--digits", 4)
    assert "0.3589<" in target.read_text("utf-8")
    assert "0.358916480" not in target.read_text("utf-8")


def test_a_large_network_is_cut_and_the_workbook_says_so(capsys, tmp_path):
    target = tmp_path / "derivation.xlsx"
    project = SAMPLES / "digits-mlp.annstudio"
    told = done(capsys, "explain", project, "--derivation", target, "--units", 2)
    assert "the first 2 units of every layer" in told
    sheet = Spreadsheet(target.read_bytes())
    about = " ".join(row[0].value for row in sheet.book["About"].iter_rows() if row[0].value)
    assert "Of every layer the first 2 units are here." in about
    assert "They stand still whatever you change" in about
    assert sheet.book["Left out"]["A2"].value.startswith("Numbers of units that are not in this file.")
    for name, cell, symbol, value, engine in sheet.numbers():
        assert value == pytest.approx(engine, rel=1e-9, abs=1e-12), (name, cell, symbol)


def test_a_whole_batch_has_every_example_of_it(capsys, tmp_path):
    target = tmp_path / "derivation.xlsx"
    done(capsys, "explain", XOR, "--derivation", target, "--batch")
    sheet = Spreadsheet(target.read_bytes())
    assert sheet.book["About"]["A3"].value == "The next batch of training"
    symbols = {symbol for _, _, symbol, _, _ in sheet.numbers()}
    assert {"e^(1)", "e^(2)", "e^(3)"} <= symbols
    for name, cell, symbol, value, engine in sheet.numbers():
        assert value == pytest.approx(engine, rel=1e-9, abs=1e-12), (name, cell, symbol)


def test_what_was_written_as_an_object(capsys, tmp_path):
    target = tmp_path / "derivation.csv"
    found = last_object(done(capsys, "explain", EXAMPLE, "--derivation", target, "--json"))
    assert found == {"written": str(target), "numbers": 59, "units": None, "left_out": 0}


def test_a_file_of_another_kind_is_refused(capsys, tmp_path):
    told = mistaken(capsys, "explain", EXAMPLE, "--derivation", tmp_path / "derivation.pdf")
    assert "End its name in one of .html, .tex, .xlsx, .csv" in told


def test_one_question_at_a_time(capsys, tmp_path):
    told = mistaken(capsys, "explain", EXAMPLE, "--steps", "--derivation", tmp_path / "derivation.html")
    assert "say one at a time" in told
