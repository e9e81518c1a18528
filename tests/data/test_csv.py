"""Tables out of .csv files: what is sniffed, what is chosen, and what is said about cells that do not fit."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annstudio.data import table
from annstudio.data.base import parse_source
from annstudio.data.files import CsvFile
from annstudio.errors import DataError

IRIS = "length,width,species\n5.1,3.5,setosa\n6.2,2.9,virginica\n4.9,3.0,setosa\n"


@pytest.fixture
def load(tmp_path):
    def load(text, **chosen):
        file = tmp_path / "table.csv"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return CsvFile(path="table.csv", **chosen).read(file).columns

    return load


def test_names_inputs_and_a_class(load):
    columns = load(IRIS)
    assert columns["x"].values.tolist() == [[5.1, 3.5], [6.2, 2.9], [4.9, 3.0]]
    assert columns["x"].names == ("length", "width")
    assert columns["y"].classes == ("setosa", "virginica")
    assert columns["y"].values.tolist() == [0, 1, 0]


@pytest.mark.parametrize("separator", ["\t", ";", "|", ",", ", "])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_separators_line_ends_and_marks_are_sniffed(load, separator, end, mark):
    columns = load(mark + IRIS.replace(",", separator).replace("\n", end))
    assert columns["x"].names == ("length", "width")
    assert len(columns["x"]) == 3


def test_quotation_marks_and_empty_lines(load):
    columns = load('\n"a, b","c ""d"""\n\n1,"two\nlines"\n2,x\n')
    assert columns["x"].names == ("a, b",)
    assert columns["y"].classes == ("two\nlines", "x")
    with pytest.raises(DataError, match="line 6, column 'a'"):
        load('a,b\n\n1,"two\nlines"\n\nx,3\n')


def test_the_first_line_holds_names_only_if_none_is_a_number(load):
    assert load("1,2,a\n3,4,b\n")["x"].names == ("column 1", "column 2")
    assert len(load("1,2,a\n3,4,b\n")["x"]) == 2
    assert load("2019,2020\n1,2\n", header="yes")["x"].names == ("2019",)
    with pytest.raises(DataError, match="line 1, column 'column 1': expected a finite number, found 'a'"):
        load("a,b\n1,2\n", header="no")


def test_targets(load):
    text = "a,b,c\n1,2,3\n4,5,6\n"
    assert load(text)["y"].values.tolist() == [[3], [6]]
    assert load(text, target=("a", "c"))["y"].values.tolist() == [[1, 3], [4, 6]]
    assert load(text, target=("a", "c"))["x"].names == ("b",)
    assert load(text, inputs=("b",))["x"].names == ("b",)
    assert load(text, target=("a",), target_as="classes")["y"].classes == ("1", "4")
    assert load("a,c\n1,10\n2,9\n3,10\n", target_as="classes")["y"].classes == ("9", "10")
    with pytest.raises(DataError, match="expected a finite number, found 'setosa'"):
        load(IRIS, target_as="value")


def test_standardise_is_a_choice_and_is_told(tmp_path):
    (tmp_path / "t.csv").write_text("a,k,b\n1,0.1,3\n2,0.1,5\n6,0.1,7\n")
    plain = CsvFile(path="t.csv").load(tmp_path)
    same = CsvFile(path="t.csv", standardise=True).load(tmp_path)
    assert plain.changes == "None"
    assert "standardised" in same.changes
    x = same.columns["x"].values
    assert np.allclose(x.mean(axis=0), 0)
    assert np.allclose(x.std(axis=0), [1, 0])
    assert np.array_equal(same.columns["y"].values, plain.columns["y"].values)


@pytest.mark.parametrize(
    ("text", "chosen", "message"),
    [
        ("", {}, "is empty"),
        ("\n\n", {}, "is empty"),
        ("a,b\n", {}, "no rows"),
        ("a,b\n1,2\n3\n", {}, "line 3 has 1 cells; line 1 has 2"),
        ("a,b\n1,2\n3,4,5\n", {}, "line 3 has 3 cells"),
        ("a,b\n1,2\n,4\n", {}, r"line 3, column 'a': the value is missing \(''\)"),
        ("a,b\n1,2\nNA,4\n", {}, r"line 3, column 'a': the value is missing \('NA'\)"),
        ("a,b\n1,x\n3,\n", {}, "line 3, column 'b': the value is missing"),
        ("a,b\n1,2\nx,4\n", {}, "line 3, column 'a': expected a finite number, found 'x'"),
        ("a;b\n0,5;2\n", {}, "found '0,5'.* decimal point"),
        ("a,b\n1_000,2\n", {}, "found '1_000'"),
        ("a,b\ninf,2\n", {}, "expected a finite number, found"),
        ("a,b\n1e999,2\n", {}, "expected a finite number, found"),
        ("a,a\n1,2\n", {}, "2 columns of the name 'a'"),
        ("a,b\n1,2\n", {"target": ("c",)}, "no column 'c'; it has 'a', 'b'"),
        ("a,b\n1,2\n", {"target": ("a", "b")}, "at least one must be an input"),
        ("a,b\n1,2\n", {"inputs": ("b",)}, "none both input and target"),
        ("a\n1\n", {}, "at least one must be an input"),
        ("a,b,c\n1,x,y\n", {"target": ("b", "c")}, "2 target columns can not all be classes"),
        ('a,b\n1,"2\n', {}, "line 2: unexpected end of data"),
        (b"a,b\n\xe9,2\n", {}, "not a text file in UTF-8"),
        (b"a,b\n1,\0\n", {}, "not a text file"),
        ("a,b\n1e308,0\n-1e308,0\n", {"standardise": True}, "too large numbers"),
    ],
)
def test_what_is_said(load, text, chosen, message):
    with pytest.raises(DataError, match=message) as caught:
        load(text, **chosen)
    assert caught.value.hint


def test_missing_cells_of_columns_not_used_do_not_matter(load):
    assert load("a,b,c\n1,,2\n3,,4\n", inputs=("a",))["x"].values.tolist() == [[1], [3]]


def test_limits(load, monkeypatch):
    with pytest.raises(DataError, match="more than 1,000 different values"):
        load("a,b\n" + "".join(f"1,c{i}\n" for i in range(1001)))
    monkeypatch.setattr(table, "MAX_BYTES", 10)
    with pytest.raises(DataError, match="tables of at most"):
        load(IRIS)


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        CsvFile(path="gone.csv").load(tmp_path)
    with pytest.raises(DataError, match="No data file"):
        parse_source({"kind": "csv"}).load(tmp_path)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.integers(1, 3).flatmap(
        lambda d: st.lists(
            st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=d + 1, max_size=d + 1), min_size=1
        )
    )
)
def test_numbers_come_back_to_the_last_bit(load, rows):
    columns = load("\n".join(",".join(map(repr, row)) for row in rows))
    assert np.column_stack([columns["x"].values, columns["y"].values]).tolist() == rows


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.one_of(st.binary(max_size=60), st.text('ab12,;\t"\n\r. ', max_size=60)))
def test_any_text_is_a_table_or_a_data_error(load, text):
    try:
        columns = load(text)
    except DataError:
        return
    assert len(columns["x"]) == len(columns["y"]) > 0
