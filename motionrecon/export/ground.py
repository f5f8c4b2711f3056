"""Forces of the floor on the feet at the frames, without gaps: force, centre of pressure, free
moment.
"""

from dataclasses import dataclass

import numpy as np

from motionrecon.engine import mujoco
from motionrecon.errors import ExportError
from motionrecon.export.scene import model_of
from motionrecon.motion.motion import Motion
from motionrecon.physics.floor_forces import CENTRE_N, floor_contacts, foot_bodies


@dataclass(frozen=True)
class Ground:
    """The floor's action on the left and right foot: a force at the centre of pressure and a moment
    about the vertical.

    World frame, z up. Where the force is 0 the centre and the moment are 0 too.
    """

    force: np.ndarray  # (T, 2, 3) N
    centre: np.ndarray  # (T, 2, 3) m, finite, on the floor
    free_moment: np.ndarray  # (T, 2) N m, positive anticlockwise seen from above

    @classmethod
    def filtered(cls, motion: Motion) -> "Ground":
        """Low-passed as the motion's joint moments are; the raw one where it has no filter."""
        force, centre = motion.contact_force_filtered, motion.centre_of_pressure_filtered
        free = motion.free_moment_filtered
        if force is None or centre is None or free is None:
            return cls.of(motion)
        loaded = np.isfinite(centre).all(-1)
        return cls(
            np.where(loaded[..., None], force, 0.0),
            np.where(loaded[..., None], centre, 0.0),
            np.where(loaded, free, 0.0),
        )

    @classmethod
    def of(cls, motion: Motion) -> "Ground":
        """Force and centre are the motion's own. Raises ExportError for a force that is not finite.

        Where the centre is NaN though the interpolated force is not 0 (a frame between an unloaded
        and a loaded step), it is that of the loaded step nearest in time. The forces are the raw
        ones, not the low-passed.
        """
        force, centre = motion.contact_force, motion.centre_of_pressure.copy()
        if not np.isfinite(force).all():
            frame = int(np.flatnonzero(~np.isfinite(force).all((1, 2)))[0])
            raise ExportError(
                f"'contact_force' is not finite in frame {frame}; reconstruct the motion again"
            )
        centres, moments = motion.simulation_centre_of_pressure, motion.simulation_free_moment
        clock = motion.timestep * np.arange(len(motion.forces[1]))
        if centres is None or moments is None:
            if motion.simulation_qpos is None and motion.free_moment is not None:
                centres, moments = motion.centre_of_pressure, motion.free_moment
                clock = motion.time
            else:
                centres, moments = of_steps(motion)
        free = np.stack(
            [np.interp(motion.time, clock, moments[:, side]) for side in (0, 1)], axis=1
        )
        for side in (0, 1):
            loaded = np.flatnonzero(np.isfinite(centres[:, side, 0]))
            gap = np.flatnonzero(~np.isfinite(centre[:, side]).all(-1))
            if loaded.size:
                centre[gap, side] = centres[loaded[_nearest(clock[loaded], motion.time[gap])], side]
        nothing = ~np.any(force, axis=-1)
        free[nothing] = 0.0
        centre[nothing | ~np.isfinite(centre).all(-1)] = 0.0
        return cls(force, centre, free)


def of_steps(motion: Motion) -> tuple[np.ndarray, np.ndarray]:
    """Centres of pressure (N, 2, 3) m, NaN while unloaded, and free moments (N, 2) N m of every
    simulated step, for motions that an older version saved without them: from the contacts at the
    simulated states.
    """
    model = model_of(motion)
    data, sides = mujoco.MjData(model), foot_bodies(model)
    qpos, qvel, ctrl = (motion.simulated(name) for name in ("qpos", "qvel", "ctrl"))
    steps = len(ctrl)
    centres, free = np.full((steps, 2, 3), np.nan), np.zeros((steps, 2))
    for t in range(steps):
        data.qpos[:], data.qvel[:], data.ctrl[:] = (
            qpos[t],
            qvel[t],
            ctrl[t],
        )
        mujoco.mj_forward(model, data)
        feet: tuple[list, list] = ([], [])
        for contact in floor_contacts(model, data):
            if contact.body in sides:
                feet[sides[contact.body]].append((contact.force, contact.place))
        for side, contacts in enumerate(feet):
            load = sum(f[2] for f, _ in contacts)
            if load > CENTRE_N:
                centre = sum(f[2] * p for f, p in contacts) / load
                centres[t, side] = centre[0], centre[1], 0.0
                free[t, side] = sum(np.cross(p - centre, f)[2] for f, p in contacts)
    return centres, free


def _nearest(known: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Indices of the entries of `known` (sorted) that are nearest to each of `asked`."""
    after = np.clip(np.searchsorted(known, asked), 0, len(known) - 1)
    before = np.maximum(after - 1, 0)
    return np.where(np.abs(asked - known[before]) <= np.abs(known[after] - asked), before, after)
