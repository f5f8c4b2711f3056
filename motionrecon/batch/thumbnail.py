"""A small picture of a clip's worst moment: the body as lines, the input's keypoints as dots; SVG
text.
"""

from pathlib import Path

import numpy as np

from motionrecon.engine import mujoco
from motionrecon.errors import MotionReconError
from motionrecon.motion.motion import Motion

_SIZE = 150  # pixels


def thumbnail(folder: Path, at_s: float | None) -> str:
    """SVG of the motion in a clip's folder at a time (s; None: its middle), "" where there is none
    to show.
    """
    try:
        motion = Motion.load(folder)
        model = motion.model
    except MotionReconError:
        return ""
    T = motion.frames
    t = T // 2 if at_s is None else min(T - 1, round(at_s * motion.fps))
    data = mujoco.MjData(model)
    data.qpos[:] = motion.qpos[t]
    mujoco.mj_kinematics(model, data)
    side = _side(model, data)

    def flat(p: np.ndarray) -> np.ndarray:
        return np.column_stack([p @ side, p[:, 2]])

    bodies, given = flat(data.xpos), flat(motion.input_keypoints[t])
    given = given[np.isfinite(given).all(1)]
    shown = np.concatenate([bodies[1:], given])
    low, high = shown.min(0), shown.max(0)
    low[1], high[1] = min(low[1], -0.05), max(high[1], 0.3)
    scale = _SIZE / max((high - low).max() * 1.15, 0.5)
    middle = 0.5 * (low + high)

    def pixel(p: np.ndarray) -> tuple[float, float]:
        across, up = scale * (p - middle)
        return _SIZE / 2 + across, _SIZE / 2 - up

    lines = []
    for body in range(2, model.nbody):
        (x0, y0), (x1, y1) = pixel(bodies[model.body_parentid[body]]), pixel(bodies[body])
        lines.append(
            f'<line class="body" x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}"/>'
        )
    dots = [
        f'<circle class="input" cx="{x:.1f}" cy="{y:.1f}" r="2"/>' for x, y in map(pixel, given)
    ]
    ground = pixel(np.array([0.0, 0.0]))[1]
    floor = f'<line class="floor" x1="0" y1="{ground:.1f}" x2="{_SIZE}" y2="{ground:.1f}"/>'
    label = f"the body at {t / motion.fps:.1f} s, with the input's keypoints as dots"
    box = f'viewBox="0 0 {_SIZE} {_SIZE}" width="{_SIZE}" height="{_SIZE}"'
    return (
        f'<svg {box} role="img" aria-label="{label}">{floor}{"".join(lines)}{"".join(dots)}</svg>'
    )


def _side(model: mujoco.MjModel, data: mujoco.MjData) -> np.ndarray:
    """(3,) the horizontal direction in which the body is seen to be widest: its profile."""
    flat = data.xpos[1:, :2] - data.xpos[1:, :2].mean(0)
    direction = np.linalg.svd(flat, full_matrices=False)[2][0]
    return np.array([*direction, 0.0])
