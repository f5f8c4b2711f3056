"""What comes out: the motion, its report, its scores."""

from motionrecon.motion.motion import Motion
from motionrecon.motion.report import Report, Status

__all__ = ["Motion", "Report", "Status"]
