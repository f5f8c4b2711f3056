"""Compiled closed-form derivatives of one MuJoCo step.

Formulas: rigid-body derivatives with motion vectors about the root's subtree centre of mass,
contacts folded into 6 x 6 matrices a body and composited up the tree exactly as inertias are.
Related: Featherstone, Rigid Body Dynamics Algorithms (2008), chapter 6 for the tree-sparse
factorisation; Singh, Russell & Wensing, "Efficient analytical derivatives of rigid-body dynamics"
(RA-L 2022) for the derivatives of inverse dynamics; MuJoCo manual, chapter Computation, for the
contact and limit impedances.

Every contact touches one chain of the tree, so H = M + J'DJ keeps the sparsity of M: all matrices
are stored as rows over ancestors (``Constants.row_start``). For a pair (k, i-th ancestor j),
``*_up`` holds entry [k, j] and ``*_low`` entry [j, k].

All in one file, for numba's cache on disk notices changes of the file that a function is in, not of
those it calls.
"""

import numba
import numpy as np

# Within a step a helper takes the few arrays it needs: handing over all constants, each array with
# its reference count, costs half a microsecond a call. No fastmath. A helper that is not inlined
# exists twice, compiled alone and with its caller; a process that compiles runs the one, a process
# that loads from numba's cache the other, and with fastmath the two round differently: a clip's
# result would depend on whether its run was the machine's first.
_jit = numba.njit(cache=True, nogil=True, error_model="numpy")


@_jit
def _cross_motion(a, i, b, j, out, k):
    """out[k] = a[i] x b[j], motion vectors [rotation, translation]."""
    a0, a1, a2, a3, a4, a5 = a[i, 0], a[i, 1], a[i, 2], a[i, 3], a[i, 4], a[i, 5]
    b0, b1, b2, b3, b4, b5 = b[j, 0], b[j, 1], b[j, 2], b[j, 3], b[j, 4], b[j, 5]
    out[k, 0] = a1 * b2 - a2 * b1
    out[k, 1] = a2 * b0 - a0 * b2
    out[k, 2] = a0 * b1 - a1 * b0
    out[k, 3] = a1 * b5 - a2 * b4 + a4 * b2 - a5 * b1
    out[k, 4] = a2 * b3 - a0 * b5 + a5 * b0 - a3 * b2
    out[k, 5] = a0 * b4 - a1 * b3 + a3 * b1 - a4 * b0


@_jit
def _add_cross_force(a, i, f, j, out, k, scale):
    """out[k] += scale * (a[i] x* f[j]), a force [moment, force] moved by a motion."""
    a0, a1, a2, a3, a4, a5 = a[i, 0], a[i, 1], a[i, 2], a[i, 3], a[i, 4], a[i, 5]
    f0, f1, f2, f3, f4, f5 = f[j, 0], f[j, 1], f[j, 2], f[j, 3], f[j, 4], f[j, 5]
    out[k, 0] += scale * (a1 * f2 - a2 * f1 + a4 * f5 - a5 * f4)
    out[k, 1] += scale * (a2 * f0 - a0 * f2 + a5 * f3 - a3 * f5)
    out[k, 2] += scale * (a0 * f1 - a1 * f0 + a3 * f4 - a4 * f3)
    out[k, 3] += scale * (a1 * f5 - a2 * f4)
    out[k, 4] += scale * (a2 * f3 - a0 * f5)
    out[k, 5] += scale * (a0 * f4 - a1 * f3)


@_jit
def _inertia_times(c, b, x, j, out, k):
    """out[k] = I_b x[j], with c[b] MuJoCo's cinert (Ixx, Iyy, Izz, Ixy, Ixz, Iyz, m c, m)."""
    w0, w1, w2, v0, v1, v2 = x[j, 0], x[j, 1], x[j, 2], x[j, 3], x[j, 4], x[j, 5]
    h0, h1, h2, m = c[b, 6], c[b, 7], c[b, 8], c[b, 9]
    out[k, 0] = c[b, 0] * w0 + c[b, 3] * w1 + c[b, 4] * w2 + h1 * v2 - h2 * v1
    out[k, 1] = c[b, 3] * w0 + c[b, 1] * w1 + c[b, 5] * w2 + h2 * v0 - h0 * v2
    out[k, 2] = c[b, 4] * w0 + c[b, 5] * w1 + c[b, 2] * w2 + h0 * v1 - h1 * v0
    out[k, 3] = m * v0 - (h1 * w2 - h2 * w1)
    out[k, 4] = m * v1 - (h2 * w0 - h0 * w2)
    out[k, 5] = m * v2 - (h0 * w1 - h1 * w0)


