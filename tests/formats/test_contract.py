"""What holds for every format: what was saved is what is loaded, and bad files are refused in words."""

import io
import zipfile
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from annstudio.data.base import sources
from annstudio.document.network import Network
from annstudio.document.project import Project
from annstudio.engine.arena import Memory
from annstudio.engine.plan import Plan
from annstudio.errors import FormatError
from annstudio.explain.worksheet import Answer, Help, Measure, Tolerance, Worksheet
from annstudio.formats.base import DTYPES, Content, by_suffix, catalogue
from annstudio.formats.schema import expected_weights
from annstudio.formats.studio import load, save
from annstudio.layers.base import catalogue as layers
from annstudio.layers.graph import Graph, Link, Node
from annstudio.training.record import Record
from annstudio.training.settings import TrainingSettings
from annstudio.training.snapshot import Progress
from tests.builders import assert_same_arrays

FORMATS = list(catalogue().values())
by_name = pytest.mark.parametrize("format", FORMATS, ids=[format.suffix for format in FORMATS])

letters = st.characters(exclude_categories=("C", "Z"), exclude_characters="/:[]\\")
names = st.text(letters, min_size=1, max_size=8)
floats = st.floats(-1e6, 1e6, allow_nan=False)
texts = st.text(st.characters(exclude_categories=("C",)), max_size=30)
counts = st.integers(0, 2**40)


# ------------------------------------------------------------------------------------ any project


@st.composite
def graphs(draw) -> Graph:
    """Any layers at any places, wired forward wherever a wire can be: whole, unfinished or unfitting drawings."""
    ids = draw(st.lists(names, max_size=6, unique=True))
    nodes = {id: Node(id, draw(st.sampled_from(list(layers().values())))(), draw(floats), draw(floats)) for id in ids}
    graph = Graph(nodes)
    for later in range(1, len(ids)):
        for earlier in draw(st.sets(st.integers(0, later - 1), max_size=3)):
            if not graph.refusal(ids[earlier], ids[later]):
                graph = graph.connect(ids[earlier], ids[later])
    return graph


def arrays(shape: tuple[int, ...]) -> st.SearchStrategy:
    dtypes = st.sampled_from([np.float32, np.float64])
    return dtypes.flatmap(lambda dtype: hnp.arrays(dtype, shape, elements=st.floats(-8, 8, width=32)))


records = st.builds(
    Record,
    hnp.arrays(float, st.tuples(st.integers(0, 4), st.just(6))),
    hnp.arrays(float, st.tuples(st.integers(0, 4), st.just(3))),
    st.just(64),
    st.integers(0, 64),
)

plans = st.builds(
    Plan, st.dictionaries(st.text(max_size=20), st.sampled_from(["rows:4", "inner:8"])), st.integers(0, 64),
    st.integers(1, 2),
)  # fmt: skip


@st.composite
def projects(draw) -> Project:
    graph = draw(graphs())
    shapes = {key: shape for key, shape in expected_weights(graph).shapes.items() if np.prod(shape) < 1e5}
    chosen = draw(st.sets(st.sampled_from(sorted(shapes)))) if shapes else set()
    own = {key: draw(arrays(shapes[key])) for key in sorted(chosen)}
    memory = Memory(draw(counts), {f"{vector}:{key}": own[key] * 2 for key in own for vector in "mv"})
    progress = st.builds(
        Progress,
        counts,
        counts,
        counts,
        st.floats(),
        st.floats(),
        st.just(memory),
        records,
        st.booleans(),
        st.none() | plans,
    )
    data = st.sampled_from([None, *(source() for source in sources().values())])
    settings = TrainingSettings(seed=draw(st.integers(0, 100)), batch_size=draw(st.integers(1, 64)))
    locked = {key: array > 0 for key, array in own.items() if draw(st.booleans())}
    return Project(
        graph, own, draw(data), settings, draw(st.none() | progress), draw(texts), draw(texts), locked=locked,
        worksheet=draw(st.none() | worksheets()),
    )  # fmt: skip


def plain(thing):
    """Everything of a project in a form that compares by value, arrays by their bits."""
    if isinstance(thing, np.ndarray):
        return (thing.dtype.str, thing.shape, thing.tobytes())
    if hasattr(thing, "__dataclass_fields__"):
        return (type(thing), [plain(getattr(thing, field.name)) for field in fields(thing)])
    if hasattr(thing, "items"):
        return {key: plain(value) for key, value in thing.items()}
    return repr(thing) if isinstance(thing, float) else thing


