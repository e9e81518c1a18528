"""What data is: named columns of examples, and the sources that make or read them.

A `DataSource` is a choice the user can see, change and save; loading it gives a `Dataset`, values nobody writes to.
"""

from __future__ import annotations

import importlib
import pkgutil
from abc import abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, ClassVar, Self, cast

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, Field, ValidationError

import annstudio.data
from annstudio.data.lazy import LARGE_BYTES, Array, LazyArray, Values
from annstudio.data.order import MANY, Indices, all_shuffled
from annstudio.errors import DataError

EXCERPT, EXCERPT_BYTES = 4096, 1 << 24
"""Of a large data set so many examples, or so many bytes of each column, are looked at as a whole."""
STRETCH = 64
"""So many of them lie one behind the other: a disk that has to seek does so a few times only."""

Seed = Annotated[
    int,
    Field(ge=0, le=2**31 - 1, title="Seed", description="The same seed gives the same examples, another seed others."),
]


@dataclass(frozen=True)
class Extremes:
    """The least and the largest of some numbers, and the first that is not whole."""

    least: float
    largest: float
    broken: float | None = None

    @classmethod
    def of(cls, values: Array) -> Extremes:
        if not values.size:
            return cls(0, 0)
        whole = values == np.floor(values)
        broken = None if whole.all() else float(values[~whole][0])
        return cls(float(values.min()), float(values.max()), broken)

    def stray(self, end: int) -> float | None:
        """One of them that is none of 0, 1, …, end − 1; None where all are."""
        if self.broken is not None:
            return self.broken
        if self.least < 0:
            return self.least
        return self.largest if self.largest >= end else None


