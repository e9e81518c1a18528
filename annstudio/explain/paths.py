"""All ways by which a number reaches the error: each path with its factors and its product."""

from dataclasses import dataclass

from annstudio.explain.derivation import Explainer
from annstudio.explain.told import Part, Quantity, Row

MOST_PATHS = 64
"""Numbers with more paths to the error are told by their next steps alone."""


@dataclass(frozen=True)
class Path:
    """One way from the error to a number. `factors` multiply to `value`, those nearest the error first."""

    factors: tuple[Part, ...]
    value: float


def paths(explainer: Explainer, gradient: Quantity, digits: int = 4, most: int = MOST_PATHS) -> tuple[Path, ...]:
    """Every path from the error to the number whose gradient this is; empty where there are more than `most`.

    The sum of the paths' products is the gradient.
    """
    found = _paths(explainer, gradient, digits, most, {})
    return tuple(found) if found is not None else ()


Known = dict[Quantity, list[Path]]


def _paths(explainer: Explainer, gradient: Quantity, digits: int, most: int, known: Known) -> list[Path] | None:
    """The paths, those of numbers that several paths go through worked out once; None where they are too many."""
    if gradient not in known:
        found = _by_rows(explainer, gradient, digits, most, known)
        if found is None:
            return None
        known[gradient] = found
    return known[gradient] if len(known[gradient]) <= most else None


def _by_rows(explainer: Explainer, gradient: Quantity, digits: int, most: int, known: Known) -> list[Path] | None:
    derivation = explainer.derive(gradient, digits)
    if derivation.given:
        # The start of the way back: ∂E/∂E = 1.
        return [Path((), derivation.value)]
    if len(derivation.rows) > most:
        # Every term is at least one path.
        return None
    found: list[Path] = []
    for row in derivation.rows:
        if row.through is None:
            continue
        before = row.parts[row.through].quantity
        if before is None:
            continue
        reached = _paths(explainer, before, digits, most - len(found), known)
        if reached is None:
            return None
        local = _local(row)
        found += [Path((*path.factors, *local), path.value * row.local) for path in reached]
        if len(found) > most:
            return None
    return found


def _local(row: Row) -> tuple[Part, ...]:
    """What a gradient is multiplied by in one term; factors of 1 that stand for nothing are left out."""
    parts = [part for i, part in enumerate(row.parts) if i != row.through]
    product = 1.0
    for part in parts:
        product *= part.value
    if not parts:
        return () if row.local == 1.0 else (Part(f"{row.local:g}", row.local, None),)
    if product == row.local:
        return tuple(parts)
    if product == -row.local:
        return (Part("-1", -1.0, None), *parts)
    return (Part(r" \cdot ".join(part.symbol for part in parts), row.local, None),)
