"""build_body: a clip's humanoid with the clip's keypoints where they sit on it."""

from dataclasses import replace

from motionrecon.body.build import Body, measured_body
from motionrecon.body.mjcf import ModelOptions
from motionrecon.clip.clip import Clip
from motionrecon.kinematics.calibrate import calibrate
from motionrecon.kinematics.gaps import gather


def build_body(
    clip: Clip,
    mass_kg: float | None = None,
    noise_m: float = 0.0,
    options: ModelOptions = ModelOptions(),
) -> Body:
    """Humanoid of the clip's subject (keypoints (T, J, 3) m, z up, floor at 0), with keypoint_pos
    (K, 3) m found together with the poses of some frames (motionrecon.kinematics.calibrate).

    mass_kg: body mass; else clip.extras["body_mass_kg"]; else from stature at a body mass index of
    22.5 kg/m^2. noise_m: standard deviation (m) of the keypoints' noise a coordinate. Raises
    BodyError where the keypoints do not determine a body, or for a mass that is not a person's.

    In plain words: first the skeleton's size, then where on it this clip's markers are.
    """
    body = measured_body(clip, mass_kg, options)
    target, weight = gather(body, clip)
    return replace(body, keypoint_pos=calibrate(body, target, weight, noise_m))
