"""Activations per layer: the engine's numbers for the watched example, dead and saturated units counted."""

import numpy as np
import pytest
from PySide6.QtCore import QPointF

from annstudio.ui.panels.activations import ActivationsPanel, facts_text


@pytest.fixture
def panel(digits, seen):
    return seen(ActivationsPanel(digits), 1040, 300)


def test_every_layer_has_a_column_in_order(panel, digits):
    assert list(panel.columns) == ["input", "conv_1", "pool_1", "flatten", "output"]
    assert [panel.row.indexOf(column) for column in panel.columns.values()] == [0, 1, 2, 3, 4]
    np.testing.assert_array_equal(panel.columns["output"].units.values, digits.views.activations["output"][0])
    assert panel.columns["conv_1"].histogram.isVisible()
    assert panel.columns["conv_1"].histogram.counts.sum() == 512
    assert panel.columns["output"].units.isVisible()
    assert panel.columns["conv_1"].facts.text().startswith("8×8×8 · mean ")


def test_sequences_are_maps_of_steps(vowels, seen):
    panel = seen(ActivationsPanel(vowels), 1040, 300)
    column = panel.columns["conv_1"]
    assert [part.isVisible() for part in (column.units, column.steps, column.histogram)] == [False, True, False]
    assert column.steps.maps.shape == (1, 4, 29)
    np.testing.assert_array_equal(column.steps.maps[0], vowels.views.activations["conv_1"][0].T)
    facts = column.facts.text()
    assert facts.startswith("29×4 · mean ")
    cell = column.steps.rect_of(0).topLeft() + QPointF(2, 2)
    column.steps.hovered.emit(column.steps.value_text(column.steps.place_at(cell)))
    assert column.facts.text().startswith("value 1, step 1\n")
    column.steps.hovered.emit("")
    assert column.facts.text() == facts
    assert panel.columns["memory"].units.isVisible()


def test_it_follows_the_sample_and_the_graph(panel, digits):
    before = panel.columns["output"].values.copy()
    panel.sample.setValue(100)
    assert digits.sample == 99
    assert not np.array_equal(panel.columns["output"].values, before)
    digits.edit_graph(digits.graph.without(["pool_1"]), "Delete")
    assert "pool_1" not in panel.columns
    digits.undo()
    assert panel.row.indexOf(panel.columns["pool_1"]) == 2


def test_with_a_problem_it_says_so(panel, digits):
    digits.edit_graph(digits.graph.without(["flatten"]), "Delete")
    assert panel.empty.isVisible()


def test_numbers_about_a_layer():
    assert facts_text(np.array([0.0, 0.0, 2.0, 1.0]), "relu") == "4 · mean 0.75\n50\u2009% off (2)"
    assert facts_text(np.array([0.99, 0.5]), "sigmoid").endswith("50\u2009% saturated (1)")
    assert facts_text(np.array([-0.99, 0.5]), "tanh").endswith("50\u2009% saturated (1)")
    assert facts_text(np.array([np.nan]), "relu") == "not all are finite numbers"


def test_the_table_holds_all_values(panel):
    names, rows = panel.table()
    assert [row[0] for row in rows] == list(panel.columns)
    assert len(names) == 1 + 512
