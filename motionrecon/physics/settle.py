"""A first state on which the floor pushes as it should."""

import numpy as np
from jaxtyping import Float

from motionrecon.engine import mujoco
from motionrecon.physics.floor_forces import floor_contacts
from motionrecon.physics.rollout import Simulator

_DEEPEST_M, _HIGHEST_M = -0.025, 0.01
_HALVINGS = 14  # to 2 micrometres


def settled(
    simulator: Simulator,
    qpos: Float[np.ndarray, "nq"],
    qvel: Float[np.ndarray, "nv"],
    ctrl: Float[np.ndarray, "nu"],
    force: float,
) -> Float[np.ndarray, "nq"]:
    """qpos moved up or down until the floor gives `force` N upwards; as it is where that takes more
    than 25 mm down or 10 mm up, or no force is wanted.

    In plain words: kinematics know where the soles are to some millimetres, a loaded sole knows to
    some hundredths; without this every motion would begin with a fall or a bump.
    """
    m, d = simulator.model, simulator.data

    def carried(rise: float) -> float:
        mujoco.mj_resetData(m, d)
        d.qpos[:], d.qvel[:], d.ctrl[:] = qpos, qvel, ctrl
        d.qpos[2] += rise
        mujoco.mj_forward(m, d)
        return sum(float(contact.force[2]) for contact in floor_contacts(m, d))

    low, high = _DEEPEST_M, _HIGHEST_M
    if force <= 0 or carried(low) < force or carried(high) > force:
        return qpos.copy()
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if carried(middle) > force else (low, middle)
    out = qpos.copy()
    out[2] += 0.5 * (low + high)
    return out
