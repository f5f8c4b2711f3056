"""What the arrays of a saved motion must agree on beyond their shapes, asked once, when it is
loaded: what looks at a motion or exports it then need not ask again.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from motionrecon.engine import mujoco
from motionrecon.errors import BodyError, MotionError
from motionrecon.physics.constants import read_constants
from motionrecon.physics.floor_forces import foot_bodies

# A state with larger numbers has diverged, by MuJoCo's own rules.
LARGEST = float(mujoco.mjMAXVAL)
# Quaternions are normalised to 1e-15; a tool that keeps six digits leaves 1e-6.
_UNIT = 1e-3
_RATES_HZ = (1.0, 1e5)  # of frames and steps: nobody films or simulates a person otherwise
_CLOCK = 0.1  # of a frame, by which its time may be off the frame rate's
_LONGEST_NAME = 200
# What motionrecon.body writes. Nothing here names a file: a model that includes others would read
# what lies beside it.
_TAGS = frozenset(
    "mujoco compiler option worldbody body inertial joint freejoint geom actuator general default"
    " statistic".split()
)
_FILES = re.compile(r"file$|dir$")  # attributes that name one
# ours has 150 elements and 26 kB
_MOST_ELEMENTS, _LONGEST_XML = 5000, 2**20
_REMEDY = "reconstruct the motion again"


def check(found: Mapping[str, np.ndarray], path: Path) -> None:
    """Raises MotionError, in one line that names the file and the array, where arrays of the
    declared shapes make no motion: found holds those of motion.npz.

    The model must be one of this project's and fit the arrays; names must be names, times go on at
    the frame rate, root quaternions be of unit length, and no number beyond what MuJoCo takes.
    """
    _numbers(found, path)
    _names(found, path)
    _clock(found, path)
    _model(found, path)
    for name in {"qpos", "simulation_qpos"} & found.keys():
        off = np.abs(np.linalg.norm(found[name][:, 3:7], axis=1) - 1)
        if off.max() > _UNIT:
            raise MotionError(
                f"{path}: '{name}' has a root quaternion of length "
                f"{np.linalg.norm(found[name][off.argmax(), 3:7]):.3g} at {off.argmax()}; expected "
                f"1; {_REMEDY}"
            )


def _numbers(found: Mapping[str, np.ndarray], path: Path) -> None:
    for name, values in found.items():
        if values.dtype.kind != "f":
            continue
        large = np.abs(np.nan_to_num(values, posinf=np.inf)) > LARGEST
        if large.any():
            first = tuple(int(i) for i in np.argwhere(large)[0])
            raise MotionError(
                f"{path}: '{name}' is {values[first]:.3g}{f' at {first}' if first else ''}; "
                f"expected at most {LARGEST:g}; {_REMEDY}"
            )


def _names(found: Mapping[str, np.ndarray], path: Path) -> None:
    for name, values in found.items():
        if values.dtype.kind != "U" or not values.ndim:
            continue
        names = [str(v) for v in values]
        wrong = [n for n in names if not n.isprintable() or not n.strip() or len(n) > _LONGEST_NAME]
        if wrong or len(set(names)) < len(names):
            twice = next((n for n in names if names.count(n) > 1), "")
            raise MotionError(
                f"{path}: '{name}' holds {(wrong[0] if wrong else twice)[:40]!r}"
                f"{'' if wrong else ' twice'}; expected names, each once; {_REMEDY}"
            )


def _clock(found: Mapping[str, np.ndarray], path: Path) -> None:
    low, high = _RATES_HZ
    for name, rate in (("fps", float(found["fps"])), ("timestep", 1 / float(found["timestep"]))):
        if not low <= rate <= high:
            raise MotionError(
                f"{path}: '{name}' is {found[name]:g}, {rate:.3g} Hz; expected {low:g} to "
                f"{high:g} Hz; {_REMEDY}"
            )
    time, fps = found["time"], float(found["fps"])
    off = np.abs(time * fps - np.arange(len(time)))
    if off.max() > _CLOCK:
        raise MotionError(
            f"{path}: 'time' is {time[off.argmax()]:.6g} s at frame {off.argmax()}; expected "
            f"{off.argmax() / fps:.6g} at {fps:g} Hz; {_REMEDY}"
        )


def _model(found: Mapping[str, np.ndarray], path: Path) -> None:
    text = str(found["mjcf"])
    try:
        _check_xml(text)
        model = mujoco.MjModel.from_xml_string(text)
        read_constants(model)
        foot_bodies(model)
    except (ValueError, KeyError, IndexError, BodyError, ElementTree.ParseError) as e:
        raise MotionError(
            f"{path}: 'mjcf' is no model of this project's ({' '.join(str(e).split())[:200]}); "
            f"{_REMEDY}"
        ) from e
    sizes = {
        "nq": (found["qpos"].shape[1], model.nq),
        "nv": (found["qvel"].shape[1], model.nv),
        "nu": (found["ctrl"].shape[1], model.nu),
    }
    for letters, (here, there) in sizes.items():
        if here != there:
            raise MotionError(
                f"{path}: the arrays have {letters} = {here}, the model in 'mjcf' {there}; "
                f"{_REMEDY}"
            )
    names = [model.joint(i).name for i in range(1, model.njnt)]
    if names != [str(n) for n in found["joint_names"]]:
        raise MotionError(f"{path}: 'joint_names' are not those of 'mjcf'; {_REMEDY}")


def _check_xml(text: str) -> None:
    """Raises ValueError, ParseError for what motionrecon.body does not write."""
    if len(text) > _LONGEST_XML or "<!" in text:
        raise ValueError("too long, or with declarations")
    elements = list(ElementTree.fromstring(text).iter())
    if len(elements) > _MOST_ELEMENTS:
        raise ValueError(f"{len(elements)} elements")
    for element in elements:
        if element.tag not in _TAGS or any(_FILES.search(key) for key in element.attrib):
            raise ValueError(f"it has a <{element.tag}> that is not of ours")
