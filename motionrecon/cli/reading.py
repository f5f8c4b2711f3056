"""Options that settle what a file does not say, the same for every command that reads a clip."""

from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

from motionrecon.cli.usage import UsageError
from motionrecon.cli.words import unset


@dataclass(frozen=True)
class ReadingOptions:
    """Reading the file: each overrides what the file says or what is detected."""

    skeleton: Annotated[str | None, unset("NAME")] = None
    """what the columns are, by their order: coco17, halpe26, body25, h36m17, smpl24, mediapipe33,
    panoptic19, smpl22, smpl45, smplh52, smplx55, wholebody133, mhr70"""
    mapping: Annotated[str | None, unset("NAME|FILE")] = None
    """keypoints from joints or markers: a shipped one, a YAML file, none"""
    units: Annotated[str | None, unset("UNIT")] = None
    """m, cm, mm, in, cmu, or the metres in a unit"""
    up: Annotated[str | None, unset("AXIS")] = None
    """the file's up axis: z, y, x, -z, -y, -x (write --up=-y)"""
    fps: Annotated[float | None, unset("HZ")] = None
    """frames a second, Hz, above 0"""
    subject: Annotated[str | None, unset("NAME|N")] = None
    """which of several subjects; the first or second of doubled labels"""
    person: Annotated[int | Literal["all"] | None, unset("N|all")] = None
    """which of several persons, by number or track; all: reconstruct and inspect take everybody"""
    model: Annotated[str | None, unset("FILE")] = None
    """a motion's skeleton: .asf for .amc, MuJoCo .xml for keyframes alone"""
    forces: Annotated[str | None, unset("FILE")] = None
    """ground forces on the clip's clock: OpenSim's .mot or .sto, Cortex's .forces"""
    travel: Annotated[Literal["auto", "none"] | None, unset("{auto,none}")] = None
    """of keypoints that are relative to the root: recovered from the feet that stand (auto)"""
    belt: Annotated[str | None, unset("M/S|auto|none")] = None
    """of a treadmill whose belt moves: its speed, m/s; by default what the standing feet show"""
    allow_pickle: bool = False
    """read pickled arrays (VideoPose3D), plain data only"""

    def keywords(self) -> dict[str, Any]:
        """The keywords of motionrecon.load_clip. Raises UsageError for all persons."""
        if self.person == "all":
            raise UsageError(
                "--person all: expected a number here; reconstruct and inspect alone take all"
            )
        return asdict(self)

    def of_people(self) -> dict[str, Any]:
        """The keywords of motionrecon.clip.load.load_people."""
        return {k: v for k, v in asdict(self).items() if k not in ("person", "forces")}
