"""Hostile project files are refused in words, before they cost anything."""

import io
import tracemalloc
import zipfile

import numpy as np
import pytest
from safetensors.numpy import save as pack_tensors

from annstudio.document.network import Network
from annstudio.errors import FormatError
from annstudio.formats.studio import load
from tests.formats.archives import changed_file, members_of, store, write_members

# ----------------------------------------------------------------------------------- hostile files


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
    _refused(changed_file(project, tmp_path, **said))


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
    store(project, path)
    write_members(path, {**members_of(path), "project.json": text})
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
    store(project, path)
    write_members(path, {**members_of(path), "weights.safetensors": tensors})
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
    store(project, path)
    write_members(path, {**members_of(path), "weights.safetensors": _tensors(project, **changes)})
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
    store(trained, path)
    write_members(path, {**members_of(path), "history.npz": history})
    _refused(path)


def test_an_array_larger_than_its_bytes_is_refused_before_memory_is_taken(trained, tmp_path):
    out = io.BytesIO()
    np.save(out, np.zeros((4, 6)))
    lying = out.getvalue().replace(b"(4, 6)", b"(4" + b"0" * 11 + b", 6)")[: len(out.getvalue())]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("epochs.npy", lying)
    path = tmp_path / "lying.annstudio"
    store(trained, path)
    write_members(path, {**members_of(path), "history.npz": packed.getvalue()})
    assert _peak_while_refused(path) < 4 << 20


@pytest.mark.parametrize("member", ["project.json", "weights.safetensors", "history.npz"])
def test_a_zip_bomb_is_refused_before_it_is_unpacked(trained, member, tmp_path):
    path = tmp_path / "bomb.annstudio"
    store(trained, path)
    write_members(path, {**members_of(path), member: b" " * (64 << 20)}, zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 1 << 20
    assert _peak_while_refused(path) < 8 << 20


def test_a_bomb_that_lies_about_its_size_is_refused(trained, tmp_path):
    path = tmp_path / "bomb.annstudio"
    store(trained, path)
    write_members(path, {**members_of(path), "project.json": b" " * (50 << 20)}, zipfile.ZIP_DEFLATED)
    true, small = (50 << 20).to_bytes(4, "little"), (1000).to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(true, small))
    assert _peak_while_refused(path) < 8 << 20


def test_a_zip_of_very_many_members_is_refused(project, tmp_path):
    path = tmp_path / "many.annstudio"
    store(project, path)
    write_members(path, {**members_of(path), **{f"{i:05}": b"" for i in range(20_001)}})
    _refused(path)


def test_doubled_encrypted_and_oddly_packed_members_are_refused(project, tmp_path):
    path = tmp_path / "net.annstudio"
    store(project, path)
    members = members_of(path)
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr("project.json", members["project.json"])
    _refused(path)
    write_members(path, members, zipfile.ZIP_LZMA)
    _refused(path)
    write_members(path, members)
    raw = path.read_bytes()
    for sign, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = raw.index(sign) + at
        raw = raw[:start] + b"\x01" + raw[start + 1 :]
    path.write_bytes(raw)
    _refused(path)


def test_unknown_members_and_paths_that_lead_outside_change_nothing(project, tmp_path):
    path = tmp_path / "folder" / "net.annstudio"
    path.parent.mkdir()
    store(project, path)
    write_members(path, {"../../evil.py": b"1/0", "/etc/x": b"", "macro.py": b"1/0", **members_of(path)})
    assert load(path).graph == project.graph
    assert [file.name for file in tmp_path.rglob("*") if file.is_file()] == ["net.annstudio"]


def test_a_project_packed_again_by_another_program_is_read(trained, tmp_path):
    path = tmp_path / "net.annstudio"
    store(trained, path)
    write_members(path, dict(reversed(members_of(path).items())), zipfile.ZIP_DEFLATED)
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
