"""Blocks in project files: what is inside is checked like the project's own drawing, and older files are migrated."""

import json
import time
import zipfile

import pytest

from annstudio.document.network import Network
from annstudio.errors import FormatError
from annstudio.formats.schema import MIGRATIONS, migrated
from annstudio.formats.studio import load, save
from annstudio.layers.block.node import Block, box_of
from annstudio.layers.dense import Dense
from annstudio.layers.ends import Input
from annstudio.layers.graph import Link
from annstudio.layers.losses import Loss
from annstudio.layers.recurrent.simple import SimpleRNN
from tests.builders import chain, project
from tests.layers.boxes import CROSSED, drawn


def changed(path, to, change):
    """The project file at `path` with another project.json, written to `to`."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(to, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "project.json":
                said = json.loads(data)
                change(said)
                data = json.dumps(said).encode()
            new.writestr(name, data)
    return to


@pytest.fixture
def saved(tmp_path):
    graph = drawn("x>box x>box:1 box.1>end end>loss", x=Input(shape=(4,)), box=Block(inside=CROSSED),
                  end=Dense(units=2), loss=Loss())  # fmt: skip
    one = project(graph)
    save(one, tmp_path / "a.annstudio", Network(one).weights())
    return tmp_path / "a.annstudio"


def test_outputs_of_wires_are_kept(saved):
    assert Link("box", "end", 0, 1) in load(saved).graph.links


def test_a_file_of_the_first_version_is_read_with_every_wire_from_the_first_output(tmp_path):
    one = project(chain(input=Input(shape=(4,)), output=Dense(units=2), loss=Loss()))
    save(one, tmp_path / "a.annstudio", Network(one).weights())

    def to_first_version(said):
        said["schema_version"] = 1
        for link in said["graph"]["links"]:
            del link["out"]

    assert load(changed(tmp_path / "a.annstudio", tmp_path / "b.annstudio", to_first_version)).graph == one.graph


@pytest.mark.parametrize("graph", [None, 7, {"links": 7}, {"links": [7]}])
def test_nonsense_is_left_to_be_refused_by_the_newest_version(graph):
    said = {"format": "annstudio", "schema_version": 1, "graph": graph}
    assert migrated(said, MIGRATIONS, 2)["schema_version"] == 2


def inside_of(said):
    return next(node for node in said["graph"]["nodes"] if node["id"] == "box")["settings"]["inside"]


HOSTILE = {
    "an output that is not there": lambda said: said["graph"]["links"][2].update(out=2),
    "an output below zero": lambda said: said["graph"]["links"][2].update(out=-1),
    "an input that is not there": lambda said: said["graph"]["links"][1].update(port=2),
    "inside of another type": lambda said: inside_of(said).update(nodes=7),
    "an unknown entry inside": lambda said: inside_of(said).update(macro="import os"),
    "an unknown layer inside": lambda said: inside_of(said)["nodes"][0].update(layer="Lambda"),
    "a circle inside": lambda said: inside_of(said)["links"].append({"source": "y", "target": "a"}),
    "a name with a slash inside": lambda said: inside_of(said)["nodes"][0].update(id="../a"),
    "far too many nodes inside": lambda said: inside_of(said).update(
        nodes=[{"id": f"a{i}", "layer": "Dense"} for i in range(10_001)]
    ),
    "weights of nobody": lambda said: said["own_weights"].append("box/box/hidden/V"),
}


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE)
def test_hostile_blocks_are_refused_in_a_sentence(saved, tmp_path, change):
    with pytest.raises(FormatError) as told:
        load(changed(saved, tmp_path / "b.annstudio", change))
    assert len(str(told.value)) < 600


def test_a_file_whose_blocks_would_take_forever_is_opened_in_a_while(tmp_path):
    inner = Block(inside=box_of(SimpleRNN(units=1, return_sequences=True)), apply="windows", window=900)
    deep = Block(inside=box_of(Block(inside=box_of(inner))), apply="windows", window=1000)
    one = project(chain(input=Input(shape=(90_000, 1)), deep=deep, loss=Loss()))
    began = time.perf_counter()
    save(one, tmp_path / "a.annstudio", {})
    found = load(tmp_path / "a.annstudio")
    assert time.perf_counter() - began < 60
    assert "steps in all" in Network(found).checked.problems[0].message
