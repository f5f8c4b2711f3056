"""MuJoCo, as everything here imports it: it writes no file and prints nothing of its own.

Unasked it appends every warning to MUJOCO_LOG.TXT in the current folder, through a planted link
too, and prints it, with whatever a model's file put in it. What matters of a warning is in mjData:
Rollout.diverged reads it there. Who wants the file back sets mujoco.MjLogConfig after this import.
"""

import mujoco

_config = mujoco.MjLogConfig.get()
_config.logto_file = _config.logto_console = False
_config.set()

__all__ = ["mujoco"]
