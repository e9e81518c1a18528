"""Every layer with every choice of every setting against PyTorch, by the layer's twin in `peers/`."""

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from annstudio.errors import ShapeError
from annstudio.layers.base import catalogue
from tests.document.drawings import layers
from tests.hard import HARD_LAYERS
from tests.layers.cases import SHAPES, Case, cases, written
from tests.oracles.bench import compare
from tests.oracles.boxed import BOXED
from tests.oracles.peers.table import TWINS, WITHOUT_TWIN

pytestmark = pytest.mark.oracle
dtypes = pytest.mark.parametrize("dtype", ["float64", "float32"])
CASES = [case for case in cases() if type(case.layer) not in HARD_LAYERS and case.layer.kind() in TWINS]
CASES += BOXED
WIDE = [*SHAPES, (7,), (1,), (9, 3), (6, 6), (1, 2), (4, 7, 6), (2, 9, 5), (6, 1, 8)]
"""Also larger, square and flat shapes, and those of one step."""


def test_every_layer_of_the_catalogue_has_a_twin():
    assert {*TWINS} == {*catalogue()} - WITHOUT_TWIN


def test_every_layer_is_compared():
    assert {case.layer.kind() for case in CASES} == {*TWINS}


@dtypes
@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_layer_is_its_twin(torch, case, dtype):
    compare(torch, case, dtype)


@dtypes
@pytest.mark.parametrize("kind", TWINS)
@settings(suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(data=st.data())
def test_any_settings_together(torch, kind, dtype, data):
    """Strides with dilation, groups with borders, penalties with limits: whatever the settings allow."""
    layer = data.draw(layers(kind))
    least, most = layer.takes
    n = data.draw(st.integers(least, most or 3))
    shape = data.draw(st.sampled_from(WIDE))
    case = Case(layer, (shape,) * n, cut=len(shape) == 2 and data.draw(st.booleans()))
    try:
        written(case)
    except ShapeError:
        assume(False)
    compare(torch, case, dtype)
