"""What a kind of node is: settings with limits, and `lower`, which says in ops what it means.

A layer's file is found by the catalogue; its docstring is the palette's text, its fields make the inspector's form and
the project file. Every chapter of this package reads "the mathematics, then the node".
"""

import pkgutil
import re
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

import annstudio.layers as chapters
from annstudio.engine.builder import Builder, Value
from annstudio.errors import GraphError

if TYPE_CHECKING:
    from annstudio.layers.graph import Graph

Size2D = tuple[Annotated[int, Field(ge=1, le=1024)], Annotated[int, Field(ge=1, le=1024)]]
Padding = Literal["valid", "same"]


class Family(StrEnum):
    """Groups of the palette, in the order of the palette."""

    DATA = "Data"
    CORE = "Core"
    CONVOLUTION = "Convolution"
    RECURRENT = "Recurrent"
    REGULARISE = "Regularise"
    SHAPE = "Shape and merge"
    OUTPUT = "Output"


class Settings(BaseModel):
    """Settings that several kinds of nodes have, such as where weights begin, are a class of their own, and a kind
    names it among its bases: `class Conv1D(Layer, Filtering, Restrained)`.

    In files and in the inspector there stand first the settings of the first base, then a class's own, then those of
    its further bases.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=False)

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        first, *further = (base.model_fields for base in cls.__bases__ if issubclass(base, BaseModel))
        behind = [name for fields in further for name in fields]
        own = [name for name in cls.model_fields if name not in behind]
        order = list(dict.fromkeys([*first, *own, *behind]))
        if order != list(cls.model_fields):
            # By itself pydantic begins with the last base and ends with a class's own.
            fields = dict(cls.model_fields)
            cls.model_fields.clear()
            cls.model_fields.update({name: fields[name] for name in order})
            cls.model_rebuild(force=True)


class Layer(Settings):
    """Settings of one node. Frozen: an edit is a new layer, made with `changed`, which checks the limits again."""

    family: ClassVar[Family]
    prefix: ClassVar[str]
    """What names of such nodes begin with: `conv` makes conv_1, conv_2, …"""
    arity: ClassVar[tuple[int, int | None]] = (1, 1)
    """The fewest and the most inputs (None: any number) of such nodes; of one of them `takes` says it."""
    has_output: ClassVar[bool] = True
    """Whether such nodes give anything; of one of them `gives` says how many outputs it has."""
    films: ClassVar[bool] = False
    """Whether such nodes take pictures one after the other (time × height × width × channels)."""
    stands: ClassVar[Literal["anywhere", "outside", "inside"]] = "anywhere"
    """Where such nodes have a meaning: some outside of blocks alone, some inside."""
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """Further palette entries of this layer: title → settings."""

    def lower(self, net: Builder, *xs: Value) -> Value | tuple[Value, ...]:
        """Write down in ops what this layer does with its inputs. Raises ShapeError where they do not fit."""
        raise NotImplementedError

    def agree(self, path: str, graph: "Graph") -> None:
        """Raise ShapeError where this layer, as the node at `path`, does not go with the others of its drawing."""

    def after_renaming(self, names: Mapping[str, str]) -> "Layer":
        """This layer where other nodes of its drawing have new names."""
        return self

    @property
    def takes(self) -> tuple[int, int | None]:
        """The fewest and the most inputs (None: any number)."""
        return self.arity

    @property
    def gives(self) -> int:
        """How many outputs it has."""
        return int(self.has_output)

    @property
    def meaning(self) -> object:
        """What it comes to, whatever it looks like: layers of equal meaning compile to the same."""
        return self

    @property
    def summary(self) -> str:
        """Kind and main settings in one short line, for the card."""
        return type(self).__name__

    @classmethod
    def kind(cls) -> str:
        """The name in project files."""
        return cls.__name__

    @classmethod
    def order(cls) -> int:
        """The place inside the family (smaller is earlier)."""
        return 50

    def changed(self, **settings: Any) -> "Layer":
        """A copy with other settings. Raises GraphError in plain words where a limit is broken."""
        return make(self.kind(), {**self.model_dump(), **settings})


@cache
def catalogue() -> dict[str, type[Layer]]:
    """Every layer by kind, found by walking the chapters."""
    found: dict[str, type[Layer]] = {}
    for info in pkgutil.walk_packages(chapters.__path__, f"{chapters.__name__}."):
        for thing in vars(import_module(info.name)).values():
            if isinstance(thing, type) and issubclass(thing, Layer) and thing.__module__ == info.name:
                if hasattr(thing, "prefix"):
                    found[thing.kind()] = thing
    families = list(Family)
    return dict(sorted(found.items(), key=lambda item: (families.index(item[1].family), item[1].order(), item[0])))


def make(kind: str, settings: Mapping[str, Any]) -> Layer:
    """A layer from its kind and settings. Raises GraphError for an unknown kind or a setting out of bounds."""
    if kind not in catalogue():
        raise GraphError(f"There is no layer of kind {kind!r}.", f"Known kinds are {', '.join(catalogue())}.")
    try:
        return catalogue()[kind].model_validate(dict(settings))
    except ValidationError as error:
        raise GraphError(f"{kind}: {plain_words(error)}", "Choose a value within the limits.") from None


def plain_words(error: ValidationError) -> str:
    """A pydantic error as one sentence: which setting, what was expected, what was given."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"]) or "settings"
    if first["type"] == "value_error":
        # A sentence of our own.
        return f"{where}: {first['ctx']['error']}"
    wanted = re.sub(r"^Input should be", "should be", first["msg"])
    return f"{where} {wanted}, got {first.get('input')!r}."
