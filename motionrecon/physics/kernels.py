"""Compiled closed-form derivatives of one MuJoCo step, in stages.

docs/theory/derivatives.md derives every formula and says which function here computes it; the
table of symbols there and the names here are the same. In short, with k, j dofs and b bodies:

| name | shape | symbol |
|---|---|---|
| S | (nv, 6) | motion axes, MuJoCo's cdof, about the root's subtree centre of mass |
| v, a, v_next | (nv,) | qvel, qacc before the step and qvel after it |
| V, A | (nv, 6) | spatial velocity and acceleration (gravity included) after each dof |
| Z | (nv, 6) | sum of S (a - z) with z = (v_next - v) / h, the acceleration of the step itself |
| Y | (nv, 6) | sum of S (a + b v): what contacts see, b their reference damping |
| Sdot, Pdot | (nv, 6) | derivatives of the axes: V x S, V after the joint and before it |
| Pddot | (nv, 6) | A x S + V x Pdot, before the joint |
| PZ, PY | (nv, 6) | Z and Y before the joint, crossed with S |
| I, B, K, G | (nb, ...) | inertia, its velocity matrix, contact stiffness and contact geometry |
| f, fz, phi | (nb, 6) | wrenches of inertia (of A and of Z) and of contact |
| M, H, Mhat | tree-sparse | mass matrix, M + J'DJ, M + h diag(damping + kv) |
| Rq, Rv, Mz | tree-sparse | derivatives of inverse dynamics R and of M (a - z) |
| mu, nu | (nv,) | multipliers of the integrator's and of the solver's equation |

Motion vectors are [rotation, translation], wrenches [moment, force]. Composite means summed over
the subtree. Every contact touches one chain of the tree, so H keeps the sparsity of M: matrices are
stored as rows over ancestors (``Tree.row_start``). For a pair (k, i-th ancestor j), ``*_up`` holds
entry [k, j] and ``*_low`` entry [j, k].

References: Featherstone, Rigid Body Dynamics Algorithms (2008), chapter 6; Singh, Russell &
Wensing, "Efficient analytical derivatives of rigid-body dynamics" (RA-L 2022); MuJoCo manual,
chapter Computation.

All in one file, records included, for numba's cache on disk notices changes of the file that a
function is in, and neither of the functions it calls nor of the order of a record's fields.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from motionrecon.compiled import njit

# No fastmath. A helper that is not inlined exists twice, compiled alone and with its caller; a
# process that compiles runs the one, a process that loads from numba's cache the other, and with
# fastmath the two round differently: a clip's result would depend on whether its run was the
# machine's first.
_jit = njit(nogil=True, error_model="numpy")

# Called by kernels only: without the wrappers for Python and C, which take long to compile.
_NO_WRAPPERS: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
_helper = njit(nogil=True, error_model="numpy", **_NO_WRAPPERS)

# A stage is compiled into its caller: handing records over, each array with its reference count,
# would cost a third of the adjoint's time. For the same reason loops work on arrays that were taken
# out of their record before.
_stage = njit(nogil=True, error_model="numpy", inline="always")

# ---- Records -------------------------------------------------------------------------------------


class Constants(NamedTuple):
    """Arrays of one model, for the compiled kernels; nv dofs, nb bodies, nc spheres, nu actuators.

    Rows of the tree-sparse matrices: entry ``row_start[k] + i`` belongs to dof k and its i-th
    ancestor (root first, k itself last), so the row of an ancestor is a prefix of the rows below
    it.
    """

    h: float  # time step, s
    dof_parent: Int[np.ndarray, " nv"]  # parent dof, -1 at the root
    dof_body: Int[np.ndarray, " nv"]
    row_start: Int[np.ndarray, " nv+1"]
    ancestors: Int[np.ndarray, " entries"]
    body_parent: Int[np.ndarray, " nb"]
    body_dof: Int[np.ndarray, " nb"]  # last dof that moves the body, -1 for none
    qpos_of_dof: Int[np.ndarray, " nv"]  # index in qpos of a hinge's angle, -1 for the root
    armature: Float[np.ndarray, " nv"]  # kg m^2
    damping: Float[np.ndarray, " nv"]  # N m s/rad
    stiffness: Float[np.ndarray, " nv"]  # passive spring, N m/rad
    kp: Float[np.ndarray, " nv"]  # position actuators, N m/rad
    kv: Float[np.ndarray, " nv"]  # N m s/rad
    actuator_dof: Int[np.ndarray, " nu"]
    gravity: Float[np.ndarray, " 6"]  # minus gravity as a spatial acceleration
    sphere_geom: Int[np.ndarray, " nc"]  # geom ids
    sphere_body: Int[np.ndarray, " nc"]
    sphere_radius: Float[np.ndarray, " nc"]  # m
    contact_inverse_weight: Float[np.ndarray, " nc"]  # 1 / diagApprox of a pyramid edge
    contact_rows: Float[np.ndarray, "4 3"]  # pyramid edges n +- mu t of the floor
    friction: float  # mu
    contact_impedance: Float[np.ndarray, " 5"]  # solimp
    contact_reference: Float[
        np.ndarray, " 2"
    ]  # stiffness K and damping b of the reference acceleration
    limited: Bool[np.ndarray, " nv"]
    limit_low: Float[np.ndarray, " nv"]  # rad
    limit_high: Float[np.ndarray, " nv"]  # rad
    limit_inverse_weight: Float[np.ndarray, " nv"]
    limit_impedance: Float[np.ndarray, " 5"]
    limit_reference: Float[np.ndarray, " 2"]


class Tree(NamedTuple):
    """The part of ``Constants`` that says what hangs on what."""

    dof_parent: Int[np.ndarray, " nv"]
    dof_body: Int[np.ndarray, " nv"]
    row_start: Int[np.ndarray, " nv+1"]
    ancestors: Int[np.ndarray, " entries"]
    body_parent: Int[np.ndarray, " nb"]
    body_dof: Int[np.ndarray, " nb"]
    sphere_body: Int[np.ndarray, " nc"]


class Touches(NamedTuple):
    """Contacts of a rollout's T steps with a scene, n in all: what MuJoCo found, world axes.

    Without a scene all are empty, ``start`` too: spheres then meet the floor alone.
    """

    start: Int[np.ndarray, " T+1"]  # contacts start[t] to start[t + 1] are step t's
    sphere: Int[np.ndarray, " n"]  # place among the contact spheres
    support: Int[np.ndarray, " n"]  # 0: the floor; i: the i-th box of the scene
    frame: Float[np.ndarray, "n 3 3"]  # rows: normal, out of the support, and two tangents
    distance: Float[np.ndarray, " n"]  # m, of the surfaces, below 0
    turn: Float[np.ndarray, "n 3 3"]  # 1/m, of the normal by the sphere's centre; 0 on faces
    force: Float[np.ndarray, "n 3"]  # N, of the support on the sphere


class Records(NamedTuple):
    """What a rollout of T steps left behind; MuJoCo's conventions, SI units, world axes."""

    cdof: Float[np.ndarray, "T+1 nv 6"]
    cinert: Float[np.ndarray, "T+1 nb 10"]
    com: Float[np.ndarray, "T+1 3"]  # m, centre of mass of the root's subtree
    centres: Float[np.ndarray, "T nc 3"]  # m, of the contact spheres
    qpos: Float[np.ndarray, "T+1 nq"]
    qvel: Float[np.ndarray, "T+1 nv"]
    qacc: Float[np.ndarray, "T nv"]
    saturated: Bool[np.ndarray, "T nv"]  # the dof's actuator is at its force range
    touches: Touches


class Step(NamedTuple):
    """One step's part of ``Records``."""

    S: Float[np.ndarray, "nv 6"]
    inertia: Float[np.ndarray, "nb 10"]
    com: Float[np.ndarray, " 3"]
    centres: Float[np.ndarray, "nc 3"]
    qpos: Float[np.ndarray, " nq"]
    v: Float[np.ndarray, " nv"]
    a: Float[np.ndarray, " nv"]
    v_next: Float[np.ndarray, " nv"]
    saturated: Bool[np.ndarray, " nv"]
    touches: Touches
    first: int  # of its contacts among touches
    last: int  # one beyond


class Motions(NamedTuple):
    """Spatial vectors after every dof, and the derivatives of its axis."""

    V: Float[np.ndarray, "nv 6"]
    A: Float[np.ndarray, "nv 6"]
    Z: Float[np.ndarray, "nv 6"]
    Y: Float[np.ndarray, "nv 6"]
    Sdot: Float[np.ndarray, "nv 6"]
    Pdot: Float[np.ndarray, "nv 6"]
    Pddot: Float[np.ndarray, "nv 6"]
    PZ: Float[np.ndarray, "nv 6"]
    PY: Float[np.ndarray, "nv 6"]


class Diagonals(NamedTuple):
    """What springs, damping, servos and joint limits add to the diagonals of H, Rq and Rv; and Dv,
    the damping + kv (N m s/rad) that implicitfast solves with, without kv where saturated.
    """

    H: Float[np.ndarray, " nv"]
    Rq: Float[np.ndarray, " nv"]
    Rv: Float[np.ndarray, " nv"]
    Dv: Float[np.ndarray, " nv"]