@_jit
def _add_times(A, b, x, j, out, k, scale):
    """out[k] += scale * A[b] x[j]."""
    for r in range(6):
        s = 0.0
        for c in range(6):
            s += A[b, r, c] * x[j, c]
        out[k, r] += scale * s


@_jit
def _add_transpose_times(A, b, x, j, out, k):
    """out[k] += A[b]' x[j]."""
    for c in range(6):
        s = 0.0
        for r in range(6):
            s += A[b, r, c] * x[j, r]
        out[k, c] += s


@_jit
def _skew_into(A, r0, c0, x, y, z, scale):
    """Write scale * [v]x at block (r0, c0) of A."""
    A[r0, c0 + 1] -= scale * z
    A[r0, c0 + 2] += scale * y
    A[r0 + 1, c0] += scale * z
    A[r0 + 1, c0 + 2] -= scale * x
    A[r0 + 2, c0] -= scale * y
    A[r0 + 2, c0 + 1] += scale * x


@_jit
def impedance(solimp, depth):
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


@_jit
def _contacts(c, wye, centres, com, which, r, rx, F, kappa, Kc):
    """Active contacts: how many, and of each the sphere (which) and, relative to com, its contact
    point r and centre rx.

    F, kappa (nc, 3) force and change of force with height; Kc (nc, 3, 3) stiffness; wye (nv, 6): a
    + b v after every dof.
    """
    n, K = 0, c.contact_reference[0]
    for i in range(c.sphere_body.shape[0]):
        dist = centres[i, 2] - c.sphere_radius[i]
        if dist >= 0:
            continue
        j = c.body_dof[c.sphere_body[i]]
        for a in range(3):
            rx[n, a] = r[n, a] = centres[i, a] - com[a]
            F[n, a] = kappa[n, a] = 0.0
            for b in range(3):
                Kc[n, a, b] = 0.0
        r[n, 2] -= c.sphere_radius[i] + 0.5 * dist
        # The contact point's a + b v.
        g0 = wye[j, 3] + wye[j, 1] * r[n, 2] - wye[j, 2] * r[n, 1]
        g1 = wye[j, 4] + wye[j, 2] * r[n, 0] - wye[j, 0] * r[n, 2]
        g2 = wye[j, 5] + wye[j, 0] * r[n, 1] - wye[j, 1] * r[n, 0]
        imp, slope = impedance(c.contact_impedance, -dist)
        D = c.contact_inverse_weight[i] * imp / (1 - imp)
        dD = -D * slope / (imp * (1 - imp))  # with respect to dist
        active = False
        for e in range(4):
            gap = (
                c.contact_rows[e, 0] * g0
                + c.contact_rows[e, 1] * g1
                + c.contact_rows[e, 2] * g2
                + K * imp * dist
            )
            if gap >= 0:
                continue
            active = True
            weight = D * K * (imp - slope * dist) + gap * dD
            for a in range(3):
                F[n, a] -= D * gap * c.contact_rows[e, a]
                kappa[n, a] += weight * c.contact_rows[e, a]
                for b in range(3):
                    Kc[n, a, b] += D * c.contact_rows[e, a] * c.contact_rows[e, b]
        if active:
            which[n] = i
            n += 1
    return n


@_jit
def _add_contact(y, r, rx, F, kappa, Kc, body_phi, body_K, body_G, body):
    """Add a contact's wrench, stiffness K6 and geometry G6 to its body; y (6,): the body's a + b v."""
    # E: 3 x 6, point velocity = E V, at the contact point; Ex at the sphere's centre.
    E, Ex, inner = np.zeros((3, 6)), np.zeros((3, 6)), np.zeros((3, 6))
    _skew_into(E, 0, 0, r[0], r[1], r[2], -1.0)
    _skew_into(Ex, 0, 0, rx[0], rx[1], rx[2], -1.0)
    for a in range(3):
        E[a, 3 + a] = 1.0
        Ex[a, 3 + a] = 1.0
    NE = Ex.copy()
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


