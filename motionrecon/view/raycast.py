"""Capsules over a floor, drawn without any GL: a ray a pixel, compiled."""

import cv2
import numpy as np

from motionrecon.compiled import njit
from motionrecon.view import palette
from motionrecon.view.camera import Camera
from motionrecon.view.solids import Solids

_LIGHT = np.array([0.36, -0.24, 0.9]) / np.linalg.norm([0.36, -0.24, 0.9])
_SHADOW = 0.22
_jit = njit(fastmath={"reassoc", "contract", "arcp", "nsz"}, error_model="numpy")


class Raycaster:
    """Pictures (height, width, 3) uint8 RGB; every pixel is the mean of four rays."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height

    def draw(self, solids: Solids, camera: Camera) -> np.ndarray:
        """One picture."""
        focal = self.height / np.tan(0.5 * camera.fov)  # pixels of the twice as fine picture
        fine = np.empty((2 * self.height, 2 * self.width, 3), np.float32)
        depth = np.full(fine.shape[:2], np.inf, np.float32)
        paper, ground, grid = (
            np.array(palette.rgb(c)) for c in (palette.PAPER, palette.FLOOR, palette.GRID)
        )
        side = np.array([_LIGHT[1], -_LIGHT[0], 0]) / np.hypot(_LIGHT[0], _LIGHT[1])
        sheet = np.stack([side, np.cross(_LIGHT, side)])  # what the light sees
        n = solids.casting
        ends = _on_floor(solids.a[:n]), _on_floor(solids.b[:n])
        reach = _boxes(*ends, 1.6 * solids.radius[:n], camera, focal, fine.shape)
        _floor(
            fine,
            camera.eye,
            camera.axes,
            focal,
            paper,
            ground,
            grid,
            camera.target,
            solids.a[:n] @ sheet.T,
            solids.b[:n] @ sheet.T,
            solids.radius[:n],
            reach,
            sheet,
        )
        boxes = _boxes(solids.a, solids.b, solids.radius, camera, focal, fine.shape)
        _capsules(fine, depth, camera.eye, camera.axes, focal, *solids[:5], boxes, _LIGHT)
        picture = cv2.resize(fine, (self.width, self.height), interpolation=cv2.INTER_AREA)
        return np.clip(255 * picture + 0.5, 0, 255).astype(np.uint8)

    def close(self) -> None:
        """Nothing is held."""


def _on_floor(points: np.ndarray) -> np.ndarray:
    return points - np.maximum(points[:, 2:], 0) / _LIGHT[2] * _LIGHT


def _boxes(
    a: np.ndarray,
    b: np.ndarray,
    radius: np.ndarray,
    camera: Camera,
    focal: float,
    shape: tuple[int, ...],
) -> np.ndarray:
    """(N, 4) whole pixels x0, y0, x1, y1 that hold the capsules; empty behind the camera."""
    low, high = np.full((len(a), 2), np.inf), np.full((len(a), 2), -np.inf)
    for end in (a, b):
        x, y, z = camera.axes @ (end - camera.eye).T
        ahead = np.maximum(-z - radius, 0.05)
        middle = focal * np.stack([x, -y]) / np.maximum(-z, 0.05) + np.array(
            [[shape[1] / 2], [shape[0] / 2]]
        )
        wide = 1.1 * focal * radius / ahead + 2
        low, high = np.minimum(low, (middle - wide).T), np.maximum(high, (middle + wide).T)
        low[-z < 0.1] = np.inf
    size = np.array([shape[1], shape[0]])
    low = np.clip(np.nan_to_num(low, posinf=1e9), 0, size)
    return np.concatenate([low, np.clip(high + 1, low, size)], axis=1).astype(np.int64)


@_jit
def _floor(
    out: np.ndarray,
    eye: np.ndarray,
    axes: np.ndarray,
    focal: float,
    paper: np.ndarray,
    ground: np.ndarray,
    grid: np.ndarray,
    middle: np.ndarray,
    a: np.ndarray,
    b: np.ndarray,
    radius: np.ndarray,
    boxes: np.ndarray,
    sheet: np.ndarray,
) -> None:
    """Paper, the floor's grid fading into it, and the shadows: floor points that the light sees
    behind a capsule.
    """
    H, W = out.shape[:2]
    dark = np.zeros((H, W), np.float32)
    for i in range(len(radius)):
        ux, uy = b[i, 0] - a[i, 0], b[i, 1] - a[i, 1]
        square = ux * ux + uy * uy + 1e-12
        for y in range(boxes[i, 1], boxes[i, 3]):
            for x in range(boxes[i, 0], boxes[i, 2]):
                px, py = (x + 0.5 - 0.5 * W) / focal, (0.5 * H - y - 0.5) / focal
                dz = axes[0, 2] * px + axes[1, 2] * py - axes[2, 2]
                if dz > -1e-6:
                    continue
                t = -eye[2] / dz
                fx = eye[0] + t * (axes[0, 0] * px + axes[1, 0] * py - axes[2, 0])
                fy = eye[1] + t * (axes[0, 1] * px + axes[1, 1] * py - axes[2, 1])
                sx, sy = (
                    sheet[0, 0] * fx + sheet[0, 1] * fy - a[i, 0],
                    sheet[1, 0] * fx + sheet[1, 1] * fy - a[i, 1],
                )
                s = min(1.0, max(0.0, (sx * ux + sy * uy) / square))
                d = np.sqrt((sx - s * ux) ** 2 + (sy - s * uy) ** 2)
                dark[y, x] = max(dark[y, x], min(1.0, max(0.0, (radius[i] - d) / 0.012 + 0.5)))
    for y in range(H):
        for x in range(W):
            px, py = (x + 0.5 - 0.5 * W) / focal, (0.5 * H - y - 0.5) / focal
            dx = axes[0, 0] * px + axes[1, 0] * py - axes[2, 0]
            dy = axes[0, 1] * px + axes[1, 1] * py - axes[2, 1]
            dz = axes[0, 2] * px + axes[1, 2] * py - axes[2, 2]
            fade, line = 0.0, 0.0
            if dz < -1e-6:
                t = -eye[2] / dz
                fx, fy = eye[0] + t * dx, eye[1] + t * dy
                far = np.sqrt((fx - middle[0]) ** 2 + (fy - middle[1]) ** 2)
                fade = min(1.0, max(0.0, (11.0 - far) / 8.5))
                fade = fade * fade * (3 - 2 * fade)
                # metres a pixel along x and y of the floor
                kx, ky = axes[0, 2] / dz, axes[1, 2] / dz
                wx = t / focal * (abs(axes[0, 0] - kx * dx) + abs(axes[1, 0] - ky * dx)) + 1e-9
                wy = t / focal * (abs(axes[0, 1] - kx * dy) + abs(axes[1, 1] - ky * dy)) + 1e-9
                faint = 0.45 * min(1.0, max(0.0, (6.0 - far) / 4.0))
                for every, width, weight in ((1.0, 1.8, 1.0), (0.25, 0.8, faint)):
                    ax = abs(fx / every - np.rint(fx / every)) * every / wx
                    ay = abs(fy / every - np.rint(fy / every)) * every / wy
                    line = max(line, weight * min(1.0, max(0.0, width + 0.5 - min(ax, ay))))
            shade = (1 - _SHADOW * dark[y, x] * fade) * fade
            for c in range(3):
                out[y, x, c] = (
                    paper[c] * (1 - fade) + (ground[c] * (1 - line) + grid[c] * line) * shade
                )


@_jit
def _capsules(
    out: np.ndarray,
    depth: np.ndarray,
    eye: np.ndarray,
    axes: np.ndarray,
    focal: float,
    a: np.ndarray,
    b: np.ndarray,
    radius: np.ndarray,
    colour: np.ndarray,
    plain: np.ndarray,
    boxes: np.ndarray,
    light: np.ndarray,
) -> None:
    """The nearest capsule at every pixel: where its ray meets the cylinder about the axis, else an
    end's ball.
    """
    H, W = out.shape[:2]
    for i in range(len(radius)):
        ux, uy, uz = b[i, 0] - a[i, 0], b[i, 1] - a[i, 1], b[i, 2] - a[i, 2]
        ox, oy, oz = eye[0] - a[i, 0], eye[1] - a[i, 1], eye[2] - a[i, 2]
        uu, uo = ux * ux + uy * uy + uz * uz, ux * ox + uy * oy + uz * oz
        oo, rr = ox * ox + oy * oy + oz * oz, radius[i] ** 2
        for y in range(boxes[i, 1], boxes[i, 3]):
            for x in range(boxes[i, 0], boxes[i, 2]):
                px, py = (x + 0.5 - 0.5 * W) / focal, (0.5 * H - y - 0.5) / focal
                dx = axes[0, 0] * px + axes[1, 0] * py - axes[2, 0]
                dy = axes[0, 1] * px + axes[1, 1] * py - axes[2, 1]
                dz = axes[0, 2] * px + axes[1, 2] * py - axes[2, 2]
                k = 1 / np.sqrt(dx * dx + dy * dy + dz * dz)
                dx, dy, dz = dx * k, dy * k, dz * k
                ud, od = ux * dx + uy * dy + uz * dz, ox * dx + oy * dy + oz * dz
                A, B = uu - ud * ud, uu * od - uo * ud
                share, t = 0.0, -1.0
                if A > 1e-9:
                    D = B * B - A * (uu * oo - uo * uo - rr * uu)
                    if D < 0:
                        continue
                    t = (-B - np.sqrt(D)) / A
                    share = (uo + t * ud) / uu
                elif uu > 0 and ud < 0:
                    share = 1.0
                if A <= 1e-9 or share <= 0 or share >= 1:
                    share = 1.0 if share >= 1 else 0.0
                    qx, qy, qz = ox - share * ux, oy - share * uy, oz - share * uz
                    h = qx * dx + qy * dy + qz * dz
                    D = h * h - (qx * qx + qy * qy + qz * qz - rr)
                    if D < 0:
                        continue
                    t = -h - np.sqrt(D)
                if t <= 0.02 or t >= depth[y, x]:
                    continue
                depth[y, x] = t
                nx = (ox + t * dx - share * ux) / radius[i]
                ny = (oy + t * dy - share * uy) / radius[i]
                nz = (oz + t * dz - share * uz) / radius[i]
                facing = max(0.0, -(nx * dx + ny * dy + nz * dz))
                lx, ly, lz = light[0] - dx, light[1] - dy, light[2] - dz
                half = max(
                    0.0, (nx * lx + ny * ly + nz * lz) / np.sqrt(lx * lx + ly * ly + lz * lz)
                )
                sun = max(0.0, nx * light[0] + ny * light[1] + nz * light[2])
                lit = 0.66 + 0.14 * nz + 0.36 * sun - 0.3 * (1 - facing) ** 3
                for c in range(3):
                    shaded = colour[i, c] * lit + 0.1 * half**40
                    out[y, x, c] = plain[i] * colour[i, c] + (1 - plain[i]) * shaded