@dataclass(frozen=True, eq=False)
class Column:
    """One named thing of every example: a picture, a row of features, a class.

    `values` are floats (N, ...): vectors (N, D), sequences (N, T, D), pictures (N, H, W, C); or, where `classes`
    names them, class numbers (N,) of integers 0..K-1. They are read-only. `names` names the components of a vector.

    Values may be mapped from a file, or lazy: whoever wants a look at all of them takes the data set's `excerpt`.
    """

    values: Values
    classes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        values = self.values
        if not isinstance(values, LazyArray):
            # A view of its own: the caller's array keeps its flag, ours can not be written through.
            values = np.asarray(values).view()
            values.setflags(write=False)
            object.__setattr__(self, "values", values)
        if self.classes:
            _check_class_numbers(values, len(self.classes))
        elif values.dtype not in (np.float32, np.float64) or values.ndim < 2:
            raise ValueError(f"a column holds float32 or float64 (N, ...), not {values.dtype} {values.shape}")
        if self.names and (self.classes or (len(self.names),) != self.shape):
            raise ValueError(f"{len(self.names)} names for the components of a column of shape {self.shape}")

    def __len__(self) -> int:
        return int(self.values.shape[0])

    @property
    def is_classes(self) -> bool:
        """Whether an example is one of several named classes."""
        return bool(self.classes)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one example; of classes the width K of the class written as one-hot."""
        return (len(self.classes),) if self.classes else self.values.shape[1:]

    @cached_property
    def _extremes(self) -> Extremes:
        return Extremes.of(self.array)

    def stray(self, end: int) -> float | None:
        """A number that is none of 0, 1, …, end − 1, as ids and lengths are; None where all are."""
        return self._extremes.stray(end)

    @property
    def is_large(self) -> bool:
        """Whether it is never copied or looked at as a whole."""
        return isinstance(self.values, LazyArray) or self.values.nbytes > LARGE_BYTES

    @property
    def array(self) -> Array:
        """The values in memory, as those of an excerpt are; of a lazy column there is no such thing."""
        assert isinstance(self.values, np.ndarray), "a lazy column is looked at through an excerpt"
        return self.values

    def take(self, indices: npt.ArrayLike) -> Column:
        """The examples at `indices`, in that order, in memory."""
        return Column(self.values[np.asarray(indices, np.intp)], self.classes, self.names)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Examples to learn from: columns of equal length, and where they come from.

    The usual columns are "x", the inputs, and "y", the target; an autoencoder uses "x" as both. `changes` says
    everything that was done to the original numbers: nothing is normalised in silence.
    """

    name: str
    columns: Mapping[str, Column]
    title: str = ""
    note: str = ""
    stands_for: str = ""
    source: str = ""
    licence: str = ""
    citation: str = ""
    changes: str = ""
    _length: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        lengths = {key: len(column) for key, column in self.columns.items()}
        if len(set(lengths.values())) != 1:
            raise ValueError(f"the columns of a data set are of one length, not {lengths}")
        object.__setattr__(self, "columns", MappingProxyType(dict(self.columns)))
        object.__setattr__(self, "_length", next(iter(lengths.values())))

    def __len__(self) -> int:
        return self._length

    def take(self, indices: npt.ArrayLike) -> Dataset:
        """The data set of the examples at `indices`, in that order."""
        columns = {key: column.take(indices) for key, column in self.columns.items()}
        origin = {key: getattr(self, key) for key in _ORIGIN}
        return Dataset(self.name, columns, **origin)

    @property
    def is_large(self) -> bool:
        """Whether there is too much to be looked at as a whole."""
        return len(self) > MANY or any(column.is_large for column in self.columns.values())

    @cached_property
    def excerpt(self) -> Dataset:
        """What can be looked at as a whole: all examples, or of a large data set those at `excerpted`."""
        return self.take(self.excerpted) if self.is_large else self

    @cached_property
    def excerpted(self) -> Array:
        """The numbers of the examples in the excerpt, ascending: short stretches, evenly spread."""
        if not self.is_large:
            return np.arange(len(self))
        widest = max(column.values.nbytes // max(1, len(self)) for column in self.columns.values())
        n = min(len(self), max(STRETCH, min(EXCERPT, EXCERPT_BYTES // max(1, widest))))
        if n == len(self):
            return np.arange(n)
        begin = np.linspace(0, len(self) - STRETCH, n // STRETCH).astype(np.intp)
        return np.unique(begin[:, None] + np.arange(STRETCH))

    def split(self, validation_share: float, seed: int) -> tuple[Indices, Indices]:
        """Numbers of the examples to learn from, and of those kept aside to see whether it was learned.

        Both are shuffled by `seed`. Of N examples round(share · N) are kept aside. Where "y" is a class, every class
        gives its share, and keeps at least one example to learn from; among more than `MANY` examples chance alone
        sees to that. A single example is always learned from.
        """
        if not 0 <= validation_share < 1:
            raise ValueError(f"the validation share lies in 0 ≤ share < 1, not {validation_share}")
        if len(self) > MANY:
            order, n = all_shuffled(len(self), seed, 0), _rounded(validation_share * len(self))
            return order.part(n, len(self)), order.part(0, n)
        mixed = np.random.default_rng(seed).permutation(len(self))
        target = self.columns.get("y")
        stratified = target is not None and target.is_classes
        groups = cast(Column, target).values[mixed] if stratified else np.zeros(len(self), np.intp)
        aside = _first_of_each(groups, _kept_aside(np.bincount(groups), validation_share))
        return mixed[~aside], mixed[aside]


_ORIGIN = ("title", "note", "stands_for", "source", "licence", "citation", "changes")


class DataSource(BaseModel, frozen=True, extra="forbid"):
    """A choice of data: a frozen value whose fields are the form in the window and the entry in the project file.

    Each kind of source has a class of its own with a literal `kind`, a `title`, a `note` of one sentence and what the
    data `stands_for`; `order` sorts the catalogue from easy to hard.
    """

    title: ClassVar[str]
    note: ClassVar[str]
    stands_for: ClassVar[str]
    order: ClassVar[int]

    kind: str

    @abstractmethod
    def load(self, folder: Path | None = None) -> Dataset:
        """The examples. The same settings (and the same file) give the same bits.

        `folder` is where the project file lies: relative paths start there. Raises DataError, in the user's words.
        """

    def prepare(self, folder: Path | None = None) -> None:
        """Do beforehand, in any thread, what takes long: who loads it next finds it done. Mistakes are told then."""
        with suppress(DataError):
            _ = self.load(folder).excerpt

    def changed(self, **settings: object) -> Self:
        """The same source with some settings changed, and checked. Raises DataError."""
        return cast(Self, parse_source({**self.model_dump(), **settings}))


class BuiltIn(DataSource):
    """Data that the program makes or brings along: it depends on its settings alone."""

    def load(self, folder: Path | None = None) -> Dataset:
        """The examples; the same settings give the very same data set again while it is kept."""
        return _made(self)

    @abstractmethod
    def make(self) -> Dataset:
        """Make the examples: a pure function of the settings. Called by `load`, which keeps the result."""


@cache
def sources() -> Mapping[str, type[DataSource]]:
    """Every kind of data there is, by its `kind`, from easy to hard."""
    found: list[type[DataSource]] = []
    for module in pkgutil.iter_modules(annstudio.data.__path__, "annstudio.data."):
        contents = vars(importlib.import_module(module.name)).values()
        # A class is listed by the module that defines it, not by those that import it; base classes have no kind.
        found += [
            thing
            for thing in contents
            if isinstance(thing, type)
            and issubclass(thing, DataSource)
            and thing.__module__ == module.name
            and isinstance(thing.model_fields["kind"].default, str)
        ]
    return MappingProxyType({source.model_fields["kind"].default: source for source in sorted(found, key=_place)})


def parse_source(settings: Mapping[str, object]) -> DataSource:
    """The source that saved settings describe, e.g. {"kind": "spiral", "classes": 3}. Raises DataError."""
    kind = settings.get("kind")
    source = sources().get(kind) if isinstance(kind, str) else None
    if source is None:
        said = "no kind of data is named" if kind is None else f"data of the kind {kind!r} is not known"
        raise DataError(f"{said.capitalize()}.", f"Choose one of: {', '.join(sources())}.")
    try:
        return source.model_validate(dict(settings))
    except ValidationError as error:
        raise DataError(f"{source.title}: {_in_words(error)}", "Change that setting.") from error


def _place(source: type[DataSource]) -> tuple[int, str]:
    return source.order, source.title


@lru_cache(maxsize=32)
def _made(source: BuiltIn) -> Dataset:
    return source.make()


def _in_words(error: ValidationError) -> str:
    """What pydantic found wrong: one sentence a field, three at most."""
    sentences = []
    told: set[tuple[int | str, ...]] = set()
    for found in error.errors():
        # Further errors of one field, or of the whole, mostly follow from its first.
        if found["loc"][:1] in told or len(told) == 3:
            continue
        told.add(found["loc"][:1])
        where = ".".join(str(part) for part in found["loc"])
        if found["type"] == "extra_forbidden":
            sentences.append(f"There is no setting {where!r}.")
        elif found["type"] == "value_error":
            sentences.append(str(found["ctx"]["error"]))
        else:
            said = found["msg"].removeprefix("Input ")
            sentences.append(f"{where} {said}, but it is {found['input']!r:.60}.")
    return " ".join(sentences)


def _check_class_numbers(values: Values, n_classes: int) -> None:
    if values.ndim != 1 or values.dtype.kind not in "iu":
        raise ValueError(f"class numbers are integers (N,), not {values.dtype} {values.shape}")
    # Lazy ones are right by the word of who makes them.
    if not isinstance(values, LazyArray) and values.size and not (values.min() >= 0 and values.max() < n_classes):
        raise ValueError(f"class numbers lie in 0..{n_classes - 1}, not in {values.min()}..{values.max()}")


def _rounded(number: float) -> int:
    return int(np.floor(number + 0.5))


def _kept_aside(counts: Array, share: float) -> Array:
    """How many of each group to keep aside (largest remainders), so that together they are round(share · N)."""
    quota = counts * share
    kept = np.floor(quota).astype(np.intp)
    missing = _rounded(quota.sum()) - int(kept.sum())
    neediest = np.argsort(kept - quota, kind="stable")[: max(missing, 0)]
    kept[neediest] += 1
    enough: Array = np.minimum(kept, np.maximum(counts - 1, 0))
    return enough


def _first_of_each(groups: Array, quota: Array) -> Array:
    """A mask of the first quota[g] members of every group g."""
    chosen = np.zeros(len(groups), bool)
    for group, n in enumerate(quota):
        chosen[np.flatnonzero(groups == group)[:n]] = True
    return chosen
