"""Normalising: bring values to mean 0 and variance 1, then let the network choose another scale and offset.

Over the examples of a batch (Ioffe & Szegedy, 2015), or over the features of every place (Ba et al., 2016).
"""

from annstudio.layers.normal.fused import Normal
from annstudio.layers.normal.node import BatchNorm, LayerNorm
from annstudio.layers.normal.steps import ScaledAndShifted, feature_axis

__all__ = ["BatchNorm", "LayerNorm", "Normal", "ScaledAndShifted", "feature_axis"]
