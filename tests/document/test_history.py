"""The one model that changes: which project is now, and those before."""

from dataclasses import replace

import numpy as np
import pytest

from annstudio.document import history
from annstudio.document.history import Document
from annstudio.document.project import Project
from annstudio.engine.arena import Memory
from annstudio.training.snapshot import Progress


def titled(title: str) -> Project:
    return Project(title=title)


def heavy(title: str, kilobytes: int = 10) -> Project:
    """A project with weights of its own."""
    return Project(title=title, weights={"a/W": np.zeros(128 * kilobytes)})


@pytest.fixture
def document() -> Document:
    return Document(titled("start"))


def test_undo_and_redo_say_what_they_would_do(document):
    document.apply(titled("one"), "First")
    document.apply(titled("two"), "Second")
    assert (document.undo_label, document.redo_label) == ("Second", "")
    document.undo()
    assert (document.project.title, document.undo_label, document.redo_label) == ("one", "First", "Second")
    document.undo()
    assert (document.project.title, document.undo_label, document.redo_label) == ("start", "", "First")


def test_undo_at_the_start_and_redo_at_the_end_do_nothing(document):
    heard = []
    document.changed.connect(lambda *change: heard.append(change))
    document.undo()
    document.redo()
    assert heard == []


def test_a_new_edit_forgets_what_was_undone(document):
    document.apply(titled("one"), "First")
    document.undo()
    document.apply(titled("other"), "Other")
    assert document.redo_label == ""
    document.redo()
    assert document.project.title == "other"


def test_an_edit_that_changes_nothing_is_none(document):
    document.apply(titled("start"), "Nothing")
    document.apply(document.project, "Nothing")
    assert document.undo_label == ""


def test_edits_with_one_key_undo_as_one(document):
    for title in ("a", "ab", "abc"):
        document.apply(titled(title), "Type", merge="typing")
    document.apply(titled("abcd"), "Type", merge="elsewhere")
    document.undo()
    assert document.project.title == "abc"
    document.undo()
    assert document.project.title == "start"


def test_after_undo_or_saving_an_edit_with_the_same_key_is_an_entry_of_its_own(document):
    document.apply(titled("a"), "Drag", merge="drag")
    document.apply(titled("x"), "Other")
    document.undo()
    document.apply(titled("b"), "Drag", merge="drag")
    document.undo()
    assert document.project.title == "a"
    document.redo()
    document.mark_saved()
    document.apply(titled("c"), "Drag", merge="drag")
    document.undo()
    assert (document.project.title, document.clean) == ("b", True)


def test_clean_means_what_was_saved_or_opened(document):
    assert document.clean
    document.apply(titled("one"), "First")
    assert not document.clean
    document.mark_saved()
    assert document.clean
    document.undo()
    assert not document.clean
    document.redo()
    assert document.clean
    document.replace(titled("other"))
    assert (document.clean, document.undo_label) == (True, "")


def test_listeners_hear_before_and_after(document):
    heard = []
    document.changed.connect(lambda before, after: heard.append((before.title, after.title)))
    document.apply(titled("one"), "First")
    document.undo()
    document.redo()
    document.replace(titled("other"))
    assert heard == [("start", "one"), ("one", "start"), ("start", "one"), ("one", "other")]


# Weights of old entries ----------------------------------------------------------------------------------------------


@pytest.fixture
def _little_room(monkeypatch):
    monkeypatch.setattr(history, "WEIGHT_BYTES", 35 * 1024)


@pytest.mark.usefixtures("_little_room")
def test_weights_of_old_entries_are_let_go_and_undo_says_so():
    document = Document(heavy("0"))
    for i in range(1, 5):
        document.apply(heavy(str(i)), f"Edit {i}")
    kept = []
    while document.undo_label:
        kept.append((document.project.title, bool(document.project.weights), document.undo_loses_weights))
        document.undo()
    kept.append((document.project.title, bool(document.project.weights), document.undo_loses_weights))
    assert kept == [
        ("4", True, False), ("3", True, False), ("2", True, True), ("1", False, True), ("0", False, False),
    ]  # fmt: skip


@pytest.mark.usefixtures("_little_room")
def test_what_is_now_keeps_its_weights_however_heavy():
    document = Document(titled("start"))
    document.apply(heavy("huge", 100), "Train")
    assert document.project.weights


@pytest.mark.usefixtures("_little_room")
def test_shared_weights_count_once_and_are_not_let_go():
    trained = heavy("trained", 30)
    document = Document(trained)
    for i in range(20):
        document.apply(replace(trained, title=f"moved {i}"), "Move")
    while document.undo_label:
        assert not document.undo_loses_weights
        document.undo()
    assert document.project.weights is trained.weights


@pytest.mark.usefixtures("_little_room")
def test_an_optimisers_memory_counts_too():
    def trained(i: int) -> Project:
        memory = Memory(i, {"Adam.m:a/W": np.zeros(128 * 20)})
        return Project(title=str(i), progress=Progress(step=i, memory=memory))

    document = Document(titled("start"))
    for i in range(3):
        document.apply(trained(i), "Train")
    assert document.undo_loses_weights
    document.undo()
    assert document.project.progress is None