@st.composite
def worksheets(draw):
    asked = draw(st.lists(texts.filter(bool), max_size=4, unique=True))
    answers = [Answer(name=name, text=draw(texts)[:60], tries=draw(st.integers(0, 9)), hints=draw(st.integers(0, 3)))
               for name in asked if draw(st.booleans())]  # fmt: skip
    return Worksheet(
        title=draw(texts)[:200], asked=asked, answers=answers, student=draw(texts)[:200], rest=draw(st.booleans()),
        examples=draw(st.lists(st.integers(0, 10**6), min_size=1, max_size=4)), help=draw(st.sampled_from(Help)),
        tolerance=Tolerance(measure=draw(st.sampled_from(Measure)), amount=draw(st.floats(1e-9, 1e6))),
    )  # fmt: skip


@given(projects())
def test_a_saved_project_is_the_loaded_one(tmp_path_factory, project):
    path = tmp_path_factory.mktemp("any") / "any.annstudio"
    full = {key: np.zeros(shape, np.float32) for key, shape in expected_weights(project.graph).shapes.items()
            if np.prod(shape) < 1e5}  # fmt: skip
    save(project, path, {**full, **project.weights})
    again = load(path)
    assert plain(again) == plain(project)
    assert list(again.graph.nodes) == list(project.graph.nodes)
    first = path.read_bytes()
    save(again, path, {**full, **again.weights})
    assert path.read_bytes() == first


def test_every_field_of_a_project_is_kept():
    """A field that is added to a project must be added to the file too."""
    assert [field.name for field in fields(Project)] == [
        "graph", "weights", "data", "settings", "progress", "title", "note", "start", "locked",
        "worksheet",
    ]  # fmt: skip
    assert [field.name for field in fields(Progress)] == [
        "step", "epoch", "position", "epoch_loss", "epoch_hits", "memory", "record", "over", "plan",
        "best",
    ]  # fmt: skip
    assert [field.name for field in fields(Record)] == ["epochs", "blocks", "per_block", "in_last"]
    assert [field.name for field in fields(Node)] == ["id", "layer", "x", "y"]
    assert [field.name for field in fields(Link)] == ["source", "target", "port", "out"]


# -------------------------------------------------------------------------------------- any format


def test_the_catalogue_is_whole():
    assert {".annstudio", ".npz", ".safetensors"} <= set(catalogue())
    for suffix, format in catalogue().items():
        assert suffix == format.suffix.lower()
        assert suffix.startswith(".")
        assert format.name
        assert format.reads or format.writes
        assert bool(format.loses) != format.holds_project


@by_name
@pytest.mark.parametrize("dtype", DTYPES)
def test_weights_come_back_as_they_were(format, dtype, image_project, tmp_path):
    path = tmp_path / f"w{format.suffix}"
    weights = Network(image_project).weights()
    format.write(path, Content(weights, image_project), dtype)
    again = format.read(path).weights
    assert set(again) == set(weights)
    for key, array in weights.items():
        wanted = array if format.holds_project else array.astype(dtype)
        if wanted.dtype == np.float16:
            # Nobody reckons with half precision: what is read holds the same numbers.
            wanted = wanted.astype(np.float32)
        assert plain(again[key]) == plain(np.asarray(wanted, order="C"))
        assert again[key].flags.c_contiguous
        assert not again[key].flags.writeable


@by_name
def test_a_number_too_large_for_the_format_is_refused_and_the_old_file_stays(format, image_project, tmp_path):
    if format.holds_project:
        return
    path = tmp_path / f"w{format.suffix}"
    weights = dict(Network(image_project).weights())
    key = next(iter(weights))
    weights[key] = np.full(weights[key].shape, -65520.0)
    path.write_bytes(b"old")
    with pytest.raises(FormatError, match=rf"{key} holds -65520; float16 goes from -65504 to 65504"):
        format.write(path, Content(weights, image_project), "float16")
    weights[key] = np.full(weights[key].shape, 1e39)
    with pytest.raises(FormatError, match=rf"{key} holds 1e\+39; float32"):
        format.write(path, Content(weights, image_project))
    assert path.read_bytes() == b"old"
    weights[key] = np.full(weights[key].shape, 65504.0)
    format.write(path, Content(weights, image_project), "float16")
    assert (format.read(path).weights[key] == 65504).all()


@by_name
def test_views_of_any_stride_are_written_in_reading_order(format, image_project, tmp_path):
    """A library that copies raw memory would write transposed and sliced views in the wrong order, without a word."""
    path = tmp_path / f"w{format.suffix}"
    odd = {}
    for i, (key, array) in enumerate(Network(image_project).weights().items()):
        if array.ndim == 1:
            odd[key] = np.repeat(array, 2)[::2]
        else:
            odd[key] = np.asfortranarray(array) if i % 2 else np.array(array.T, order="C").T
            assert not odd[key].flags.c_contiguous
    format.write(path, Content(odd, replace(image_project, weights=odd)), "float64")
    again = format.read(path).weights
    assert_same_arrays(again, odd)


