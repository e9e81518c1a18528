"""What the network answers, with the weights of now: at any place, and to the examples of the data."""

from annstudio.engine.arena import Weights
from annstudio.engine.op import Array
from annstudio.session.desk import Session


def weights_of_now(session: Session) -> Weights:
    """Every view's numbers by name, while training those of the newest snapshot.

    Arrays too large for a snapshot are as they were when the run began.
    """
    latest = session.latest
    if session.activity == "train" and latest is not None and latest.views is not None:
        return {**session.weights(), **latest.views.weights}
    return session.weights()


def answer_at(session: Session, x: Array) -> Array | None:
    """Results of the network's first end for inputs in users' layout; None where there is none to be had."""
    if not _answers(session):
        return None
    return next(iter(session.network.predict({"x": x}, weights_of_now(session)).values()))


def answers(session: Session, indices: Array) -> dict[str, Array] | None:
    """Results of every end for the examples at `indices`; None where there is none to be had."""
    return session.network.answers(indices, weights_of_now(session)) if _answers(session) else None


def _answers(session: Session) -> bool:
    checked = session.checked
    return bool(session.network.result_nodes() and checked.facts) and all(p.open for p in checked.problems)
