"""Arrays out of .npz files: read as they are meant, and refused in plain words when they are not what they seem."""

import io
import os
import pickle
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annstudio.data import archive
from annstudio.data.arrays import NpzFile
from annstudio.data.base import parse_source
from annstudio.errors import DataError

X = np.arange(24.0).reshape(6, 4)
Y = np.array([0, 1, 2, 0, 1, 2])


@pytest.fixture
def save(tmp_path):
    def save(**arrays):
        np.savez(tmp_path / "data.npz", **arrays)
        return tmp_path

    return save


def load(folder, **chosen):
    return NpzFile(path="data.npz", **chosen).load(folder)


def test_floats_and_classes(save):
    data = load(save(x=X, y=Y))
    assert np.array_equal(data.columns["x"].values, X)
    assert data.columns["y"].classes == ("0", "1", "2")
    assert np.array_equal(data.columns["y"].values, Y)
    assert (data.name, data.title, data.changes) == ("data", "data.npz", "None")
    assert not data.columns["x"].values.flags.writeable


@pytest.mark.parametrize(
    ("x", "dtype", "shape"),
    [
        (X.astype(np.float32), np.float32, (4,)),
        (X.astype(">f8"), np.float64, (4,)),
        (X.astype(np.float16), np.float32, (4,)),
        (X.astype(np.uint8), np.float32, (4,)),
        (X.astype(np.int64), np.float64, (4,)),
        (X > 3, np.float32, (4,)),
        (np.asfortranarray(X), np.float64, (4,)),
        (np.arange(6.0), np.float64, (1,)),
        (np.zeros((6, 5, 4, 3)), np.float64, (5, 4, 3)),
    ],
)
def test_every_kind_of_number_is_read_without_loss(save, x, dtype, shape):
    column = load(save(x=x, y=Y)).columns["x"]
    assert column.values.dtype == dtype
    assert column.values.dtype.isnative
    assert column.shape == shape
    assert np.array_equal(column.values.ravel(), x.astype(float).ravel())


@pytest.mark.parametrize(
    ("y", "names", "numbers"),
    [
        (np.array([10, 9, 10]), ("9", "10"), [1, 0, 1]),
        (np.array(["cat", "ant", "cat"]), ("ant", "cat"), [1, 0, 1]),
        (np.array([True, False, True]), ("False", "True"), [1, 0, 1]),
        (np.array([-1, 1, 1], np.int8), ("-1", "1"), [0, 1, 1]),
    ],
)
def test_labels_become_classes(save, y, names, numbers):
    column = load(save(x=X[:3], y=y)).columns["y"]
    assert column.classes == names
    assert column.values.tolist() == numbers


def test_targets_that_are_no_classes(save):
    assert load(save(x=X, y=Y.astype(float))).columns["y"].shape == (1,)
    assert load(save(x=X, y=np.eye(3)[Y])).columns["y"].shape == (3,)
    assert set(load(save(x=X), y="").columns) == {"x"}
    with pytest.raises(DataError, match="too many to be classes"):
        load(save(x=np.zeros((2000, 1)), y=np.arange(2000)))


def test_names_and_origin_from_the_file(save):
    folder = save(x=X, y=Y, classes=np.array(["a", "b", "c", "d"]), licence=np.array("CC0"), changes=np.array("Cut."))
    data = load(folder, divide_by=4)
    assert data.columns["y"].classes == ("a", "b", "c", "d")
    assert data.licence == "CC0"
    assert data.changes == "Cut. Inputs divided by 4."
    assert np.array_equal(data.columns["x"].values, X / 4)
    with pytest.raises(DataError, match=r"class numbers 0\.\.2, but “classes” names 2"):
        load(save(x=X, y=Y, classes=np.array(["a", "b"])))


def test_other_keys_and_grey_pictures(save):
    folder = save(images=np.zeros((6, 5, 4), np.uint8), labels=Y)
    assert load(folder, x="images", y="labels").columns["x"].shape == (5, 4)
    assert load(folder, x="images", y="labels", grey_pictures=True).columns["x"].shape == (5, 4, 1)
    with pytest.raises(DataError, match="grey pictures have"):
        load(save(x=X, y=Y), grey_pictures=True)
    with pytest.raises(DataError, match=r"no array 'z'; it holds 'x', 'y'"):
        load(save(x=X, y=Y), x="z")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": X, "y": Y[:5]}, "6 inputs but 5 targets"),
        ({"x": X[:0], "y": Y[:0]}, "holds no examples"),
        ({"x": np.float64(3), "y": Y}, "holds no examples"),
        ({"x": X, "y": Y[:0]}, "holds no examples"),
        ({"x": X + 1j, "y": Y}, "complex128, not numbers"),
        ({"x": np.array(["a"] * 6), "y": Y}, "not numbers"),
        ({"x": np.where(X == 9, np.nan, X), "y": Y}, "1 examples with missing, infinite .* first is example 3"),
        ({"x": X, "y": np.where(Y == 1, np.inf, 0.0)}, "2 examples with missing"),
    ],
)
def test_arrays_that_do_not_suit(save, arrays, message):
    with pytest.raises(DataError, match=message):
        load(save(**arrays))


