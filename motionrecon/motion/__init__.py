"""What comes out: the motion, its report, its scores."""

from motionrecon.motion.motion import Motion

__all__ = ["Motion"]
