"""Explain: one batch stepped through on the drawing, with every number's origin beside it."""
