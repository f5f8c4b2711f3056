"""Joint moments beside OpenSim's inverse dynamics of the same body, forces and motion."""

import contextlib
import json
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from tyro.conf import Positional

from motionrecon import assets
from motionrecon.atomic import write_atomically
from motionrecon.batch.scan import find_clips
from motionrecon.cli.words import unset
from motionrecon.clip.load import load_clip
from motionrecon.errors import ExportError, MotionReconError
from motionrecon.export import write
from motionrecon.motion.plates import Plates
from motionrecon.pipeline import reconstruct
from motionrecon.terminal import muted, say_text

JOINTS = {"hip": "hip_flexion", "knee": "knee_angle", "ankle": "ankle_angle"}


@dataclass(frozen=True)
class Study:
    """Moments of hip, knee and ankle by OpenSim and by us, of clips with force plates."""

    clips: Annotated[Positional[Path | None], unset("FOLDER")] = None
    """clips (default: the bundled ones)"""
    plates: bool = True
    """only clips that have force plates, where there is a folder of clips"""
    seconds: Annotated[float | None, unset("S")] = None
    """only so much of a clip's beginning, s"""
    out: Path = field(default=Path("out/benchmark-opensim"))
    """folder of opensim.json and opensim.md"""


def compare(folder: Path) -> dict[str, list[float]]:
    """joint -> [correlation, root of the mean square difference, of ours; N m], means over sides of
    a folder of exports osim and sto. Raises ExportError without OpenSim.
    """
    try:
        import opensim
    except ImportError as e:
        raise ExportError("this study needs OpenSim: pip install 'motionrecon[opensim]'") from e
    opensim.Logger.setLevelString("Off")
    with contextlib.chdir(folder), muted():
        opensim.InverseDynamicsTool("motion_id.xml").run()
        theirs = opensim.TimeSeriesTable("motion_inverse_dynamics.sto")
        ours = opensim.TimeSeriesTable("motion_moments.sto")
    found = {}
    for joint, coordinate in JOINTS.items():
        rows = []
        for side in "lr":
            name = f"{coordinate}_{side}_moment"
            a, b = (np.array(t.getDependentColumn(name).to_numpy()) for t in (theirs, ours))
            r = float(np.corrcoef(a, b)[0, 1])
            rows.append([r, float(np.sqrt(np.mean((a - b) ** 2))), float(np.sqrt(np.mean(b**2)))])
        found[joint] = np.mean(rows, axis=0).tolist()
    return found


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown, a line a clip."""
    head = ["clip"] + [f"{joint}: r; difference of, N m" for joint in JOINTS]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for row in rows:
        cells = [f"{r:.3f}; {off:.1f} of {own:.0f}" for r, off, own in (row[j] for j in JOINTS)]
        lines.append(f"| {row['clip']} | " + " | ".join(cells) + " |")
    least = [f"{min(row[joint][0] for row in rows):.3f}" for joint in JOINTS]
    lines.append("| least r | " + " | ".join(least) + " |")
    return "\n".join(lines) + "\n"


def main(a: Study) -> int:
    """Writes opensim.json and opensim.md. Raises MotionReconError's."""
    paths = find_clips(a.clips or assets.clip_path("walk").parent)[1]
    rows: list[dict[str, Any]] = []
    for path in paths:
        try:
            clip = load_clip(path)
            if a.clips and a.plates and Plates.of(clip.extras) is None:
                continue
            motion = reconstruct(clip if a.seconds is None else clip.until(a.seconds))
        except MotionReconError as e:
            say_text(f"{path.stem}: left out: {e}\n")
            continue
        with tempfile.TemporaryDirectory() as place:
            write(motion, place, "osim,sto")
            rows.append({"clip": path.stem} | compare(Path(place)))
        a.out.mkdir(parents=True, exist_ok=True)
        with write_atomically(a.out / "opensim.json") as part:
            part.write_text(json.dumps(rows))
        with write_atomically(a.out / "opensim.md") as part:
            part.write_text(table(rows))
    if not rows:
        raise ExportError(f"{a.clips}: no clip with force plates; --no-plates takes all")
    say_text((a.out / "opensim.md").read_text())
    return 0