class Contacts(NamedTuple):
    """Room for all contacts; the first ones, as many as press, are filled.

    The last two are of contacts with a scene, whose normals may turn; on the floor alone they are
    kappa n' and diag(1, 1, 1/2), and have no room.
    """

    sphere: Int[np.ndarray, " nc"]
    point: Float[np.ndarray, "nc 3"]  # m, contact point relative to com
    centre: Float[np.ndarray, "nc 3"]  # m, sphere's centre relative to com
    force: Float[np.ndarray, "nc 3"]  # N
    kappa: Float[np.ndarray, "nc 3"]  # N/m, change of force with depth
    stiffness: Float[np.ndarray, "nc 3 3"]  # Kc, N s^2/m
    change: Float[np.ndarray, "nc 3 3"]  # C, N/m, change of force with the centre
    arm: Float[np.ndarray, "nc 3 3"]  # T, change of the contact point with the centre


class Bodies(NamedTuple):
    """Matrices and wrenches of every body, its own at first and then its subtree's."""

    I: Float[np.ndarray, "nb 10"]
    B: Float[np.ndarray, "nb 6 6"]
    K: Float[np.ndarray, "nb 6 6"]
    G: Float[np.ndarray, "nb 6 6"]
    f: Float[np.ndarray, "nb 6"]
    fz: Float[np.ndarray, "nb 6"]
    phi: Float[np.ndarray, "nb 6"]
    touched: Bool[np.ndarray, " nb"]


class Columns(NamedTuple):
    """Of every dof k: its body's composites times its axis, and times the derivatives of it.

    U and P stack what the two sides of Rq's product need: U[k] . P[j] is Rq[k, j].
    """

    IS: Float[np.ndarray, "nv 6"]
    BS: Float[np.ndarray, "nv 6"]
    KS: Float[np.ndarray, "nv 6"]
    P2: Float[np.ndarray, "nv 6"]  # Pdot + Sdot
    low_q: Float[np.ndarray, "nv 6"]
    low_v: Float[np.ndarray, "nv 6"]
    low_z: Float[np.ndarray, "nv 6"]
    U: Float[np.ndarray, "nv 24"]  # IS, B'S, G'S - S x* phi, KS
    P: Float[np.ndarray, "nv 24"]  # Pddot, Pdot, S, PY


class StepMatrices(NamedTuple):
    """Tree-sparse matrices of one step."""

    H: Float[np.ndarray, " entries"]
    M: Float[np.ndarray, " entries"]
    Rq_up: Float[np.ndarray, " entries"]
    Rq_low: Float[np.ndarray, " entries"]
    Rv_up: Float[np.ndarray, " entries"]
    Rv_low: Float[np.ndarray, " entries"]
    Mz_up: Float[np.ndarray, " entries"]
    Mz_low: Float[np.ndarray, " entries"]


class Costate(NamedTuple):
    """The gradient that comes back to the state after a step, and the step's multipliers."""

    q: Float[np.ndarray, " nv"]  # tangent
    v: Float[np.ndarray, " nv"]
    w: Float[np.ndarray, " nv"]  # with respect to v_next, positions included
    mu: Float[np.ndarray, " nv"]
    nu: Float[np.ndarray, " nv"]


class Pull(NamedTuple):
    """nu and mu as motions, and the wrenches they raise on every subtree."""

    nu_motion: Float[np.ndarray, "nv 6"]  # sum of S nu
    mu_motion: Float[np.ndarray, "nv 6"]  # sum of S mu
    axis: Float[np.ndarray, "nv 6"]  # -S x* phi nu, summed over the dofs below
    wrenches: Float[np.ndarray, "9 nb 6"]  # the following, as one array
    Iv: Float[np.ndarray, "nb 6"]  # momentum
    f: Float[np.ndarray, "nb 6"]
    fz: Float[np.ndarray, "nb 6"]
    I_nu: Float[np.ndarray, "nb 6"]
    B_nu: Float[np.ndarray, "nb 6"]  # B' nu_motion
    G_nu: Float[np.ndarray, "nb 6"]  # G' nu_motion
    K_nu: Float[np.ndarray, "nb 6"]
    I_mu: Float[np.ndarray, "nb 6"]
    phi: Float[np.ndarray, "nb 6"]


@_stage
def _tree(c: Constants) -> Tree:
    return Tree(
        c.dof_parent,
        c.dof_body,
        c.row_start,
        c.ancestors,
        c.body_parent,
        c.body_dof,
        c.sphere_body,
    )


@_stage
def _step(r: Records, t: int) -> Step:
    start, first, last = r.touches.start, 0, 0
    if start.shape[0]:
        first, last = start[t], start[t + 1]
    return Step(
        r.cdof[t],
        r.cinert[t],
        r.com[t],
        r.centres[t],
        r.qpos[t],
        r.qvel[t],
        r.qacc[t],
        r.qvel[t + 1],
        r.saturated[t],
        r.touches,
        first,
        last,
    )


@_stage
def _new_motions(nv: int) -> Motions:
    x = np.zeros((9, nv, 6))
    return Motions(x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[7], x[8])


@_stage
def _new_diagonals(nv: int) -> Diagonals:
    return Diagonals(np.empty(nv), np.empty(nv), np.empty(nv), np.empty(nv))


@_stage
def _new_contacts(nc: int, turning: int) -> Contacts:
    """Room for nc contacts, ``turning`` of which may have normals that turn (all or none)."""
    return Contacts(
        np.empty(nc, np.int64),
        np.empty((nc, 3)),
        np.empty((nc, 3)),
        np.empty((nc, 3)),
        np.empty((nc, 3)),
        np.empty((nc, 3, 3)),
        np.empty((turning, 3, 3)),
        np.empty((turning, 3, 3)),
    )


@_stage
def _new_bodies(nb: int) -> Bodies:
    return Bodies(
        np.zeros((nb, 10)),
        np.zeros((nb, 6, 6)),
        np.zeros((nb, 6, 6)),
        np.zeros((nb, 6, 6)),
        np.zeros((nb, 6)),
        np.zeros((nb, 6)),
        np.zeros((nb, 6)),
        np.zeros(nb, np.bool_),
    )


@_stage
def _new_columns(nv: int) -> Columns:
    x = np.zeros((7, nv, 6))
    return Columns(x[0], x[1], x[2], x[3], x[4], x[5], x[6], np.zeros((nv, 24)), np.zeros((nv, 24)))


@_stage
def _new_pull(nv: int, nb: int) -> Pull:
    x, w = np.empty((3, nv, 6)), np.empty((9, nb, 6))
    return Pull(x[0], x[1], x[2], w, w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7], w[8])


# ---- Spatial algebra -----------------------------------------------------------------------------


@_helper
def _cross_motion(a: np.ndarray, i: int, b: np.ndarray, j: int, out: np.ndarray, k: int) -> None:
    """out[k] = a[i] x b[j], motion vectors [rotation, translation]."""
    a0, a1, a2, a3, a4, a5 = a[i, 0], a[i, 1], a[i, 2], a[i, 3], a[i, 4], a[i, 5]
    b0, b1, b2, b3, b4, b5 = b[j, 0], b[j, 1], b[j, 2], b[j, 3], b[j, 4], b[j, 5]
    out[k, 0] = a1 * b2 - a2 * b1
    out[k, 1] = a2 * b0 - a0 * b2
    out[k, 2] = a0 * b1 - a1 * b0
    out[k, 3] = a1 * b5 - a2 * b4 + a4 * b2 - a5 * b1
    out[k, 4] = a2 * b3 - a0 * b5 + a5 * b0 - a3 * b2
    out[k, 5] = a0 * b4 - a1 * b3 + a3 * b1 - a4 * b0


@_helper
def _add_cross_force(
    a: np.ndarray, i: int, f: np.ndarray, j: int, out: np.ndarray, k: int, scale: float
) -> None:
    """out[k] += scale * (a[i] x* f[j]), a force [moment, force] moved by a motion."""
    a0, a1, a2, a3, a4, a5 = a[i, 0], a[i, 1], a[i, 2], a[i, 3], a[i, 4], a[i, 5]
    f0, f1, f2, f3, f4, f5 = f[j, 0], f[j, 1], f[j, 2], f[j, 3], f[j, 4], f[j, 5]
    out[k, 0] += scale * (a1 * f2 - a2 * f1 + a4 * f5 - a5 * f4)
    out[k, 1] += scale * (a2 * f0 - a0 * f2 + a5 * f3 - a3 * f5)
    out[k, 2] += scale * (a0 * f1 - a1 * f0 + a3 * f4 - a4 * f3)
    out[k, 3] += scale * (a1 * f5 - a2 * f4)
    out[k, 4] += scale * (a2 * f3 - a0 * f5)
    out[k, 5] += scale * (a0 * f4 - a1 * f3)


@_helper
def _inertia_times(c: np.ndarray, b: int, x: np.ndarray, j: int, out: np.ndarray, k: int) -> None:
    """out[k] = I_b x[j], with c[b] MuJoCo's cinert (Ixx, Iyy, Izz, Ixy, Ixz, Iyz, m c, m)."""
    w0, w1, w2, v0, v1, v2 = x[j, 0], x[j, 1], x[j, 2], x[j, 3], x[j, 4], x[j, 5]
    h0, h1, h2, m = c[b, 6], c[b, 7], c[b, 8], c[b, 9]
    out[k, 0] = c[b, 0] * w0 + c[b, 3] * w1 + c[b, 4] * w2 + h1 * v2 - h2 * v1
    out[k, 1] = c[b, 3] * w0 + c[b, 1] * w1 + c[b, 5] * w2 + h2 * v0 - h0 * v2
    out[k, 2] = c[b, 4] * w0 + c[b, 5] * w1 + c[b, 2] * w2 + h0 * v1 - h1 * v0
    out[k, 3] = m * v0 - (h1 * w2 - h2 * w1)
    out[k, 4] = m * v1 - (h2 * w0 - h0 * w2)
    out[k, 5] = m * v2 - (h0 * w1 - h1 * w0)


