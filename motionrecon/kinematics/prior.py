"""Where joints like to be, and how fast they change: the priors of inverse kinematics."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from motionrecon.kinematics.tree import Tree

# joint (without the side): neutral angle, standard deviation of a person's poses about it, degrees.
# What the keypoints do not see (wrists, toes, twists of straight limbs) stays near neutral, and
# bends are shared along the spine.
_NEUTRAL = {
    "lumbar_bend": (0, 20),
    "lumbar_side": (0, 12),
    "lumbar_twist": (0, 12),
    "thorax_bend": (0, 20),
    "thorax_side": (0, 12),
    "thorax_twist": (0, 15),
    "neck_bend": (0, 30),
    "neck_side": (0, 20),
    "neck_twist": (0, 35),
    "girdle_protraction": (0, 10),
    "girdle_elevation": (0, 10),
    "shoulder_first": (15, 90),
    "shoulder_second": (12, 60),
    "shoulder_twist": (0, 70),
    "elbow": (25, 60),
    "wrist": (20, 25),
    "hip_flexion": (10, 60),
    "hip_abduction": (5, 30),
    "hip_rotation": (5, 25),
    "knee": (10, 60),
    "ankle": (0, 30),
    "ankle_eversion": (0, 15),
    "toes": (0, 15),
}
# Spectral density S of acceleration as a white process, (rad/s^2)^2/Hz: var of a second difference
# is S dt^3. Chosen loose, not fitted. For comparison, var(second differences of solve_ik's qpos) /
# dt^3 over 18 clean clips (the six bundled, twelve walks, runs, hops and dances of other sources),
# upper quartile over clips: lumbar 1.0, thorax 0.7, neck 0.3, girdle 0.8, shoulder 12, elbow 20,
# hip 14, knee 73, ankle 41, toes 1, root 0.8 and 2.2. The values below are 2 (knee) to 60 (toes)
# times that: what was solved under this prior is smoother than what was done, and toes and wrists
# were hardly seen.
_AGITATION = {
    "lumbar": 15.0,
    "thorax": 15.0,
    "neck": 25.0,
    "girdle": 25.0,
    "shoulder": 120.0,
    "elbow": 120.0,
    "wrist": 60.0,
    "hip": 80.0,
    "knee": 150.0,
    "ankle": 120.0,
    "toes": 60.0,
}
_ROOT_TRANSLATION, _ROOT_ROTATION = 4.0, 25.0  # (m/s^2)^2/Hz and (rad/s^2)^2/Hz


@dataclass(frozen=True)
class Prior:
    """neutral (nv,) rad (root: 0), precision (nv,) 1/rad^2 of the pull to it (root: 0), agitation
    (nv,) as above.
    """

    neutral: Float[np.ndarray, " nv"]
    precision: Float[np.ndarray, " nv"]
    agitation: Float[np.ndarray, " nv"]


def prior_of(tree: Tree) -> Prior:
    """The prior of a tree whose joints are those of motionrecon.body.joints."""
    neutral, precision, agitation = (np.zeros(tree.nv) for _ in range(3))
    agitation[:3], agitation[3:6] = _ROOT_TRANSLATION, _ROOT_ROTATION
    for i, joint in enumerate(tree.joint_names):
        name = joint[2:] if joint[:2] in ("l_", "r_") else joint
        mean, spread = _NEUTRAL[name]
        neutral[6 + i], precision[6 + i] = np.deg2rad(mean), 1 / np.deg2rad(spread) ** 2
        agitation[6 + i] = _AGITATION[name.split("_")[0]]
    return Prior(neutral, precision, agitation)
