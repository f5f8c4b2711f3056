"""Mappings: how keypoints come from a file's own markers or joints, as YAML files.

    name: our_lab
    sides: [L, R]                      # what $ and ^ stand for in labels: this side, the other side
    keypoints:
      neck: [C7, CLAV]                 # the mean of markers
      $_knee: [$KNE, $KNM]             # both sides at once: l_knee from LKNE, LKNM; r_knee too
      $_elbow: {markers: [$ELB], weights: [1.0]}
      $_shoulder: {markers: [$SHO], offset_m: 0.045, along: [[C7, CLAV], [LASI, RASI]]}
      $_ankle: {first_of: [[$AJC], [$ANK, $MED]]}
      $_hip: {hip_regression: harrington, asis: [$ASI, ^ASI], psis: [LPSI, RPSI]}

offset_m moves by so many metres from the mean of the first list towards the mean of the second.
Labels match without regard to case and punctuation. LABEL#2 is the second of labels that stand
twice.
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from motionrecon import plain_yaml
from motionrecon.anatomy.skeletons import canonical
from motionrecon.errors import ClipError
from motionrecon.inputs import read_input

FOLDER = Path(__file__).parent / "mappings"
_KEYS = {"markers", "weights", "offset_m", "along", "first_of", "hip_regression", "asis", "psis"}
_LARGEST_BYTES = 200_000
_LARGEST_WEIGHT = 1e6  # weights are ratios: larger ones leave nothing of the others


@dataclass(frozen=True)
class Centre:
    """One way to make a keypoint: the weighted mean of markers, moved by offset_m (m) along a
    direction; or, with regression, the hip's centre (left: of which side) from both ASIS (this side
    first) and the PSIS or sacrum.
    """

    markers: tuple[str, ...] = ()
    weights: tuple[float, ...] = ()
    offset_m: float = 0.0
    along: tuple[tuple[str, ...], tuple[str, ...]] | None = None
    regression: str | None = None
    asis: tuple[str, ...] = ()
    psis: tuple[str, ...] = ()
    left: bool = True

    @property
    def labels(self) -> tuple[str, ...]:
        """All labels it needs, each once."""
        needed = (
            *self.markers,
            *self.asis,
            *self.psis,
            *(label for part in self.along or () for label in part),
        )
        return tuple(dict.fromkeys(needed))


@dataclass(frozen=True)
class Mapping:
    """name, about, and for each canonical keypoint the ways to make it, the first that can be is
    taken.
    """

    name: str
    about: str
    keypoints: dict[str, tuple[Centre, ...]]

    @property
    def labels(self) -> set[str]:
        """All labels that any keypoint asks for."""
        return {label for ways in self.keypoints.values() for way in ways for label in way.labels}


def plain(label: str) -> str:
    """A label without case and punctuation; #2 is kept."""
    return re.sub(r"[^a-z0-9#]", "", label.lower())


def load_mapping(path: Path) -> Mapping:
    """Raises ClipError, naming the file and the keypoint, for what is not a mapping."""
    text = read_input(path, ClipError, _LARGEST_BYTES)
    try:
        content = plain_yaml.load_yaml(text.decode("utf-8"))
    except plain_yaml.ERRORS as error:
        raise ClipError(
            f"{path}: the mapping is not YAML ({' '.join(str(error).split())[:200]})"
        ) from error
    if not isinstance(content, dict) or not isinstance(content.get("keypoints"), dict):
        raise ClipError(f"{path}: a mapping needs a table 'keypoints: KEYPOINT: [MARKER, ...]'")
    sides = content.get("sides", ["L", "R"])
    if not isinstance(sides, list) or len(sides) != 2:
        raise ClipError(f"{path}: 'sides' must be two texts, such as [L, R]")
    keypoints: dict[str, tuple[Centre, ...]] = {}
    for key, spec in content["keypoints"].items():
        both = str(key).startswith("$_")
        for i, side in enumerate("lr" if both else "-"):
            name = f"{side}{str(key)[1:]}" if both else str(key)
            if canonical(name) != name:
                raise ClipError(
                    f"{path}: '{name}' is not a keypoint; expected names such as l_hip, r_knee, "
                    "neck"
                )
            swap = (str(sides[i]), str(sides[1 - i])) if both else None
            keypoints[name] = _ways(f"{path}: keypoint '{name}'", name.startswith("l_"), spec, swap)
    return Mapping(str(content.get("name", path.stem)), str(content.get("about", "")), keypoints)


