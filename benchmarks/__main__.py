"""`python -m benchmarks [NAME …]`: run the measurements (all, or those named) and write results.json.

Each measurement runs in a process of its own and rewrites only its own key, and its own part of RESULTS.md.
"""

import json
import os
import platform
import subprocess
import sys
from importlib import import_module
from pathlib import Path

from benchmarks import report

RESULTS = Path(__file__).with_name("results.json")
NAMES = ("engine", "canvas", "ui", "explain", "busy", "scaling", "big_data")


def main(names: list[str]) -> int:
    """Run each measurement in a fresh interpreter; the exit code is that of the worst."""
    if names and names[0] == "--only":
        return _measure(names[1])
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        print(f"There is no measurement {unknown[0]!r}. There are {', '.join(NAMES)}.", file=sys.stderr)
        return 2
    environment = {"QT_QPA_PLATFORM": "offscreen", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", **os.environ}
    for variable in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
        environment.pop(variable, None)
    print(f"{platform.platform()}, Python {platform.python_version()}, {os.cpu_count()} cores", flush=True)
    codes = [
        subprocess.run([sys.executable, "-m", "benchmarks", "--only", name], env=environment, check=False).returncode
        for name in names or NAMES
    ]
    return max(codes)


def _measure(name: str) -> int:
    module = import_module(f"benchmarks.{name}")
    figures = module.measure()
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    results[name] = figures
    RESULTS.write_text(json.dumps(results, indent=2, sort_keys=True) + "\n")
    print(name, json.dumps(figures, indent=2), flush=True)
    if hasattr(module, "told"):
        report.put(name, module.told(figures))
    return 0


sys.exit(main(sys.argv[1:]))
