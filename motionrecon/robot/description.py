"""What has to be said of a humanoid robot beside its MJCF: which links are which."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from motionrecon import plain_yaml
from motionrecon.errors import RobotError
from motionrecon.inputs import read_input

_LARGEST_BYTES = 200_000


def of_side(text: str, side: str) -> str:
    """A link's name with its side put in: {side} as it is, {Side} capitalised, {S} its first
    letter.
    """
    text = text.replace("{side}", side).replace("{Side}", side.capitalize())
    return text.replace("{S}", side[:1].upper())


@dataclass(frozen=True)
class Spot:
    """A point fixed on a link: the link's name, as of `of_side`, and where (m) in its frame on the
    left; the right one mirrors its y.
    """

    link: str
    at: tuple[float, float, float] = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Robot:
    """Which links of a robot stand for which parts of a person.

    model: an MJCF file, or a name of MuJoCo Menagerie. pelvis, torso, foot: links that stand
    upright and face along x where all hinges are at zero. hip, knee, ankle, shoulder, elbow, wrist:
    the joints' centres; of both sides, named by `sides` (left, right). strength: N m, the most that
    the motor of each hinge gives, for hinges whose limit the MJCF does not say.
    """

    name: str
    model: str
    pelvis: str
    torso: str
    foot: str
    hip: Spot
    knee: Spot
    ankle: Spot
    shoulder: Spot
    elbow: Spot
    wrist: Spot
    sides: tuple[str, str] = ("left", "right")
    strength: tuple[tuple[str, float], ...] = ()


SPOTS = ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
_TEXTS = ("model", "pelvis", "torso", "foot")

# The made-up robot of assets/robots, for who has no other's files.
SAMPLE = "sample"

# Link names are those of MuJoCo Menagerie's files (github.com/google-deepmind/mujoco_menagerie).
KNOWN: dict[str, Robot] = {
    robot.name: robot
    for robot in (
        Robot(
            name="unitree_g1",
            model="unitree_g1",
            pelvis="pelvis",
            torso="torso_link",
            foot="{side}_ankle_roll_link",
            hip=Spot("{side}_hip_roll_link"),
            knee=Spot("{side}_knee_link"),
            ankle=Spot("{side}_ankle_roll_link"),
            shoulder=Spot("{side}_shoulder_roll_link"),
            elbow=Spot("{side}_elbow_link"),
            wrist=Spot("{side}_wrist_pitch_link"),
        ),
        # Its trunk is its root, its legs hang from a waist that turns; arms held out at zero.
        Robot(
            name="booster_t1",
            model="booster_t1",
            pelvis="Waist",
            torso="Trunk",
            foot="{side}_foot_link",
            hip=Spot("Hip_Roll_{Side}"),
            knee=Spot("Shank_{Side}"),
            ankle=Spot("{side}_foot_link"),
            shoulder=Spot("A{S}2"),
            elbow=Spot("{side}_hand_link"),
            wrist=Spot("{side}_hand_link", (0.0, 0.2, 0.0)),
        ),
        Robot(
            name=SAMPLE,
            model=SAMPLE,
            pelvis="pelvis",
            torso="torso",
            foot="{side}_foot",
            hip=Spot("{side}_thigh"),
            knee=Spot("{side}_shank"),
            ankle=Spot("{side}_foot"),
            shoulder=Spot("{side}_upper_arm"),
            elbow=Spot("{side}_forearm"),
            wrist=Spot("{side}_forearm", (0.0, 0.0, -0.2)),
        ),
    )
}


def described(robot: str) -> Robot:
    """The robot of a known name, or of a description: a YAML file with the keys of `Robot`.

    Raises RobotError, in one line that names the file and the key.
    """
    if robot in KNOWN:
        return KNOWN[robot]
    if not robot.endswith((".yaml", ".yml")):
        raise RobotError(
            f"robot {robot!r}: known are {', '.join(KNOWN)}; for another give a description "
            "(docs/guide/robots.md): robot.yaml"
        )
    text = read_input(Path(robot), RobotError, _LARGEST_BYTES)
    try:
        content = plain_yaml.load_yaml(text.decode("utf-8"))
    except plain_yaml.ERRORS as error:
        why = " ".join(str(error).split())[:200]
        raise RobotError(f"{robot}: the description is not YAML ({why})") from error
    if not isinstance(content, dict):
        raise RobotError(f"{robot}: a description has keys: {', '.join((*_TEXTS, *SPOTS))}")
    known = {f.name for f in fields(Robot)}
    if unknown := sorted(map(str, set(content) - known)):
        raise RobotError(f"{robot}: unknown '{unknown[0]}'; known are {', '.join(sorted(known))}")
    if missing := [k for k in (*_TEXTS, *SPOTS) if k not in content]:
        raise RobotError(f"{robot}: '{missing[0]}' is missing")
    for key in _TEXTS:
        if not isinstance(content[key], str):
            raise RobotError(f"{robot}: '{key}' must be a name, not {str(content[key])[:40]!r}")
    model = content["model"]
    beside = Path(robot).parent / model
    return Robot(
        name=str(content.get("name", Path(robot).stem)),
        model=str(beside) if beside.is_file() else model,
        pelvis=content["pelvis"],
        torso=content["torso"],
        foot=content["foot"],
        sides=_sides(robot, content.get("sides", ["left", "right"])),
        strength=_strength(robot, content.get("strength", {})),
        **{key: _spot(robot, key, content[key]) for key in SPOTS},
    )


def _spot(file: str, key: str, value: Any) -> Spot:
    """`link`, or `[link, x, y, z]`."""
    if isinstance(value, str):
        return Spot(value)
    if isinstance(value, list) and len(value) == 4 and isinstance(value[0], str):
        numbers = [v for v in value[1:] if isinstance(v, (int, float)) and abs(v) < 10]
        if len(numbers) == 3:
            return Spot(value[0], (float(numbers[0]), float(numbers[1]), float(numbers[2])))
    raise RobotError(f"{file}: '{key}' must be a link, or [link, x, y, z] with metres")


def _sides(file: str, value: Any) -> tuple[str, str]:
    if isinstance(value, list) and len(value) == 2 and all(isinstance(v, str) for v in value):
        return value[0], value[1]
    raise RobotError(f"{file}: 'sides' must be what {{side}} stands for: [left, right]")


def _strength(file: str, value: Any) -> tuple[tuple[str, float], ...]:
    if isinstance(value, dict) and all(
        isinstance(v, (int, float)) and 0 < v < 1e5 for v in value.values()
    ):
        return tuple((str(k), float(v)) for k, v in value.items())
    raise RobotError(f"{file}: 'strength' must be hinge: N m, above 0")
