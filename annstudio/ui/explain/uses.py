"""Every place where a weight was used, each with its share of the gradient, largest first: places of a kernel, time
steps, the steps of a shared block; and the page about one such share."""

from annstudio.engine.program import Role, Step
from annstudio.explain.lazy import Lazy
from annstudio.explain.ledger import is_penalty
from annstudio.explain.reading import source_of
from annstudio.explain.told import Derivation, Quantity
from annstudio.ordinals import nth
from annstudio.ui.explain.accounts import account, by_size
from annstudio.ui.explain.check_section import check_section
from annstudio.ui.explain.page import Cell, Note, Page, Section, Source, Table
from annstudio.ui.explain.rich import one_line, rich, times
from annstudio.ui.explain.tour import Tour


def uses_section(tour: Tour, told: Derivation) -> list[Section]:
    """The table of places; nothing for a weight that was used once. `told` is the weight's gradient."""
    if told.step is None or len(told.values) < 2:
        return []
    step = tour.program.steps[told.step]
    assert isinstance(step, Step)
    if not step.backward and len(_felt(tour, told, step)) < 2:
        return []
    table = _terms_table(tour, told) if step.backward else _shares_table(tour, told, step)
    title = f"The {len(told.values)} places where it was used" if step.backward else "Where it was used"
    if step.backward and len(told.values) == tour.stepper.n:
        title = "Every example's share"
    return [Section(title, (table,))]


def _shares_table(tour: Tour, told: Derivation, step: Step) -> Table:
    """A weight that several steps read: each with its share, a link to how that came about."""
    felt = _felt(tour, told, step)
    order = [k for k in by_size(told) if k in felt]
    shares = told.shares

    def make(at: int) -> tuple[Cell, ...]:
        k = order[at]
        return (Cell(_use_text(tour, shares[k])), Cell(_signed(tour, told.values[k]), told.values[k]),
                Cell(_percent(told, k)))  # fmt: skip

    key = ("uses", tour.seen, told.quantity, tour.digits)
    links = Lazy(len(order), lambda at: shares[order[at]], key)
    return Table(("used in, largest share first", "share of ∂E/∂w", "part"), Lazy(len(order), make, key), links)


def _felt(tour: Tour, told: Derivation, step: Step) -> set[int]:
    """The uses that count: a penalty on a layer's weights leaves its biases alone."""
    return {
        k for k, share in enumerate(told.shares)
        if told.values[k] or not is_penalty(tour.explainer, _step_back(tour, share))
    }  # fmt: skip


def _terms_table(tour: Tour, told: Derivation) -> Table:
    """A weight that one step uses in many places: each place with the gradient there, a link to it."""
    order, several = by_size(told), tour.stepper.n > 1

    def place(at: int) -> Quantity | None:
        row = told.rows[order[at]]
        return row.parts[row.through].quantity if row.through is not None else None

    def make(at: int) -> tuple[Cell, ...]:
        k, asked = order[at], place(at)
        where = "" if asked is None else _place_text(tour, asked)
        if several and asked is not None:
            example = tour.example if asked.example is None else asked.example
            where = f"{where}, {nth('example', example)}"
        numbers = one_line(times(told.rows[k].numbers))
        return (Cell(where), Cell(numbers), Cell(_signed(tour, told.values[k]), told.values[k]))

    key = ("uses", tour.seen, told.quantity, tour.digits)
    heading = ("used for, largest share first", "∂E/∂net × input", "share of ∂E/∂w")
    return Table(heading, Lazy(len(order), make, key), Lazy(len(order), place, key))


def _signed(tour: Tour, value: float) -> str:
    return f"{'+' if value > 0 else ''}{tour.text(value)}"


def _percent(told: Derivation, k: int) -> str:
    """Which part of all sizes together this one is."""
    total = sum(map(abs, told.values))
    return f"{100 * abs(told.values[k]) / total:.0f}\u2009%" if total else ""


def _use_text(tour: Tour, share: Quantity) -> str:
    """Where a share comes from: t = 3, or the layer; a penalty by its name."""
    step = _step_back(tour, share)
    if is_penalty(tour.explainer, step):
        return "penalty"
    return step.scope or step.node


def _place_text(tour: Tour, gradient: Quantity) -> str:
    """The unit at whose sum a gradient was taken."""
    of = tour.names.gradient_of[gradient.slot]
    return tour.names.text(of, gradient.index)


def _step_back(tour: Tour, share: Quantity) -> Step:
    step = tour.program.steps[tour.stepper.written_by[share.slot]]
    assert isinstance(step, Step)
    return step


# One share ------------------------------------------------------------------------------------------------------------


def is_share(tour: Tour, quantity: Quantity) -> bool:
    """Whether a number is one path's share of a gradient rather than the whole."""
    slot = tour.program.slots[quantity.slot]
    return slot.role is Role.GRADIENT and quantity.slot not in tour.program.gradients.values()


def share_page(tour: Tour, quantity: Quantity) -> Page:
    """How one use of a number adds to its gradient."""
    of = Quantity(tour.names.gradient_of[quantity.slot], quantity.index, quantity.example)
    name, step = rich(tour.explainer.symbol(of)), _step_back(tour, quantity)
    sections = [Section("This share of the gradient", account(tour, quantity))]
    if tour.walk is not None and tour.walk.known(quantity.slot, quantity.index):
        sections += check_section(tour, [quantity])
    whole = tour.program.gradients.get(of.slot)
    if whole is not None:
        gradient = Quantity(whole, quantity.index, quantity.example)
        words = Note(f"The whole gradient of {name} is the sum of all shares", gradient)
        sections.append(Section("The whole", (words,)))
    if step.backward:
        source = Source(f"{type(step.op).__name__}.backward", source_of(step.op, "backward"))
        sections.append(Section("The code that ran", (source,)))
    place = ", ".join(filter(None, (step.node, step.scope)))
    what = "the penalty on it" if is_penalty(tour.explainer, step) else f"its use in {place}"
    return Page(f"How much does {name} change the error by {what}?", tuple(sections))