@_helper
def _add_times(
    A: np.ndarray, b: int, x: np.ndarray, j: int, out: np.ndarray, k: int, scale: float
) -> None:
    """out[k] += scale * A[b] x[j]."""
    for r in range(6):
        s = 0.0
        for c in range(6):
            s += A[b, r, c] * x[j, c]
        out[k, r] += scale * s


@_helper
def _add_transpose_times(
    A: np.ndarray, b: int, x: np.ndarray, j: int, out: np.ndarray, k: int
) -> None:
    """out[k] += A[b]' x[j]."""
    for c in range(6):
        s = 0.0
        for r in range(6):
            s += A[b, r, c] * x[j, r]
        out[k, c] += s


@_helper
def _skew_into(A: np.ndarray, r0: int, c0: int, x: float, y: float, z: float, scale: float) -> None:
    """Write scale * [v]x at block (r0, c0) of A."""
    A[r0, c0 + 1] -= scale * z
    A[r0, c0 + 2] += scale * y
    A[r0 + 1, c0] += scale * z
    A[r0 + 1, c0 + 2] -= scale * x
    A[r0 + 2, c0] -= scale * y
    A[r0 + 2, c0 + 1] += scale * x


@_helper
def rotation_maps(w: np.ndarray, Eq: np.ndarray, Ev: np.ndarray) -> None:
    """Eq = Exp(-[w]x) and Ev = right Jacobian of SO(3) at w (rad), both (3, 3)."""
    t2 = w[0] * w[0] + w[1] * w[1] + w[2] * w[2]
    t = np.sqrt(t2)
    if t2 < 1e-6:
        s, k, e = 1 - t2 / 6, 0.5 - t2 / 24, 1 / 6 - t2 / 120
    else:
        s, k, e = np.sin(t) / t, (1 - np.cos(t)) / t2, (t - np.sin(t)) / (t2 * t)
    W = np.zeros((3, 3))
    _skew_into(W, 0, 0, w[0], w[1], w[2], 1.0)
    for a in range(3):
        for b in range(3):
            W2 = w[a] * w[b] - (t2 if a == b else 0.0)
            one = 1.0 if a == b else 0.0
            Eq[a, b] = one - s * W[a, b] + k * W2
            Ev[a, b] = one - k * W[a, b] + e * W2


# ---- Motions, diagonals and contacts of one step -------------------------------------------------


@_helper
def _motions(c: Constants, s: Step, out: Motions) -> None:
    """Velocities and accelerations after every dof, from the root to the leaves, and the axes'
    derivatives.
    """
    S, v, a, v_next = s.S, s.v, s.a, s.v_next
    V, A, Z, Y, Sdot = out.V, out.A, out.Z, out.Y, out.Sdot
    Pdot, Pddot, PZ, PY = out.Pdot, out.Pddot, out.PZ, out.PY
    parent, gravity, h, b_ref = c.dof_parent, c.gravity, c.h, c.contact_reference[1]
    tmp = np.zeros((2, 6))
    for e in range(6):
        tmp[0, e] = gravity[e]
    for j in range(S.shape[0]):
        p = parent[j]
        for e in range(6):
            V[j, e] = (V[p, e] if p >= 0 else 0.0) + S[j, e] * v[j]
    # The root's three rotations count as one joint.
    for j in range(S.shape[0]):
        p, z = parent[j], (v_next[j] - v[j]) / h
        before, after = (2, 5) if 3 <= j < 6 else (p, j)
        _cross_motion(V, after, S, j, Sdot, j)
        for e in range(6):
            A[j, e] = (A[p, e] if p >= 0 else gravity[e]) + S[j, e] * a[j] + Sdot[j, e] * v[j]
            Z[j, e] = (Z[p, e] if p >= 0 else 0.0) + S[j, e] * (a[j] - z)
            Y[j, e] = (Y[p, e] if p >= 0 else 0.0) + S[j, e] * (a[j] + b_ref * v[j])
        if before < 0:
            _cross_motion(tmp, 0, S, j, Pddot, j)
            for e in range(6):
                Pdot[j, e] = PZ[j, e] = PY[j, e] = 0.0
            continue
        _cross_motion(V, before, S, j, Pdot, j)
        _cross_motion(Z, before, S, j, PZ, j)
        _cross_motion(Y, before, S, j, PY, j)
        _cross_motion(A, before, S, j, Pddot, j)
        _cross_motion(V, before, Pdot, j, tmp, 1)
        for e in range(6):
            Pddot[j, e] += tmp[1, e]


@_helper
def impedance(solimp: np.ndarray, depth: float) -> tuple[float, float]:
    """Impedance and its derivative with respect to depth >= 0 (MuJoCo manual, 'Impedance')."""
    low, high, width, middle, power = solimp[0], solimp[1], solimp[2], solimp[3], solimp[4]
    low = min(max(low, 1e-4), 0.9999)
    high = min(max(high, 1e-4), 0.9999)
    if width <= 1e-15 or low == high:
        return 0.5 * (low + high), 0.0
    x = depth / width
    if x >= 1:
        return high, 0.0
    if power == 1:
        y, slope = x, 1.0
    elif x <= middle:
        y = x**power / middle ** (power - 1)
        slope = power * x ** (power - 1) / middle ** (power - 1)
    else:
        y = 1 - (1 - x) ** power / (1 - middle) ** (power - 1)
        slope = power * (1 - x) ** (power - 1) / (1 - middle) ** (power - 1)
    return low + (high - low) * y, (high - low) * slope / width


@_helper
def _diagonals(c: Constants, s: Step, out: Diagonals) -> None:
    """What each dof adds to the diagonals: springs, damping, servos that are not saturated, joint
    limits.
    """
    qpos, v, a, saturated = s.qpos, s.v, s.a, s.saturated
    D, rq, rv = out.H, out.Rq, out.Rv
    Dv, stiffness, damping, kp, kv = out.Dv, c.stiffness, c.damping, c.kp, c.kv
    limited, low, high, solimp = c.limited, c.limit_low, c.limit_high, c.limit_impedance
    qpos_of_dof, weight = c.qpos_of_dof, c.limit_inverse_weight
    K, b = c.limit_reference[0], c.limit_reference[1]
    for k in range(v.shape[0]):
        D[k], rq[k], rv[k] = 0.0, stiffness[k], damping[k]
        if not saturated[k]:
            rq[k] += kp[k]
            rv[k] += kv[k]
        Dv[k] = rv[k]
        if not limited[k]:
            continue
        q = qpos[qpos_of_dof[k]]
        side = 1.0 if q < low[k] else (-1.0 if q > high[k] else 0.0)
        if side == 0.0:
            continue
        r = q - low[k] if side > 0 else high[k] - q
        imp, slope = impedance(solimp, -r)
        gap = side * (a[k] + b * v[k]) + K * imp * r
        if gap < 0:
            D[k] = weight[k] * imp / (1 - imp)
            rv[k] += b * D[k]
            rq[k] += D[k] * K * (imp - slope * r) - gap * D[k] * slope / (imp * (1 - imp))


@_helper
def _contacts(c: Constants, s: Step, Y: np.ndarray, out: Contacts) -> int:
    """Fills in the spheres that press on the floor and returns how many; Y (nv, 6) of Motions."""
    centres, com = s.centres, s.com
    which, r, rx, F = out.sphere, out.point, out.centre, out.force
    kappa, Kc = out.kappa, out.stiffness
    radius, rows, solimp = c.sphere_radius, c.contact_rows, c.contact_impedance
    sphere_body, body_dof, inverse_weight = c.sphere_body, c.body_dof, c.contact_inverse_weight
    n, K = 0, c.contact_reference[0]
    for i in range(radius.shape[0]):
        dist = centres[i, 2] - radius[i]
        if dist >= 0:
            continue
        j = body_dof[sphere_body[i]]
        for a in range(3):
            rx[n, a] = r[n, a] = centres[i, a] - com[a]
            F[n, a] = kappa[n, a] = 0.0
            for b in range(3):
                Kc[n, a, b] = 0.0
        r[n, 2] -= radius[i] + 0.5 * dist
        # The contact point's a + b v.
        g0 = Y[j, 3] + Y[j, 1] * r[n, 2] - Y[j, 2] * r[n, 1]
        g1 = Y[j, 4] + Y[j, 2] * r[n, 0] - Y[j, 0] * r[n, 2]
        g2 = Y[j, 5] + Y[j, 0] * r[n, 1] - Y[j, 1] * r[n, 0]
        imp, slope = impedance(solimp, -dist)
        D = inverse_weight[i] * imp / (1 - imp)
        dD = -D * slope / (imp * (1 - imp))  # with respect to dist
        active = False
        for e in range(4):
            gap = rows[e, 0] * g0 + rows[e, 1] * g1 + rows[e, 2] * g2 + K * imp * dist
            if gap >= 0:
                continue
            active = True
            weight = D * K * (imp - slope * dist) + gap * dD
            for a in range(3):
                F[n, a] -= D * gap * rows[e, a]
                kappa[n, a] += weight * rows[e, a]
                for b in range(3):
                    Kc[n, a, b] += D * rows[e, a] * rows[e, b]
        if active:
            which[n] = i
            n += 1
    return n


