"""Where the program begins. NumPy's helpers are told to use one thread before they are loaded: many only wait."""

import os
import sys

for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ.setdefault(_name, "1")


def main() -> int:
    """Run the command line that was typed. Returns 0 when done, 2 for the user's mistake, 1 for ours."""
    try:
        from annstudio.cli import run

        return run(sys.argv[1:])
    except KeyboardInterrupt:  # Before the command line itself was there to take it.
        return 130


if __name__ == "__main__":
    sys.exit(main())
