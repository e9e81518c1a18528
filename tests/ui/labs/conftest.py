"""Sessions for laboratories, and a window to see them in."""

from tests.ui.panels.conftest import digits, seen, trained, xor  # noqa: F401
