"""The project's own errors. The command line prints one as a single line and exits with code 2."""


class MotionReconError(Exception):
    """Something the user can mend; the message names the file or option, what was found and what to
    do.
    """


class ClipError(MotionReconError):
    """A clip that cannot be read or used."""


class BodyError(MotionReconError):
    """A body that cannot be built from the clip, or a model the simulator's derivatives do not
    cover.
    """


class OptimizerError(MotionReconError):
    """An unknown optimizer or options out of range."""


class OptionError(MotionReconError):
    """An option of a reconstruction that is out of range."""


class RobotError(MotionReconError):
    """A robot that is unknown, described wrongly, or that cannot carry a motion."""


class SceneError(MotionReconError):
    """A scene file that cannot be read, or supports that cannot be."""


class ModelError(MotionReconError):
    """Pretrained weights that are unknown, damaged, or of another configuration."""


class OutputError(MotionReconError):
    """A place that cannot be written."""


class MotionError(MotionReconError):
    """A saved motion that cannot be read."""


class ExportError(MotionReconError):
    """An unknown output format, one whose package is missing, or a motion it cannot hold."""


class ViewError(MotionReconError):
    """A result that cannot be looked at."""


class BatchError(MotionReconError):
    """Workers that cannot be started, or a scheduler whose package is missing."""


class ShapeError(MotionReconError, ValueError):
    """An array given to the physics that has another shape than it takes."""
