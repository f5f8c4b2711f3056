"""Net joint moments of a rollout: what inverse dynamics of the simulated motion gives."""

import numpy as np
from jaxtyping import Float

from motionrecon.physics.constants import Constants
from motionrecon.physics.rollout import Rollout


def limit_forces(c: Constants, rollout: Rollout, steps: int) -> Float[np.ndarray, "n nv"]:
    """N m, by the ends of the joints' ranges at the states before a rollout's first `steps` steps.

    The active limits are the first rows of a step's constraints, in the order of the joints (the
    lower end before the upper); a limit is active where the angle is beyond it.
    """
    hinges = np.flatnonzero(c.limited)
    angle = rollout.qpos[:steps, c.qpos_of_dof[hinges]]
    below, above = angle < c.limit_low[hinges], angle > c.limit_high[hinges]
    beyond = below | above
    out = np.zeros((steps, len(c.damping)))
    for t in np.flatnonzero(beyond.any(axis=1)):
        push = rollout.constraint_force[t][: np.count_nonzero(beyond[t])]
        out[t, hinges[beyond[t]]] = np.where(below[t], 1.0, -1.0)[beyond[t]] * push
    return out


def joint_moments(c: Constants, rollout: Rollout, steps: int) -> Float[np.ndarray, "n nu"]:
    """Net internal moment of every hinge, N m, over a rollout's first `steps` steps, in the order
    of the actuators; positive turns the hinge positively.

    Servo, damping and the ends of the joint's range together, as they act over the step:
    implicitfast (MuJoCo manual, Computation, 'Numerical integration') takes what depends on
    velocity at the step's end, so that h (kv + damping) a comes off, with a = (v' - v) / h. What
    turns the armature, which no person has, comes off too: armature times a. With the floor's
    forces these moments satisfy the equations of motion of the segments alone: inverse dynamics of
    the same motion gives the same.

    In plain words: what muscles and ligaments together would have to do at each joint.
    """
    dof, v = c.actuator_dof, rollout.qvel[: steps + 1]
    acceleration = np.diff(v, axis=0)[:, dof] / c.h
    implicit = c.damping[dof] + np.where(rollout.saturated[:steps, dof], 0.0, c.kv[dof])
    return (
        rollout.torque[:steps]
        - c.damping[dof] * v[:-1, dof]
        + limit_forces(c, rollout, steps)[:, dof]
        - (c.h * implicit + c.armature[dof]) * acceleration
    )