@_helper
def _tangent_turns(frame: np.ndarray, N: np.ndarray, out: np.ndarray) -> None:
    """out (2, 3, 3): derivatives of a contact's tangents by what the normal turns by with N (3, 3).

    MuJoCo's mju_makeFrame: the first is the world's y axis (z where the normal is within 60 degrees
    of y) without its part along the normal, made unit; the second is perpendicular to both.
    """
    n, t, z = frame[0], frame[1], frame[2]
    axis = 1 if abs(n[1]) < 0.5 else 2
    along = n[axis]
    length = np.sqrt(1 - along * along)
    # the normal is turned about for boxes, the tangents are not
    side = z[0] * (n[1] * t[2] - n[2] * t[1])
    side += z[1] * (n[2] * t[0] - n[0] * t[2]) + z[2] * (n[0] * t[1] - n[1] * t[0])
    first, second = out[0], out[1]
    for b in range(3):
        tN = t[0] * N[0, b] + t[1] * N[1, b] + t[2] * N[2, b]
        for a in range(3):
            first[a, b] = -(N[axis, b] * n[a] + along * (N[a, b] - t[a] * tN)) / length
        for a in range(3):
            i, j = (a + 1) % 3, (a + 2) % 3
            second[a, b] = side * (
                N[i, b] * t[j] - N[j, b] * t[i] + n[i] * first[j, b] - n[j] * first[i, b]
            )


@_helper
def _scene_contacts(c: Constants, s: Step, Y: np.ndarray, out: Contacts) -> int:
    """As _contacts, of the contacts that MuJoCo found with the floor and a scene's boxes."""
    touches, centres, com = s.touches, s.centres, s.com
    which, r, rx, F = out.sphere, out.point, out.centre, out.force
    kappa, Kc, C, T = out.kappa, out.stiffness, out.change, out.arm
    radius, mu, solimp, K = c.sphere_radius, c.friction, c.contact_impedance, c.contact_reference[0]
    turns, D_e = np.zeros((2, 3, 3)), np.zeros((3, 3))
    d, g, gD = np.zeros(3), np.zeros(3), np.zeros(3)
    n = 0
    for k in range(s.first, s.last):
        i, dist, frame, N = (
            touches.sphere[k],
            touches.distance[k],
            touches.frame[k],
            touches.turn[k],
        )
        if dist >= 0:
            continue
        j, depth = c.body_dof[c.sphere_body[i]], radius[i] + 0.5 * dist
        normal = frame[0]
        for a in range(3):
            rx[n, a] = centres[i, a] - com[a]
            r[n, a] = rx[n, a] - normal[a] * depth
            F[n, a] = kappa[n, a] = 0.0
            for b in range(3):
                Kc[n, a, b] = C[n, a, b] = 0.0
                one = 1.0 if a == b else 0.0
                T[n, a, b] = one - 0.5 * normal[a] * normal[b] - depth * N[a, b]
        g[0] = Y[j, 3] + Y[j, 1] * r[n, 2] - Y[j, 2] * r[n, 1]
        g[1] = Y[j, 4] + Y[j, 2] * r[n, 0] - Y[j, 0] * r[n, 2]
        g[2] = Y[j, 5] + Y[j, 0] * r[n, 1] - Y[j, 1] * r[n, 0]
        _tangent_turns(frame, N, turns)
        imp, slope = impedance(solimp, -dist)
        D = c.contact_inverse_weight[i] * imp / (1 - imp)
        dD = -D * slope / (imp * (1 - imp))
        active = False
        for e in range(4):
            pair, sign = 1 + e // 2, mu if e % 2 == 0 else -mu
            gap = K * imp * dist
            for a in range(3):
                d[a] = normal[a] + sign * frame[pair, a]
                gap += d[a] * g[a]
            if gap >= 0:
                continue
            active = True
            weight = D * K * (imp - slope * dist) + gap * dD
            for b in range(3):
                gD[b] = 0.0
                for a in range(3):
                    D_e[a, b] = N[a, b] + sign * turns[pair - 1, a, b]
                    gD[b] += g[a] * D_e[a, b]
            for a in range(3):
                F[n, a] -= D * gap * d[a]
                kappa[n, a] += weight * d[a]
                for b in range(3):
                    Kc[n, a, b] += D * d[a] * d[b]
                    C[n, a, b] += weight * d[a] * normal[b]
                    C[n, a, b] += D * (d[a] * gD[b] + gap * D_e[a, b])
        if active:
            which[n] = i
            n += 1
    return n


# ---- Matrices of one step ------------------------------------------------------------------------


@_helper
def _add_contact(
    y: np.ndarray, contacts: Contacts, n: int, scene: bool, out: Bodies, body: int
) -> None:
    """Adds the n-th contact's wrench, stiffness K and geometry G to its body; y (6,): the body's
    a + b v; scene: of Contacts' last two.
    """
    r, rx, F = contacts.point[n], contacts.centre[n], contacts.force[n]
    kappa, Kc = contacts.kappa[n], contacts.stiffness[n]
    body_phi, body_K, body_G = out.phi, out.K, out.G
    # E: 3 x 6, point velocity = E V, at the contact point; Ex at the sphere's centre.
    E, Ex, inner = np.zeros((3, 6)), np.zeros((3, 6)), np.zeros((3, 6))
    _skew_into(E, 0, 0, r[0], r[1], r[2], -1.0)
    _skew_into(Ex, 0, 0, rx[0], rx[1], rx[2], -1.0)
    for a in range(3):
        E[a, 3 + a] = 1.0
        Ex[a, 3 + a] = 1.0
    NE = Ex.copy()
    if scene:
        T = contacts.arm[n]
        for a in range(3):
            for b in range(6):
                NE[a, b] = T[a, 0] * Ex[0, b] + T[a, 1] * Ex[1, b] + T[a, 2] * Ex[2, b]
    else:
        for b in range(6):
            NE[2, b] *= 0.5  # half of dist: the contact point lies midway between the surfaces
    W, X = np.zeros((3, 3)), np.zeros((6, 6))
    _skew_into(W, 0, 0, y[0], y[1], y[2], 1.0)
    _skew_into(X, 0, 0, y[0], y[1], y[2], 1.0)
    _skew_into(X, 3, 3, y[0], y[1], y[2], 1.0)
    _skew_into(X, 3, 0, y[3], y[4], y[5], 1.0)
    for a in range(3):
        for b in range(6):
            s = 0.0
            for d in range(3):
                s += W[a, d] * NE[d, b]
            for d in range(6):
                s -= E[a, d] * X[d, b]
            inner[a, b] = s
    KE, KI = np.zeros((3, 6)), np.zeros((3, 6))
    for a in range(3):
        for b in range(6):
            for d in range(3):
                KE[a, b] += Kc[a, d] * E[d, b]
                KI[a, b] += Kc[a, d] * inner[d, b]
            if scene:
                for d in range(3):
                    KI[a, b] += contacts.change[n, a, d] * Ex[d, b]
            else:
                KI[a, b] += kappa[a] * Ex[2, b]
    for a in range(6):
        for d in range(3):
            e = E[d, a]
            body_phi[body, a] += e * F[d]
            for b in range(6):
                body_K[body, a, b] += e * KE[d, b]
                body_G[body, a, b] += e * KI[d, b]
    for b in range(6):
        body_G[body, 0, b] += F[1] * NE[2, b] - F[2] * NE[1, b]
        body_G[body, 1, b] += F[2] * NE[0, b] - F[0] * NE[2, b]
        body_G[body, 2, b] += F[0] * NE[1, b] - F[1] * NE[0, b]


@_helper
def _velocity_matrix(
    I: np.ndarray, V: np.ndarray, j: int, Iv: np.ndarray, B: np.ndarray, body: int
) -> None:
    """B[body], the derivative of the body's f with respect to its velocity V[j]; Iv (6,) its
    momentum.
    """
    IX = np.zeros((6, 6))
    # B y = -I (v x y) + y x* (I v) + v x* (I y); X = [v]x as a 6 x 6 matrix, v x* = -X'.
    w0, w1, w2 = V[j, 0], V[j, 1], V[j, 2]
    l0, l1, l2 = V[j, 3], V[j, 4], V[j, 5]
    c0, c1, c2 = I[body, 0], I[body, 1], I[body, 2]
    c3, c4, c5 = I[body, 3], I[body, 4], I[body, 5]
    h0, h1, h2, m = I[body, 6], I[body, 7], I[body, 8], I[body, 9]
    # IX = I X, built column by column with the rotation and translation blocks of X.
    for q in range(6):
        x0 = x1 = x2 = y0 = y1 = y2 = 0.0
        if q == 0:
            x1, x2, y1, y2 = w2, -w1, l2, -l1
        elif q == 1:
            x0, x2, y0, y2 = -w2, w0, -l2, l0
        elif q == 2:
            x0, x1, y0, y1 = w1, -w0, l1, -l0
        elif q == 3:
            y1, y2 = w2, -w1
        elif q == 4:
            y0, y2 = -w2, w0
        else:
            y0, y1 = w1, -w0
        IX[0, q] = c0 * x0 + c3 * x1 + c4 * x2 + h1 * y2 - h2 * y1
        IX[1, q] = c3 * x0 + c1 * x1 + c5 * x2 + h2 * y0 - h0 * y2
        IX[2, q] = c4 * x0 + c5 * x1 + c2 * x2 + h0 * y1 - h1 * y0
        IX[3, q] = m * y0 - (h1 * x2 - h2 * x1)
        IX[4, q] = m * y1 - (h2 * x0 - h0 * x2)
        IX[5, q] = m * y2 - (h0 * x1 - h1 * x0)
    for r in range(6):
        for q in range(6):
            B[body, r, q] = -IX[r, q] - IX[q, r]
    _skew_into(B[body], 0, 0, Iv[0], Iv[1], Iv[2], -1.0)
    _skew_into(B[body], 0, 3, Iv[3], Iv[4], Iv[5], -1.0)
    _skew_into(B[body], 3, 0, Iv[3], Iv[4], Iv[5], -1.0)