@_jit
def _motions(c, S, v, a, v_next, tmp, v_after, Sd, Pd, Pdd, Pw, Py, acc, zee, wye):
    """Spatial velocities and accelerations after every dof and the derivatives of the axes S; all
    (nv, 6), tmp (3, 6).

    Sd = Sdot, Pd = Psidot, Pdd = Psiddot; acc, zee, wye: masked sums of S a + Sdot v (gravity
    included), of S (a - z) and of S (a + b v), z = (v_next - v) / h; Pw, Py: their cross products
    with S, as Pd is of the velocity.
    """
    nv, h, b_ref = S.shape[0], c.h, c.contact_reference[1]
    for e in range(6):
        tmp[0, e], tmp[1, e] = c.gravity[e], 0.0
    for j in range(nv):
        p = c.dof_parent[j]
        for e in range(6):
            v_after[j, e] = (v_after[p, e] if p >= 0 else 0.0) + S[j, e] * v[j]
    # The root's three rotations count as one joint.
    for j in range(nv):
        before = 2 if 3 <= j < 6 else c.dof_parent[j]
        _cross_motion(v_after, 5 if 3 <= j < 6 else j, S, j, Sd, j)
        p, z = c.dof_parent[j], (v_next[j] - v[j]) / h
        for e in range(6):
            acc[j, e] = (acc[p, e] if p >= 0 else c.gravity[e]) + S[j, e] * a[j] + Sd[j, e] * v[j]
            zee[j, e] = (zee[p, e] if p >= 0 else 0.0) + S[j, e] * (a[j] - z)
            wye[j, e] = (wye[p, e] if p >= 0 else 0.0) + S[j, e] * (a[j] + b_ref * v[j])
        if before < 0:
            _cross_motion(tmp, 0, S, j, Pdd, j)
            for e in range(6):
                Pd[j, e] = Pw[j, e] = Py[j, e] = 0.0
            continue
        _cross_motion(v_after, before, S, j, Pd, j)
        _cross_motion(zee, before, S, j, Pw, j)
        _cross_motion(wye, before, S, j, Py, j)
        _cross_motion(acc, before, S, j, Pdd, j)
        _cross_motion(v_after, before, Pd, j, tmp, 2)
        for e in range(6):
            Pdd[j, e] += tmp[2, e]


@_jit
def _diagonals(c, qpos, v, a, saturated, D, rq, rv):
    """What each dof adds to the diagonals of H beyond M, of Rq and of Rv: springs, damping, servos,
    joint limits; (nv,).
    """
    K, b = c.limit_reference[0], c.limit_reference[1]
    for k in range(v.shape[0]):
        D[k], rq[k], rv[k] = 0.0, c.stiffness[k], c.damping[k]
        if not saturated[k]:
            rq[k] += c.kp[k]
            rv[k] += c.kv[k]
        if not c.limited[k]:
            continue
        q = qpos[c.qpos_of_dof[k]]
        side = 1.0 if q < c.limit_low[k] else (-1.0 if q > c.limit_high[k] else 0.0)
        if side == 0.0:
            continue
        r = q - c.limit_low[k] if side > 0 else c.limit_high[k] - q
        imp, slope = impedance(c.limit_impedance, -r)
        gap = side * (a[k] + b * v[k]) + K * imp * r
        if gap < 0:
            D[k] = c.limit_inverse_weight[k] * imp / (1 - imp)
            rv[k] += b * D[k]
            rq[k] += D[k] * K * (imp - slope * r) - gap * D[k] * slope / (imp * (1 - imp))


