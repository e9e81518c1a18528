"""The command that explains: every step of a batch, why a weight changes, and where any number comes from."""

from pathlib import Path
from typing import Any

import click
import numpy as np

from annstudio.cli.derivation import told, write_derivation
from annstudio.cli.words import ANY_PATH, AS_JSON, PROJECT, print_json
from annstudio.document.network import Network
from annstudio.document.takeaway import about
from annstudio.errors import DataError
from annstudio.explain.derivation import Explainer
from annstudio.explain.number_names import NumberNames, weight_named
from annstudio.explain.numbers import MAX_DIGITS, MIN_DIGITS, number_text
from annstudio.explain.report import number_report, report, steps_report
from annstudio.formats.studio import load

MOST_TERMS = 20
"""So many terms of a sum are listed, the largest; --json has all."""


@click.command()
@PROJECT
@click.option("--sample", type=int, default=0, show_default=True, help="The example's index in the data, from 0.")
@click.option("--batch", is_flag=True, help="The mini-batch that training would do next, in place of one example.")
@click.option("--weight", help="Why this weight changes: 'LAYER.W[0,1]' is into the first unit from the second.")
@click.option("--number", help="Where this number comes from: 'LAYER.out[i]'; with 'd ' before it its gradient.")
@click.option("--steps", is_flag=True, help="List all steps of the batch, and what the arrays they write are called.")
@click.option(
    "--digits", type=click.IntRange(MIN_DIGITS, MAX_DIGITS), default=9, show_default=True,
    help="How many digits the numbers of formulas have.",
)  # fmt: skip
@click.option(
    "--derivation", type=ANY_PATH,
    help="Write the whole batch to a file: .html, .tex, .csv, or .xlsx with formulas that follow.",
)  # fmt: skip
@click.option("--units", type=click.IntRange(1), help="How many units of every layer that file tells.")
@AS_JSON
def explain(
    project: Path, sample: int, batch: bool, weight: str | None, number: str | None, steps: bool, digits: int,
    derivation: Path | None, units: int | None, as_json: bool,
) -> None:  # fmt: skip
    """Go forward, through the loss and back with one example, and show every number.

    \b
    Any number can be asked for by its name, in quotes:
      hidden.out[0]          what the first unit of hidden gives
      hidden.net[0]          its weighted sum
      conv_1.out[2,3,0]      a picture's third row, fourth column, first channel
      hidden.W[0,1]          a weight; batch norm has gamma and beta
      lstm_1.i[2] t=3        a gate at the third time step; so f, g, o, c, h and the sums net i, net f
      dropout_1.mask[0]      a random number
      loss, loss.e[1]        the loss, and what the second output adds to it
      d hidden.net[0]        the gradient of any of them
      d hidden.out[0] via output   one path's share of it
      hidden.out[0] of example 2   the second example of a batch; else the first

    Indices in brackets count from 0, as NumPy's. Time steps and examples count from 1, as on the screen: what stands
    there at t = 8 is asked for with t=8.
    """  # noqa: D301 (click wants the character itself)
    if sum((weight is not None, number is not None, steps, derivation is not None)) > 1:
        raise click.UsageError("--weight, --number, --steps and --derivation are four wishes; say one at a time.")
    network = Network(load(project), project.parent)
    asked = None if weight is None else weight_named(weight)
    n = len(network.need_dataset())
    if not 0 <= sample < n:
        raise DataError(f"There is no example with index {sample}: the data has {n:,}, the indices 0 to {n - 1:,}.")
    stepper = network.journey(None if batch else sample).stepper
    if derivation is not None:
        head = about(network, None if batch else sample)
        written = write_derivation(stepper, head, derivation, units, digits)
        print_json(written) if as_json else click.echo(told(written))
        return
    explainer = Explainer(stepper)
    number_names = NumberNames(explainer.names, stepper.n)
    if steps:
        _tell_steps(steps_report(stepper.program, number_names), as_json=as_json)
        return
    quantity = None if number is None else number_names.quantity(number)
    with np.errstate(all="ignore"):
        if quantity is not None:
            stepper.to(len(stepper))
            found = number_report(explainer, number_names, quantity, digits)
        else:
            found = report(stepper, asked, digits)
    if as_json:
        print_json(found)
    elif quantity is not None:
        _tell_number(found, len(stepper), digits)
    else:
        _tell_all(found, digits)


