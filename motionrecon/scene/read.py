"""Scene files: supports in YAML, in metres and degrees, z up, the floor at 0.

    supports:
      - name: box
        top: [0.0, 0.0, 0.3]     # centre of the top: x, y, and height over the floor
        size: [0.6, 0.5]         # along its own x and y
        yaw: 0                   # degrees from the world's x, anticlockwise seen from above
        slope: 0                 # degrees by which it rises along its own x
        thickness: 0.3           # of the solid beneath; else down to the floor (5 cm: a slope's)

name, top and size are needed.
"""

from pathlib import Path
from typing import Any

from motionrecon import plain_yaml
from motionrecon.errors import SceneError
from motionrecon.inputs import read_input
from motionrecon.scene.scene import Scene
from motionrecon.scene.support import Support

_LARGEST_BYTES = 200_000
_KEYS = {"name", "top", "size", "yaw", "slope", "thickness"}


def load_scene(path: Path) -> Scene:
    """The scene of a file. Raises SceneError, in one line that names file and support, for what is
    none.
    """
    text = read_input(path, SceneError, _LARGEST_BYTES)
    try:
        content = plain_yaml.load_yaml(text.decode("utf-8"))
    except plain_yaml.ERRORS as error:
        raise SceneError(
            f"{path}: the scene is not YAML ({' '.join(str(error).split())[:200]})"
        ) from error
    listed = content.get("supports") if isinstance(content, dict) and len(content) == 1 else None
    if not isinstance(listed, list) or not listed:
        raise SceneError(f"{path}: a scene needs a list 'supports:' of name, top, size; only that")
    try:
        return Scene(tuple(_support(i, entry) for i, entry in enumerate(listed, 1)))
    except SceneError as error:
        raise SceneError(f"{path}: {error}") from error


def _support(place: int, entry: Any) -> Support:
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        raise SceneError(f"support {place}: expected a name, top: [x, y, z] and size: [x, y]")
    where = f"support '{entry['name']}'"
    if unknown := sorted(map(str, set(entry) - _KEYS)):
        raise SceneError(f"{where}: unknown '{unknown[0]}'; known are {', '.join(sorted(_KEYS))}")
    x, y, z = _numbers(where, entry, "top", 3)
    length, width = _numbers(where, entry, "size", 2)
    return Support(
        name=entry["name"],
        top=(x, y, z),
        size=(length, width),
        yaw_deg=_number(where, "yaw", entry.get("yaw", 0.0)),
        slope_deg=_number(where, "slope", entry.get("slope", 0.0)),
        thickness=(
            _number(where, "thickness", entry["thickness"]) if "thickness" in entry else None
        ),
    )


def _numbers(where: str, entry: dict[str, Any], key: str, count: int) -> list[float]:
    values = entry.get(key)
    if not isinstance(values, list) or len(values) != count:
        raise SceneError(f"{where}: {key} must be {count} numbers, in metres")
    return [_number(where, key, v) for v in values]


def _number(where: str, key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise SceneError(f"{where}: {key} must be a number, not {str(value)[:40]!r}")
    return float(value)