@_jit
def step_matrices(
    c,
    S,
    cinert,
    com,
    centres,
    qpos,
    v,
    a,
    v_next,
    saturated,
    H,
    M,
    Rq_up,
    Rq_low,
    Rv_up,
    Rv_low,
    Mw_up,
    Mw_low,
):
    """Tree-sparse H, M, Rq = dR/dq, Rv = dR/dv and d(M (a - z))/dq of one step (simulator's inverse
    dynamics R).

    S (nv, 6) cdof, cinert (nb, 10), com (3,), centres (nc, 3) of spheres, qpos (nq,), v, a, v_next
    (nv,), saturated (nv,) bool: actuator at its force range. Outputs have shape (row_start[-1],).
    """
    nv, nb = S.shape[0], cinert.shape[0]
    b_ref = c.contact_reference[1]
    v_after, Sd, Pd, Pdd = (
        np.zeros((nv, 6)),
        np.zeros((nv, 6)),
        np.zeros((nv, 6)),
        np.zeros((nv, 6)),
    )
    Pw, Py, acc, zee, wye = (
        np.zeros((nv, 6)),
        np.zeros((nv, 6)),
        np.zeros((nv, 6)),
        np.zeros((nv, 6)),
        np.zeros((nv, 6)),
    )
    U, V = np.zeros((nv, 24)), np.zeros((nv, 24))
    D, rq, rv = np.empty(nv), np.empty(nv), np.empty(nv)
    _diagonals(c, qpos, v, a, saturated, D, rq, rv)
    _motions(c, S, v, a, v_next, np.zeros((3, 6)), v_after, Sd, Pd, Pdd, Pw, Py, acc, zee, wye)
    # Bodies: composites from the leaves up.
    CI, CB = np.zeros((nb, 10)), np.zeros((nb, 6, 6))
    CK, CG = np.zeros((nb, 6, 6)), np.zeros((nb, 6, 6))
    Cf, Cfw, Cphi = np.zeros((nb, 6)), np.zeros((nb, 6)), np.zeros((nb, 6))
    touched = np.zeros(nb, np.bool_)
    nc = c.sphere_body.shape[0]
    which, r, rx, F = (
        np.empty(nc, np.int64),
        np.empty((nc, 3)),
        np.empty((nc, 3)),
        np.empty((nc, 3)),
    )
    kappa, Kc = np.empty((nc, 3)), np.empty((nc, 3, 3))
    for n in range(_contacts(c, wye, centres, com, which, r, rx, F, kappa, Kc)):
        body = c.sphere_body[which[n]]
        _add_contact(wye[c.body_dof[body]], r[n], rx[n], F[n], kappa[n], Kc[n], Cphi, CK, CG, body)
        touched[body] = True
    VI, Iv = np.zeros((6, 6)), np.zeros((1, 6))
    for body in range(1, nb):
        j = c.body_dof[body]
        _inertia_times(cinert, body, v_after, j, Iv, 0)
        _inertia_times(cinert, body, acc, j, Cf, body)
        _add_cross_force(v_after, j, Iv, 0, Cf, body, 1.0)
        _inertia_times(cinert, body, zee, j, Cfw, body)
        for e in range(10):
            CI[body, e] = cinert[body, e]
        # B y = -I (v x y) + y x* (I v) + v x* (I y); X = [v]x as a 6 x 6 matrix, v x* = -X'.
        w0, w1, w2 = v_after[j, 0], v_after[j, 1], v_after[j, 2]
        l0, l1, l2 = v_after[j, 3], v_after[j, 4], v_after[j, 5]
        c0, c1, c2 = cinert[body, 0], cinert[body, 1], cinert[body, 2]
        c3, c4, c5 = cinert[body, 3], cinert[body, 4], cinert[body, 5]
        h0, h1, h2, m = cinert[body, 6], cinert[body, 7], cinert[body, 8], cinert[body, 9]
        # VI = I X, built column by column with the rotation and translation blocks of X.
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
            VI[0, q] = c0 * x0 + c3 * x1 + c4 * x2 + h1 * y2 - h2 * y1
            VI[1, q] = c3 * x0 + c1 * x1 + c5 * x2 + h2 * y0 - h0 * y2
            VI[2, q] = c4 * x0 + c5 * x1 + c2 * x2 + h0 * y1 - h1 * y0
            VI[3, q] = m * y0 - (h1 * x2 - h2 * x1)
            VI[4, q] = m * y1 - (h2 * x0 - h0 * x2)
            VI[5, q] = m * y2 - (h0 * x1 - h1 * x0)
        for r in range(6):
            for q in range(6):
                CB[body, r, q] = -VI[r, q] - VI[q, r]
        _skew_into(CB[body], 0, 0, Iv[0, 0], Iv[0, 1], Iv[0, 2], -1.0)
        _skew_into(CB[body], 0, 3, Iv[0, 3], Iv[0, 4], Iv[0, 5], -1.0)
        _skew_into(CB[body], 3, 0, Iv[0, 3], Iv[0, 4], Iv[0, 5], -1.0)
    for body in range(nb - 1, 0, -1):
        p = c.body_parent[body]
        if p == 0:
            continue
        for e in range(10):
            CI[p, e] += CI[body, e]
        for e in range(6):
            Cf[p, e] += Cf[body, e]
            Cfw[p, e] += Cfw[body, e]
        for r in range(6):
            for q in range(6):
                CB[p, r, q] += CB[body, r, q]
        if touched[body]:
            touched[p] = True
            for r in range(6):
                Cphi[p, r] += Cphi[body, r]
                for q in range(6):
                    CK[p, r, q] += CK[body, r, q]
                    CG[p, r, q] += CG[body, r, q]
    # Vectors of each dof, then all pairs of a dof and its ancestors.
    low_q, low_v, low_w, X = (
        np.zeros((nv, 6)),
        np.zeros((nv, 6)),
        np.zeros((nv, 6)),
        np.zeros((nv, 6)),
    )
    IS, BS, GS, KS = np.zeros((nv, 6)), np.zeros((nv, 6)), np.zeros((nv, 6)), np.zeros((nv, 6))
    for k in range(nv):
        body = c.dof_body[k]
        for e in range(6):
            X[k, e] = Pd[k, e] + Sd[k, e]
        _inertia_times(CI, body, S, k, IS, k)
        _add_transpose_times(CB, body, S, k, BS, k)
        _inertia_times(CI, body, Pdd, k, low_q, k)
        _add_times(CB, body, Pd, k, low_q, k, 1.0)
        _add_cross_force(S, k, Cf, body, low_q, k, 1.0)
        _inertia_times(CI, body, X, k, low_v, k)
        _add_times(CB, body, S, k, low_v, k, 1.0)
        _inertia_times(CI, body, Pw, k, low_w, k)
        _add_cross_force(S, k, Cfw, body, low_w, k, 1.0)
        if touched[body]:
            _add_times(CK, body, S, k, KS, k, 1.0)
            _add_transpose_times(CG, body, S, k, GS, k)
            _add_cross_force(S, k, Cphi, body, GS, k, -1.0)
            _add_times(CG, body, S, k, low_q, k, 1.0)
            _add_times(CK, body, Py, k, low_q, k, 1.0)
            for e in range(6):
                low_v[k, e] += b_ref * KS[k, e]
        for e in range(6):
            U[k, e], U[k, 6 + e], U[k, 12 + e], U[k, 18 + e] = (
                IS[k, e],
                BS[k, e],
                GS[k, e],
                KS[k, e],
            )
            V[k, e], V[k, 6 + e], V[k, 12 + e], V[k, 18 + e] = (
                Pdd[k, e],
                Pd[k, e],
                S[k, e],
                Py[k, e],
            )
    for k in range(nv):
        start = c.row_start[k]
        for i in range(c.row_start[k + 1] - start):
            j = c.ancestors[start + i]
            up = 0.0
            for e in range(24):
                up += U[k, e] * V[j, e]
            m = ks = vv = mw = lq = lv = lw = 0.0
            for e in range(6):
                m += IS[k, e] * S[j, e]
                ks += KS[k, e] * S[j, e]
                vv += IS[k, e] * X[j, e] + BS[k, e] * S[j, e]
                mw += IS[k, e] * Pw[j, e]
                lq += S[j, e] * low_q[k, e]
                lv += S[j, e] * low_v[k, e]
                lw += S[j, e] * low_w[k, e]
            vv += b_ref * ks
            if (
                3 <= j and k < 6 and j != k
            ):  # the root's rotations move one another: the first mask, both ways
                lq = lv = lw = 0.0
                for e in range(24):
                    lq += U[j, e] * V[k, e]
                for e in range(6):
                    lv += IS[j, e] * X[k, e] + (BS[j, e] + b_ref * KS[j, e]) * S[k, e]
                    lw += IS[j, e] * Pw[k, e]
            M[start + i] = m
            H[start + i] = m + ks
            Rq_up[start + i], Rv_up[start + i], Mw_up[start + i] = up, vv, mw
            Rq_low[start + i], Rv_low[start + i], Mw_low[start + i] = lq, lv, lw
        d = c.row_start[k + 1] - 1
        M[d] += c.armature[k]
        H[d] += c.armature[k] + D[k]
        Rq_up[d] += rq[k]
        Rv_up[d] += rv[k]


