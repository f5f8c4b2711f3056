"""C3D, the binary file of motion laboratories: markers, and force plates with the positions of
their corners.

ezc3d parses it in a process of its own (motionrecon.io.isolated): it is C++, and a damaged file may
crash it.
"""

import os
import struct
from pathlib import Path

import numpy as np

from motionrecon.errors import ClipError
from motionrecon.inputs import open_input
from motionrecon.io import isolated
from motionrecon.io.base import Plates, Raw, ReadOptions, reader
from motionrecon.io.detect import UNITS
from motionrecon.io.extras import HEAVIEST_KG, LIGHTEST_KG

_BLOCK, _MAGIC, _SGI = 512, 0x50, 86


@reader(".c3d")
def read_c3d(path: Path, options: ReadOptions = ReadOptions()) -> Raw:
    """Markers under their labels (subjects' prefixes kept), NaN where invalid; force plates where
    they can be read.

    Raises ClipError for what is not a C3D, is damaged, or holds no marker.
    """
    _check_header(path)
    c = isolated.run(path, "c3d_child.py", path)
    labels = tuple(str(label) for label in c["labels"])
    if not labels or not c["points"].size:
        raise ClipError(
            f"{path}: this C3D holds no markers (only analog channels): nothing to reconstruct"
        )
    positions, rate, units = c["points"], float(c["rate"]), str(c["units"]).strip().lower()
    # Unlabelled trajectories, which are named *110 and the like, are nobody's marker.
    keep = [i for i, label in enumerate(labels) if label and not label.startswith("*")]
    findings, warnings = [f"C3D: {len(keep)} markers"], []
    plates = None
    if "force" in c:
        plates = Plates(c["plate_time"], c["force"], c["cop"])
        findings.append(f"{c['force'].shape[1]} force plate(s)")
    elif int(c["plates"]):
        warnings.append(
            f"{int(c['plates'])} force plate(s) that could not be read ({c['plates_error']}): "
            "left out"
        )
    extras, mass = {}, float(c["mass"])
    if LIGHTEST_KG <= mass <= HEAVIEST_KG:
        extras["body_mass_kg"] = np.array(mass)
        findings.append(f"body mass {mass:g} kg (PROCESSING:Bodymass)")
    elif mass != 0 and not np.isnan(mass):  # 0 is what programs write for none
        warnings.append(f"PROCESSING:Bodymass is {mass:g} kg, which nobody has: left out")
    return Raw(
        positions=positions[:, keep],
        names=tuple(labels[i] for i in keep),
        fps=rate if np.isfinite(rate) and rate > 0 else None,
        units=units if units in UNITS else None,
        plates=plates,
        extras=extras,
        findings=tuple(findings),
        warnings=tuple(warnings),
    )


def _check_header(path: Path) -> None:
    """What the parser must not be asked to believe. (c3d.org, user guide: the header section)"""
    with open_input(path, ClipError) as file:
        head = file.read(_BLOCK)
        size = os.fstat(file.fileno()).st_size
    if len(head) < _BLOCK or head[1] != _MAGIC:
        raise ClipError(f"{path}: this is not a C3D file" + (" (it is empty)" if not size else ""))
    parameters = head[0]
    data, _ = struct.unpack("<HH", head[16:20])
    if parameters < 2 or (parameters - 1) * _BLOCK + 4 > size:
        raise ClipError(
            f"{path}: the C3D is damaged or cut short: its parameters would begin in block "
            f"{parameters}"
        )
    with open_input(path, ClipError) as file:
        file.seek((parameters - 1) * _BLOCK)
        _, _, blocks, processor = file.read(4)
    if processor == _SGI:
        raise ClipError(
            f"{path}: this C3D was written on an SGI (processor type {_SGI}), which its parser "
            "does not know: save it anew for Intel processors"
        )
    if processor not in (84, 85):
        raise ClipError(
            f"{path}: the C3D is damaged: unknown processor type {processor} (expected 84 or 85)"
        )
    if (parameters - 1 + blocks) * _BLOCK > size or (data - 1) * _BLOCK > size:
        raise ClipError(f"{path}: the C3D is cut short: its header points beyond the file's end")
