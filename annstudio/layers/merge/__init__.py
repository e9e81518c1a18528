"""Layers with several inputs: branches of a network meet here."""

from annstudio.layers.merge.agreement import Dot, InnerProduct, UnitLength
from annstudio.layers.merge.joining import Concatenate, Join
from annstudio.layers.merge.placewise import (
    Add,
    Average,
    Difference,
    Largest,
    Maximum,
    Mean,
    Multiply,
    Product,
    Subtract,
    Sum,
)

__all__ = [
    "Add",
    "Average",
    "Concatenate",
    "Difference",
    "Dot",
    "InnerProduct",
    "Join",
    "Largest",
    "Maximum",
    "Mean",
    "Multiply",
    "Product",
    "Subtract",
    "Sum",
    "UnitLength",
]
