"""The project file: what is in it, and how files of other versions are met."""

import io
import json
import time
from dataclasses import replace

import numpy as np
import pytest

from annstudio.data.base import parse_source
from annstudio.document.network import Network
from annstudio.document.project import Project
from annstudio.errors import FormatError, GraphError
from annstudio.explain.worksheet import Help, Worksheet
from annstudio.formats.archive import pack_arrays
from annstudio.formats.base import Content, by_suffix
from annstudio.formats.schema import SCHEMA, migrated
from annstudio.formats.studio import StudioFile, load, rebased, save
from annstudio.training.trainer import train
from tests.builders import assert_same_arrays
from tests.formats.archives import changed_file, members_of, store, write_members

# ----------------------------------------------------------------------------------- what is in it


def test_all_weights_are_in_the_file_and_only_own_ones_in_the_project(project, tmp_path):
    path = tmp_path / "net.annstudio"
    by_hand = np.array([[1.0, 2.0]] * 4)
    project = project.with_weight("hidden/W", by_hand)
    store(project, path)
    content = StudioFile().read(path)
    assert set(content.weights) == {"hidden/W", "hidden/b", "output/W", "output/b"}
    assert_same_arrays(content.weights, Network(project).weights())
    # What is still the initialiser's follows the seed after loading as before.
    assert set(load(path).weights) == {"hidden/W"}
    np.testing.assert_array_equal(load(path).weights["hidden/W"], by_hand)


def test_others_can_read_the_file_without_this_program(trained, tmp_path):
    path = tmp_path / "net.annstudio"
    store(trained, path, thumbnail=lambda: b"\x89PNG")
    members = members_of(path)
    assert list(members) == ["project.json", "weights.safetensors", "history.npz", "thumbnail.png"]
    said = json.loads(members["project.json"])
    assert (said["format"], said["schema_version"], said["title"]) == ("annstudio", SCHEMA, "XOR")
    assert np.load(io.BytesIO(members["history.npz"]))["epochs"].shape == (1, 6)
    assert members["thumbnail.png"] == b"\x89PNG"
    store(replace(trained, progress=None), path)
    assert list(members_of(path)) == ["project.json", "weights.safetensors"]


def test_training_goes_on_from_a_file_exactly_where_it_stopped(trained, tmp_path):
    path = tmp_path / "net.annstudio"
    store(trained, path)
    *_, gone_on = train(Network(trained).job())
    *_, loaded_on = train(Network(load(path)).job())
    assert gone_on.progress.record.n_steps == loaded_on.progress.record.n_steps
    assert_same_arrays(gone_on.weights, loaded_on.weights)


def test_weights_that_lost_their_layer_or_shape_are_left_out(project, tmp_path):
    path = tmp_path / "net.annstudio"
    stale = {"gone/W": np.ones((2, 2)), "hidden/W": np.ones((3, 3)), "hidden/b": np.ones(4)}
    save(replace(project, weights=stale), path, Network(project).weights())
    assert set(load(path).weights) == {"hidden/b"}


def test_an_unfinished_drawing_keeps_the_weights_of_what_is_cut_off(trained, tmp_path):
    path = tmp_path / "net.annstudio"
    cut = replace(trained, graph=trained.graph.disconnect(trained.graph.into("output")[0]))
    store(cut, path)
    assert set(load(path).weights) == set(trained.weights)


def test_equal_projects_give_equal_bytes(trained, tmp_path):
    for name in ("a", "b"):
        store(trained, tmp_path / f"{name}.annstudio")
        time.sleep(0.01)
    assert (tmp_path / "a.annstudio").read_bytes() == (tmp_path / "b.annstudio").read_bytes()


