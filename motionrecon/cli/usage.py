"""The error of a command line that cannot be understood."""

from motionrecon.errors import MotionReconError


class UsageError(MotionReconError):
    """An unknown command or option, or a value that an option does not take."""
