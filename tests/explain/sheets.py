"""Worksheets to be marked: of a project's numbers, with answers."""

from annstudio.document.network import Network
from annstudio.document.project import Project
from annstudio.explain.catalogue import Catalogue
from annstudio.explain.derivation import Explainer
from annstudio.explain.marking import Judgement, Marker
from annstudio.explain.stepper import Stepper
from annstudio.explain.worksheet import Tolerance, Worksheet


def all_names(stepper: Stepper) -> tuple[str, ...]:
    """Every number of a batch that can be asked."""
    catalogue = Catalogue(Explainer(stepper))
    return tuple(asked.name for group in catalogue.groups for asked in catalogue.members(group))


def marker_of(project: Project, *names: str, examples: tuple[int, ...] = (0,), digits: int = 6) -> Marker:
    """A marker for these numbers, or for the first hundred that there are, with the sheet to fill in as `sheet`."""
    stepper = Network(project).stepper(*examples)
    asked = names or all_names(stepper)[:100]
    return Marker(stepper, Worksheet(examples=examples, asked=asked, tolerance=Tolerance(digits=digits)))


def told(marker: Marker, name: str, answer: float | str, **others: float) -> Judgement:
    """How an answer is judged, with other answers by name beside it."""
    sheet = marker.sheet
    for other, number in {**others, name: answer}.items():
        sheet = sheet.answered(other, number if isinstance(number, str) else repr(number))
    return marker.judge(sheet, name)
