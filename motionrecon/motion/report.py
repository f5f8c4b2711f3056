"""The report of a reconstruction: how good the motion is, what it cost, what was found."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from motionrecon.errors import MotionError
from motionrecon.inputs import read_input
from motionrecon.motion.schema import declare

_NUMBERS = re.compile(r"\[\s+[-+\d.eE,\s]+\]")
_LARGEST_BYTES = 64 * 2**20  # an hour's takes 20 MiB
_LONGEST_REASON = 300  # characters of what a reader says, which may quote the file
_LEFT_OUT = (
    "input",
    "force_plates",
    "verdict",
)  # keys that a report lacks where there is nothing to say


class Status(StrEnum):
    """How a reconstruction ended."""

    OK = "ok"
    DEGRADED = "degraded"  # a window diverged, or had to begin anew
    INTERRUPTED = "interrupted"  # the motion ends where it was stopped


class WindowStatus(StrEnum):
    """How a window was solved."""

    OK = "ok"
    RESTARTED = "restarted"  # there was nothing to continue from: begun anew at the reference
    DIVERGED = "diverged"  # the simulation of its solution is not finite


class Judgement(StrEnum):
    """Whether a motion can be trusted."""

    OK = "ok"
    SUSPICIOUS = "suspicious"  # something is not as it should be: the reasons say where to look
    FAILED = "failed"  # not the clip's motion, or values that are no numbers


@dataclass(frozen=True, kw_only=True)
class KeypointScores:
    """Keypoints against a reference's; None for what cannot be measured."""

    mpjpe_g_mm: float | None = declare(
        "mm", "mean distance of keypoints to the clip's, no alignment"
    )
    mpjpe_mm: float | None = declare("mm", "the same with each frame's root aligned")
    pa_mpjpe_mm: float | None = declare(
        "mm", "the same after the best similarity transform of each frame"
    )
    accel_error_m_s2: float | None = declare("m/s^2", "mean error of acceleration")
    accel_error_mm_frame2: float | None = declare(
        "mm/frame^2", "the same; the field uses both units under one name"
    )
    jitter: float | None = declare("10 m/s^3", "mean norm of the third derivative")


@dataclass(frozen=True, kw_only=True)
class Scores(KeypointScores):
    """The same of a body, with what its feet and the floor say."""

    foot_skate_percent: float | None = declare(
        "%", "share of foot points in contact that move faster than 0.5 m/s"
    )
    penetration_mm: float | None = declare("mm", "mean depth below the floor of what is below it")
    float_mm: float | None = declare("mm", "mean height of the lowest point above the floor")


@dataclass(frozen=True, kw_only=True)
class PlateScores:
    """The floor's force on one foot against the force plates'."""

    rmse_bw: tuple[float, float, float] = declare(
        "body weights", "root mean square difference along x, y, z", frame="world"
    )
    correlation: tuple[float | None, float | None, float | None] = declare(
        "", "Pearson's along x, y, z; null for a constant force"
    )
    centre_of_pressure_rmse_mm: float | None = declare(
        "mm", "root mean square distance of the centres of pressure while both are loaded"
    )
    seconds: float = declare("s", "how long was judged")


@dataclass(frozen=True, kw_only=True)
class Seconds:
    """What took how long."""

    startup: float = declare("s", "imports, reading, floor, body")
    ik: float = declare("s", "inverse kinematics")
    optimise: float = declare("s", "the windows")
    total: float = declare("s", "all of it")
    until_first_iteration: float | None = declare(
        "s", "from the start to the end of the first iteration; null where none was finished"
    )