@_jit
def factorise(row_start, ancestors, A):
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


@_jit
def solve(row_start, ancestors, A, x):
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


@_jit
def _solve_vector(row_start, ancestors, A, x):
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


@_jit
def rotation_maps(w, Eq, Ev):
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


@_jit
def _with_damping(c, M, saturated, Mhat):
    """Mhat = M + h diag(damping + kv), the matrix that implicitfast solves with."""
    for i in range(M.shape[0]):
        Mhat[i] = M[i]
    for k in range(saturated.shape[0]):
        Mhat[c.row_start[k + 1] - 1] += c.h * (c.damping[k] + (0.0 if saturated[k] else c.kv[k]))


@_jit
def _add_stiffness(r, Kc, A, K6):
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


@_jit
def _add_contact_pull(r, rx, F, kappa, Kc, w, y, work, body, TG, TK, phi):
    """TK[body] += K6 y, TG[body] += G6' y, phi[body] += the wrench of a contact; w (6,) its body's
    a + b v.

    work (2, 6). With e = E y and p = Kc e: G6' y = E_x' (p x w + y x F, half of it along n, plus
    kappa . e there) + w x* E' p.
    """
    e0 = y[3] + y[1] * r[2] - y[2] * r[1]
    e1 = y[4] + y[2] * r[0] - y[0] * r[2]
    e2 = y[5] + y[0] * r[1] - y[1] * r[0]
    p0 = Kc[0, 0] * e0 + Kc[0, 1] * e1 + Kc[0, 2] * e2
    p1 = Kc[1, 0] * e0 + Kc[1, 1] * e1 + Kc[1, 2] * e2
    p2 = Kc[2, 0] * e0 + Kc[2, 1] * e1 + Kc[2, 2] * e2
    b0 = p1 * w[2] - p2 * w[1] + y[1] * F[2] - y[2] * F[1]
    b1 = p2 * w[0] - p0 * w[2] + y[2] * F[0] - y[0] * F[2]
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


