"""What the fast reading takes in place of an op: its quick twin, or one better op for two that follow each other.

Chapters register both beside their quick ops; whoever compiles sees to it that the chapters have been imported.
"""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from annstudio.engine.op import Op

Ops = tuple[Op, ...]
Rule = Callable[[Any, Op], Ops | None]

_twins: dict[type[Op], Callable[[Any], Op]] = {}
_rules: dict[type[Op], list[Rule]] = defaultdict(list)


def twin_of(kind: type[Op]) -> Callable[[Callable[[Any], Op]], Callable[[Any], Op]]:
    """Register a function from an op of this kind to its twin: the same function of arrays, quicker."""

    def register(make: Callable[[Any], Op]) -> Callable[[Any], Op]:
        _twins[kind] = make
        return make

    return register


def following(kind: type[Op]) -> Callable[[Rule], Rule]:
    """Register a rule for an op of this kind: given it and the op before it, the ops that do better than both.

    The first is given the inputs of the op before and then the op's own further ones, each other one the result of the
    one before it; None: no gain.
    """

    def register(rule: Rule) -> Rule:
        _rules[kind].append(rule)
        return rule

    return register


def fast(op: Op) -> Op:
    """The op's quick twin, or the op itself."""
    make = _twins.get(type(op))
    return op if make is None else make(op)


def better(op: Op, before: Op) -> Ops | None:
    """Ops that take the place of `before` and then `op`; None where no rule knows any."""
    return next((ops for rule in _rules.get(type(op), ()) if (ops := rule(op, before)) is not None), None)
