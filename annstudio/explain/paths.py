"""All ways by which a number reaches the error: each path with its factors and its product."""

from dataclasses import dataclass

from annstudio.engine.program import Step
from annstudio.explain.derivation import Explainer
from annstudio.explain.told import Part, Quantity, Row

MOST_PATHS = 64
"""Numbers with more paths to the error are told by their next steps alone."""
MOST_NUMBERS = 128
"""So are those whose paths go through more numbers than this, as they do back through many time steps."""


@dataclass(frozen=True)
class Path:
    """One way from the error to a number. `factors` multiply to `value`, those nearest the error first."""

    factors: tuple[Part, ...]
    value: float


def paths(explainer: Explainer, gradient: Quantity, digits: int = 4, most: int = MOST_PATHS) -> tuple[Path, ...]:
    """Every path from the error to the number whose gradient this is; empty where there are more than `most`.

    The sum of the paths' products is the gradient.
    """
    if _far_from_the_error(explainer, gradient.slot):
        return ()
    found = _Search(explainer, digits).paths(gradient, most)
    return tuple(found) if found is not None else ()


def _far_from_the_error(explainer: Explainer, gradient: int) -> bool:
    """Whether there are more arrays between the error and a gradient than a search would go through."""
    program, written_by = explainer.program, explainer.stepper.written_by
    found, ahead = {gradient}, [gradient]
    while ahead and len(found) <= MOST_NUMBERS:
        at = written_by.get(ahead.pop())
        step = None if at is None else program.steps[at]
        if isinstance(step, Step):
            before = {step.output_gradient} if step.backward else set(step.inputs)
            new = {slot for slot in before if slot is not None} - found
            found |= new
            ahead += new
    return len(found) > MOST_NUMBERS


class _Search:
    """One search; the paths of numbers that several paths go through are worked out once."""

    def __init__(self, explainer: Explainer, digits: int) -> None:
        self.explainer, self.digits = explainer, digits
        self._known: dict[Quantity, list[Path]] = {}
        self._looked_at = 0

    def paths(self, gradient: Quantity, most: int) -> list[Path] | None:
        """The paths to one number; None where they are too many."""
        if gradient not in self._known:
            found = self._by_rows(gradient, most)
            if found is None:
                return None
            self._known[gradient] = found
        return self._known[gradient] if len(self._known[gradient]) <= most else None

    def _by_rows(self, gradient: Quantity, most: int) -> list[Path] | None:
        self._looked_at += 1
        if self._looked_at > MOST_NUMBERS:
            return None
        derivation = self.explainer.derive(gradient, self.digits)
        if derivation.given:
            # The start of the way back: ∂E/∂E = 1.
            return [Path((), derivation.value)]
        if derivation.begins:
            return [Path((Part(derivation.symbol, derivation.value, gradient),), derivation.value)]
        if len(derivation.rows) > most:
            # Every term is at least one path.
            return None
        found: list[Path] = []
        for row in derivation.rows:
            before = None if row.through is None else row.parts[row.through].quantity
            if before is None:
                continue
            reached = self.paths(before, most - len(found))
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
