"""The project file: hostile ones are refused, old ones migrated, and no crash or failed save loses anything."""

import io
import json
import os
import random
import signal
import subprocess
import sys
import time
import tracemalloc
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import save as pack_tensors

from annstudio.data.base import parse_source
from annstudio.document.graph import Graph, Node
from annstudio.document.network import Network
from annstudio.document.project import Project
from annstudio.errors import FormatError, GraphError
from annstudio.formats.archive import pack_arrays
from annstudio.formats.base import ABANDONED_SECONDS, Content, atomic_write, by_suffix
from annstudio.formats.schema import SCHEMA, expected_weights, migrated
from annstudio.formats.studio import StudioFile, load, rebased, save
from annstudio.layers.base import make
from annstudio.training.trainer import train


def _save(project, path, **options) -> None:
    save(project, path, Network(project, path.parent).weights(), **options)


def _members(path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _write(path, members, method=zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)


# ----------------------------------------------------------------------------------- what is in it


def test_all_weights_are_in_the_file_and_only_own_ones_in_the_project(project, tmp_path):
    path = tmp_path / "net.annstudio"
    by_hand = np.array([[1.0, 2.0]] * 4)
    project = project.with_weight("hidden/W", by_hand)
    _save(project, path)
    content = StudioFile().read(path)
    assert set(content.weights) == {"hidden/W", "hidden/b", "output/W", "output/b"}
    for key, array in Network(project).weights().items():
        np.testing.assert_array_equal(content.weights[key], array)
    # What is still the initialiser's follows the seed after loading as before.
    assert set(load(path).weights) == {"hidden/W"}
    np.testing.assert_array_equal(load(path).weights["hidden/W"], by_hand)


def test_others_can_read_the_file_without_this_program(trained, tmp_path):
    path = tmp_path / "net.annstudio"
    _save(trained, path, thumbnail=lambda: b"\x89PNG")
    members = _members(path)
    assert list(members) == ["project.json", "weights.safetensors", "history.npz", "thumbnail.png"]
    said = json.loads(members["project.json"])
    assert (said["format"], said["schema_version"], said["title"]) == ("annstudio", SCHEMA, "XOR")
    assert np.load(io.BytesIO(members["history.npz"]))["epochs"].shape == (1, 6)
    assert members["thumbnail.png"] == b"\x89PNG"
    _save(replace(trained, progress=None), path)
    assert list(_members(path)) == ["project.json", "weights.safetensors"]


def test_training_goes_on_from_a_file_exactly_where_it_stopped(trained, tmp_path):
    path = tmp_path / "net.annstudio"
    _save(trained, path)
    *_, gone_on = train(Network(trained).job())
    *_, loaded_on = train(Network(load(path)).job())
    assert gone_on.progress.record.n_steps == loaded_on.progress.record.n_steps
    for key, array in gone_on.weights.items():
        np.testing.assert_array_equal(array, loaded_on.weights[key])


def test_weights_that_lost_their_layer_or_shape_are_left_out(project, tmp_path):
    path = tmp_path / "net.annstudio"
    stale = {"gone/W": np.ones((2, 2)), "hidden/W": np.ones((3, 3)), "hidden/b": np.ones(4)}
    save(replace(project, weights=stale), path, Network(project).weights())
    assert set(load(path).weights) == {"hidden/b"}


def test_an_unfinished_drawing_keeps_the_weights_of_what_is_cut_off(trained, tmp_path):
    path = tmp_path / "net.annstudio"
    cut = replace(trained, graph=trained.graph.disconnect(trained.graph.into("output")[0]))
    _save(cut, path)
    assert set(load(path).weights) == set(trained.weights)


def test_equal_projects_give_equal_bytes(trained, tmp_path):
    for name in ("a", "b"):
        _save(trained, tmp_path / f"{name}.annstudio")
        time.sleep(0.01)
    assert (tmp_path / "a.annstudio").read_bytes() == (tmp_path / "b.annstudio").read_bytes()


@pytest.mark.parametrize("name", ["h", "verdeckte Schicht", "層　1", "x.y", "ß" * 60, "👩‍🔬", "file", "__metadata__"])
def test_whatever_a_node_can_be_called_can_be_saved(trained, name, tmp_path):
    renamed = trained.renamed("hidden", name, trained.weights)
    _save(replace(renamed, progress=trained.progress), tmp_path / "net.annstudio")
    assert set(load(tmp_path / "net.annstudio").weights) == set(renamed.weights)
    for suffix in (".npz", ".safetensors"):
        path = tmp_path / f"w{suffix}"
        by_suffix(path).write(path, Content(renamed.weights, renamed))
        assert set(by_suffix(path).read(path).weights) == set(renamed.weights)


@pytest.mark.parametrize(
    "name", ["", " ", "a/b", "a\\b", "a:b", "a[0]", "a\tb", "a\nb", "a\u202eb", "\ud800", "x" * 61]
)
def test_what_could_not_be_saved_cannot_be_a_name(trained, name):
    with pytest.raises(GraphError, match="cannot be a name"):
        trained.graph.renamed("hidden", name)


def test_places_beyond_the_edge_are_brought_back(project, tmp_path):
    path = tmp_path / "net.annstudio"
    _save(replace(project, graph=project.graph.moved({"input": (1e300, -1e300)})), path)
    assert (load(path).graph.nodes["input"].x, load(path).graph.nodes["input"].y) == (1e6, -1e6)


def test_a_relative_data_file_is_found_from_the_projects_folder(project, tmp_path, monkeypatch):
    (tmp_path / "a" / "data").mkdir(parents=True)
    (tmp_path / "b").mkdir()
    (tmp_path / "a" / "data" / "t.csv").write_text("x,y\n1,2\n3,4\n")
    project = replace(project, data=parse_source({"kind": "csv", "path": "data/t.csv"}))
    first = tmp_path / "a" / "net.annstudio"
    _save(project, first)
    assert load(first).data.path == "data/t.csv"
    monkeypatch.chdir(tmp_path)
    assert len(Network(load(first), first.parent).need_dataset()) == 2
    moved = rebased(load(first), first.parent, tmp_path / "b")
    assert moved.data.path == "../a/data/t.csv"
    assert len(Network(moved, tmp_path / "b").need_dataset()) == 2
    assert rebased(moved, tmp_path / "b", tmp_path / "a").data.path == "data/t.csv"
    absolute = replace(project, data=parse_source({"kind": "csv", "path": str(tmp_path / "t.csv")}))
    assert rebased(absolute, tmp_path / "a", tmp_path / "b") is absolute
    empty = Project()
    assert rebased(empty, tmp_path / "a", tmp_path / "b") is empty


# ---------------------------------------------------------------------------------------- versions


def test_a_newer_file_is_refused_by_both_versions(project, tmp_path):
    path = _changed(project, tmp_path, schema_version=SCHEMA + 41)
    with pytest.raises(FormatError) as caught:
        load(path)
    assert f"version {SCHEMA + 41}" in caught.value.message
    assert f"up to version {SCHEMA}" in caught.value.message


def test_an_older_file_is_migrated_step_by_step():
    def from_1(said):
        return {**{key: value for key, value in said.items() if key != "name"}, "title": said["name"]}

    def from_2(said):
        return {**said, "title": said["title"].upper()}

    old = {"format": "annstudio", "schema_version": 1, "name": "net"}
    new = migrated(old, {1: from_1, 2: from_2}, newest=3)
    assert new == {"format": "annstudio", "schema_version": 3, "title": "NET"}
    assert old["schema_version"] == 1
    with pytest.raises(FormatError, match="version 0, which never was"):
        migrated({**old, "schema_version": 0}, {1: from_1, 2: from_2}, newest=3)


def test_a_file_from_before_numbers_could_be_locked_is_read(project, tmp_path):
    path = _changed(project, tmp_path)
    members = _members(path)
    said = json.loads(members["project.json"])
    del said["locked"]
    members["project.json"] = json.dumps({**said, "schema_version": 1}).encode()
    _write(path, members)
    assert load(path).locked == {}
    assert load(path).graph == project.graph


@pytest.mark.parametrize(
    ("names", "arrays"),
    [
        (["hidden/W"], {}),
        (["hidden/W"], {"hidden/b": np.ones(4, bool)}),
        (["hidden/W"], {"hidden/W": np.ones((4, 2), np.int8)}),
        (["hidden/W"], {"hidden/W": np.ones((2, 4), bool)}),
        (["nobody/W"], {"nobody/W": np.ones((2, 4), bool)}),
    ],
    ids=["none there", "another", "no truths", "another shape", "nobody's"],
)
def test_locks_that_cannot_be_are_refused(project, tmp_path, names, arrays):
    path = _changed(project, tmp_path, locked=names)
    _write(path, {**_members(path), "locked.npz": pack_arrays(arrays)})
    with pytest.raises(FormatError, match=r"is not said as it should be|should have the shape|belong to no layer"):
        load(path)


# ----------------------------------------------------------------------------------- hostile files


def _changed(project, tmp_path, **said):
    """A saved project with other entries in its project.json."""
    path = tmp_path / "changed.annstudio"
    _save(project, path)
    members = _members(path)
    members["project.json"] = json.dumps({**json.loads(members["project.json"]), **said}).encode()
    _write(path, members)
    return path


NODE = {"id": "a", "layer": "Dense", "settings": {}, "x": 0, "y": 0}
INPUT = {"id": "i", "layer": "Input", "settings": {}, "x": 0, "y": 0}
LOSS = {"id": "l", "layer": "Loss", "settings": {}, "x": 0, "y": 0}


def _link(source, target, port=0):
    return {"source": source, "target": target, "port": port}


def _graph(*nodes, links=()):
    return {"graph": {"nodes": list(nodes), "links": [_link(*k) for k in links]}}


HOSTILE = {
    "unknown kind": _graph({**NODE, "layer": "Lambda"}),
    "kind of a kilometre": _graph({**NODE, "layer": "x" * 100_000}),
    "setting out of bounds": _graph({**NODE, "settings": {"units": 0}}),
    "unknown setting": _graph({**NODE, "settings": {"code": "import os"}}),
    "setting of a kilometre": _graph({**NODE, "settings": {"units": "9" * 100_000}}),
    "settings of another type": _graph({**NODE, "settings": {"units": [[[[1]]]]}}),
    "no settings": _graph({**NODE, "settings": None}),
    "circle": _graph(NODE, {**NODE, "id": "b"}, links=[("a", "b"), ("b", "a")]),
    "own tail": _graph(NODE, links=[("a", "a")]),
    "link to nowhere": _graph(NODE, links=[("a", "b")]),
    "link from nowhere": _graph(NODE, links=[("b", "a")]),
    "missing port": _graph(INPUT, NODE, links=[("i", "a", 1)]),
    "port below zero": _graph(INPUT, NODE, links=[("i", "a", -1)]),
    "port in the clouds": _graph(INPUT, {**NODE, "layer": "Add"}, links=[("i", "a", 10**9)]),
    "into an input": _graph(NODE, INPUT, links=[("a", "i")]),
    "out of a loss": _graph(LOSS, NODE, links=[("l", "a")]),
    "one port twice": _graph(INPUT, {**INPUT, "id": "j"}, NODE, links=[("i", "a"), ("j", "a")]),
    "one name twice": _graph(NODE, NODE),
    "name with a slash": _graph({**NODE, "id": "../../etc"}),
    "name with a backslash": _graph({**NODE, "id": "..\\a"}),
    "name with a line break": _graph({**NODE, "id": "a\nb"}),
    "name of nothing": _graph({**NODE, "id": ""}),
    "name of spaces": _graph({**NODE, "id": " a"}),
    "name turned round": _graph({**NODE, "id": "a\u202eb"}),
    "name half a character": _graph({**NODE, "id": "\ud800"}),
    "place of a million": _graph({**NODE, "x": 1e300}),
    "place as text": _graph({**NODE, "x": "left"}),
    "far too many nodes": _graph(*({**NODE, "id": f"a{i}"} for i in range(10_001))),
    "no nodes": {"graph": {"nodes": None}},
    "graph of another type": {"graph": []},
    "unknown entry": {"macro": "import os"},
    "foreign json": {"format": "sketch"},
    "schema as text": {"schema_version": "1"},
    "schema true": {"schema_version": True},
    "schema of a kilometre": {"schema_version": 10**4000},
    "optimiser unknown": {"settings": {"optimizer": {"kind": "newton"}}},
    "batch of nothing": {"settings": {"batch_size": 0}},
    "seed of another type": {"settings": {"seed": {"a": 1}}},
    "data unknown": {"data": {"kind": "shell"}},
    "data of another type": {"data": {"kind": ["xor"]}},
    "data out of bounds": {"data": {"kind": "xor", "points": -1}},
    "own weights missing": {"own_weights": ["hidden/W", "hidden/X"]},
    "progress without history": {
        "progress": {"step": 1, "epoch": 1, "position": 1, "updates": 1, "steps_per_block": 1, "steps_in_last_block": 1}
    },
    "progress below zero": {
        "progress": {"step": -1, "epoch": 1, "position": 1, "updates": 1, "steps_per_block": 1,
                     "steps_in_last_block": 1}
    },
    "title of a megabyte": {"title": "x" * 10**6},
    "ten billion weights": _graph(
        {**INPUT, "settings": {"shape": [100_000]}}, {**NODE, "settings": {"units": 100_000}}, links=[("i", "a")]
    ),
    "more weights than a number holds": _graph(
        {**INPUT, "settings": {"shape": [100_000, 100_000, 100_000]}},
        {**NODE, "id": "f", "layer": "Flatten"},
        {**NODE, "settings": {"units": 100_000}},
        links=[("i", "f"), ("f", "a")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("said", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_project_is_refused(project, said, tmp_path):
    _refused(_changed(project, tmp_path, **said))


JSON = {
    "not text": b"\xff\xfe\x00",
    "not json": b"{'a': 1}",
    "nested": b"[" * 100_000 + b"]" * 100_000,
    "nested objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "nested a little": b'{"format": "annstudio", "schema_version": 1, "note": ' + b"[" * 40 + b"]" * 40 + b"}",
    "NaN": b'{"format": "annstudio", "schema_version": 1, "x": NaN}',
    "infinity": b'{"format": "annstudio", "schema_version": 1, "x": 1e999}',
    "a key twice": b'{"format": "annstudio", "format": "annstudio", "schema_version": 1}',
    "a number of a kilometre": b'{"format": "annstudio", "schema_version": 1, "x": ' + b"9" * 100_000 + b"}",
    "a list": b"[]",
    "a number": b"1",
    "nothing": b"",
}


@pytest.mark.parametrize("text", JSON.values(), ids=JSON)
def test_hostile_json_is_refused(project, text, tmp_path):
    path = tmp_path / "json.annstudio"
    _save(project, path)
    _write(path, {**_members(path), "project.json": text})
    _refused(path)


def _tensors(project, **changes) -> bytes:
    weights = {k: np.asarray(w, order="C") for k, w in Network(project).weights().items()}
    return pack_tensors({**weights, **changes})


def _header(text: bytes) -> bytes:
    return len(text).to_bytes(8, "little") + text


TENSORS = {
    "nothing": b"",
    "huge header": b"\xff" * 8,
    "huge shape": _header(b'{"hidden/W":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}'),
    "overlapping": _header(
        b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    )
    + bytes(4),
    "cut short": _header(b'{"hidden/W":{"dtype":"F32","shape":[4,2],"data_offsets":[0,32]}}') + bytes(8),
    "negative": _header(b'{"hidden/W":{"dtype":"F32","shape":[-4,2],"data_offsets":[0,32]}}') + bytes(32),
    "unknown numbers": _header(b'{"hidden/W":{"dtype":"F3","shape":[4,2],"data_offsets":[0,32]}}') + bytes(32),
    "whole numbers": _header(b'{"hidden/W":{"dtype":"I32","shape":[4,2],"data_offsets":[0,32]}}') + bytes(32),
    "nested header": _header(b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}"),
    "header a list": _header(b"[]"),
}


@pytest.mark.parametrize("tensors", TENSORS.values(), ids=TENSORS)
def test_hostile_tensors_are_refused(project, tensors, tmp_path):
    path = tmp_path / "tensors.annstudio"
    _save(project, path)
    _write(path, {**_members(path), "weights.safetensors": tensors})
    _refused(path)


@pytest.mark.parametrize(
    "changes",
    [
        {"hidden/W": np.full((4, 2), np.nan, np.float32)},
        {"hidden/W": np.full((4, 2), np.inf)},
        {"hidden/W": np.zeros((2, 4), np.float32)},
        {"hidden/W": np.zeros(8, np.float32)},
        {"input/W": np.zeros((2, 4), np.float32)},
        {"nobody/W": np.zeros((2, 4), np.float32)},
        {"hidden/X": np.zeros((2, 4), np.float32)},
        {"": np.zeros((2, 4), np.float32)},
    ],
    ids=["NaN", "infinite", "turned", "flat", "of an input", "of nobody", "of no view", "without a name"],
)
def test_weights_that_cannot_be_are_refused(project, changes, tmp_path):
    path = tmp_path / "weights.annstudio"
    _save(project, path)
    _write(path, {**_members(path), "weights.safetensors": _tensors(project, **changes)})
    _refused(path)


def _npz(**arrays) -> bytes:
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


WHOLE = {"epochs": np.zeros((1, 6)), "blocks": np.zeros((1, 3)), "epoch_sums": np.zeros(2)}
HISTORY = {
    "nothing": b"",
    "objects": _npz(**{**WHOLE, "memory/x": np.array([{"a": 1}], dtype=object)}),
    "text": _npz(**{**WHOLE, "memory/x": np.array(["a"])}),
    "narrow": _npz(**{**WHOLE, "epochs": np.zeros((1, 5))}),
    "flat": _npz(**{**WHOLE, "blocks": np.zeros(3)}),
    "endless": _npz(**{**WHOLE, "blocks": np.zeros((5000, 3))}),
    "no sums": _npz(epochs=np.zeros((1, 6)), blocks=np.zeros((1, 3))),
}


@pytest.mark.parametrize("history", HISTORY.values(), ids=HISTORY)
def test_hostile_history_is_refused(trained, history, tmp_path):
    path = tmp_path / "history.annstudio"
    _save(trained, path)
    _write(path, {**_members(path), "history.npz": history})
    _refused(path)


def test_an_array_larger_than_its_bytes_is_refused_before_memory_is_taken(trained, tmp_path):
    out = io.BytesIO()
    np.save(out, np.zeros((4, 6)))
    lying = out.getvalue().replace(b"(4, 6)", b"(4" + b"0" * 11 + b", 6)")[: len(out.getvalue())]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("epochs.npy", lying)
    path = tmp_path / "lying.annstudio"
    _save(trained, path)
    _write(path, {**_members(path), "history.npz": packed.getvalue()})
    assert _peak_while_refused(path) < 4 << 20


@pytest.mark.parametrize("member", ["project.json", "weights.safetensors", "history.npz"])
def test_a_zip_bomb_is_refused_before_it_is_unpacked(trained, member, tmp_path):
    path = tmp_path / "bomb.annstudio"
    _save(trained, path)
    _write(path, {**_members(path), member: b" " * (64 << 20)}, zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 1 << 20
    assert _peak_while_refused(path) < 8 << 20


def test_a_bomb_that_lies_about_its_size_is_refused(trained, tmp_path):
    path = tmp_path / "bomb.annstudio"
    _save(trained, path)
    _write(path, {**_members(path), "project.json": b" " * (50 << 20)}, zipfile.ZIP_DEFLATED)
    true, small = (50 << 20).to_bytes(4, "little"), (1000).to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(true, small))
    assert _peak_while_refused(path) < 8 << 20


def test_a_zip_of_very_many_members_is_refused(project, tmp_path):
    path = tmp_path / "many.annstudio"
    _save(project, path)
    _write(path, {**_members(path), **{f"{i:05}": b"" for i in range(20_001)}})
    _refused(path)


def test_doubled_encrypted_and_oddly_packed_members_are_refused(project, tmp_path):
    path = tmp_path / "net.annstudio"
    _save(project, path)
    members = _members(path)
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr("project.json", members["project.json"])
    _refused(path)
    _write(path, members, zipfile.ZIP_LZMA)
    _refused(path)
    _write(path, members)
    raw = path.read_bytes()
    for sign, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = raw.index(sign) + at
        raw = raw[:start] + b"\x01" + raw[start + 1 :]
    path.write_bytes(raw)
    _refused(path)


def test_unknown_members_and_paths_that_lead_outside_change_nothing(project, tmp_path):
    path = tmp_path / "folder" / "net.annstudio"
    path.parent.mkdir()
    _save(project, path)
    _write(path, {"../../evil.py": b"1/0", "/etc/x": b"", "macro.py": b"1/0", **_members(path)})
    assert load(path).graph == project.graph
    assert [file.name for file in tmp_path.rglob("*") if file.is_file()] == ["net.annstudio"]


def test_a_project_packed_again_by_another_program_is_read(trained, tmp_path):
    path = tmp_path / "net.annstudio"
    _save(trained, path)
    _write(path, dict(reversed(_members(path).items())), zipfile.ZIP_DEFLATED)
    assert load(path).graph == trained.graph


def _refused(path) -> FormatError:
    with pytest.raises(FormatError) as caught:
        load(path)
    said = str(caught.value)
    assert path.name in said
    assert "\n" not in said
    assert len(said) < 600
    assert caught.value.hint
    assert said.isprintable()
    return caught.value


def _peak_while_refused(path) -> int:
    tracemalloc.start()
    try:
        _refused(path)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


# ------------------------------------------------------------------------------------ failed saves


def test_what_could_not_be_opened_again_is_not_written(project, tmp_path):
    path = tmp_path / "net.annstudio"
    _save(project, path)
    before = path.read_bytes()
    big = Graph(
        {"in": Node("in", make("Input", {"shape": (100_000,)})), "d": Node("d", make("Dense", {"units": 9999}))}
    )
    with pytest.raises(FormatError, match=r"not saved.* weights"):
        save(replace(project, graph=big.connect("in", "d")), path, {})
    for changes in (
        {"title": "\ud800"},
        {"title": "x" * 2000},
        {"graph": Graph({"x" * 61: Node("x" * 61, make("Input", {}))})},
    ):
        with pytest.raises(FormatError, match="not saved"):
            save(replace(project, **changes), path, {})
    assert path.read_bytes() == before


@pytest.mark.parametrize("failing", ["fsync", "replace", "fdopen", "open"])
def test_a_full_disk_leaves_the_old_file_whole(project, failing, tmp_path, monkeypatch):
    path = tmp_path / "net.annstudio"
    _save(project, path)
    before = path.read_bytes()

    def fail(*arguments):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, failing, fail)
        with pytest.raises(FormatError, match="no space left on device") as caught:
            save(replace(project, title="new"), path, {})
    assert "unchanged" in caught.value.hint
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["net.annstudio"]


def test_an_unwritable_target_is_told(project, tmp_path):
    for path in (tmp_path / "no" / "such" / "folder.annstudio", tmp_path, tmp_path / ("x" * 300)):
        with pytest.raises(FormatError, match="could not be written"):
            save(project, path, {})
    if os.geteuid():
        tmp_path.chmod(0o500)
        with pytest.raises(FormatError, match="could not be written"):
            save(project, tmp_path / "net.annstudio", {})
        tmp_path.chmod(0o700)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="modes and links of POSIX")
def test_mode_and_link_of_the_old_file_stay(project, tmp_path):
    file, link = tmp_path / "net.annstudio", tmp_path / "link.annstudio"
    _save(project, file)
    file.chmod(0o640)
    link.symlink_to(file)
    _save(replace(project, title="new"), link)
    assert link.is_symlink()
    assert load(file).title == "new"
    assert file.stat().st_mode & 0o777 == 0o640


def test_what_a_killed_save_left_behind_is_cleared_later(tmp_path):
    old, young = tmp_path / ".net.annstudio.1.saving", tmp_path / ".net.annstudio.2.saving"
    for left in (old, young, tmp_path / ".other.saving"):
        left.write_bytes(b"half")
        os.utime(left, (1, 1))
    os.utime(young, (time.time() - ABANDONED_SECONDS / 2,) * 2)
    atomic_write(tmp_path / "net.annstudio", b"whole")
    assert {file.name for file in tmp_path.iterdir()} == {"net.annstudio", young.name, ".other.saving"}


SAVING = """
import sys
from dataclasses import replace
from pathlib import Path
import numpy as np
from annstudio.formats.studio import load, save
path = Path(sys.argv[1])
project = load(path)
print("ready", flush=True)
n = int(project.title)
while True:
    n += 1
    weights = {key: np.full_like(array, n) for key, array in project.weights.items()}
    save(replace(project, title=str(n), weights=weights), path, weights)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="a real SIGKILL")
def test_a_process_killed_while_saving_leaves_the_old_or_the_new_file(project, tmp_path):
    """Thirty-five times, at random moments, in a process that does nothing but save."""
    path = tmp_path / "net.annstudio"
    weights = {key: np.zeros(shape) for key, shape in expected_weights(project.graph).shapes.items()}
    save(replace(project, title="0", weights=weights), path, weights)
    chance = random.Random(1)
    seen = set()
    for _ in range(35):
        child = subprocess.Popen([sys.executable, "-c", SAVING, str(path)], stdout=subprocess.PIPE)
        try:
            assert child.stdout.readline() == b"ready\n"
            time.sleep(chance.uniform(0, 0.03))
        finally:
            child.send_signal(signal.SIGKILL)
            child.wait()
            child.stdout.close()
        found = load(path)
        seen.add(int(found.title))
        assert {key: array.shape for key, array in found.weights.items()} == {k: w.shape for k, w in weights.items()}
        assert all((array == int(found.title)).all() for array in found.weights.values())
    assert len(seen) > 10
