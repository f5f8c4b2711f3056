"""A clip's humanoid: lengths measured from the keypoints, mass and inertias from anthropometry."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from motionrecon.anatomy import anthropometry as table
from motionrecon.body import contacts, mjcf, segments
from motionrecon.body.foot import FootShape, stance_shape
from motionrecon.body.keypoints import placements
from motionrecon.body.mjcf import ModelOptions
from motionrecon.body.proportions import Proportions, measure
from motionrecon.clip.clip import Clip
from motionrecon.engine import mujoco
from motionrecon.errors import BodyError
from motionrecon.scene import Scene

_MASS = "body mass"  # how the finding about it begins


@dataclass(frozen=True)
class Body:
    """A subject's humanoid and where the clip's keypoints sit on it.

    model: free root "pelvis" (dofs 0 to 5), then hinges, one position actuator each, spheres
    against the plane "floor". xml: the same as MJCF. keypoint_names: those of the clip that sit on
    the body; keypoint_body (K,) body ids, keypoint_pos (K, 3) m in the body's frame,
    keypoint_spread (K,) m how much sources differ in that placement.
    """

    model: mujoco.MjModel
    xml: str
    keypoint_names: tuple[str, ...]
    keypoint_body: Int[np.ndarray, " K"]
    keypoint_pos: Float[np.ndarray, "K 3"]
    mass_kg: float
    findings: tuple[str, ...]
    warnings: tuple[str, ...]
    proportions: Proportions
    keypoint_spread: Float[np.ndarray, " K"]
    scene: Scene = Scene()
    """What is in the model besides the floor and the body."""

    def showing(self, count: int) -> "Body":
        """The body with its first `count` keypoints only."""
        return replace(
            self,
            keypoint_names=self.keypoint_names[:count],
            keypoint_body=self.keypoint_body[:count],
            keypoint_pos=self.keypoint_pos[:count],
            keypoint_spread=self.keypoint_spread[:count],
        )


def measured_body(
    clip: Clip, mass_kg: float | None = None, options: ModelOptions = ModelOptions()
) -> Body:
    """Humanoid of the clip's subject (keypoints (T, J, 3) m, z up, floor at 0), its keypoints at
    their usual places; motionrecon.kinematics.build_body finds where this clip has them.

    mass_kg: body mass; else clip.extras["body_mass_kg"]; else from stature at a body mass index of
    22.5 kg/m^2. Raises BodyError where the keypoints do not determine a body, or for a mass that is
    not a person's.
    """
    try:
        return _measured(clip, mass_kg, options)
    except BodyError as e:
        raise BodyError(f"{clip.source}: {e}") from e


def _measured(clip: Clip, mass_kg: float | None, options: ModelOptions) -> Body:
    proportions = measure(clip.keypoints, clip.names)
    foot = stance_shape(clip.keypoints, clip.names, clip.fps, proportions.stature)
    if foot.ankle_height is not None:
        proportions = replace(proportions, ankle_height=foot.ankle_height)
    mass, how = _mass(clip, mass_kg, proportions)
    return assemble(
        proportions,
        mass,
        clip.names,
        options,
        findings=(
            f"stature about {proportions.stature:.2f} m from the bone lengths",
            f"{_MASS} {mass:.1f} kg ({how})",
        ),
        foot=foot,
    )


def assemble(
    proportions: Proportions,
    mass: float,
    names: tuple[str, ...],
    options: ModelOptions = ModelOptions(),
    findings: tuple[str, ...] = (),
    foot: FootShape | None = None,
) -> Body:
    """Body of given lengths (m) and mass (kg), with those of `names` on it that it knows."""
    at = segments.origins(proportions)
    spec = mjcf.to_spec(
        segments.build(proportions, mass),
        contacts.spheres(proportions, at),
        proportions,
        mass,
        options,
    )
    mjcf.set_damping(spec, options)
    # compiled from its text, so that who loads the text gets this very model
    xml = spec.to_xml()
    model = mujoco.MjModel.from_xml_string(xml)
    known = placements(proportions, at, foot)
    on_body = tuple(n for n in names if n in known)
    unknown = [n for n in names if n not in known]
    if len(on_body) < 6:
        raise BodyError(
            f"only {len(on_body)} of the clip's keypoints have a place on the body: "
            f"{', '.join(names)}"
        )
    return Body(
        model=model,
        xml=xml,
        keypoint_names=on_body,
        keypoint_body=np.array([model.body(known[n].segment).id for n in on_body]),
        keypoint_pos=np.array([known[n].offset for n in on_body]),
        mass_kg=mass,
        findings=(
            *findings,
            f"keypoints without a place on the body, not used: {', '.join(unknown)}",
        )
        if unknown
        else findings,
        warnings=(),
        proportions=proportions,
        keypoint_spread=np.array([known[n].spread for n in on_body]),
        scene=options.scene,
    )


def reweighed(body: Body, mass: float, how: str, options: ModelOptions = ModelOptions()) -> Body:
    """The body with another mass (kg); how: where it comes from, in words for the finding. Lengths
    and keypoints stay; masses, inertias, strengths and servos scale. Raises BodyError for a mass
    that is not a person's.
    """
    scaled = assemble(body.proportions, _checked(mass), body.keypoint_names, options)
    findings = (f for f in body.findings if not f.startswith(_MASS))
    return replace(
        body,
        model=scaled.model,
        xml=scaled.xml,
        mass_kg=mass,
        findings=(*findings, f"{_MASS} {mass:.1f} kg ({how})"),
    )


def _checked(mass: float) -> float:
    if not (np.isfinite(mass) and 5.0 <= mass <= 300.0):
        raise BodyError(f"body mass {mass} kg; expected 5 to 300 kg")
    return mass


def _mass(clip: Clip, given: float | None, proportions: Proportions) -> tuple[float, str]:
    how = "given"
    if given is None:
        extra = clip.extras.get("body_mass_kg")
        given, how = (None, how) if extra is None else (float(extra), "from the clip")
    if given is None:
        return table.BODY_MASS_INDEX * proportions.stature**2, "estimated from stature"
    return _checked(float(given)), how
