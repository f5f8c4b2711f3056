"""Joint moments against those that a clip brings from inverse dynamics of measured forces."""

from __future__ import annotations

import numpy as np

from motionrecon.clip.clip import Clip
from motionrecon.errors import ClipError
from motionrecon.motion.assemble import clip_clock
from motionrecon.motion.lowpass import low_pass
from motionrecon.motion.motion import Motion

_NEEDED = ("id_time", "id_names", "id_moments")


def moment_scores(motion: Motion, clip: Clip, hz: float | None) -> dict[str, dict[str, float]]:
    """{"joint_moment_mae_nm_kg": {joint: mean absolute error, N m/kg}}, of the joints that both
    name; nothing where the clip brings no moments.

    In extras: id_time (t,) s on the clip's clock, id_names (n,) as `joint_names`, id_moments (t, n)
    N m, net internal, signs as docs/formats/out.md says of the angles; NaN where unknown. They are
    taken as they are; ours go through the filter of the forces (hz). Raises ClipError for arrays
    that do not go together.
    """
    ours = motion.simulation_joint_moments
    if ours is None or any(k not in clip.extras for k in _NEEDED):
        return {}
    names = [str(n) for n in np.atleast_1d(clip.extras["id_names"])]
    time, values = np.asarray(clip.extras["id_time"]), np.asarray(clip.extras["id_moments"])
    if values.shape != (time.size, len(names)) or {time.dtype.kind, values.dtype.kind} - set("fiu"):
        raise ClipError(
            f"{clip.source}: 'id_moments' has type {values.dtype} and shape {values.shape}; "
            f"expected numbers ({time.size}, {len(names)}), one a time and joint"
        )
    mine = clip_clock(clip, 1)[0] + motion.timestep * np.arange(len(ours))
    inside = (time >= mine[0]) & (time <= mine[-1])
    smooth = ours if hz is None else low_pass(ours, 1 / motion.timestep, hz)
    errors = {}
    for column, name in enumerate(names):
        if name not in motion.joint_names or not np.isfinite(values[inside, column]).any():
            continue
        here = np.interp(time[inside], mine, smooth[:, motion.joint_names.index(name)])
        errors[name] = float(np.nanmean(np.abs(here - values[inside, column])) / motion.mass_kg)
    return {"joint_moment_mae_nm_kg": errors} if errors else {}
