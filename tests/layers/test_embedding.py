"""Embedding takes ids and nothing else, and knows which of them only fill a list up."""

import numpy as np
import pytest

from annstudio.cli import run
from annstudio.data.arrays import NpzFile
from annstudio.document.compile import check
from annstudio.document.fixes import mend
from annstudio.document.network import Network
from annstudio.errors import DataError, GraphError
from annstudio.formats.studio import save
from annstudio.layers.dense import Dense
from annstudio.layers.embedding import Embedding
from annstudio.layers.ends import Input
from annstudio.layers.losses import Loss
from annstudio.layers.pool import GlobalAveragePool
from annstudio.layers.shaping import Flatten
from tests.builders import chain, project, table, trained

IDS = [[1.0, 2.0, 0.0], [3.0, 25.0, 4.0], [2.0, 0.0, 0.0], [26.0, 1.0, 1.0]]
TARGETS = [[0.0], [1.0], [0.0], [1.0]]


def words(ids=IDS, vocabulary=27, **settings):
    graph = chain(
        Input(shape=(3,)), Embedding(vocabulary=vocabulary, units=2, **settings), GlobalAveragePool(), Dense(units=1),
        Loss(),
    )  # fmt: skip
    return project(graph, table(ids, TARGETS), epochs=1)


def with_problem(ids, vocabulary=27):
    network = Network(words(ids, vocabulary))
    (problem,) = network.checked.problems
    with pytest.raises(GraphError) as refused:
        _ = network.programs
    assert refused.value.message == problem.message
    return network, problem


def test_an_id_beyond_the_vocabulary_is_told_with_a_mend():
    network, problem = with_problem(IDS, 26)
    assert problem.node == "embedding_1"
    assert problem.message == "embedding_1 knows the ids 0 to 25; the column 'x' holds 26."
    assert problem.hint == "Set the vocabulary to 27."
    (remedy,) = problem.remedies
    assert not check(mend(network.project.graph, remedy), network.columns).problems


@pytest.mark.parametrize(("wrong", "told"), [(-1.0, "-1"), (2.5, "2.5"), (1e9, "1000000000")])
def test_what_is_no_id_is_told_without_one(wrong, told):
    _, problem = with_problem([[wrong, 2.0, 0.0], *IDS[1:]])
    assert problem.message.endswith(f"the column 'x' holds {told}.")
    assert problem.hint == "Ids are whole numbers, counted from 0."
    assert not problem.remedies


def test_ids_laid_out_anew_are_looked_at_too():
    graph = chain(Input(shape=(3,)), Flatten(), Embedding(vocabulary=5), Flatten(), Dense(units=1), Loss())
    (problem,) = Network(project(graph, table(IDS, TARGETS))).checked.problems
    assert "'x' holds 26" in problem.message


def test_predicting_refuses_what_is_no_id():
    network = Network(words())
    assert network.predict({"x": np.array([[0, 1, 26]])})["dense_1"].shape == (1, 1)
    with pytest.raises(DataError, match=r"'x' holds 27; the network knows the whole numbers 0 to 26 there") as refused:
        network.predict({"x": np.array([[0, 1, 27]])})
    assert "vocabulary" in refused.value.hint
    for wrong in (-3, 0.5, np.nan):
        with pytest.raises(DataError, match=r"'x' holds (-3|0.5|nan);"):
            network.predict({"x": np.array([[0, 1, 2], [wrong, 1, 2]])})


def test_the_command_line_says_it_in_one_line(tmp_path, capsys):
    file, given = tmp_path / "words.annstudio", tmp_path / "given.npz"
    small, large = words(vocabulary=26), words()
    save(small, file, Network(small).weights())
    assert run(["train", str(file)]) == 2
    assert "holds 26. Set the vocabulary to 27." in capsys.readouterr().err.replace("\n", " ")
    save(large, file, Network(large).weights())
    np.savez(given, x=np.array([[1, 2, 99]]))
    assert run(["predict", str(file), "--input", str(given), "--output", str(tmp_path / "y.npz")]) == 2
    assert "'x' holds 99" in capsys.readouterr().err


# Padding -------------------------------------------------------------------------------------------------------------


def test_zeros_behind_the_last_other_id_do_not_count():
    network = Network(words(mask_zero=True))
    rows = network.weights()["embedding_1/W"]
    look = network.predict({"x": np.array([[5, 0, 7], [5, 7, 0], [0, 0, 0], [5, 0, 0]])})["dense_1"]
    w = network.weights()["dense_1/W"]  # the bias begins at 0.01
    means = [(rows[5] + rows[0] + rows[7]) / 3, (rows[5] + rows[7]) / 2, np.zeros(2), rows[5]]
    np.testing.assert_allclose(look, np.maximum(np.array(means) @ w.T + 0.01, 0), rtol=1e-12)


def test_what_fills_up_is_not_learned():
    start = words(mask_zero=True)
    before, after = Network(start).weights()["embedding_1/W"], trained(start).weights["embedding_1/W"]
    np.testing.assert_array_equal(before[0], after[0])
    assert (before[1:5] != after[1:5]).any()


def test_lists_of_ids_may_have_lengths(tmp_path):
    file = tmp_path / "words.npz"
    np.savez(file, x=np.array([[1, 2, 0], [3, 4, 0]]), y=np.array([[0.0], [1.0]]), n=np.array([1, 3]))
    graph = chain(
        Input(shape=(3,), lengths="lengths"), Embedding(vocabulary=5, units=2, mask_zero=True), GlobalAveragePool()
    )
    network = Network(project(graph, NpzFile(path=str(file), lengths="n")))
    ids = network.dataset.columns["x"].values
    found = network.predict({"x": ids, "lengths": network.dataset.columns["lengths"].values})["globalavg_1"]
    rows = network.weights()["embedding_1/W"]
    np.testing.assert_allclose(found, [rows[1], (rows[3] + rows[4]) / 2], rtol=1e-12)


def test_lengths_that_are_none_are_told(tmp_path):
    file = tmp_path / "words.npz"
    graph = chain(Input(shape=(3,), lengths="lengths"), Embedding(vocabulary=5, units=2), GlobalAveragePool())
    for wrong, told in (([1, 4], "holds 4; it has 3 steps"), ([1, -1], "holds -1;"), ([1, 0.5], "holds 0.5;")):
        np.savez(file, x=np.array([[1, 2, 0], [3, 4, 0]]), y=np.array([[0.0], [1.0]]), n=np.array(wrong))
        network = Network(project(graph, NpzFile(path=str(file), lengths="n")))
        (problem,) = network.checked.problems
        assert told in problem.message
        assert problem.hint == "Lengths are whole numbers from 0 to 3."
        assert not [p for p in check(mend(graph, problem.remedies[0]), network.columns).problems if not p.open]
        file.unlink()
