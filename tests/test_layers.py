"""The house is built from the ground up: a module imports from its own layer or a lower one.

Every import statement counts, also those inside functions and under TYPE_CHECKING. The one way up
is a registry, which names its entries' modules as text and loads an entry on demand.
"""

import ast
import re
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# Low to high; a line is a layer. The longest name that a module's begins with is its place.
LAYERS = (
    ("motionrecon", "motionrecon.errors", "motionrecon.ranges", "motionrecon.runs"),
    (
        "motionrecon.atomic",
        "motionrecon.archive",
        "motionrecon.assets",
        "motionrecon.children",
        "motionrecon.compiled",
        "motionrecon.engine",
        "motionrecon.inputs",
        "motionrecon.interrupts",
        "motionrecon.plain_paths",
        "motionrecon.plain_yaml",
        "motionrecon.terminal",
    ),
    ("motionrecon.anatomy",),
    ("motionrecon.io",),
    ("motionrecon.clip",),
    ("motionrecon.scene",),
    ("motionrecon.body",),
    ("motionrecon.kinematics",),
    ("motionrecon.physics",),
    ("motionrecon.objective",),
    ("motionrecon.optimizers",),
    ("motionrecon.learned",),
    ("motionrecon.motion",),
    ("motionrecon.windows",),
    ("motionrecon.robot",),
    ("motionrecon.pipeline",),
    ("motionrecon.people",),
    ("motionrecon.learned.train",),
    ("motionrecon.view",),
    ("motionrecon.export",),
    ("motionrecon.batch",),
    ("motionrecon.cli.words",),  # how options are read, which the studies' options share
    ("motionrecon_benchmarks",),
    ("motionrecon.cli", "motionrecon.__main__"),
)
LAYER = {name: i for i, names in enumerate(LAYERS) for name in names}
# Name modules of higher layers as text: the package's public names, and optimizers by name.
REGISTRIES = {"motionrecon", "motionrecon.optimizers"}


@cache
def modules() -> dict[str, ast.Module]:
    """Module name -> its syntax tree; a package's name is its __init__.py."""
    found = {}
    for package in ("motionrecon", "motionrecon_benchmarks"):
        for path in sorted((ROOT / package).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            found[name.removesuffix(".__init__")] = ast.parse(path.read_text("utf-8"), str(path))
    return found


@cache
def arrows() -> list[tuple[str, str, int]]:
    """(module, module that it imports, line) for every import statement within the project."""
    found = []
    for name, tree in modules().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                targets = [a.name for a in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{name}:{node.lineno}: a relative import"
                whole = [f"{node.module}.{a.name}" for a in node.names]
                targets = [w if w in modules() else node.module for w in whole]
            else:
                continue
            found += [(name, t, node.lineno) for t in targets if t in modules() and t != name]
    return found


def layer(module: str) -> int:
    parts = module.split(".")
    prefixes = (".".join(parts[:n]) for n in range(len(parts), 0, -1))
    place = next(p for p in prefixes if p in LAYER)
    assert place != "motionrecon" or module == place, f"{module} has no layer: add it to LAYERS"
    return LAYER[place]


def test_the_reading_of_imports_sees_them():
    """The checks below rest on it: three imports known to stand, one of them inside a function."""
    seen = {(a, b) for a, b, _ in arrows()}
    assert ("motionrecon.clip.load", "motionrecon.clip.resample") in seen
    assert ("motionrecon.clip.load", "motionrecon.io") in seen
    assert ("motionrecon.batch.job", "motionrecon.pipeline") in seen


def test_every_layer_is_there():
    gone = [name for name in LAYER if name not in modules()]
    assert not gone, f"no such modules any more, take them out of LAYERS: {gone}"


def test_no_arrow_points_upwards():
    up = [
        f"{a}:{line} imports {b}"
        for a, b, line in arrows()
        if a not in REGISTRIES and layer(a) < layer(b)
    ]
    assert not up, "\n".join(up)


def test_no_circle_of_modules():
    graph: dict[str, set[str]] = {}
    for a, b, _ in arrows():
        # motionrecon/__init__.py loads what it names on first use, so nothing waits for it
        if a != "motionrecon":
            graph.setdefault(a, set()).add(b)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as e:
        pytest.fail(" -> ".join(e.args[1]))


def test_only_registries_name_higher_modules_as_text():
    up = []
    for name, tree in modules().items():
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
                continue
            text = node.value.rstrip(".")
            if re.fullmatch(r"motionrecon(_benchmarks)?(\.\w+)+", text) and text in modules():
                if name not in REGISTRIES and layer(text) > layer(name):
                    up.append(f"{name}:{node.lineno} names {text}")
    assert not up, "\n".join(up)