@dataclass(frozen=True, kw_only=True)
class WindowReport:
    """How one window was solved."""

    start_frame: int = declare("control frames", "where it begins")
    frames: int = declare("control frames", "its length")
    kept: int = declare("control frames", "how much of it is in the motion")
    status: WindowStatus = declare("", "ok, restarted (begun anew at the reference), diverged")
    loss_start: float | None = declare("", "loss of its start; null where that diverged")
    loss_end: float | None = declare("", "loss of its solution")
    evaluations: int = declare("", "of the loss, the whole window's")
    evaluations_growing: int = declare("", "those that grew the window", default=0)
    linearizations: int = declare("", "evaluations that took a Jacobian", default=0)
    linearizations_growing: int = declare("", "the same while growing", default=0)
    fallbacks: int = declare("", "times Levenberg-Marquardt had to take over", default=0)
    stopped: str = declare("", "why the optimizer ended", default="")
    message: str = declare("", "its last unusual event", default="")
    seconds_growing: float = declare("s", "what its start took, growing included", default=0.0)
    start: str = declare(
        "", "where it began: feedback, shifted (the last solution), zero", default=""
    )
    history: tuple[tuple[int, float, float], ...] = declare(
        "", "rows of evaluations, seconds, lowest loss after growing", default=()
    )


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether the motion can be trusted, and why not."""

    verdict: Judgement = declare("", "ok, suspicious or failed")
    reasons: tuple[str, ...] = declare("", "in plain words; none where it is ok", default=())
    kind: str = declare("", "as `motion_kind`: the limits go by it", default="other")
    measures: dict[str, float | None] = declare(
        "", "what was measured, by name; null for what cannot be", default=dict
    )
    limits: dict[str, float] = declare(
        "", "the most that each may be, for this clip's noise and kind", default=dict
    )
    worst_half_second_at: float | None = declare(
        "s", "where the motion is furthest off its keypoints", default=None
    )


@dataclass(frozen=True, kw_only=True)
class Report:
    """report.json. A report of an older version may lack what has a default here."""

    clip: str = declare("", "file of the clip")
    status: Status = declare(
        "", "ok; degraded: a window diverged or had to begin anew; interrupted"
    )
    warnings: tuple[str, ...] = declare("", "what to look at")
    ik: Scores = declare("", "scores of the inverse kinematics")
    result: Scores = declare("", "scores of the motion")
    input: KeypointScores | None = declare(
        "",
        "scores of the clip itself; only where another (`--reference`) is scored against",
        default=None,
    )
    force_plates: dict[str, PlateScores] | None = declare(
        "",
        "scores of `left` and `right` foot; only where the clip brings measured ground forces",
        default=None,
    )
    evaluations: int = declare("", "of the loss, all windows, those that grow a window included")
    seconds: Seconds = declare("s", "`startup`, `ik`, `optimise`, `total`, `until_first_iteration`")
    realtime_factor: float | None = declare("", "seconds of computing a second of motion")
    frames: int = declare("", "of the motion")
    mass_kg: float = declare("kg", "of the body")
    fallbacks: int = declare("", "times Levenberg-Marquardt had to take over", default=0)
    findings: tuple[str, ...] = declare("", "what was detected and estimated", default=())
    motion_kind: str = declare(
        "",
        "what the clip shows: walk, run, squat, jump or other; the filter goes by it",
        default="",
    )
    filter_hz: float | None = declare(
        "Hz", "low-pass of the arrays named `..._filtered`; null: no such arrays", default=None
    )
    filter_why: str = declare("", "why this filter", default="")
    noise_mm: float = declare("mm", "of the clip, a coordinate", default=0.0)
    options: dict[str, Any] = declare("", "of the reconstruction", default=dict)
    windows: tuple[WindowReport, ...] = declare("", "a window each", default=())
    stature_m: float | None = declare("m", "of the body, by its bones", default=None)
    verdict: Verdict | None = declare("", "whether the motion can be trusted", default=None)
    versions: dict[str, str] = declare("", "of Python and of packages", default=dict)

    @property
    def robot(self) -> str | None:
        """The robot that took the person's place, as `robot` of the options."""
        return self.options.get("robot")

    def require_verdict(self) -> Verdict:
        """The verdict. Raises MotionError for a report of a version that gave none."""
        if self.verdict is None:
            raise MotionError(f"the report of {self.clip} has no verdict; reconstruct it again")
        return self.verdict

    def to_json(self) -> dict[str, Any]:
        """Plain values, for json.dumps; keys as in report.json."""
        values: dict[str, Any] = msgspec.to_builtins(self)
        return {k: v for k, v in values.items() if v is not None or k not in _LEFT_OUT}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Report":
        """The report of plain values; keys that are not declared are passed over. Raises
        MotionError that names the key and what was expected.
        """
        try:
            return msgspec.convert(values, cls)
        except msgspec.ValidationError as e:
            raise MotionError(f"not a report of a reconstruction ({e})") from e

    def text(self) -> str:
        """report.json: indented, with lists of numbers on one line."""
        text = json.dumps(self.to_json(), indent=1, allow_nan=False)
        return _NUMBERS.sub(lambda row: re.sub(r"\s+", " ", row[0]), text) + "\n"

    @classmethod
    def load(cls, path: Path) -> "Report":
        """The report in a file. Raises MotionError, in one line that names the file and the key."""
        content = read_input(path, MotionError, _LARGEST_BYTES)
        try:
            # Strict JSON, which knows no NaN: what was read can be written again.
            return cls.from_json(msgspec.json.decode(content))
        except (msgspec.MsgspecError, ValueError, RecursionError, MotionError) as e:
            why = " ".join(str(e).split())[:_LONGEST_REASON]
            raise MotionError(
                f"{path}: cannot be read ({why}); move it away, the motion can be read without it"
            ) from e
