"""The second engine against the first: MJX under jax.grad against MuJoCo C and the closed form."""

import mujoco
import numpy as np
import pytest

from motionrecon.errors import BodyError
from motionrecon.physics.derivatives import gradient
from motionrecon.physics.mjx_engine import MjxSimulator
from motionrecon.physics.rollout import Simulator
from motionrecon_benchmarks.states import relative_error

# Small and compiled without optimisation, for compiling takes most of the time: two bodies, two
# hinges, two spheres.
TOUCH = 'contype="0" conaffinity="1" condim="3" friction=".9 .005 .0001" solimp=".01 .9 .005"'
HINGE = 'type="hinge" limited="true" armature=".01" damping=".1" solimplimit=".01 .95 .05"'
MODEL = f"""
<mujoco>
  <option timestep="0.008" integrator="implicitfast" cone="pyramidal" solver="Newton"
          iterations="50" tolerance="1e-10"/>
  <worldbody>
    <geom type="plane" size="0 0 .05" condim="3" contype="1" conaffinity="0"
          friction=".9 .005 .0001" solimp=".01 .9 .005"/>
    <body>
      <freejoint/>
      <geom type="box" size=".2 .1 .05" mass="3" contype="0" conaffinity="0"/>
      <geom type="sphere" size=".05" pos="-.2 0 0" mass="2" {TOUCH}/>
      <body pos=".2 0 0">
        <joint name="bend" axis="0 1 0" range="-12 20" {HINGE}/>
        <joint name="roll" axis="1 0 0" range="-4 4" {HINGE}/>
        <geom type="sphere" size=".04" pos=".3 0 -.1" mass="1.5" {TOUCH}/>
      </body>
    </body>
  </worldbody>
  <actuator>
    <position joint="bend" kp="20" kv="1" forcerange="-3 3"/>
    <position joint="roll" kp="20" kv="1" forcerange="-3 3"/>
  </actuator>
</mujoco>"""


@pytest.mark.parametrize("differentiation", ["one step", "unrolled"])
def test_states_and_gradient_are_those_of_the_first_engine(differentiation):
    model = mujoco.MjModel.from_xml_string(MODEL)
    simulator, rng, T = Simulator(model), np.random.default_rng(0), 20
    c, q, v = simulator.constants, model.qpos0.copy(), 0.5 * rng.normal(size=model.nv)
    q[2], v[:3] = 0.11, (1, 0.3, -0.5)
    ctrl = 0.3 * rng.normal(size=(T, 2))
    ctrl[5:8, 0] = 1.0
    dq, dv = rng.normal(size=(2, T + 1, model.nv))
    first = simulator.rollout(q, v, ctrl)
    depth = c.sphere_radius - first.centres[:, :, 2]
    assert (
        (depth[0] < 0).any()
        and (depth > 0).any(0).all()
        and first.saturated.any()
        and not first.saturated.all()
    )
    assert (first.qpos[:, 7:] < c.limit_low[6:]).any() or (
        first.qpos[:, 7:] > c.limit_high[6:]
    ).any()
    second = MjxSimulator(
        model, differentiation, compiler_options={"xla_backend_optimization_level": 0}
    )
    expected = gradient(c, first, dq, dv)
    for mine, theirs in zip(second.gradient(q, v, ctrl, dq, dv), expected, strict=True):
        assert mine.dtype == np.float64 and relative_error(mine, theirs) < 1e-9
    if (
        differentiation == "one step"
    ):  # both simulate the same; compiling once more would only take time
        states = second.rollout(q, v, ctrl)
        assert (
            relative_error(states.qpos, first.qpos) < 1e-11
            and relative_error(states.qvel, first.qvel) < 1e-11
        )


def test_wrong_use_is_an_error():
    model = mujoco.MjModel.from_xml_string(MODEL)
    with pytest.raises(BodyError, match="differentiation"):
        MjxSimulator(model, "finite")
    model.opt.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    with pytest.raises(BodyError, match="pyramidal"):
        MjxSimulator(model)
