"""The house rules that nobody can keep in view all the time: sizes, floors, colours, imports, what is never run."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import grimp
import pytest
from importlinter import cli as importlinter

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "annstudio"
FILES = sorted(PACKAGE.rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
QT = {"PySide6", "shiboken6", "pyqtgraph"}
HEAVY = {"PIL", "h5py", "onnx", "openpyxl", "pandas", "pyqtgraph", "torch", "ziamath"}


@pytest.fixture(scope="module")
def trees() -> dict[Path, ast.Module]:
    return _parsed(FILES)


@pytest.fixture(scope="module")
def tests() -> dict[Path, ast.Module]:
    return _parsed(TESTS)


# ------------------------------------------------------------------------------------------------- sizes


def test_no_file_outgrows_400_lines():
    lengths = {_name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in [*FILES, *TESTS]}
    assert {name: lines for name, lines in lengths.items() if lines > 400} == {}


def test_no_function_outgrows_60_lines(trees, tests):
    long = [
        f"{_name(path)}:{node.lineno} {node.name}: {node.end_lineno - node.lineno + 1} lines"
        for path, node in _nodes(trees | tests, ast.FunctionDef, ast.AsyncFunctionDef)
        if node.end_lineno - node.lineno + 1 > 60
    ]
    assert long == []


def test_every_module_says_what_it_is_for(trees, tests):
    # An empty __init__.py says nothing because there is nothing in it.
    assert [_name(path) for path, tree in (trees | tests).items() if tree.body and not ast.get_docstring(tree)] == []


# ------------------------------------------------------------------------------------------------ floors


def test_the_floors_hold(capsys):
    status = importlinter.lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True, no_logo=True)
    assert status == 0, capsys.readouterr().out


def test_no_module_imports_itself_in_a_circle():
    graph = grimp.build_graph("annstudio", exclude_type_checking_imports=True, cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    TopologicalSorter(imports).prepare()  # Raises CycleError, which names the circle.


def test_qt_is_known_in_ui_alone(trees):
    knowing = [
        f"{_name(path)}:{node.lineno}"
        for path, node in _nodes(trees, ast.Import, ast.ImportFrom)
        if not path.is_relative_to(PACKAGE / "ui") and QT & _imported(node)
    ]
    assert knowing == []


def test_everything_below_ui_comes_without_qt():
    modules = [_module(path) for path in FILES if not path.is_relative_to(PACKAGE / "ui")]
    script = (
        "import importlib, sys\n"
        f"for module in {modules}: importlib.import_module(module)\n"
        f"print(sorted({QT | HEAVY} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr


# ----------------------------------------------------------------------------------------------- imports


def test_heavy_libraries_are_imported_when_first_needed(trees):
    early = [
        f"{_name(path)}:{node.lineno}"
        for path, tree in trees.items()
        for node in _run_on_import(tree.body)
        if isinstance(node, (ast.Import, ast.ImportFrom)) and HEAVY & _imported(node)
    ]
    assert early == []


def test_our_own_modules_are_imported_at_the_top(trees):
    """Except from the command line, which opens a window only when one is asked for."""
    hidden = [
        f"{_name(path)}:{node.lineno}"
        for path, function in _nodes(trees, ast.FunctionDef, ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, (ast.Import, ast.ImportFrom)) and "annstudio" in _imported(node)
    ]
    assert [where for where in hidden if not where.startswith(("annstudio/cli/", "annstudio/__main__.py"))] == []


# ------------------------------------------------------------------------------------- colours, run text


def test_colours_live_in_the_theme(trees):
    colours = [
        f"{_name(path)}:{node.lineno}"
        for path, node in _nodes(trees, ast.Constant, ast.Call)
        if path != PACKAGE / "ui" / "theme.py" and _is_colour(node)
    ]
    assert colours == []


def test_nothing_read_is_ever_run(trees):
    """A project from a stranger is data: no pickle, no eval, no exec."""
    running = [f"{_name(path)}:{node.lineno}" for path, node in _nodes(trees, ast.AST) if _runs_what_it_reads(node)]
    assert running == []


def _is_colour(node: ast.AST) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str) and re.search(r"#[0-9A-Fa-f]{6}\b", node.value) is not None
    called = getattr(node.func, "id", getattr(node.func, "attr", ""))
    return called == "QColor" and any(
        isinstance(argument, ast.Constant) and isinstance(argument.value, int) for argument in node.args
    )


def _runs_what_it_reads(node: ast.AST) -> bool:
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return bool({"pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"} & _imported(node))
    if isinstance(node, ast.Name):
        return node.id in {"eval", "exec"}
    return (
        isinstance(node, ast.keyword)
        and node.arg == "allow_pickle"
        and not (isinstance(node.value, ast.Constant) and node.value.value is False)
    )


# ----------------------------------------------------------------------------------------------- helpers


def _parsed(paths: list[Path]) -> dict[Path, ast.Module]:
    return {path: ast.parse(path.read_text(encoding="utf-8"), str(path)) for path in paths}


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def _nodes(trees: dict[Path, ast.Module], *kinds: type[ast.AST]) -> Iterator[tuple[Path, ast.AST]]:
    return ((path, node) for path, tree in trees.items() for node in ast.walk(tree) if isinstance(node, kinds))


def _imported(node: ast.Import | ast.ImportFrom) -> set[str]:
    """The libraries that this statement names; an import with leading dots is one of ours."""
    if isinstance(node, ast.Import):
        return {alias.name.partition(".")[0] for alias in node.names}
    return {"annstudio"} if node.level else {(node.module or "").partition(".")[0]}


def _run_on_import(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements that run when the module is imported: not those of functions, nor those for type checkers alone."""
    for statement in body:
        yield statement
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        if isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.unparse(statement.test):
            yield from _run_on_import(statement.orelse)
            continue
        for field in ("body", "orelse", "handlers", "finalbody"):
            yield from _run_on_import(getattr(statement, field, []))