@_stage
def _own_terms(
    tree: Tree, s: Step, m: Motions, contacts: Contacts, touching: int, out: Bodies
) -> None:
    """Every body's own inertia, velocity matrix, wrenches and contacts; ``out`` is zero before."""
    V, A, Z, f, fz, I = m.V, m.A, m.Z, out.f, out.fz, s.inertia
    sphere, sphere_body, body_dof, Y = contacts.sphere, tree.sphere_body, tree.body_dof, m.Y
    touched, own, B = out.touched, out.I, out.B
    scene = s.touches.start.shape[0] > 0
    for n in range(touching):
        body = sphere_body[sphere[n]]
        _add_contact(Y[body_dof[body]], contacts, n, scene, out, body)
        touched[body] = True
    Iv = np.zeros((1, 6))
    for body in range(1, I.shape[0]):
        j = body_dof[body]
        _inertia_times(I, body, V, j, Iv, 0)
        _inertia_times(I, body, A, j, f, body)
        _add_cross_force(V, j, Iv, 0, f, body, 1.0)
        _inertia_times(I, body, Z, j, fz, body)
        for e in range(10):
            own[body, e] = I[body, e]
        _velocity_matrix(I, V, j, Iv[0], B, body)


@_stage
def _composite(body_parent: np.ndarray, x: Bodies) -> None:
    """Sums over the subtrees in place, contacts only along the chains that touch."""
    I, B, K, G, touched = x.I, x.B, x.K, x.G, x.touched
    f, fz, phi = x.f, x.fz, x.phi
    for body in range(body_parent.shape[0] - 1, 0, -1):
        p = body_parent[body]
        if p == 0:
            continue
        for e in range(10):
            I[p, e] += I[body, e]
        for e in range(6):
            f[p, e] += f[body, e]
            fz[p, e] += fz[body, e]
        for i in range(6):
            for e in range(6):
                B[p, i, e] += B[body, i, e]
        if touched[body]:
            touched[p] = True
            for i in range(6):
                phi[p, i] += phi[body, i]
                for e in range(6):
                    K[p, i, e] += K[body, i, e]
                    G[p, i, e] += G[body, i, e]


@_stage
def _columns(
    dof_body: np.ndarray, b_ref: float, S: np.ndarray, m: Motions, x: Bodies, out: Columns
) -> None:
    """The composites of every dof's body times its axis; ``out`` is zero before."""
    IS, BS, KS, P2 = out.IS, out.BS, out.KS, out.P2
    low_q, low_v, low_z, U, P = out.low_q, out.low_v, out.low_z, out.U, out.P
    Sdot, Pdot, Pddot, PZ, PY = m.Sdot, m.Pdot, m.Pddot, m.PZ, m.PY
    I, B, K, G, touched, f, fz, phi = x.I, x.B, x.K, x.G, x.touched, x.f, x.fz, x.phi
    GS = np.zeros(S.shape)
    for k in range(S.shape[0]):
        body = dof_body[k]
        for e in range(6):
            P2[k, e] = Pdot[k, e] + Sdot[k, e]
        _inertia_times(I, body, S, k, IS, k)
        _add_transpose_times(B, body, S, k, BS, k)
        _inertia_times(I, body, Pddot, k, low_q, k)
        _add_times(B, body, Pdot, k, low_q, k, 1.0)
        _add_cross_force(S, k, f, body, low_q, k, 1.0)
        _inertia_times(I, body, P2, k, low_v, k)
        _add_times(B, body, S, k, low_v, k, 1.0)
        _inertia_times(I, body, PZ, k, low_z, k)
        _add_cross_force(S, k, fz, body, low_z, k, 1.0)
        if touched[body]:
            _add_times(K, body, S, k, KS, k, 1.0)
            _add_transpose_times(G, body, S, k, GS, k)
            _add_cross_force(S, k, phi, body, GS, k, -1.0)
            _add_times(G, body, S, k, low_q, k, 1.0)
            _add_times(K, body, PY, k, low_q, k, 1.0)
            for e in range(6):
                low_v[k, e] += b_ref * KS[k, e]
        for e in range(6):
            U[k, e], U[k, 6 + e] = IS[k, e], BS[k, e]
            U[k, 12 + e], U[k, 18 + e] = GS[k, e], KS[k, e]
            P[k, e], P[k, 6 + e] = Pddot[k, e], Pdot[k, e]
            P[k, 12 + e], P[k, 18 + e] = S[k, e], PY[k, e]


@_stage
def _assemble(
    tree: Tree, b_ref: float, S: np.ndarray, PZ: np.ndarray, x: Columns, out: StepMatrices
) -> None:
    """All pairs of a dof and its ancestors, without what the dofs add to the diagonals."""
    row_start, ancestors = tree.row_start, tree.ancestors
    IS, BS, KS, P2, U, P = x.IS, x.BS, x.KS, x.P2, x.U, x.P
    low_q, low_v, low_z = x.low_q, x.low_v, x.low_z
    M, H, Rq_up, Rq_low = out.M, out.H, out.Rq_up, out.Rq_low
    Rv_up, Rv_low, Mz_up, Mz_low = out.Rv_up, out.Rv_low, out.Mz_up, out.Mz_low
    for k in range(S.shape[0]):
        start = row_start[k]
        for i in range(row_start[k + 1] - start):
            j = ancestors[start + i]
            up = 0.0
            for e in range(24):
                up += U[k, e] * P[j, e]
            m = ks = vv = mz = lq = lv = lz = 0.0
            for e in range(6):
                m += IS[k, e] * S[j, e]
                ks += KS[k, e] * S[j, e]
                vv += IS[k, e] * P2[j, e] + BS[k, e] * S[j, e]
                mz += IS[k, e] * PZ[j, e]
                lq += S[j, e] * low_q[k, e]
                lv += S[j, e] * low_v[k, e]
                lz += S[j, e] * low_z[k, e]
            vv += b_ref * ks
            if 3 <= j and k < 6 and j != k:
                # the root's rotations move one another: the first mask, both ways
                lq = lv = lz = 0.0
                for e in range(24):
                    lq += U[j, e] * P[k, e]
                for e in range(6):
                    lv += IS[j, e] * P2[k, e] + (BS[j, e] + b_ref * KS[j, e]) * S[k, e]
                    lz += IS[j, e] * PZ[k, e]
            M[start + i] = m
            H[start + i] = m + ks
            Rq_up[start + i], Rv_up[start + i], Mz_up[start + i] = up, vv, mz
            Rq_low[start + i], Rv_low[start + i], Mz_low[start + i] = lq, lv, lz


@_stage
def _add_diagonals(
    row_start: np.ndarray, armature: np.ndarray, diagonals: Diagonals, out: StepMatrices
) -> None:
    M, H, Rq, Rv = out.M, out.H, out.Rq_up, out.Rv_up
    to_H, to_Rq, to_Rv = diagonals.H, diagonals.Rq, diagonals.Rv
    for k in range(armature.shape[0]):
        d = row_start[k + 1] - 1
        M[d] += armature[k]
        H[d] += armature[k] + to_H[k]
        Rq[d] += to_Rq[k]
        Rv[d] += to_Rv[k]


@_stage
def step_matrices(c: Constants, s: Step, diagonals: Diagonals, out: StepMatrices) -> None:
    """H, M, Rq = dR/dq, Rv = dR/dv and Mz = d(M (a - z))/dq of one step's inverse dynamics R; fills
    ``diagonals``, too.
    """
    tree, nv, b_ref = _tree(c), s.v.shape[0], c.contact_reference[1]
    motions, scene = _new_motions(nv), s.touches.start.shape[0] > 0
    contacts = _new_contacts(
        s.last - s.first if scene else c.sphere_body.shape[0], s.last - s.first
    )
    bodies, columns = _new_bodies(s.inertia.shape[0]), _new_columns(nv)
    _diagonals(c, s, diagonals)
    _motions(c, s, motions)
    if scene:
        touching = _scene_contacts(c, s, motions.Y, contacts)
    else:
        touching = _contacts(c, s, motions.Y, contacts)
    _own_terms(tree, s, motions, contacts, touching, bodies)
    _composite(tree.body_parent, bodies)
    _columns(tree.dof_body, b_ref, s.S, motions, bodies, columns)
    _assemble(tree, b_ref, s.S, motions.PZ, columns, out)
    _add_diagonals(tree.row_start, c.armature, diagonals, out)