@pytest.mark.parametrize("name", ["h", "verdeckte Schicht", "層　1", "x.y", "ß" * 60, "👩‍🔬", "file", "__metadata__"])
def test_whatever_a_node_can_be_called_can_be_saved(trained, name, tmp_path):
    renamed = trained.renamed("hidden", name, trained.weights)
    store(replace(renamed, progress=trained.progress), tmp_path / "net.annstudio")
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
    store(replace(project, graph=project.graph.moved({"input": (1e300, -1e300)})), path)
    assert (load(path).graph.nodes["input"].x, load(path).graph.nodes["input"].y) == (1e6, -1e6)


def test_a_relative_data_file_is_found_from_the_projects_folder(project, tmp_path, monkeypatch):
    (tmp_path / "a" / "data").mkdir(parents=True)
    (tmp_path / "b").mkdir()
    (tmp_path / "a" / "data" / "t.csv").write_text("x,y\n1,2\n3,4\n")
    project = replace(project, data=parse_source({"kind": "csv", "path": "data/t.csv"}))
    first = tmp_path / "a" / "net.annstudio"
    store(project, first)
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
    path = changed_file(project, tmp_path, schema_version=SCHEMA + 41)
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
    path = changed_file(project, tmp_path)
    members = members_of(path)
    said = json.loads(members["project.json"])
    del said["locked"]
    members["project.json"] = json.dumps({**said, "schema_version": 1}).encode()
    write_members(path, members)
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
    path = changed_file(project, tmp_path, locked=names)
    write_members(path, {**members_of(path), "locked.npz": pack_arrays(arrays)})
    with pytest.raises(FormatError, match=r"is not said as it should be|should have the shape|belong to no layer"):
        load(path)


# --------------------------------------------------------------------------------------- worksheets


def test_a_file_from_before_there_were_worksheets_is_read(project, tmp_path):
    path = changed_file(project, tmp_path)
    members = members_of(path)
    said = json.loads(members["project.json"])
    del said["worksheet"]
    members["project.json"] = json.dumps({**said, "schema_version": 3}).encode()
    write_members(path, members)
    assert load(path).worksheet is None


@pytest.mark.parametrize("run", ["begun", "none"])
def test_a_run_from_before_sequences_were_grouped_by_length_goes_on_with_the_batches_it_had(trained, run, tmp_path):
    project = trained if run == "begun" else trained.reset()
    path = changed_file(project, tmp_path)
    members = members_of(path)
    said = json.loads(members["project.json"])
    assert said["settings"].pop("group_by_length") is True
    members["project.json"] = json.dumps({**said, "schema_version": 5}).encode()
    write_members(path, members)
    assert load(path).settings == project.settings.model_copy(update={"group_by_length": run == "none"})
    members["project.json"] = json.dumps({**said, "schema_version": 5, "settings": []}).encode()
    write_members(path, members)
    with pytest.raises(FormatError, match="Its entry settings"):
        load(path)


def test_a_worksheet_is_in_the_file_with_its_answers_and_never_with_its_solutions(project, tmp_path):
    sheet = Worksheet(title="Homework", asked=("hidden.net[0]", "loss.E"), help=Help.NOTHING, student="Ada")
    sheet = sheet.answered("loss.E", "0,25").hinted("hidden.net[0]", 1)
    path = tmp_path / "net.annstudio"
    store(replace(project, worksheet=sheet), path)
    assert load(path).worksheet == sheet
    assert set(json.loads(members_of(path)["project.json"])["worksheet"]) == set(Worksheet.model_fields)


@pytest.mark.parametrize(
    "sheet",
    [{"asked": ["a", "a"]}, {"answers": [{"name": "a"}]}, {"examples": []}, {"help": "all"}, {"eval": "1"}, [], "x",
     {"tolerance": {"digits": 99}}, {"asked": ["x" * 401]}, {"asked": [str(i) for i in range(101)]}],
)  # fmt: skip
def test_a_worksheet_that_cannot_be_is_refused_in_words(project, tmp_path, sheet):
    with pytest.raises(FormatError, match=r"Its entry worksheet"):
        load(changed_file(project, tmp_path, worksheet=sheet))
