"""One batch explained as plain data: what `annstudio explain --json` prints, every float in full precision."""

from typing import Any

from annstudio.engine.layout import to_user
from annstudio.engine.op import Index
from annstudio.engine.program import Phase, Program, Step
from annstudio.explain.check import check, nudge
from annstudio.explain.derivation import Explainer
from annstudio.explain.ledger import Ledger, ledger
from annstudio.explain.names import plain
from annstudio.explain.number_names import NumberNames, spelled
from annstudio.explain.numbers import DEFAULT_DIGITS
from annstudio.explain.stepper import Stepper
from annstudio.explain.told import Part, Quantity, Row
from annstudio.explain.update import UpdateLine
from annstudio.explain.weight import answer, ask
from annstudio.ordinals import ordinal


def net_slot(program: Program, node: str) -> int | None:
    """The slot of a node's weighted sum; None for nodes without one."""
    found = None
    for step in program.steps:
        if isinstance(step, Step) and step.node == node and step.phase is Phase.FORWARD and step.op.weighted_sum:
            found = step.output
    return found


def layers_report(stepper: Stepper) -> list[dict[str, Any]]:
    """Of every node: name, net, output and delta (∂E/∂net, or ∂E/∂output where there is no net)."""
    program = stepper.program
    rows = []
    for node, output in program.outputs.items():
        passes_on = program.slots[output].node != node
        if node in program.losses or ("/" in node and passes_on):
            # An end of a block says nothing new.
            continue
        net = net_slot(program, node)
        delta = program.gradients.get(output if net is None else net)
        rows.append(
            {
                "name": node,
                "net": None if net is None else _values(stepper, net),
                "output": _values(stepper, output),
                "delta": None if delta is None else _values(stepper, delta),
            }
        )
    return rows


def report(stepper: Stepper, weight: tuple[str, Index] | None = None, digits: int = DEFAULT_DIGITS) -> dict[str, Any]:
    """The whole batch; with `weight` (key and place) also why that weight changes. Raises GraphError."""
    question = None if weight is None else ask(stepper.program, *weight)
    stepper.to(len(stepper))
    loss = None if stepper.program.loss is None else stepper.run.loss
    found: dict[str, Any] = {"loss": loss, "layers": layers_report(stepper)}
    if question is not None:
        explainer = Explainer(stepper)
        told = answer(explainer, question)
        found["weight"] = {
            "name": spelled(question.key, question.index),
            "symbol": plain(told.symbol),
        }
        found |= {
            "value": told.value,
            "gradient": told.gradient,
            "finite_difference": told.check.value,
            "after_update": told.after_update,
            "factors": [{"symbol": plain(part.symbol), "number": part.value} for part in told.factors],
            "ledger": ledger_report(ledger(explainer, question, digits)),
        }
        gradient = stepper.program.gradients.get(question.parameter.slot)
        if gradient is not None:
            number_names = NumberNames(explainer.names, stepper.n)
            of = number_report(explainer, number_names, Quantity(gradient, question.stored), digits)
            found |= {key: of[key] for key in ("symbols", "numbers", "terms", "op", "formula", "source", "check")}
            found["gradient_name"] = of["name"]
    return found


def ledger_report(account: Ledger) -> dict[str, Any]:
    """Why a weight changed: the optimiser's rule, what moved the weight and the weight after each, and `reason` where
    nothing did."""
    update = account.update
    return {
        "before": update.before,
        "after": update.after,
        "change": account.change,
        "reason": update.reason,
        "rate": [_line(line) for line in update.rate],
        "rule": [_line(line) for line in update.lines],
        "entries": [
            {"what": entry.what, "how": plain(entry.how), "amount": entry.amount, "weight": entry.total}
            for entry in account.entries
        ],
    }


def _line(line: UpdateLine) -> dict[str, Any]:
    told = {"symbol": line.symbol, "formula": line.symbols, "numbers": line.numbers}
    return {key: plain(latex) for key, latex in told.items()} | {"value": line.value}


def number_report(explainer: Explainer, number_names: NumberNames, quantity: Quantity, digits: int) -> dict[str, Any]:
    """How one number comes about, its terms largest first, every factor with the name to ask for it next.

    The batch must have been gone through. `digits` are those of `text`, `numbers` and the terms' numbers; values have
    all of theirs.
    """
    told = explainer.derive(quantity, digits)
    rows = sorted(told.rows, key=lambda row: -abs(row.value))
    found = {
        "name": number_names.name(quantity),
        "symbol": plain(told.symbol),
        "value": told.value,
        "symbols": plain(told.symbols_line),
        "numbers": plain(told.numbers_line) if told.rows else "",
        "terms": [_term(row, number_names) for row in rows],
        "said": [said.text(digits) for said in told.said],
        "op": told.op,
        "formula": plain(told.formula),
        "source": told.source,
        "step": None if told.step is None else ordinal(told.step),
        "text": told.text(digits),
    }
    nudged = nudge(explainer.program, quantity)
    if nudged is not None:
        by = check(explainer.stepper.trial(), nudged, told.value)
        found["finite_difference"] = by.value
        found["check"] = {"h": by.h, "error": by.error, "agrees": by.agrees, "digits": by.digits, "kink": by.kink}
    return found


def _term(row: Row, number_names: NumberNames) -> dict[str, Any]:
    return {
        "symbols": plain(row.symbols),
        "numbers": plain(row.numbers),
        "value": row.value,
        "factors": [_factor(part, number_names) for part in row.parts],
    }


def _factor(part: Part, number_names: NumberNames) -> dict[str, Any]:
    found: dict[str, Any] = {
        "symbol": plain(part.symbol),
        "number": part.value,
        "name": None if part.quantity is None else number_names.name(part.quantity),
    }
    if part.rows:
        found["terms"] = [_term(row, number_names) for row in part.rows]
    return found


def steps_report(program: Program, number_names: NumberNames) -> list[dict[str, Any]]:
    """All steps of a batch, with the names of the arrays that each writes."""
    rows = []
    for i, step in enumerate(program.steps):
        if isinstance(step, Step):
            writes = [name for slot in step.writes if program.slots[slot].shown for name in number_names.written(slot)]
            op, formula = type(step.op).__name__, plain(step.op.formula)
        else:
            slots = (program.parameters[which].slot for which in step.parameters)
            writes = [array.name for slot in slots for array in number_names.learned_in(slot)]
            op, formula = "", ""
        found = {"step": ordinal(i), "phase": step.phase.value, "layer": step.node, "at": step.scope}
        rows.append({**found, "writes": writes, "op": op, "formula": formula})
    return rows


def _values(stepper: Stepper, slot: int) -> Any:
    array = stepper.array(slot)
    if not stepper.program.slots[slot].batched:
        return array.tolist()
    rows = to_user(array)
    return (rows[0] if len(rows) == 1 else rows).tolist()
