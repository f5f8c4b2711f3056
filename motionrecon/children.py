"""The environment of Python processes that are started here: no code of the current folder runs.

Python puts the folder it is started in first on the path of `-m` and `-c`: a numba.py that lies
beside somebody's clips would be imported.
"""

import os
from pathlib import Path

import motionrecon

PATHS = ("PYTHONPATH", "PYTHONSAFEPATH")  # what tells a Python where modules are


def environment() -> dict[str, str]:
    """This process's environment for a child: modules are found where this package is, in the
    absolute folders of PYTHONPATH and in what is installed, never in the current folder.
    """
    given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    root = str(Path(motionrecon.__file__).resolve().parents[1])
    # An empty entry is the current folder, a relative one is below it.
    path = dict.fromkeys([root, *filter(os.path.isabs, given)])
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path), "PYTHONSAFEPATH": "1"}
