"""A second engine behind the interface of ``rollout`` and ``derivatives``: pure JAX, MJX's step
under jax.grad.

It is the cross-check of the closed form and its slow rival in ``motionrecon benchmark gradient``;
on an accelerator it batches. JAX is imported when a simulator is made. It supports every model that
``constants.read_constants`` accepts (the same physics is what is compared), in float64 only:
float32 loses three digits in the step's matrices.

Where MJX departs from MuJoCo C, or cannot be differentiated in reverse, this file steps with MJX's
own stages and replaces one of them:

- MJX solves the constraints in a ``lax.while_loop``, which has no reverse mode.
  ``differentiation="unrolled"`` repeats MJX's solver at ``iterations=1``, the form it does
  differentiate, until converged. ``"one step"`` runs the loop without gradient and differentiates
  one Newton step at its solution with the active rows held, which is exact there (Bolte, Pauwels &
  Vaiter, "One-step differentiation of iterative algorithms", NeurIPS 2023) and faster.
- MJX's implicitfast keeps a saturated actuator's damping in the matrix that it inverts; MuJoCo C
  drops it, and so does the step here.
"""

from __future__ import annotations

import functools
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
from jaxtyping import Float

from motionrecon.engine import mujoco
from motionrecon.errors import BodyError
from motionrecon.physics.constants import read_constants

if TYPE_CHECKING:  # JAX loads when a simulator is made
    from jax import Array
    from mujoco.mjx import Data

Pulled: TypeAlias = tuple[
    Float[np.ndarray, "T nu"], Float[np.ndarray, " nv"], Float[np.ndarray, " nv"]
]
"""dL/dctrl, dL/dqpos_0 (tangent) and dL/dqvel_0."""


class States(NamedTuple):
    """States 0..T: qpos (T+1, nq) and qvel (T+1, nv), SI units, MuJoCo's conventions."""

    qpos: Float[np.ndarray, "T+1 nq"]
    qvel: Float[np.ndarray, "T+1 nv"]