# ---- Tree-sparse linear algebra ------------------------------------------------------------------


@_helper
def factorise(row_start: np.ndarray, ancestors: np.ndarray, A: np.ndarray) -> None:
    """In place A = L' D L with the tree's sparsity (Featherstone 2008, table 6.3)."""
    nv = row_start.shape[0] - 1
    for k in range(nv - 1, -1, -1):
        start, n = row_start[k], row_start[k + 1] - row_start[k] - 1
        inverse = 1.0 / A[start + n]
        for i in range(n - 1, -1, -1):
            row = row_start[ancestors[start + i]]
            scaled = A[start + i] * inverse
            for e in range(i + 1):
                A[row + e] -= scaled * A[start + e]
            A[start + i] = scaled


@_helper
def solve(row_start: np.ndarray, ancestors: np.ndarray, A: np.ndarray, x: np.ndarray) -> None:
    """x <- A^-1 x with a factor from ``factorise``; x (nv, columns)."""
    nv, columns = x.shape
    for k in range(nv - 1, -1, -1):
        start, n = row_start[k], row_start[k + 1] - row_start[k] - 1
        for i in range(n):
            j, s = ancestors[start + i], A[start + i]
            for e in range(columns):
                x[j, e] -= s * x[k, e]
    for k in range(nv):
        start, n = row_start[k], row_start[k + 1] - row_start[k] - 1
        inverse = 1.0 / A[start + n]
        for e in range(columns):
            x[k, e] *= inverse
        for i in range(n):
            j, s = ancestors[start + i], A[start + i]
            for e in range(columns):
                x[k, e] -= s * x[j, e]


@_helper
def _solve_vector(
    row_start: np.ndarray, ancestors: np.ndarray, A: np.ndarray, x: np.ndarray
) -> None:
    """As ``solve``, of one column x (nv,)."""
    nv = x.shape[0]
    for k in range(nv - 1, -1, -1):
        start, n = row_start[k], row_start[k + 1] - row_start[k] - 1
        for i in range(n):
            x[ancestors[start + i]] -= A[start + i] * x[k]
    for k in range(nv):
        start, n = row_start[k], row_start[k + 1] - row_start[k] - 1
        s = x[k] / A[start + n]
        for i in range(n):
            s -= A[start + i] * x[ancestors[start + i]]
        x[k] = s


@_helper
def _multiply_sparse(
    row_start: np.ndarray,
    ancestors: np.ndarray,
    up: np.ndarray,
    low: np.ndarray,
    Y: np.ndarray,
    out: np.ndarray,
    scale: float,
) -> None:
    """out[j] += scale * sum_k R[k, j] Y[k] for a tree-sparse R; Y, out (nv, nv) rows."""
    nv = Y.shape[0]
    for k in range(nv):
        start, end = row_start[k], row_start[k + 1] - 1
        for i in range(start, end):
            j, u, l = ancestors[i], scale * up[i], scale * low[i]
            for e in range(nv):
                out[j, e] += u * Y[k, e]
                out[k, e] += l * Y[j, e]
        u = scale * up[end]
        for e in range(nv):
            out[k, e] += u * Y[k, e]


@_helper
def _with_damping(
    row_start: np.ndarray, h: float, Dv: np.ndarray, M: np.ndarray, Mhat: np.ndarray
) -> None:
    """Mhat = M + h diag(Dv)."""
    for i in range(M.shape[0]):
        Mhat[i] = M[i]
    for k in range(Dv.shape[0]):
        Mhat[row_start[k + 1] - 1] += h * Dv[k]


# ---- Step Jacobians ------------------------------------------------------------------------------


@_jit
def transitions(
    c: Constants,
    r: Records,
    first: int,
    last: int,
    D: Float[np.ndarray, "T 2*nv+nu nv"],
    Eq: Float[np.ndarray, "T 3 3"],
    Ev: Float[np.ndarray, "T 3 3"],
) -> None:
    """Transposed velocity rows of the step Jacobians for steps first <= t < last.

    D receives [dv'/dq, dv'/dv, dv'/du]'; Eq, Ev the root rotation's maps, with which
    dq' = E_q dq + h E_v dv' (identity and h elsewhere).
    """
    nv, h = r.qvel.shape[1], c.h
    x = np.zeros((8, c.row_start[nv]))
    m = StepMatrices(x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[7])
    tree, diagonals = _tree(c), _new_diagonals(nv)
    Mhat, turn = np.zeros(c.row_start[nv]), np.zeros(3)
    Y, W = np.zeros((nv, nv)), np.zeros((nv, nv))
    for t in range(first, last):
        s = _step(r, t)
        step_matrices(c, s, diagonals, m)
        _with_damping(c.row_start, h, diagonals.Dv, m.M, Mhat)
        factorise(c.row_start, c.ancestors, Mhat)
        factorise(c.row_start, c.ancestors, m.H)
        _inverses(tree, h, diagonals.Dv, m.H, Mhat, Y, W)
        out = D[t]
        out[:] = 0.0
        _multiply_sparse(c.row_start, c.ancestors, m.Mz_up, m.Mz_low, Y, out[:nv], h)
        _multiply_sparse(c.row_start, c.ancestors, m.Rq_up, m.Rq_low, W, out[:nv], -1.0)
        _multiply_sparse(c.row_start, c.ancestors, m.Rv_up, m.Rv_low, W, out[nv : 2 * nv], -1.0)
        for k in range(nv):
            out[nv + k, k] += 1.0
        for i in range(c.actuator_dof.shape[0]):
            k = c.actuator_dof[i]
            if not s.saturated[k]:
                for e in range(nv):
                    out[2 * nv + i, e] = c.kp[k] * W[k, e]
        for e in range(3):
            turn[e] = h * s.v_next[3 + e]
        rotation_maps(turn, Eq[t], Ev[t])


@_stage
def _inverses(
    tree: Tree,
    h: float,
    Dv: np.ndarray,
    H: np.ndarray,
    Mhat: np.ndarray,
    Y: np.ndarray,
    W: np.ndarray,
) -> None:
    """Y = Mhat^-1 and W = h H^-1 M Mhat^-1 = h H^-1 (1 - h Dv Mhat^-1), (nv, nv), of factors."""
    nv = Y.shape[0]
    Y[:] = 0.0
    for k in range(nv):
        Y[k, k] = 1.0
    solve(tree.row_start, tree.ancestors, Mhat, Y)
    for k in range(nv):
        s = h * Dv[k]
        for e in range(nv):
            W[k, e] = -h * s * Y[k, e]
        W[k, k] += h
    solve(tree.row_start, tree.ancestors, H, W)


# ---- Adjoint -------------------------------------------------------------------------------------


@_helper
def _add_stiffness(r: np.ndarray, Kc: np.ndarray, A: np.ndarray, K6: np.ndarray) -> None:
    """K6 += E' Kc E of a contact at r; A (3, 3) is overwritten with [r]x Kc."""
    for b in range(3):
        A[0, b] = r[1] * Kc[2, b] - r[2] * Kc[1, b]
        A[1, b] = r[2] * Kc[0, b] - r[0] * Kc[2, b]
        A[2, b] = r[0] * Kc[1, b] - r[1] * Kc[0, b]
    for a in range(3):
        K6[a, 0] += r[1] * A[a, 2] - r[2] * A[a, 1]
        K6[a, 1] += r[2] * A[a, 0] - r[0] * A[a, 2]
        K6[a, 2] += r[0] * A[a, 1] - r[1] * A[a, 0]
        for b in range(3):
            K6[a, 3 + b] += A[a, b]
            K6[3 + b, a] += A[a, b]
            K6[3 + a, 3 + b] += Kc[a, b]


@_helper
def _gather(body_parent: np.ndarray, first: int, last: int, x: np.ndarray) -> None:
    """Sums over the subtree of the columns first to last of x (nb, ...) in place."""
    for body in range(body_parent.shape[0] - 1, 0, -1):
        p = body_parent[body]
        if p > 0:
            for e in range(first, last):
                x[p, e] += x[body, e]


@_helper
def _inertia_rows(
    tree: Tree,
    armature: np.ndarray,
    S: np.ndarray,
    I: np.ndarray,
    K: np.ndarray,
    diagonal: np.ndarray,
    contact: bool,
    M: np.ndarray,
    H: np.ndarray,
) -> None:
    """M and H = M + S'KS + diag(diagonal) from the composites I (nb, 10) and, where there is
    contact, K (nb, 6, 6).
    """
    row_start, ancestors, dof_body = tree.row_start, tree.ancestors, tree.dof_body
    x = np.empty((2, 6))
    for k in range(S.shape[0]):
        body, start, end = dof_body[k], row_start[k], row_start[k + 1]
        _inertia_times(I, body, S, k, x, 0)
        for i in range(start, end):
            j, m = ancestors[i], 0.0
            for e in range(6):
                m += x[0, e] * S[j, e]
            M[i] = H[i] = m
        if contact:
            for e in range(6):
                x[1, e] = 0.0
            _add_times(K, body, S, k, x, 1, 1.0)
            for i in range(start, end):
                j, m = ancestors[i], 0.0
                for e in range(6):
                    m += x[1, e] * S[j, e]
                H[i] += m
        M[end - 1] += armature[k]
        H[end - 1] += armature[k] + diagonal[k]


