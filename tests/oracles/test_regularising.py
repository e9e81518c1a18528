"""Normalising layers against PyTorch: values, gradients, and running numbers as Keras has them."""

import numpy as np
import pytest

from annstudio.engine.arena import Arena
from annstudio.engine.layout import to_engine
from annstudio.engine.optimizers import SGD
from annstudio.engine.run import Run
from annstudio.layers.normal import BatchNorm, LayerNorm
from tests.oracles.bench import N, compare, program_of

pytestmark = pytest.mark.oracle
dtypes = pytest.mark.parametrize("dtype", ["float64", "float32"])
shapes = pytest.mark.parametrize("shape", [(4,), (5, 3), (4, 3, 6)])
affines = pytest.mark.parametrize("affine", [True, False])


@dtypes
@shapes
@affines
@pytest.mark.parametrize("epsilon", [1e-3, 0.5])
def test_batch_norm_while_training(torch, shape, affine, epsilon, dtype):
    layer = BatchNorm(affine=affine, epsilon=epsilon)

    def twin(x, gamma=None, beta=None):
        y = torch.nn.functional.batch_norm(x.movedim(-1, 1), None, None, gamma, beta, training=True, eps=epsilon)
        return y.movedim(1, -1)

    compare(torch, layer, (shape,), twin, dtype)


@dtypes
@shapes
@affines
def test_layer_norm(torch, shape, affine, dtype):
    def twin(x, gamma=None, beta=None):
        return torch.nn.functional.layer_norm(x, shape[-1:], gamma, beta, 1e-3)

    compare(torch, LayerNorm(affine=affine), (shape,), twin, dtype)


@shapes
@pytest.mark.parametrize("plain", [True, False])
def test_running_numbers_and_prediction_as_keras_has_them(torch, keras, shape, plain):
    program = program_of(BatchNorm(momentum=0.8), (shape,), plain=plain)
    arena = Arena(program, "float64")
    arena.use(SGD(learning_rate=1e-300))
    twin = keras.layers.BatchNormalization(momentum=0.8)
    arena.view("layer/gamma")[...] = 1
    slots = {feed.column: feed.slot for feed in program.feeds}
    rng = np.random.default_rng(0)
    for _ in range(3):
        x = rng.normal(2, 3, (N, *shape))
        run = Run(program, arena, N)
        run.load({slots["x0"]: to_engine(x), slots["r"]: np.zeros((N, *program.slots[slots["r"]].shape))})
        run.finish()
        twin(torch.tensor(x), training=True)
    # Keras keeps these two in float32.
    means, variances = (v.value.detach().numpy() for v in (twin.moving_mean, twin.moving_variance))
    np.testing.assert_allclose(arena.view("layer/running_mean"), means, rtol=1e-6)
    np.testing.assert_allclose(arena.view("layer/running_var"), variances, rtol=1e-6)
