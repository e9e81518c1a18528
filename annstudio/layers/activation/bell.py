"""The share of a bell curve that lies below a number, Φ(x), for whole arrays.

NumPy has no error function, and SciPy is no dependency of ours. Cody's rational approximations (W. J. Cody, "Rational
Chebyshev approximation for the error function", Mathematics of Computation 23, 1969) are a few polynomials, good to
2e-16, and, unlike 1 + erf, to twelve digits of what is left far out on the left, where Φ is tiny.
"""

import math
from collections.abc import Sequence

import numpy as np

from annstudio.engine.op import Array

# Highest power first; the names are Cody's. erf near zero, erfc from 0.46875 to 4, erfc beyond 4.
_A = (1.85777706184603153e-1, 3.16112374387056560, 1.13864154151050156e2, 3.77485237685302021e2,
      3.20937758913846947e3)  # fmt: skip
_B = (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3)
_C = (2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594, 6.61191906371416295e1,
      2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3,
      1.23033935479799725e3)  # fmt: skip
_D = (1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3,
      3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3)  # fmt: skip
_P = (1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1,
      1.60837851487422766e-2, 6.58749161529837803e-4)  # fmt: skip
_Q = (1.0, 2.56852019228982242, 1.87295284992346047, 5.27905102951428412e-1, 6.05183413124413191e-2,
      2.33520497626869185e-3)  # fmt: skip


def share_below(x: Array) -> Array:
    """Φ(x) = ½ erfc(−x/√2), in the array's own number format."""
    z = np.abs(x) * math.sqrt(0.5)
    tail = 0.5 * np.where(z < 4, _erfc_middle(np.minimum(z, 4)), _erfc_far(np.maximum(z, 4)))
    outer = np.where(x < 0, tail, 1 - tail)
    near = 0.5 + 0.5 * _erf_near(np.clip(x * math.sqrt(0.5), -0.46875, 0.46875))
    return np.where(z <= 0.46875, near, outer)


def _erf_near(z: Array) -> Array:
    square = z * z
    share: Array = _polynomial(_A, square) / _polynomial(_B, square)
    return z * share


def _erfc_middle(z: Array) -> Array:
    share: Array = np.exp(-z * z) * _polynomial(_C, z) / _polynomial(_D, z)
    return share


def _erfc_far(z: Array) -> Array:
    # Beyond 27 nothing is left of e^(−z²), and its square must not overflow.
    z = np.minimum(z, 27)
    square = 1 / (z * z)
    share = square * _polynomial(_P, square) / _polynomial(_Q, square)
    area: Array = np.exp(-z * z) / z * (1 / math.sqrt(math.pi) - share)
    return area


def _polynomial(coefficients: Sequence[float], x: Array) -> Array:
    """Horner's rule, in one array."""
    total = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        total *= x
        total += coefficient
    return total