class MjxSimulator:
    """One MuJoCo model in MJX, float64, on JAX's default device; compiles once for every number of
    steps.

    differentiation: "one step" or "unrolled" (see the module); iterations: of the unrolled solver,
    a fixed number a step; compiler_options: XLA's, for jax.jit. Raises BodyError where the model is
    outside what the closed form covers.
    """

    def __init__(
        self,
        model: mujoco.MjModel,
        differentiation: str = "one step",
        iterations: int = 12,
        compiler_options: dict[str, Any] | None = None,
    ) -> None:
        import jax
        from mujoco import mjx

        if differentiation not in ("one step", "unrolled"):
            raise BodyError(
                f"differentiation {differentiation!r}: expected 'one step' or 'unrolled'"
            )
        read_constants(model)
        self._jax, self._mjx, self._iterations = jax, mjx, iterations
        self._unrolled = differentiation == "unrolled"
        with jax.enable_x64(True):
            self._model = mjx.put_model(model)
            self._data = mjx.make_data(self._model)
            self._once = self._model.tree_replace({"opt.iterations": 1})
        limited = model.actuator_forcelimited.astype(bool)
        self._low = np.where(limited, model.actuator_forcerange[:, 0], -np.inf)
        self._high = np.where(limited, model.actuator_forcerange[:, 1], np.inf)
        self._dof = model.jnt_dofadr[model.actuator_trnid[:, 0]]
        self._damping, self._kv = (
            np.array(model.dof_damping).reshape(model.nv),
            -model.actuator_biasprm[:, 2].copy(),
        )
        self._compiled_states = jax.jit(self._states, compiler_options=compiler_options)
        self._compiled_pull = jax.jit(self._pull, compiler_options=compiler_options)

    def rollout(
        self,
        qpos: Float[np.ndarray, " nq"],
        qvel: Float[np.ndarray, " nv"],
        ctrl: Float[np.ndarray, "T nu"],
    ) -> States:
        """Simulate from qpos (nq,), qvel (nv,) under ctrl (T, nu), the servos' targets in rad."""
        with self._jax.enable_x64(True):
            return States(
                *(np.asarray(a) for a in self._compiled_states(*_doubles(qpos, qvel, ctrl)))
            )

    def gradient(
        self,
        qpos: Float[np.ndarray, " nq"],
        qvel: Float[np.ndarray, " nv"],
        ctrl: Float[np.ndarray, "T nu"],
        dq: Float[np.ndarray, "T+1 nv"],
        dv: Float[np.ndarray, "T+1 nv"],
    ) -> Pulled:
        """Pull a loss's gradient with respect to the states back, by reverse mode through
        rollout(qpos, qvel, ctrl).

        dq, dv (T+1, nv) as in ``derivatives.gradient``: dL/d(configuration), in MuJoCo's tangent
        space, and dL/dqvel. Returns dL/dctrl (T, nu), dL/dqpos_0 (nv,) tangent, dL/dqvel_0 (nv,).
        """
        with self._jax.enable_x64(True):
            du, pq, pv = self._compiled_pull(*_doubles(qpos, qvel, ctrl, dq, dv))
            return np.asarray(du), np.asarray(pq), np.asarray(pv)

    def _pull(
        self, qpos: Array, qvel: Array, ctrl: Array, dq: Array, dv: Array
    ) -> tuple[Array, ...]:
        jax, jnp = self._jax, self._jax.numpy

        def states(ctrl: Array, turn: Array, qvel: Array) -> tuple[Array, Array]:
            # the first configuration moved by a tangent vector: its cotangent is dL/dqpos_0
            turned = qpos[3:7] + _tangent(jnp, qpos[3:7]) @ turn[3:6]
            moved = jnp.concatenate([qpos[:3] + turn[:3], turned, qpos[7:] + turn[6:]])
            return self._states(moved, qvel, ctrl)

        (Q, _), back = jax.vjp(states, ctrl, jnp.zeros_like(qvel), qvel)
        # A tangent cotangent p on a unit quaternion is 4 J p in its coordinates: J'J is a quarter
        # of the identity.
        quaternion = 4 * jnp.einsum(
            "tij,tj->ti", jax.vmap(functools.partial(_tangent, jnp))(Q[:, 3:7]), dq[:, 3:6]
        )
        return back((jnp.concatenate([dq[:, :3], quaternion, dq[:, 6:]], 1), dv))

    def _states(self, qpos: Array, qvel: Array, ctrl: Array) -> tuple[Array, Array]:
        jnp = self._jax.numpy
        first = self._data.replace(qpos=qpos, qvel=qvel)

        # Rematerialised, or every solver iteration of every step would be kept for the way back.
        @self._jax.checkpoint
        def step(state: tuple[Array, ...], u: Array) -> tuple[tuple[Array, ...], ...]:
            # The data carries positions, velocities and the warm start from step to step; the rest
            # is made anew.
            q, v, warm = state
            d = self._step(first.replace(qpos=q, qvel=v, qacc_warmstart=warm, ctrl=u))
            return (d.qpos, d.qvel, d.qacc_warmstart), (d.qpos, d.qvel)

        _, (Q, V) = self._jax.lax.scan(step, (qpos, qvel, jnp.zeros_like(qvel)), ctrl)
        return jnp.concatenate([qpos[None], Q]), jnp.concatenate([qvel[None], V])

    def _step(self, d: Data) -> Data:
        mjx, m, jnp = self._mjx, self._model, self._jax.numpy
        d = mjx.fwd_acceleration(
            m, mjx.fwd_actuation(m, mjx.fwd_velocity(m, mjx.fwd_position(m, d)))
        )
        d = self._solve_unrolled(d) if self._unrolled else self._solve_one_step(d)
        free = (d.actuator_force > self._low) & (d.actuator_force < self._high)
        damping = jnp.asarray(self._damping).at[self._dof].add(jnp.where(free, self._kv, 0.0))
        h, Mhat = m.opt.timestep, mjx.full_m(m, d) + m.opt.timestep * jnp.diag(damping)
        v = d.qvel + h * _solve(self._jax.scipy, Mhat, d.qfrc_smooth + d.qfrc_constraint)
        q = jnp.concatenate(
            [d.qpos[:3] + h * v[:3], _turn(jnp, d.qpos[3:7], h * v[3:6]), d.qpos[7:] + h * v[6:]]
        )
        return d.replace(qpos=q, qvel=v, qacc_warmstart=d.qacc)

    def _solve_unrolled(self, d: Data) -> Data:
        m, mjx = self._once, self._mjx

        def iteration(d: Data, _: None) -> tuple[Data, None]:
            d = mjx.solve(m, d)
            return d.replace(qacc_warmstart=d.qacc), None

        return self._jax.lax.scan(iteration, d, None, length=self._iterations)[0]

    def _solve_one_step(self, d: Data) -> Data:
        m, mjx, fixed = self._model, self._mjx, self._jax.lax.stop_gradient
        J, weight, reference = d._impl.efc_J, d._impl.efc_D, d._impl.efc_aref
        a = fixed(mjx.solve(m, fixed(d)).qacc)
        weight = weight * fixed(J @ a < reference)
        M = mjx.full_m(m, d)
        slope = M @ a - d.qfrc_smooth - J.T @ (weight * (reference - J @ a))
        a = a - _solve(self._jax.scipy, M + (J.T * weight) @ J, slope)
        return d.replace(qacc=a, qfrc_constraint=J.T @ (weight * (reference - J @ a)))


def _doubles(*arrays: np.ndarray) -> tuple[np.ndarray, ...]:
    return tuple(np.asarray(a, np.float64) for a in arrays)


def _solve(scipy: ModuleType, A: Array, b: Array) -> Array:
    """A^-1 b of a positive definite A; jax.scipy is handed in, as JAX loads late."""
    return scipy.linalg.cho_solve(scipy.linalg.cho_factor(A), b)


def _tangent(jnp: ModuleType, q: Array) -> Array:
    """(4, 3) derivative at d = 0 of the quaternion q (4,) turned by the rotation vector d in its
    own frame.
    """
    w, x, y, z = q
    return 0.5 * jnp.stack(
        [jnp.stack(r) for r in ((-x, -y, -z), (w, -z, y), (z, w, -x), (-y, x, w))]
    )


def _turn(jnp: ModuleType, q: Array, d: Array) -> Array:
    """The quaternion q (4,) turned by the rotation vector d (3,) rad in its own frame; smooth at d
    = 0.
    """
    square = d @ d
    small = square < 1e-8
    angle = jnp.sqrt(jnp.where(small, 1.0, square))
    cosine = jnp.where(small, 1 - square / 8 + square**2 / 384, jnp.cos(angle / 2))
    sine = jnp.where(small, 1 - square / 24 + square**2 / 1920, jnp.sin(angle / 2) / (angle / 2))
    turned = cosine * q + sine * (_tangent(jnp, q) @ d)
    return turned / jnp.sqrt(turned @ turned)
