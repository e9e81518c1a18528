"""The desk that windows and scripts work at: one open project and what is being done with it."""

from annstudio.session.desk import Session

__all__ = ["Session"]