@by_name
def test_equal_content_gives_equal_bytes(format, image_project, tmp_path):
    weights = Network(image_project).weights()
    turned = dict(reversed(weights.items()))
    for i, order in enumerate((weights, turned)):
        format.write(tmp_path / f"{i}{format.suffix}", Content(order, replace(image_project, weights=order)))
    assert (tmp_path / f"0{format.suffix}").read_bytes() == (tmp_path / f"1{format.suffix}").read_bytes()


@by_name
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_weights_that_are_no_numbers_are_not_written(format, bad, image_project, tmp_path):
    path = tmp_path / f"w{format.suffix}"
    path.write_bytes(b"old")
    weights = {key: array.copy() for key, array in Network(image_project).weights().items()}
    weights["conv_2/W"][1, 1, 1, 1] = bad
    with pytest.raises(FormatError, match="conv_2/W"):
        format.write(path, Content(weights, replace(image_project, weights=weights)))
    assert path.read_bytes() == b"old"


# --------------------------------------------------------------------------------------- bad files


def _png() -> bytes:
    return b"\x89PNG\r\n\x1a\n" + bytes(200)


def _foreign_zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("word/document.xml", "<document/>")
    return out.getvalue()


def _objects() -> bytes:
    out = io.BytesIO()
    np.savez(out, w=np.array([{"a": 1}], dtype=object))
    return out.getvalue()


FOREIGN = {
    "empty": b"",
    "one byte": b"P",
    "text": b"hello, this is a letter to my aunt" * 20,
    "picture": _png(),
    "other zip": _foreign_zip(),
    "objects": _objects(),
    "end of a zip": b"PK\x05\x06" + bytes(12),
    "huge directory": b"PK\x05\x06" + bytes(6) + b"\xff" * 12,
    "huge header": b"\xff" * 7 + b"\x7f" + b"{}" * 50,
}


@by_name
@pytest.mark.parametrize("content", FOREIGN.values(), ids=FOREIGN)
def test_foreign_files_are_refused_in_one_sentence(format, content, tmp_path):
    path = tmp_path / f"strange{format.suffix}"
    path.write_bytes(content)
    _refused(format, path)


@by_name
def test_folders_missing_files_and_pipes_are_refused(format, tmp_path):
    folder = tmp_path / f"folder{format.suffix}"
    folder.mkdir()
    _refused(format, folder)
    _refused(format, tmp_path / f"missing{format.suffix}")
    _refused(format, Path(f"nul\0{format.suffix}"))
    _refused(format, tmp_path / ("x" * 300 + format.suffix))


@by_name
def test_a_file_cut_short_anywhere_is_refused(format, image_project, tmp_path):
    whole = tmp_path / f"whole{format.suffix}"
    format.write(whole, Content(Network(image_project).weights(), image_project))
    data = whole.read_bytes()
    path = tmp_path / f"cut{format.suffix}"
    for length in {*range(0, len(data), max(1, len(data) // 60)), len(data) - 1}:
        path.write_bytes(data[:length])
        _refused(format, path)


@by_name
@given(data=st.data())
def test_a_damaged_file_is_refused_or_read_as_it_was(format, data, tmp_path_factory):
    """Whatever bytes are changed: words, or numbers of the right shape; never another exception."""
    folder = tmp_path_factory.mktemp("damage")
    path = folder / f"net{format.suffix}"
    graph = Graph().with_node(Node("input", layers()["Input"](shape=(3,)))).with_node(Node("d", layers()["Dense"]()))
    project = Project(graph.connect("input", "d"))
    format.write(path, Content(Network(project).weights(), project))
    raw = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at] = data.draw(st.integers(0, 255))
    path.write_bytes(raw)
    try:
        found = format.read(path)
    except FormatError as error:
        _one_sentence(error)
    else:
        assert all(np.isfinite(array).all() for array in found.weights.values())


def test_unknown_endings_are_refused():
    for name in ("net.keras2", "net", "net.png", ""):
        with pytest.raises(FormatError) as caught:
            by_suffix(Path(name))
        _one_sentence(caught.value)
    assert by_suffix(Path("A.NPZ")).suffix == ".npz"


def _refused(format, path: Path) -> None:
    with pytest.raises(FormatError) as caught:
        format.read(path)
    _one_sentence(caught.value)


def _one_sentence(error: FormatError) -> None:
    assert "\n" not in str(error)
    assert len(error.message) < 600
    assert error.message.endswith(".")