@_jit
def _gather(body_parent, first, last, x):
    """Sums over the subtree of the columns first to last of x (nb, ...) in place."""
    for body in range(body_parent.shape[0] - 1, 0, -1):
        p = body_parent[body]
        if p > 0:
            for e in range(first, last):
                x[p, e] += x[body, e]


@_jit
def _inertia_rows(row_start, ancestors, dof_body, armature, S, CI, CK, D, contact, IS, KS, M, H):
    """Tree-sparse M and H = M + S' K^C S + diag(D) from the composites CI (nb, 10) and CK (nb, 6,
    6).
    """
    for k in range(S.shape[0]):
        body, start, end = dof_body[k], row_start[k], row_start[k + 1]
        _inertia_times(CI, body, S, k, IS, k)
        for i in range(start, end):
            j, m = ancestors[i], 0.0
            for e in range(6):
                m += IS[k, e] * S[j, e]
            M[i] = H[i] = m
        if contact:
            for e in range(6):
                KS[k, e] = 0.0
            _add_times(CK, body, S, k, KS, k, 1.0)
            for i in range(start, end):
                j, m = ancestors[i], 0.0
                for e in range(6):
                    m += KS[k, e] * S[j, e]
                H[i] += m
        M[end - 1] += armature[k]
        H[end - 1] += armature[k] + D[k]