def _ways(where: str, left: bool, spec: Any, swap: tuple[str, str] | None) -> tuple[Centre, ...]:
    if isinstance(spec, dict) and set(spec) == {"first_of"}:
        if not isinstance(spec["first_of"], list) or not spec["first_of"]:
            raise ClipError(f"{where}: 'first_of' must be a list of ways to make it")
        return tuple(_way(where, left, s, swap) for s in spec["first_of"])
    return (_way(where, left, spec, swap),)


def _way(where: str, left: bool, spec: Any, swap: tuple[str, str] | None) -> Centre:
    if not isinstance(spec, dict):
        spec = {"markers": spec}
    if unknown := set(spec) - (_KEYS - {"first_of"}):
        raise ClipError(
            f"{where}: unknown '{sorted(map(str, unknown))[0]}'; known are "
            f"{', '.join(sorted(_KEYS))}"
        )

    def labels(value: Any, what: str) -> tuple[str, ...]:
        value = [value] if isinstance(value, (str, int)) else value
        if (
            not isinstance(value, list)
            or not value
            or not all(isinstance(v, (str, int)) for v in value)
        ):
            raise ClipError(f"{where}: {what} must be a list of labels")
        texts = [str(v) for v in value]
        return tuple(
            plain(t.replace("$", swap[0]).replace("^", swap[1]) if swap else t) for t in texts
        )

    if "hip_regression" in spec:
        if spec["hip_regression"] != "harrington":
            raise ClipError(
                f"{where}: unknown hip_regression '{spec['hip_regression']}'; known is harrington"
            )
        asis, psis = labels(spec.get("asis"), "asis"), labels(spec.get("psis"), "psis")
        if len(asis) != 2:
            raise ClipError(f"{where}: asis must be two labels, this side's first")
        return Centre(regression="harrington", asis=asis, psis=psis, left=left)
    markers = labels(spec.get("markers"), "markers")
    weights = spec.get("weights", [1.0] * len(markers))
    if (
        not isinstance(weights, list)
        or len(weights) != len(markers)
        or not all(_is_number(w, _LARGEST_WEIGHT) for w in weights)
    ):
        raise ClipError(f"{where}: weights must be {len(markers)} numbers, one a marker")
    if abs(total := sum(weights)) < 1e-6:
        raise ClipError(f"{where}: the weights add up to 0")
    offset, along = spec.get("offset_m", 0.0), None
    if not _is_number(offset, 1):
        raise ClipError(f"{where}: offset_m must be a number of metres, at most 1")
    if "along" in spec:
        if not isinstance(spec["along"], list) or len(spec["along"]) != 2:
            raise ClipError(f"{where}: along must be two lists of labels, from and to")
        along = (labels(spec["along"][0], "along"), labels(spec["along"][1], "along"))
    elif offset:
        raise ClipError(f"{where}: offset_m needs a direction: along: [[FROM], [TO]]")
    return Centre(markers, tuple(w / total for w in weights), float(offset), along)


def _is_number(value: Any, most: float) -> bool:
    return isinstance(value, (int, float)) and abs(value) <= most  # NaN is not


@cache
def shipped() -> tuple[Mapping, ...]:
    """The mappings of common rigs and marker sets that come with the package."""
    return tuple(load_mapping(path) for path in sorted(FOLDER.glob("*.yaml")))


def find_mapping(name: str) -> Mapping:
    """A shipped mapping by name, or a YAML file's. Raises ClipError where there is neither."""
    fits = [m for m in shipped() if plain(m.name) == plain(name)]
    if fits:
        return fits[0]
    if Path(name).suffix.lower() in (".yaml", ".yml"):
        return load_mapping(Path(name))
    raise ClipError(
        f"unknown mapping '{name}'; give a YAML file, none, or one of "
        f"{', '.join(m.name for m in shipped())} (--mapping)"
    )