@_stage
def _mass_matrices(
    tree: Tree,
    armature: np.ndarray,
    s: Step,
    contacts: Contacts,
    touching: int,
    diagonal: np.ndarray,
    I: np.ndarray,
    K: np.ndarray,
    M: np.ndarray,
    H: np.ndarray,
) -> None:
    """M and H of one step; I (nb, 10) and K (nb, 6, 6) are room for the composites."""
    I[:] = s.inertia
    _gather(tree.body_parent, 0, 10, I)
    if touching:
        flat, A = K.reshape(K.shape[0], 36), np.empty((3, 3))
        sphere, sphere_body = contacts.sphere, tree.sphere_body
        r, Kc = contacts.point, contacts.stiffness
        flat[:] = 0.0
        for n in range(touching):
            _add_stiffness(r[n], Kc[n], A, K[sphere_body[sphere[n]]])
        _gather(tree.body_parent, 0, 36, flat)
    _inertia_rows(tree, armature, s.S, I, K, diagonal, touching > 0, M, H)


@_stage
def _multipliers(
    tree: Tree,
    h: float,
    Dv: np.ndarray,
    Ev: np.ndarray,
    H: np.ndarray,
    Mhat: np.ndarray,
    p: Costate,
) -> None:
    """w = p_v + h E_v' p_q, mu = h Mhat^-1 w and nu = -H^-1 M mu, of the factors of H and Mhat."""
    q, v, w, mu, nu = p.q, p.v, p.w, p.mu, p.nu
    for k in range(q.shape[0]):
        w[k] = v[k] + h * q[k]
    for e in range(3):
        w[3 + e] = v[3 + e] + h * (q[3] * Ev[0, e] + q[4] * Ev[1, e] + q[5] * Ev[2, e])
    for k in range(q.shape[0]):
        mu[k] = h * w[k]
    _solve_vector(tree.row_start, tree.ancestors, Mhat, mu)
    for k in range(q.shape[0]):  # -M mu, of Mhat mu = h w
        nu[k] = h * (Dv[k] * mu[k] - w[k])
    _solve_vector(tree.row_start, tree.ancestors, H, nu)


@_helper
def _add_contact_pull(
    r: np.ndarray,
    rx: np.ndarray,
    F: np.ndarray,
    kappa: np.ndarray,
    Kc: np.ndarray,
    scene: bool,
    C: np.ndarray,
    T: np.ndarray,
    w: np.ndarray,
    y: np.ndarray,
    work: np.ndarray,
    body: int,
    TG: np.ndarray,
    TK: np.ndarray,
    phi: np.ndarray,
) -> None:
    """Adds a contact's G' y, K y and wrench to rows ``body`` of TG, TK and phi (nb, 6).

    r, rx, F, kappa, Kc, C, T: the contact's entries of ``Contacts``, the last two with a scene
    only; w (6,) its body's a + b v, y (6,) its body's nu_motion, work (2, 6). With e = E y and
    p = Kc e: G' y = E_x' (T' (p x w + y x F) + C' e) + w x* E' p. On the floor T' halves what is
    along n, and C' e is kappa . e there.
    """
    e0 = y[3] + y[1] * r[2] - y[2] * r[1]
    e1 = y[4] + y[2] * r[0] - y[0] * r[2]
    e2 = y[5] + y[0] * r[1] - y[1] * r[0]
    p0 = Kc[0, 0] * e0 + Kc[0, 1] * e1 + Kc[0, 2] * e2
    p1 = Kc[1, 0] * e0 + Kc[1, 1] * e1 + Kc[1, 2] * e2
    p2 = Kc[2, 0] * e0 + Kc[2, 1] * e1 + Kc[2, 2] * e2
    b0 = p1 * w[2] - p2 * w[1] + y[1] * F[2] - y[2] * F[1]
    b1 = p2 * w[0] - p0 * w[2] + y[2] * F[0] - y[0] * F[2]
    if scene:
        b2 = p0 * w[1] - p1 * w[0] + y[0] * F[1] - y[1] * F[0]
        b0, b1, b2 = (
            T[0, 0] * b0 + T[1, 0] * b1 + T[2, 0] * b2,
            T[0, 1] * b0 + T[1, 1] * b1 + T[2, 1] * b2,
            T[0, 2] * b0 + T[1, 2] * b1 + T[2, 2] * b2,
        )
        b0 += C[0, 0] * e0 + C[1, 0] * e1 + C[2, 0] * e2
        b1 += C[0, 1] * e0 + C[1, 1] * e1 + C[2, 1] * e2
        b2 += C[0, 2] * e0 + C[1, 2] * e1 + C[2, 2] * e2
    else:
        b2 = 0.5 * (p0 * w[1] - p1 * w[0] + y[0] * F[1] - y[1] * F[0])
        b2 += kappa[0] * e0 + kappa[1] * e1 + kappa[2] * e2
    work[0, 0], work[0, 1], work[0, 2] = (
        r[1] * p2 - r[2] * p1,
        r[2] * p0 - r[0] * p2,
        r[0] * p1 - r[1] * p0,
    )
    work[0, 3], work[0, 4], work[0, 5] = p0, p1, p2
    for a in range(6):
        TK[body, a] += work[0, a]
        work[1, a] = w[a]
    _add_cross_force(work, 1, work, 0, TG, body, 1.0)
    TG[body, 0] += rx[1] * b2 - rx[2] * b1
    TG[body, 1] += rx[2] * b0 - rx[0] * b2
    TG[body, 2] += rx[0] * b1 - rx[1] * b0
    TG[body, 3] += b0
    TG[body, 4] += b1
    TG[body, 5] += b2
    phi[body, 0] += r[1] * F[2] - r[2] * F[1]
    phi[body, 1] += r[2] * F[0] - r[0] * F[2]
    phi[body, 2] += r[0] * F[1] - r[1] * F[0]
    for a in range(3):
        phi[body, 3 + a] += F[a]


@_stage
def _pull_bodies(
    tree: Tree,
    s: Step,
    m: Motions,
    contacts: Contacts,
    touching: int,
    p: Costate,
    out: Pull,
) -> None:
    """nu and mu as motions of the dofs, the wrenches they raise on the bodies, and the sums of
    these over the subtrees.
    """
    S, V, A, Z, inertia = s.S, m.V, m.A, m.Z, s.inertia
    y, ym, nu, mu = out.nu_motion, out.mu_motion, p.nu, p.mu
    Iv, f, fz, TW, TI, TB = out.Iv, out.f, out.fz, out.I_mu, out.I_nu, out.B_nu
    TG, TK, phi = out.G_nu, out.K_nu, out.phi
    dof_parent, body_dof = tree.dof_parent, tree.body_dof
    work = np.empty((2, 6))
    for j in range(S.shape[0]):
        i = dof_parent[j]
        for e in range(6):
            y[j, e] = (y[i, e] if i >= 0 else 0.0) + S[j, e] * nu[j]
            ym[j, e] = (ym[i, e] if i >= 0 else 0.0) + S[j, e] * mu[j]
    for body in range(1, inertia.shape[0]):
        j = body_dof[body]
        _inertia_times(inertia, body, V, j, Iv, body)
        _inertia_times(inertia, body, A, j, f, body)
        _add_cross_force(V, j, Iv, body, f, body, 1.0)
        _inertia_times(inertia, body, Z, j, fz, body)
        _inertia_times(inertia, body, ym, j, TW, body)
        _inertia_times(inertia, body, y, j, TI, body)
        # B' y = v x* I y - I (v x y) - y x* I v
        _cross_motion(V, j, y, j, work, 0)
        _inertia_times(inertia, body, work, 0, TB, body)
        for e in range(6):
            TB[body, e] = -TB[body, e]
            TG[body, e] = TK[body, e] = phi[body, e] = 0.0
        _add_cross_force(V, j, TI, body, TB, body, 1.0)
        _add_cross_force(y, j, Iv, body, TB, body, -1.0)
    sphere, sphere_body, Y = contacts.sphere, tree.sphere_body, m.Y
    r, rx, F = contacts.point, contacts.centre, contacts.force
    kappa, Kc, C, T = contacts.kappa, contacts.stiffness, contacts.change, contacts.arm
    scene = s.touches.start.shape[0] > 0
    for n in range(touching):
        body = sphere_body[sphere[n]]
        j = body_dof[body]
        turning = n if scene else 0
        _add_contact_pull(
            r[n],
            rx[n],
            F[n],
            kappa[n],
            Kc[n],
            scene,
            C[turning],
            T[turning],
            Y[j],
            y[j],
            work,
            body,
            TG,
            TK,
            phi,
        )
    wrenches, body_parent = out.wrenches, tree.body_parent
    for i in range(1, 9):  # all but the momentum
        _gather(body_parent, 0, 6, wrenches[i])


