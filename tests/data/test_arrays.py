"""Arrays in .npy files and large ones in .npz files: mapped, converted batch by batch, refused in plain words."""

import io
import os
import sys
import zipfile

import numpy as np
import pytest

from annstudio.data import archive, arrays, base
from annstudio.data.arrays import NpyFiles, NpzFile
from annstudio.data.lazy import LazyArray
from annstudio.errors import DataError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 4)).astype(np.float32)
Y = np.tile(np.arange(5), 10)


def make_large(monkeypatch):
    """Let arrays of any size be large."""
    for module in (archive, arrays, base):
        monkeypatch.setattr(module, "LARGE_BYTES", 0)


@pytest.fixture
def everything_is_large(monkeypatch):
    make_large(monkeypatch)


@pytest.fixture
def save(tmp_path):
    def save(x, y=None):
        np.save(tmp_path / "x.npy", x)
        if y is not None:
            np.save(tmp_path / "y.npy", y)
        return tmp_path

    return save


def load(folder, targets="y.npy", **chosen):
    return NpyFiles(path="x.npy", targets=targets, **chosen).load(folder)


def is_mapped(values):
    while isinstance(values, np.ndarray):
        if isinstance(values, np.memmap):
            return True
        values = values.base
    return False


def test_two_files_make_a_data_set(save):
    data = load(save(X, Y))
    assert np.array_equal(data.columns["x"].values, X)
    assert data.columns["y"].classes == ("0", "1", "2", "3", "4")
    assert np.array_equal(data.columns["y"].values, Y)
    assert set(load(save(X), targets="").columns) == {"x"}
    assert not data.is_large


def test_what_a_network_can_take_as_it_is_is_a_map_of_the_file(save, everything_is_large):
    data = load(save(X, Y.astype(np.float64)))
    for key, there in (("x", X), ("y", Y[:, None])):
        values = data.columns[key].values
        assert is_mapped(values)
        assert not values.flags.writeable
        assert np.array_equal(values[10:20], there[10:20])


@pytest.mark.parametrize(
    ("x", "wanted"),
    [
        ((X * 10).astype(np.int16), np.float32),
        ((X * 10).astype(np.int64), np.float64),
        (X.astype(">f4"), np.float32),
        (X.astype(np.float16), np.float32),
        (X > 0, np.float32),
        (np.arange(50.0), np.float64),
    ],
)
def test_other_numbers_become_floats_when_they_are_asked_for(save, everything_is_large, x, wanted):
    values = load(save(x, Y)).columns["x"].values
    rows = x if x.ndim > 1 else x[:, None]
    assert values.dtype == wanted
    assert values.shape == rows.shape
    numbers = np.array([49, 3])
    assert np.array_equal(values[numbers], rows[numbers].astype(wanted))
    assert np.array_equal(values[7], rows[7].astype(wanted))


def test_large_and_small_are_read_to_the_same_numbers(save, monkeypatch):
    folder = save(RNG.integers(0, 256, (50, 6, 5), np.uint8), np.tile(np.array(["b", "a"]), 25))
    small = load(folder, grey_pictures=True, divide_by=255)
    make_large(monkeypatch)
    large = load(folder, grey_pictures=True, divide_by=255.0000001).take(np.arange(50))
    assert isinstance(load(folder, divide_by=2).columns["x"].values, LazyArray)
    assert large.columns["x"].shape == small.columns["x"].shape == (6, 5, 1)
    np.testing.assert_allclose(large.columns["x"].array, small.columns["x"].array, rtol=1e-6)
    assert large.columns["y"].classes == small.columns["y"].classes == ("a", "b")
    assert np.array_equal(large.columns["y"].array, small.columns["y"].array)


def test_large_arrays_of_an_archive_are_mapped_where_they_lie(tmp_path, everything_is_large):
    np.savez(tmp_path / "data.npz", note=np.array("Some words"), x=X, y=Y, classes=np.array(list("abcde")))
    data = NpzFile(path="data.npz").load(tmp_path)
    assert is_mapped(data.columns["x"].values)
    assert np.array_equal(data.columns["x"].values[:], X)
    assert data.columns["y"].classes == tuple("abcde")
    assert np.array_equal(data.columns["y"].values[:], Y)
    assert data.note == "Some words"


def test_what_is_compressed_is_read_into_memory_up_to_a_limit(tmp_path, everything_is_large, monkeypatch):
    np.savez_compressed(tmp_path / "data.npz", x=X, y=Y)
    data = NpzFile(path="data.npz").load(tmp_path)
    assert not is_mapped(data.columns["x"].values)
    assert np.array_equal(data.columns["x"].values[:], X)
    monkeypatch.setattr(archive, "MAX_BYTES", 100)
    with pytest.raises(DataError, match=r"numpy\.savez, which does not compress"):
        NpzFile(path="data.npz", divide_by=2).load(tmp_path)
    np.savez(tmp_path / "data.npz", x=X, y=Y)
    assert len(NpzFile(path="data.npz", divide_by=3).load(tmp_path)) == 50


