"""MuJoCo XML with keyframes: where the model's bodies and sites are in each key.

MuJoCo compiles the model in a process of its own (motionrecon.io.isolated): it may be any file,
damaged or huge.
"""

import re
from pathlib import Path

import numpy as np

from motionrecon.errors import ClipError
from motionrecon.inputs import read_input
from motionrecon.io import isolated
from motionrecon.io.base import LARGEST_TEXT, Raw, ReadOptions, reader

_COMMENT = re.compile(b"<!--.*?-->", re.DOTALL)
_INCLUDE = re.compile(rb"<\s*include\b")  # of whatever file, which may be anybody's


@reader(".xml", ".mjcf")
def read_mjcf(path: Path, options: ReadOptions = ReadOptions()) -> Raw:
    """Origins of bodies and places of sites (T, K, 3), metres, z up; a key's time gives the rate.

    The file holds a model and its keys, or keys alone, whose model is options.model. Raises
    ClipError where MuJoCo cannot compile it, or it has no keys.
    """
    for file in (path, options.model):
        if file is not None and _INCLUDE.search(
            _COMMENT.sub(b"", read_input(file, ClipError, LARGEST_TEXT))
        ):
            raise ClipError(
                f"{file}: it includes other files, which are not read: save it as one, with "
                "mujoco.mj_saveLastXML"
            )
    c = isolated.run(path, "mjcf_child.py", path, options.model or "")
    if not len(c["time"]):
        raise ClipError(
            f"{path}: no keyframes: a motion is a <keyframe> with one <key time=... qpos=...> a "
            "frame, in the model's file "
            "or apart from it with --model MODEL.xml"
        )
    # Without gravity pointing down z is not up; a model without gravity says nothing.
    gravity = c["gravity"]
    down = int(np.argmax(np.abs(gravity)))
    up = ("-" if gravity[down] > 0 else "") + "xyz"[down] if np.abs(gravity).max() > 0 else None
    rising = len(c["time"]) > 1 and np.isfinite(c["time"]).all() and (np.diff(c["time"]) > 0).all()
    return Raw(
        positions=c["points"],
        names=tuple(str(n) for n in c["names"]),
        time=c["time"] if rising else None,
        units="m",
        up=up,
        findings=(f"MuJoCo: {len(c['time'])} keys of {len(c['names'])} bodies and sites",),
        warnings=() if rising else ("the keys' times do not rise: left out",),
    )