@_jit
def adjoint(c, S, cinert, com, centres, qpos, v, a, saturated, lq, lv, du):
    """Backward recursion: du (T, nu) receives dL/dctrl; returns dL/dx0 as (pq, pv), each (nv,).

    S (T+1, nv, 6) ... are the rollout's records; lq, lv (T+1, nv) the loss's gradient with respect
    to the configuration (tangent) and velocity of every state.

    Rq' nu, Rv' nu and Mw' mu need no matrices: with y_b the sum of S nu over the dofs that move
    body b, both masks of the assembly together say (Rq' nu)_j = [Psiddot; Psidot; S; Py]_j .
    (subtree sum of [I; B'; G'; K]_b y_b) + what moving j's own axis changes; reverse mode through
    the recursive Newton-Euler algorithm, linear in the dofs.
    """
    T, nv, nb, nu, h, b_ref = (
        a.shape[0],
        v.shape[1],
        cinert.shape[1],
        du.shape[1],
        c.h,
        c.contact_reference[1],
    )
    row_start, ancestors, dof_parent, dof_body = c.row_start, c.ancestors, c.dof_parent, c.dof_body
    body_parent, body_dof, sphere_body = c.body_parent, c.body_dof, c.sphere_body
    M, H, Mhat = np.empty(row_start[nv]), np.empty(row_start[nv]), np.empty(row_start[nv])
    D, rq, rv = np.empty(nv), np.empty(nv), np.empty(nv)
    of_dofs = np.empty((14, nv, 6))
    v_after, Sd, Pd, Pdd, Pw = of_dofs[0], of_dofs[1], of_dofs[2], of_dofs[3], of_dofs[4]
    Py, acc, zee, wye, y = of_dofs[5], of_dofs[6], of_dofs[7], of_dofs[8], of_dofs[9]
    ym, z, IS, KS = of_dofs[10], of_dofs[11], of_dofs[12], of_dofs[13]
    of_bodies = np.empty((9, nb, 6))
    Iv, Cf, Cfw, TI, TB = of_bodies[0], of_bodies[1], of_bodies[2], of_bodies[3], of_bodies[4]
    TG, TK, TW, phi = of_bodies[5], of_bodies[6], of_bodies[7], of_bodies[8]
    CI, CK = np.empty((nb, 10)), np.zeros((nb, 6, 6))
    nc = sphere_body.shape[0]
    which, r, rx, F = (
        np.empty(nc, np.int64),
        np.empty((nc, 3)),
        np.empty((nc, 3)),
        np.empty((nc, 3)),
    )
    kappa, Kc, A, tmp = np.empty((nc, 3)), np.empty((nc, 3, 3)), np.empty((3, 3)), np.empty((3, 6))
    CK_flat = CK.reshape(nb, 36)
    pq, pv, w, mu, nu_ = lq[T].copy(), lv[T].copy(), np.empty(nv), np.empty(nv), np.empty(nv)
    Eq, Ev, turn = np.zeros((3, 3)), np.zeros((3, 3)), np.zeros(3)
    for t in range(T - 1, -1, -1):
        St = S[t]
        _diagonals(c, qpos[t], v[t], a[t], saturated[t], D, rq, rv)
        _motions(c, St, v[t], a[t], v[t + 1], tmp, v_after, Sd, Pd, Pdd, Pw, Py, acc, zee, wye)
        contacts = _contacts(c, wye, centres[t], com[t], which, r, rx, F, kappa, Kc)
        # M and H.
        CI[:] = cinert[t]
        _gather(body_parent, 0, 10, CI)
        if contacts:
            CK_flat[:] = 0.0
            for n in range(contacts):
                _add_stiffness(r[n], Kc[n], A, CK[sphere_body[which[n]]])
            _gather(body_parent, 0, 36, CK_flat)
        _inertia_rows(
            row_start, ancestors, dof_body, c.armature, St, CI, CK, D, contacts > 0, IS, KS, M, H
        )
        _with_damping(c, M, saturated[t], Mhat)
        factorise(row_start, ancestors, Mhat)
        factorise(row_start, ancestors, H)
        # mu and nu.
        for e in range(3):
            turn[e] = h * v[t + 1, 3 + e]
        rotation_maps(turn, Eq, Ev)
        for k in range(nv):
            w[k] = pv[k] + h * pq[k]
        for e in range(3):
            w[3 + e] = pv[3 + e] + h * (pq[3] * Ev[0, e] + pq[4] * Ev[1, e] + pq[5] * Ev[2, e])
        for k in range(nv):
            mu[k] = h * w[k]
        _solve_vector(row_start, ancestors, Mhat, mu)
        for k in range(nv):  # -M mu, of Mhat mu = h w
            nu_[k] = h * ((c.damping[k] + (0.0 if saturated[t, k] else c.kv[k])) * mu[k] - w[k])
        _solve_vector(row_start, ancestors, H, nu_)
        # Pull nu and mu back through the step's inverse dynamics.
        for j in range(nv):
            p = dof_parent[j]
            for e in range(6):
                y[j, e] = (y[p, e] if p >= 0 else 0.0) + St[j, e] * nu_[j]
                ym[j, e] = (ym[p, e] if p >= 0 else 0.0) + St[j, e] * mu[j]
        for body in range(1, nb):
            j = body_dof[body]
            _inertia_times(cinert[t], body, v_after, j, Iv, body)
            _inertia_times(cinert[t], body, acc, j, Cf, body)
            _add_cross_force(v_after, j, Iv, body, Cf, body, 1.0)
            _inertia_times(cinert[t], body, zee, j, Cfw, body)
            _inertia_times(cinert[t], body, ym, j, TW, body)
            _inertia_times(cinert[t], body, y, j, TI, body)
            _cross_motion(v_after, j, y, j, tmp, 0)
            _inertia_times(
                cinert[t], body, tmp, 0, TB, body
            )  # B' y = v x* I y - I (v x y) - y x* I v
            for e in range(6):
                TB[body, e] = -TB[body, e]
                TG[body, e] = TK[body, e] = phi[body, e] = 0.0
            _add_cross_force(v_after, j, TI, body, TB, body, 1.0)
            _add_cross_force(y, j, Iv, body, TB, body, -1.0)
        for n in range(contacts):
            body = sphere_body[which[n]]
            j = body_dof[body]
            _add_contact_pull(
                r[n], rx[n], F[n], kappa[n], Kc[n], wye[j], y[j], tmp, body, TG, TK, phi
            )
        for i in range(1, 9):
            _gather(body_parent, 0, 6, of_bodies[i])
        for k in range(nv):
            for e in range(6):
                z[k, e] = 0.0
            if contacts:
                _add_cross_force(St, k, phi, dof_body[k], z, k, -nu_[k])
        for k in range(nv - 1, 0, -1):
            for e in range(6):
                z[dof_parent[k], e] += z[k, e]
        r0, r1, r2 = pq[3], pq[4], pq[5]
        for e in range(3):
            pq[3 + e] = r0 * Eq[0, e] + r1 * Eq[1, e] + r2 * Eq[2, e]
        for j in range(nv):
            body, root = dof_body[j], 3 <= j < 6  # the root's rotations move one another
            above, below = 2 if root else dof_parent[j], 3 if root else j
            for e in range(6):
                tmp[0, e] = tmp[1, e] = 0.0
            _add_cross_force(St, j, Cf, body, tmp, 0, 1.0)
            _add_cross_force(St, j, Cfw, body, tmp, 1, 1.0)
            q_, v_ = rq[j] * nu_[j], rv[j] * nu_[j]
            for e in range(6):
                q_ += (
                    Pdd[j, e] * TI[body, e]
                    + Pd[j, e] * TB[body, e]
                    + Py[j, e] * TK[body, e]
                    + Pw[j, e] * TW[body, e]
                )
                q_ += St[j, e] * (TG[body, e] + z[below, e])
                v_ += (Pd[j, e] + Sd[j, e]) * TI[body, e] + St[j, e] * (
                    TB[body, e] + b_ref * TK[body, e]
                )
            if above >= 0:
                for e in range(6):
                    q_ += y[above, e] * tmp[0, e] + ym[above, e] * tmp[1, e]
            pq[j] += lq[t, j] + q_
            pv[j] = w[j] + lv[t, j] + v_
        for i in range(nu):
            k = c.actuator_dof[i]
            du[t, i] = 0.0 if saturated[t, k] else -c.kp[k] * nu_[k]
    return pq, pv


