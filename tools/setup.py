"""Set up what ANN Studio needs on this machine: its virtual environment, its libraries, on Debian its system packages.

`python3 tools/setup.py run|test|lint|oracles` does only what is missing; once all is there it returns at once. Words
behind `oracles` are handed to pip.
It uses the standard library alone, and its syntax stays readable for old Pythons so that they can say that they are.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

# What each purpose needs. Whoever can test can also run and lint, so setting up for tests settles all three.
LOCKS = {"run": "run.lock", "test": "test.lock", "lint": "test.lock", "oracles": "oracles.lock"}
COVERS = {"run": ("run",), "lint": ("lint",), "test": ("run", "lint", "test"), "oracles": ("oracles",)}

# Debian's package → the library whose absence tells that it is missing, whatever other systems call the package.
LIBRARIES = {
    "libegl1": "libEGL.so.1",
    "libgl1": "libGL.so.1",
    "libxkbcommon0": "libxkbcommon.so.0",
    "libglib2.0-0": "libglib-2.0.so.0",
    "libfontconfig1": "libfontconfig.so.1",
    "libdbus-1-3": "libdbus-1.so.3",
    "libxcb-cursor0": "libxcb-cursor.so.0",
    "libxcb-icccm4": "libxcb-icccm.so.4",
    "libxcb-keysyms1": "libxcb-keysyms.so.1",
    "libxcb-shape0": "libxcb-shape.so.0",
    "libxkbcommon-x11-0": "libxkbcommon-x11.so.0",
}
# Debian's package → the program it brings; only tests in a real window want these.
PROGRAMS = {"xvfb": "xvfb-run", "xauth": "xauth", "xdotool": "xdotool"}
FONTS = "fonts-dejavu-core"
FONT_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.fonts", "~/.local/share/fonts")


def main(arguments: list[str]) -> int:
    purpose, *options = arguments or [""]
    if purpose not in LOCKS or (options and purpose != "oracles"):
        print("usage: python3 tools/setup.py run|test|lint|oracles [options of pip install]", file=sys.stderr)
        return 2
    if sys.version_info < (3, 11):  # noqa: UP036 - an older one reads this too, and says so
        return _refuse(
            f"ANN Studio needs Python 3.11 or newer; this is {sys.version.split()[0]} ({sys.executable}).",
            "Install a newer one and name it: make run PYTHON=python3.12",
        )
    if purpose == "oracles" and main(["test"]):
        return 1
    stamp = _fingerprint(LOCKS[purpose])
    if _stamped(purpose) == stamp:
        return 0
    if purpose == "oracles":
        return _set_up_oracles(stamp, options)
    if not _provide_system_packages(purpose):
        return 1
    if not _make_environment():
        return _refuse("Setting up stopped: the virtual environment could not be made.")
    if not _install(LOCKS[purpose]):
        return _refuse("Setting up stopped: the libraries could not be installed (pip's words stand above).")
    for covered in COVERS[purpose]:
        _stamp_file(covered).write_text(_fingerprint(LOCKS[covered]), encoding="utf-8")
    print("Everything is set up.", flush=True)
    return 0


def _set_up_oracles(stamp: str, options: list[str]) -> int:
    """The peers join the environment of the tests. Their versions are pinned, their files are not: those of PyTorch
    differ from index to index, and from builds for processors to builds for graphics cards."""
    import tomllib

    asked_for = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]["oracles"]
    print("Installing PyTorch, Keras and other peers (once; it takes a minute or two)", flush=True)
    if not _pip("-c", str(ROOT / "requirements" / LOCKS["oracles"]), *options, *asked_for):
        return _refuse("Setting up stopped: the peers could not be installed (pip's words stand above).")
    _stamp_file("oracles").write_text(stamp, encoding="utf-8")
    return 0


def _refuse(*lines: str) -> int:
    print("\n".join(lines), file=sys.stderr)
    return 1


# ------------------------------------------------------------------------------------------ the stamp


def _fingerprint(lock: str) -> str:
    """Everything that decides what is installed: a change of any of it sets up anew."""
    import tomllib  # Python 3.11 brought it, and an older one has been turned away by now.

    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    built = [settings["build-system"], settings["project"], settings["tool"]["hatch"], settings["dependency-groups"]]
    digest = hashlib.sha256(repr((str(ROOT), built)).encode())
    for path in (ROOT / "requirements" / lock, Path(__file__)):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _stamp_file(purpose: str) -> Path:
    return VENV / f"set-up-for-{purpose}"


def _stamped(purpose: str) -> str:
    if not VENV_PYTHON.exists():  # Also when the Python that it links to has gone.
        return ""
    try:
        return _stamp_file(purpose).read_text(encoding="utf-8")
    except OSError:
        return ""


# ------------------------------------------------------------------------------------ system packages


def _provide_system_packages(purpose: str) -> bool:
    """On Linux install what Python's and Qt's own packages leave out, or say how; other systems bring it with them."""
    if not sys.platform.startswith("linux"):
        return True
    missing = list(_missing_packages(purpose))
    if missing and shutil.which("apt-get") is None:
        print(f"Not found on this system, by Debian's names: {' '.join(missing)}.", flush=True)
        print("Install what provides them if the window does not open.", flush=True)
        return True
    return _apt_install(missing)


def _missing_packages(purpose: str) -> Iterator[str]:
    # Debian ships venv without the pip that goes into it, in a package of its own.
    if not _has_environment() and importlib.util.find_spec("ensurepip") is None:
        yield f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    if purpose == "lint":
        return
    for package, library in LIBRARIES.items():
        try:
            ctypes.CDLL(library)
        except OSError:
            yield package
    if not any(_has_fonts(Path(folder).expanduser()) for folder in FONT_FOLDERS):
        yield FONTS
    if purpose == "test":
        for package, program in PROGRAMS.items():
            if shutil.which(program) is None:
                yield package


def _has_fonts(folder: Path) -> bool:
    return any(path.suffix.lower() in {".ttf", ".otf", ".ttc"} for path in folder.rglob("*"))


def _apt_install(packages: list[str]) -> bool:
    if not packages:
        return True
    command = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    if os.geteuid() != 0:
        _refuse(
            "ANN Studio needs system packages that are missing here. Install them once, then try again:",
            "",
            f"    sudo apt-get update && sudo {' '.join(command)}",
            "",
        )
        return False
    print(f"Installing system packages: {' '.join(packages)}", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for step in (["apt-get", "update"], command):
        done = subprocess.run(
            step, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        if done.returncode:
            _refuse(done.stdout.rstrip(), f"`{' '.join(step)}` failed; its last words stand above.")
            return False
    return True


# ------------------------------------------------------------------------------ the virtual environment


def _make_environment() -> bool:
    if _has_environment():
        return True
    print(f"Making the virtual environment {VENV.name}", flush=True)
    command = [sys.executable, "-m", "venv", "--clear", str(VENV)]
    return subprocess.run(command, stdin=subprocess.DEVNULL).returncode == 0


def _has_environment() -> bool:
    return VENV_PYTHON.exists() and not _was_moved()


def _was_moved() -> bool:
    """A virtual environment notes where it was made; its programs do not work anywhere else."""
    try:
        notes = (VENV / "pyvenv.cfg").read_text(encoding="utf-8").splitlines()
    except OSError:
        return True
    made = [line.partition("=")[2].strip() for line in notes if line.partition("=")[0].strip() == "command"]
    return any(not command.endswith(str(VENV)) for command in made)


def _install(lock: str) -> bool:
    print(f"Installing the libraries of requirements/{lock} (once; it takes a minute or two)", flush=True)
    locked = ["--no-deps", "--require-hashes", "-r", str(ROOT / "requirements" / lock)]
    # The project itself stays where it is (editable), built with the locked hatchling.
    editable = ["--no-deps", "--no-build-isolation", "-e", str(ROOT)]
    return all(_pip(*step) for step in (locked, editable))


def _pip(*arguments: str) -> bool:
    quiet = [] if sys.stdout.isatty() else ["--quiet"]
    command = [str(VENV_PYTHON), "-m", "pip", "install", "--disable-pip-version-check", *quiet, *arguments]
    return subprocess.run(command, stdin=subprocess.DEVNULL, cwd=ROOT).returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
