"""Where a person's mass is, from the keypoints."""

import numpy as np
from jaxtyping import Float

from motionrecon.anatomy.anthropometry import SEGMENTS
from motionrecon.anatomy.points import Points


def centre_of_mass(p: Points) -> Float[np.ndarray, "T 3"]:
    """m: the legs', and all else as one piece in the middle of the trunk, or over the hips where no
    keypoint shows one.
    """
    bottom, top = p.trunk_bottom(), p.trunk_top()
    middle = np.where(np.isfinite(top), 0.5 * (bottom + top), bottom)
    out, share = np.zeros(bottom.shape), 1.0
    for side in "lr":
        hip, knee, ankle = p(f"{side}_hip"), p(f"{side}_knee"), p.ankle(side)
        for bone, a, b in (("thigh", hip, knee), ("shank", knee, ankle), ("foot", ankle, ankle)):
            part = SEGMENTS[bone]
            if np.isfinite(a + b).any():
                out += part.mass * (a + part.com * (b - a))
                share -= part.mass
    return out + share * middle
