"""Recurrent layers: they go through a sequence step by step and keep in mind what they have seen."""