@pytest.mark.skipif(sys.platform == "win32", reason="files with holes in them have to be asked for there")
def test_a_sparse_file_of_ten_gigabytes_is_opened_at_once(tmp_path):
    with (tmp_path / "x.npy").open("wb") as file:
        shape = (3_200_000, 784)
        np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
        file.truncate(file.tell() + 4 * shape[0] * shape[1])
    data = NpyFiles(path="x.npy").load(tmp_path)
    assert len(data) == shape[0]
    assert is_mapped(data.columns["x"].values)
    assert len(data.excerpt) == 4096


def test_files_written_again_are_read_again(save):
    folder = save(X, Y)
    first = load(folder)
    assert load(folder) is first
    save(X, Y[::-1].copy())
    os.utime(folder / "y.npy", ns=(1, 1))
    assert load(folder).columns["y"].values[0] == 4


# ------------------------------------------------------------------------------------------------ what does not suit


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (X, Y[:9], r"50 inputs but 9 targets in x\.npy and y\.npy"),
        (X[:0], Y, "holds no examples"),
        (X + 1j, Y, "complex64, not numbers"),
        (np.where(X == X[7, 2], np.nan, X), Y, r"x\.npy has 1 examples with missing, infinite .* first is example 8"),
        (X, np.arange(1050), "more than 1,000 different values"),
        (X, np.full(50, np.inf), r"y\.npy has 50 examples with missing"),
    ],
)
@pytest.mark.parametrize("large", [False, True])
def test_arrays_that_do_not_suit_are_refused_in_words(save, monkeypatch, x, y, message, large):
    if large:
        make_large(monkeypatch)
    with pytest.raises(DataError, match=message):
        load(save(x, y))


def test_of_very_many_numbers_an_excerpt_is_looked_at(save, everything_is_large, monkeypatch):
    monkeypatch.setattr(arrays, "CHECKED_BYTES", 0)
    with pytest.raises(DataError, match="first is example 4"):
        load(save(np.where(X == X[3, 0], np.inf, X), Y.astype(float)))


def test_arrays_by_columns_are_refused_where_they_would_be_mapped(save, everything_is_large):
    with pytest.raises(DataError, match="column by column"):
        load(save(np.asfortranarray(X), Y))


def test_labels_that_change_under_our_hands_are_told(save, everything_is_large):
    folder = save(X, Y)
    column = load(folder).columns["y"]
    with (folder / "y.npy").open("r+b") as file:
        file.seek(-8, os.SEEK_END)
        file.write(np.int64(77).tobytes())
    assert column.values[0] == 0
    with pytest.raises(DataError, match="holds other labels now"):
        column.values[49]


@pytest.mark.parametrize("share", [0, 0.2, 0.99])
@pytest.mark.parametrize("large", [False, True])
def test_truncated_and_foreign_files(save, monkeypatch, share, large):
    if large:
        make_large(monkeypatch)
    folder = save(X, Y)
    whole = (folder / "x.npy").read_bytes()
    (folder / "x.npy").write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(DataError, match=r"x\.npy is not an \.npy file, or it is damaged"):
        load(folder)
    (folder / "x.npy").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="damaged"):
        load(folder)
    (folder / "x.npy").unlink()
    with pytest.raises(DataError, match="does not exist"):
        load(folder)


@pytest.mark.parametrize("shape", [(10**12,), (-1, -32), (0,), (7,), (10**9, 10**9)])
def test_a_header_that_does_not_match_the_file(tmp_path, everything_is_large, shape):
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(out, {"descr": "<f8", "fortran_order": False, "shape": shape})
    (tmp_path / "x.npy").write_bytes(out.getvalue() + b"\0" * 256)
    with pytest.raises(DataError, match="damaged"):
        load(tmp_path, targets="")


def test_objects_are_refused(tmp_path, everything_is_large):
    np.save(tmp_path / "x.npy", np.array([{}, {}], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match="holds Python objects"):
        load(tmp_path, targets="")


def test_a_directory_that_points_elsewhere_is_damage(tmp_path, everything_is_large):
    file = tmp_path / "data.npz"
    np.savez(file, x=X, y=Y)
    with zipfile.ZipFile(file) as found:
        offset = found.getinfo("y.npy").header_offset
    whole = bytearray(file.read_bytes())
    # The directory's entry of y ends in the place of its local header.
    at = whole.rindex(b"y.npy") - 4
    assert int.from_bytes(whole[at : at + 4], "little") == offset
    whole[at : at + 4] = (offset + 10).to_bytes(4, "little")
    file.write_bytes(whole)
    with pytest.raises(DataError, match="damaged"):
        NpzFile(path="data.npz").load(tmp_path)
