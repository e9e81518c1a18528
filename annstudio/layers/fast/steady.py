"""Dropout and noise in their input's place."""

import numpy as np

from annstudio.engine.calls import bound
from annstudio.engine.op import Array, Calls
from annstudio.engine.twins import twin_of
from annstudio.layers.steady import Disturbed, Masked, MaskedFeatures


class FastMasked(Masked):
    """x · mask."""

    in_place = True

    def forward_calls(self, y: Array, x: Array, mask: Array) -> Calls:
        return [bound(np.multiply, x, mask, y)]

    def backward_calls(self, dx: Array, dy: Array, mask: Array) -> Calls:
        return [bound(np.multiply, dy, mask, dx)]


class FastMaskedFeatures(MaskedFeatures):
    """x · mask, one number for all places of a feature."""

    in_place = True

    def forward_calls(self, y: Array, x: Array, mask: Array) -> Calls:
        return [bound(np.multiply, x, self._beside(mask, x), y)]

    def backward_calls(self, dx: Array, dy: Array, mask: Array) -> Calls:
        return [bound(np.multiply, dy, self._beside(mask, dy), dx)]


class FastDisturbed(Disturbed):
    """x + noise."""

    in_place = True

    def forward_calls(self, y: Array, x: Array, noise: Array) -> Calls:
        return [bound(np.add, x, noise, y)]

    def backward_calls(self, dx: Array, dy: Array) -> Calls:
        return [] if dx is dy else [bound(np.positive, dy, dx)]


twin_of(Masked)(lambda op: FastMasked())
twin_of(MaskedFeatures)(lambda op: FastMaskedFeatures())
twin_of(Disturbed)(lambda op: FastDisturbed())