@_jit
def _multiply_sparse(row_start, ancestors, up, low, Y, out, scale):
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


@_jit
def transitions(c, S, cinert, com, centres, qpos, v, a, saturated, first, last, D, Eq, Ev):
    """Transposed velocity rows of the step Jacobians for steps first <= t < last.

    D (T, 2 nv + nu, nv) receives [dv'/dq, dv'/dv, dv'/du]'; Eq, Ev (T, 3, 3) the root rotation's
    maps, with which dq' = E_q dq + h E_v dv' (identity and h elsewhere).
    """
    nv, h, nu = v.shape[1], c.h, c.actuator_dof.shape[0]
    work = np.zeros((9, c.row_start[nv]))
    H, M, Rqu, Rql, Rvu = work[0], work[1], work[2], work[3], work[4]
    Rvl, Mwu, Mwl, Mhat = work[5], work[6], work[7], work[8]
    Y, W, turn = np.zeros((nv, nv)), np.zeros((nv, nv)), np.zeros(3)
    for t in range(first, last):
        step_matrices(
            c,
            S[t],
            cinert[t],
            com[t],
            centres[t],
            qpos[t],
            v[t],
            a[t],
            v[t + 1],
            saturated[t],
            H,
            M,
            Rqu,
            Rql,
            Rvu,
            Rvl,
            Mwu,
            Mwl,
        )
        _with_damping(c, M, saturated[t], Mhat)
        factorise(c.row_start, c.ancestors, Mhat)
        factorise(c.row_start, c.ancestors, H)
        # W' = h H^-1 M Mhat^-1 = h H^-1 (1 - h Dv Mhat^-1)
        Y[:] = 0.0
        for k in range(nv):
            Y[k, k] = 1.0
        solve(c.row_start, c.ancestors, Mhat, Y)
        for k in range(nv):
            s = h * (c.damping[k] + (0.0 if saturated[t, k] else c.kv[k]))
            for e in range(nv):
                W[k, e] = -h * s * Y[k, e]
            W[k, k] += h
        solve(c.row_start, c.ancestors, H, W)
        out = D[t]
        out[:] = 0.0
        _multiply_sparse(c.row_start, c.ancestors, Mwu, Mwl, Y, out[:nv], h)
        _multiply_sparse(c.row_start, c.ancestors, Rqu, Rql, W, out[:nv], -1.0)
        _multiply_sparse(c.row_start, c.ancestors, Rvu, Rvl, W, out[nv : 2 * nv], -1.0)
        for k in range(nv):
            out[nv + k, k] += 1.0
        for i in range(nu):
            k = c.actuator_dof[i]
            if not saturated[t, k]:
                for e in range(nv):
                    out[2 * nv + i, e] = c.kp[k] * W[k, e]
        for e in range(3):
            turn[e] = h * v[t + 1, 3 + e]
        rotation_maps(turn, Eq[t], Ev[t])