@_stage
def _pull_axes(tree: Tree, S: np.ndarray, nu: np.ndarray, touching: int, out: Pull) -> None:
    """What contact forces on turned axes give back: the sum over the dofs below of -S x* phi nu."""
    z, phi, dof_parent, dof_body = out.axis, out.phi, tree.dof_parent, tree.dof_body
    for k in range(S.shape[0]):
        for e in range(6):
            z[k, e] = 0.0
        if touching:
            _add_cross_force(S, k, phi, dof_body[k], z, k, -nu[k])
    for k in range(S.shape[0] - 1, 0, -1):
        for e in range(6):
            z[dof_parent[k], e] += z[k, e]


@_stage
def _pull_state(
    tree: Tree,
    b_ref: float,
    S: np.ndarray,
    m: Motions,
    diagonals: Diagonals,
    x: Pull,
    Eq: np.ndarray,
    lq: np.ndarray,
    lv: np.ndarray,
    p: Costate,
) -> None:
    """p_q <- E_q' p_q + Mz' mu + Rq' nu + lq and p_v <- w + Rv' nu + lv."""
    pq, pv, w, nu = p.q, p.v, p.w, p.nu
    y, ym, z = x.nu_motion, x.mu_motion, x.axis
    TI, TB, TG, TK, TW = x.I_nu, x.B_nu, x.G_nu, x.K_nu, x.I_mu
    Sdot, Pdot, Pddot, PZ, PY = m.Sdot, m.Pdot, m.Pddot, m.PZ, m.PY
    f, fz, diagonal_q, diagonal_v = x.f, x.fz, diagonals.Rq, diagonals.Rv
    dof_body, dof_parent = tree.dof_body, tree.dof_parent
    tmp = np.empty((2, 6))
    r0, r1, r2 = pq[3], pq[4], pq[5]
    for e in range(3):
        pq[3 + e] = r0 * Eq[0, e] + r1 * Eq[1, e] + r2 * Eq[2, e]
    for j in range(S.shape[0]):
        body, root = dof_body[j], 3 <= j < 6  # the root's rotations move one another
        above, below = 2 if root else dof_parent[j], 3 if root else j
        for e in range(6):
            tmp[0, e] = tmp[1, e] = 0.0
        _add_cross_force(S, j, f, body, tmp, 0, 1.0)
        _add_cross_force(S, j, fz, body, tmp, 1, 1.0)
        to_q, to_v = diagonal_q[j] * nu[j], diagonal_v[j] * nu[j]
        for e in range(6):
            to_q += (
                Pddot[j, e] * TI[body, e]
                + Pdot[j, e] * TB[body, e]
                + PY[j, e] * TK[body, e]
                + PZ[j, e] * TW[body, e]
            )
            to_q += S[j, e] * (TG[body, e] + z[below, e])
            to_v += (Pdot[j, e] + Sdot[j, e]) * TI[body, e] + S[j, e] * (
                TB[body, e] + b_ref * TK[body, e]
            )
        if above >= 0:
            for e in range(6):
                to_q += y[above, e] * tmp[0, e] + ym[above, e] * tmp[1, e]
        pq[j] += lq[j] + to_q
        pv[j] = w[j] + lv[j] + to_v


@_jit
def adjoint(
    c: Constants,
    r: Records,
    lq: Float[np.ndarray, "T+1 nv"],
    lv: Float[np.ndarray, "T+1 nv"],
    du: Float[np.ndarray, "T nu"],
) -> tuple[Float[np.ndarray, " nv"], Float[np.ndarray, " nv"]]:
    """Backward recursion: du receives dL/dctrl; returns dL/dx0 as (p_q, p_v).

    lq, lv: the loss's gradient with respect to the configuration (tangent) and velocity of every
    state. Rq' nu, Rv' nu and Mz' mu need no matrices: with y_b the sum of S nu over the dofs that
    move body b, both masks of the assembly together say (Rq' nu)_j = [Pddot; Pdot; S; PY]_j .
    (subtree sum of [I; B'; G'; K]_b y_b) + what moving j's own axis changes; reverse mode through
    the recursive Newton-Euler algorithm, linear in the dofs.
    """
    nv, nb, h, b_ref = r.qvel.shape[1], r.cinert.shape[1], c.h, c.contact_reference[1]
    last, tree, entries = r.qacc.shape[0], _tree(c), c.row_start[nv]
    M, H, Mhat = np.empty(entries), np.empty(entries), np.empty(entries)
    I, K = np.empty((nb, 10)), np.zeros((nb, 6, 6))
    diagonals, motions = _new_diagonals(nv), _new_motions(nv)
    start, room, most = r.touches.start, c.sphere_body.shape[0], 1
    for t in range(start.shape[0] - 1):
        most = max(most, start[t + 1] - start[t])
    scene = start.shape[0] > 0
    contacts, pull = _new_contacts(max(room, most), most), _new_pull(nv, nb)
    p = Costate(lq[last].copy(), lv[last].copy(), np.empty(nv), np.empty(nv), np.empty(nv))
    actuator_dof, kp, saturated, nu = c.actuator_dof, c.kp, r.saturated, p.nu
    Eq, Ev, turn = np.zeros((3, 3)), np.zeros((3, 3)), np.zeros(3)
    for t in range(last - 1, -1, -1):
        s = _step(r, t)
        _diagonals(c, s, diagonals)
        _motions(c, s, motions)
        if scene:
            touching = _scene_contacts(c, s, motions.Y, contacts)
        else:
            touching = _contacts(c, s, motions.Y, contacts)
        _mass_matrices(tree, c.armature, s, contacts, touching, diagonals.H, I, K, M, H)
        _with_damping(tree.row_start, h, diagonals.Dv, M, Mhat)
        factorise(tree.row_start, tree.ancestors, Mhat)
        factorise(tree.row_start, tree.ancestors, H)
        for e in range(3):
            turn[e] = h * s.v_next[3 + e]
        rotation_maps(turn, Eq, Ev)
        _multipliers(tree, h, diagonals.Dv, Ev, H, Mhat, p)
        _pull_bodies(tree, s, motions, contacts, touching, p, pull)
        _pull_axes(tree, s.S, p.nu, touching, pull)
        _pull_state(tree, b_ref, s.S, motions, diagonals, pull, Eq, lq[t], lv[t], p)
        for i in range(du.shape[1]):
            k = actuator_dof[i]
            du[t, i] = 0.0 if saturated[t, k] else -kp[k] * nu[k]
    return p.q, p.v


# ---- Momentum ------------------------------------------------------------------------------------


class Momentum(NamedTuple):
    """Momentum of n states about the centre of mass, [angular, linear], and its derivatives."""

    h: Float[np.ndarray, "n 6"]  # kg m^2/s, kg m/s
    by_q: Float[np.ndarray, "n nv 6"]  # by the configuration, in MuJoCo's tangent space
    by_v: Float[np.ndarray, "n nv 6"]  # by qvel


@_jit
def _momentum(
    tree: Tree, S: np.ndarray, inertia: np.ndarray, v: np.ndarray, out: Momentum, n: int
) -> None:
    """One state's momentum into entry n of out.

    With respect to a fixed point dh = S x* h^C + I^C (v_lambda x S) for a dof with axis S, where
    h = I^C S qvel (Orin, Goswami & Lee, "Centroidal dynamics of a humanoid robot", Autonomous
    Robots 35, 2013, for the latter).
    """
    nv, nb = S.shape[0], inertia.shape[0]
    V, P = np.zeros((nv, 6)), np.zeros((nv, 6))  # velocity after every dof; v_lambda x S
    for j in range(nv):
        p = tree.dof_parent[j]
        for e in range(6):
            V[j, e] = (V[p, e] if p >= 0 else 0.0) + S[j, e] * v[j]
    for j in range(nv):
        before = 2 if 3 <= j < 6 else tree.dof_parent[j]
        if before >= 0:
            _cross_motion(V, before, S, j, P, j)
    IC, hC, own = np.zeros((nb, 10)), np.zeros((nb, 6)), np.zeros((1, 6))
    for body in range(nb - 1, 0, -1):
        _inertia_times(inertia, body, V, tree.body_dof[body], own, 0)
        parent = tree.body_parent[body]
        for e in range(6):
            hC[body, e] += own[0, e]
        for e in range(10):
            IC[body, e] += inertia[body, e]
        if parent > 0:
            for e in range(6):
                hC[parent, e] += hC[body, e]
            for e in range(10):
                IC[parent, e] += IC[body, e]
    h, by_q, by_v = out.h[n], out.by_q[n], out.by_v[n]
    for e in range(6):
        h[e] = hC[1, e]
    for j in range(nv):
        body = tree.dof_body[j]
        _inertia_times(IC, body, S, j, by_v, j)
        _inertia_times(IC, body, P, j, by_q, j)
        _add_cross_force(S, j, hC, body, by_q, j, 1.0)
        # The centre of mass, which the angular momentum is about, moves too.
        x0, x1, x2 = by_v[j, 3] / IC[1, 9], by_v[j, 4] / IC[1, 9], by_v[j, 5] / IC[1, 9]
        by_q[j, 0] -= x1 * h[5] - x2 * h[4]
        by_q[j, 1] -= x2 * h[3] - x0 * h[5]
        by_q[j, 2] -= x0 * h[4] - x1 * h[3]


@_jit
def momenta(c: Constants, r: Records, at: np.ndarray, out: Momentum) -> None:
    """Momentum of the states at (n,) of a rollout."""
    tree = _tree(c)
    for n in range(len(at)):
        t = at[n]
        _momentum(tree, r.cdof[t], r.cinert[t], r.qvel[t], out, n)