# In words ------------------------------------------------------------------------------------------------------------


def _tell_all(found: dict[str, Any], digits: int) -> None:
    click.echo(f"loss  {found['loss']}")
    for layer in found["layers"]:
        click.echo(layer["name"])
        for title in ("net", "output", "delta"):
            if layer[title] is not None:
                click.echo(f"  {title:7}{_numbers(layer[title])}")
    if "weight" in found:
        _tell_weight(found)
        if len(found.get("terms", ())) > 1:
            _tell_terms(found["terms"], digits)


def _numbers(values: Any) -> str:
    array = np.asarray(values, float)
    if array.size > 12:
        return f"{'×'.join(map(str, array.shape))} numbers from {array.min():.6g} to {array.max():.6g}"
    return "  ".join(f"{value:.9g}" for value in array.flat)


def _tell_weight(found: dict[str, Any]) -> None:
    click.echo(f"{found['weight']['name']}  {found['value']:.9g}")
    if found["factors"]:
        symbols = " · ".join(part["symbol"] for part in found["factors"])
        numbers = " · ".join(f"{part['number']:.9g}" for part in found["factors"])
        click.echo(f"  gradient = {symbols} = {numbers} = {found['gradient']:.9g}")
    else:
        click.echo(f"  gradient {found['gradient']:.9g}")
    click.echo(f"  finite difference {found['finite_difference']:.9g}")
    account = found["ledger"]
    for entry in account["entries"]:
        how = f" ({entry['how']})" if entry["how"] else ""
        click.echo(f"  {entry['what']} moves it by {entry['amount']:+.9g} to {entry['weight']:.9g}{how}")
    click.echo(f"  after the update {found['after_update']:.9g}")
    if account["reason"]:
        click.echo(f"  {account['reason']}")


def _tell_number(found: dict[str, Any], n_steps: int, digits: int) -> None:
    click.echo(found["text"])
    if "check" in found:
        click.echo(_checked(found, digits))
    if found["terms"]:
        _tell_terms(found["terms"], digits)
    if found["step"] is not None:
        way = "back through " if found["name"].startswith("d ") else ""
        told = f": {found['formula']}" if found["formula"] else ""
        click.echo(f"\n{found['name']} is written by step {found['step']} of {n_steps}, {way}{found['op']}{told}")


def _checked(found: dict[str, Any], digits: int) -> str:
    """The loss really run again: what it says of a gradient."""
    by, value = found["check"], number_text(found["finite_difference"], digits)
    if by["kink"]:
        between = "lies between" if by["agrees"] else "does not lie between"
        return f"finite difference {value}: the loss has a bend here, and the gradient {between} both slopes"
    agreed = f"agrees to {by['digits']} digits" if by["agrees"] else "does not agree"
    return f"finite difference {value}, step {by['h']:.2g}: {agreed}"


def _tell_terms(terms: list[dict[str, Any]], digits: int) -> None:
    click.echo("\nterms, largest first")
    for term in terms[:MOST_TERMS]:
        names = ", ".join(part["name"] for part in term["factors"] if part["name"])
        told = f"{term['symbols']} = {term['numbers']}" + (f"   ({names})" if names else "")
        click.echo(f"{number_text(term['value'], digits):>{digits + 4}}  {told}")
    if len(terms) > MOST_TERMS:
        rest = sum(term["value"] for term in terms[MOST_TERMS:])
        click.echo(f"{number_text(rest, digits):>{digits + 4}}  … {len(terms) - MOST_TERMS} more terms")


def _tell_steps(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print_json({"steps": rows})
        return
    for row in rows:
        where = " ".join(filter(None, [row["layer"], row["at"].replace(" ", "")]))
        click.echo(f"{row['step']:>5}  {row['phase']:9}{where:24} {', '.join(row['writes'])}")
