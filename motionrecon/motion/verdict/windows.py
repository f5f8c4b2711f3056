"""How the windows were solved."""

from motionrecon.motion.report import Status, WindowStatus
from motionrecon.motion.verdict.evidence import Evidence
from motionrecon.motion.verdict.limit import Finding, Limit

_NAMED = 4
BAD = Limit(
    "bad_windows", "", "windows that diverged or had to begin anew", 0.0, "none should: by choice"
)
ENDED = Limit(
    "cut_short", "", "1 where the reconstruction did not come to its end", 0.0, "by choice"
)


def windows(e: Evidence) -> list[Finding]:
    """Whether all of them were solved as they should be."""
    report = e.report
    bad = [w for w in report.windows if w.status != WindowStatus.OK]
    named = ", ".join(f"{w.status} at frame {w.start_frame}" for w in bad[:_NAMED])
    said = f"{len(bad)} of {len(report.windows)} windows were not solved as they should be: {named}"
    other = report.status != Status.OK and not bad
    return [BAD.at(len(bad), said), ENDED.at(other, f"the reconstruction is {report.status}")]
