"""The eight measures of a motion that a batch's page shows, in words."""

from dataclasses import dataclass

from motionrecon.motion.verdict.judge import LIMITS

_MOST = {limit.key: limit.most for limit in LIMITS}


@dataclass(frozen=True)
class Measure:
    """key: a column of dataset.csv; label, unit: in words; factor: from the column's unit to this
    one; limited_by: the key of the verdict's limit, where it has one.
    """

    key: str
    label: str
    unit: str
    factor: float = 1.0
    limited_by: str | None = None

    @property
    def most(self) -> float | None:
        """The verdict's limit, in `unit`, before what it allows a clip's noise and kind."""
        return None if self.limited_by is None else self.factor * _MOST[self.limited_by]

    def of(self, row: dict) -> float | None:
        """Of a row of dataset.csv; None where it is not known."""
        value = row.get(self.key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        return self.factor * float(value)


SECONDS = "seconds_a_second"  # a column of the page's own: computing over motion

MEASURES = (
    Measure(
        "result_mpjpe_g_mm", "Distance to the keypoints (MPJPE-G)", "mm", limited_by="mpjpe_g_mm"
    ),
    Measure("foot_peak_bw", "Largest force on a foot", "body weights", limited_by="foot_peak_bw"),
    Measure(
        "air_share", "Time in the air where the person is not", "%", 100.0, limited_by="air_share"
    ),
    Measure(
        "root_residual_bw",
        "Force of the floor against what the motion asks for (RMS)",
        "body weights",
        limited_by="root_residual_bw",
    ),
    Measure("result_foot_skate_percent", "Standing feet that slide", "% of the time"),
    Measure(
        "result_penetration_mm",
        "Depth of the soles in the floor",
        "mm",
        limited_by="penetration_mm",
    ),
    Measure(
        "torque_limit_share",
        "Joints at the limit of their torque",
        "% of the time",
        100.0,
        limited_by="torque_limit_share",
    ),
    Measure(SECONDS, "Computing", "s a second of motion"),
)
