"""Data typed in by hand: a few rows of numbers, such as the one example of a calculation on paper."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal, Self, TypeAlias

import numpy as np
from pydantic import Field, FiniteFloat, model_validator

from annstudio.data.base import BuiltIn, Column, Dataset
from annstudio.ordinals import ordinal

Rows: TypeAlias = Annotated[tuple[tuple[FiniteFloat, ...], ...], Field(min_length=1, max_length=10_000)]


class Typed(BuiltIn):
    """A small table: in every row the inputs of one example and the outputs they should lead to."""

    title: ClassVar = "Typed table"
    note: ClassVar = "A few rows of numbers typed in by hand: inputs, and the targets they should lead to."
    stands_for: ClassVar = "A calculation to follow with paper and pencil."
    order: ClassVar = 5

    kind: Literal["typed"] = "typed"
    inputs: Rows = Field(((0.05, 0.10),), title="Inputs", description="One row an example, one column an input.")
    targets: Rows = Field(((0.01, 0.99),), title="Targets", description="One row an example, one column an output.")
    input_names: tuple[str, ...] = Field((), title="Input names", description="Left empty: x1, x2, …")
    target_names: tuple[str, ...] = Field((), title="Target names", description="Left empty: y1, y2, …")

    @model_validator(mode="after")
    def _rectangular(self) -> Self:
        _check_table("Inputs", self.inputs, self.input_names)
        _check_table("Targets", self.targets, self.target_names)
        if len(self.inputs) != len(self.targets):
            raise ValueError(
                f"Every example needs inputs and targets: there are {len(self.inputs)} rows of inputs "
                f"and {len(self.targets)} of targets."
            )
        return self

    def make(self) -> Dataset:
        """The table as two columns of float64: "x" (N, inputs) and "y" (N, targets)."""
        columns = {
            "x": _column(self.inputs, self.input_names, "x"),
            "y": _column(self.targets, self.target_names, "y"),
        }
        return Dataset(
            self.kind,
            columns,
            title=self.title,
            note=self.note,
            stands_for=self.stands_for,
            source="Typed in",
            changes="None",
        )


def _check_table(what: str, rows: Sequence[Sequence[float]], names: Sequence[str]) -> None:
    width = len(rows[0])
    if not width:
        raise ValueError(f"{what}: every row needs at least one number, but the first row is empty.")
    for number, row in enumerate(rows, start=1):
        if len(row) != width:
            raise ValueError(
                f"{what}: all rows need as many numbers as the first, {width}, but row {number} has {len(row)}."
            )
    if names and len(names) != width:
        raise ValueError(f"{what}: there are {width} columns, but {len(names)} names for them.")


def _column(rows: Sequence[Sequence[float]], names: Sequence[str], letter: str) -> Column:
    values = np.array(rows, np.float64)
    numbered = (letter + str(ordinal(i)) for i in range(values.shape[1]))
    return Column(values, names=tuple(names) or tuple(numbered))