def test_a_file_written_again_is_read_again(save):
    folder = save(x=X, y=Y)
    first = load(folder)
    assert load(folder) is first
    save(x=X + 1, y=Y)
    os.utime(folder / "data.npz", ns=(1, 1))
    assert load(folder).columns["x"].values[0, 0] == 1


def test_where_a_relative_path_starts(save, monkeypatch, tmp_path):
    folder = save(x=X, y=Y)
    assert len(NpzFile(path=str(folder / "data.npz")).load(None)) == 6
    monkeypatch.chdir(folder)
    assert len(NpzFile(path="data.npz").load(None)) == 6
    assert len(NpzFile(path="data.npz").load(tmp_path)) == 6


# ------------------------------------------------------------------------------------------------ bad files


@pytest.mark.parametrize("path", ["gone.npz", "gone/data.npz"])
def test_missing_file(tmp_path, path):
    with pytest.raises(DataError, match="does not exist"):
        NpzFile(path=path).load(tmp_path)


def test_no_file_a_folder_and_an_impossible_name(tmp_path):
    with pytest.raises(DataError, match="No data file is chosen"):
        parse_source({"kind": "npz"}).load(tmp_path)
    with pytest.raises(DataError, match="not a file"):
        NpzFile(path=".").load(tmp_path)
    with pytest.raises(DataError, match="can not be read"):
        NpzFile(path="a\0b").load(tmp_path)


def test_text_under_a_wrong_name(tmp_path):
    (tmp_path / "data.npz").write_text("x,y\n1,2\n")
    with pytest.raises(DataError, match=r"is not an \.npz file, or it is damaged"):
        load(tmp_path)


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("write", [np.savez, np.savez_compressed])
def test_truncated(tmp_path, share, write):
    write(tmp_path / "data.npz", x=X, y=Y)
    whole = (tmp_path / "data.npz").read_bytes()
    (tmp_path / "data.npz").write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(DataError, match="damaged"):
        load(tmp_path)


class Hostile:
    def __reduce__(self):
        return (os.mkdir, ("executed",))


def test_objects_are_refused_and_never_built(save, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="holds Python objects"):
        load(save(x=np.array([Hostile()], dtype=object), y=Y))
    with zipfile.ZipFile(tmp_path / "data.npz", "w") as target:
        target.writestr("x.npy", pickle.dumps(Hostile()))
        target.writestr("y.npy", b"")
    with pytest.raises(DataError, match="damaged"):
        load(tmp_path)
    assert not (tmp_path / "executed").exists()


def header(shape, descr="<f8"):
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(out, {"descr": descr, "fortran_order": False, "shape": shape})
    return out.getvalue()


@pytest.mark.parametrize("shape", [(10**12,), (10**9, 10**9), (-1, -1), (7,), (0,)])
def test_a_header_that_does_not_match_the_bytes(tmp_path, shape):
    with zipfile.ZipFile(tmp_path / "data.npz", "w") as target:
        target.writestr("x.npy", header(shape) + b"\0" * 8)
        target.writestr("y.npy", header((1,)) + b"\0" * 8)
    with pytest.raises(DataError, match="damaged"):
        load(tmp_path)


def test_more_than_the_limit_is_refused_before_it_is_unpacked(save, monkeypatch):
    monkeypatch.setattr(archive, "MAX_BYTES", 1 << 20)
    folder = save(x=X, y=Y)
    with zipfile.ZipFile(folder / "data.npz", "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr("x.npy", header((1 << 20,)) + b"\0" * (8 << 20))
        target.writestr("y.npy", header((1,)) + b"\0" * 8)
    assert (folder / "data.npz").stat().st_size < 1 << 15
    with pytest.raises(DataError, match=r"would unpack to 0\.0 GiB"):
        load(folder)


def test_out_of_memory_is_said(save, monkeypatch):
    def full(*_):
        raise MemoryError

    monkeypatch.setattr(archive, "_read_member", full)
    with pytest.raises(DataError, match="does not fit into the memory"):
        load(save(x=X, y=Y))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_damage_is_a_data_error_or_harmless(tmp_path, data):
    out = io.BytesIO()
    write = data.draw(st.sampled_from([np.savez, np.savez_compressed]))
    write(out, x=X, y=Y)
    content = bytearray(out.getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    file = tmp_path / "data.npz"
    file.write_bytes(content)
    try:
        found = NpzFile(path="data.npz").read(file)
    except DataError:
        return
    assert np.isfinite(found.columns["x"].values).all()
