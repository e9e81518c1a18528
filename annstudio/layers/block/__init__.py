"""Blocks: networks inside a box, applied once, at every time step or over windows of them."""
