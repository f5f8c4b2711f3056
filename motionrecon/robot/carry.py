"""Whether a robot's motors can carry a motion, and by how much they fall short."""

from dataclasses import replace

import numpy as np

from motionrecon.body.build import Body
from motionrecon.engine import mujoco
from motionrecon.motion.motion import Motion
from motionrecon.motion.report import Judgement
from motionrecon.motion.verdict.falls import FALL
from motionrecon.physics.rollout import Simulator
from motionrecon.windows import Reference

# Times the torque limits: with so much a robot of any material could do what a person does.
_LIFTED = 20.0
_NAMED = 3  # hinges


def falls(motion: Motion) -> bool:
    """Whether the robot fell where the person did not, or is somewhere else altogether."""
    verdict = motion.require_report().require_verdict()
    fallen = verdict.measures.get(FALL.key) or 0.0
    return verdict.verdict == Judgement.FAILED or fallen > FALL.most


def stronger(body: Body, reference: Reference) -> tuple[Body, Reference]:
    """The same robot with motors twenty times as strong, to ask what the motion needs."""
    spec = mujoco.MjSpec.from_string(body.xml)
    for actuator in spec.actuators:
        actuator.forcerange = np.array(actuator.forcerange) * _LIFTED
    xml = spec.to_xml()
    model = mujoco.MjModel.from_xml_string(xml)
    simulator = Simulator(model)
    return replace(body, model=model, xml=xml), replace(reference, simulator=simulator)


def shortfall(robot: str, body: Body, stronger: Motion) -> str | None:
    """Where a robot's motors are too weak, of the motion that one with stronger motors makes; None
    where its limits would do.
    """
    limit = body.model.actuator_forcerange[:, 1]
    torque = np.abs(stronger.torques)
    ratio = torque.max(axis=0) / limit
    weak = [int(i) for i in np.argsort(-ratio) if ratio[i] > 1.0]
    if not weak:
        return None
    named = "; ".join(
        f"{stronger.joint_names[i]} {torque[:, i].max():.0f} N m at "
        f"{stronger.time[torque[:, i].argmax()]:.1f} s, its motor gives {limit[i]:.0f} "
        f"({ratio[i]:.1f} times)"
        for i in weak[:_NAMED]
    )
    more = f"; and {len(weak) - _NAMED} hinges more" if len(weak) > _NAMED else ""
    return (
        f"{robot} cannot carry this motion. It would need: {named}{more}; take a slower or "
        "smaller motion, or a stronger robot"
    )
