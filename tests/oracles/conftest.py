"""Other people's measure: PyTorch, and Keras on top of it. Loaded for tests marked `oracle` alone (`make oracles`)."""

import os
import warnings

import pytest

os.environ.setdefault("KERAS_BACKEND", "torch")


@pytest.fixture(scope="session")
def torch():
    """PyTorch, whose own warnings on import are not ours to mend."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import torch

        torch.set_num_threads(1)
    return torch


@pytest.fixture(scope="session")
def keras(torch):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import keras

        # Else parts of a float64 layer are still worked out in float32.
        keras.config.set_floatx("float64")
    return keras
