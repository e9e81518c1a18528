"""Measurements, never tests: each module here has a `measure` and owns one key of results.json."""
