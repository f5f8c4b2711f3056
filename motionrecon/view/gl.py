"""The same solids drawn by MuJoCo's own renderer, off-screen, where the machine has a GL."""

import importlib
import os
from ctypes.util import find_library
from typing import Any

import numpy as np

from motionrecon.engine import mujoco
from motionrecon.view.camera import Camera
from motionrecon.view.solids import Solids

_ROOM = """<mujoco>
  <visual><headlight ambient=".5 .5 .5" diffuse=".2 .2 .2" specular="0 0 0"/>
    <quality shadowsize="4096" offsamples="4"/>
    <rgba fog="1 1 1 1"/>
    <map znear=".02" zfar="60" fogstart="1.6" fogend="3.6" shadowclip="1.2"/></visual>
  <statistic extent="3"/>
  <asset><texture type="skybox" builtin="flat" rgb1="1 1 1" width="8" height="8"/>
    <texture name="grid" type="2d" builtin="flat" mark="edge" rgb1=".92 .935 .95"
      markrgb=".72 .76 .81" width="160" height="160"/>
    <material name="grid" texture="grid" texrepeat="2 2" texuniform="true" reflectance="0"
      specular="0" emission=".2"/>
  </asset>
  <worldbody><light type="directional" dir="-.36 .24 -.9" diffuse=".3 .3 .3"
      specular=".15 .15 .15" castshadow="true"/>
    <geom type="plane" size="0 0 1" material="grid"/></worldbody></mujoco>"""


def context(width: int, height: int) -> Any:
    """An off-screen GL context, or None where there is none. MUJOCO_GL=egl or osmesa chooses."""
    chosen = os.environ.get("MUJOCO_GL", "").lower()
    for name, library in (("egl", "EGL"), ("osmesa", "OSMesa")):
        if chosen not in ("", name) or find_library(library) is None:
            continue
        try:
            made = importlib.import_module(f"mujoco.{name}").GLContext(width, height)
            made.make_current()
            return made
        except Exception:  # noqa: BLE001, S112  each GL fails in its own way, and none of them matters here
            continue
    return None


class MujocoRenderer:
    """Pictures (height, width, 3) uint8 RGB. Raises RuntimeError where no GL is found."""

    def __init__(self, width: int, height: int) -> None:
        self._context = context(width, height)
        if self._context is None:
            raise RuntimeError("no off-screen GL")
        self._model = mujoco.MjModel.from_xml_string(_ROOM)
        self._model.vis.global_.offwidth, self._model.vis.global_.offheight = width, height
        self._data = mujoco.MjData(self._model)
        mujoco.mj_forward(self._model, self._data)
        self._scene = mujoco.MjvScene(self._model, maxgeom=4000)
        self._scene.flags[mujoco.mjtRndFlag.mjRND_FOG] = True
        self._options, self._perturb, self._camera = (
            mujoco.MjvOption(),
            mujoco.MjvPerturb(),
            mujoco.MjvCamera(),
        )
        self._draw = mujoco.MjrContext(self._model, mujoco.mjtFontScale.mjFONTSCALE_100)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._draw)
        self._box = mujoco.MjrRect(0, 0, width, height)
        self._pixels = np.empty((height, width, 3), np.uint8)

    def draw(self, solids: Solids, camera: Camera) -> np.ndarray:
        """One picture."""
        self._model.vis.global_.fovy = np.rad2deg(camera.fov)
        view = self._camera
        view.lookat[:], view.distance = camera.target, camera.distance
        view.azimuth, view.elevation = (
            np.rad2deg(camera.azimuth) + 180,
            -np.rad2deg(camera.elevation),
        )
        mujoco.mjv_updateScene(
            self._model,
            self._data,
            self._options,
            self._perturb,
            view,
            mujoco.mjtCatBit.mjCAT_ALL,
            self._scene,
        )
        for light in self._scene.lights[: self._scene.nlight]:
            if light.castshadow:  # its shadow map is centred on the person
                light.pos[:] = camera.target - 4 * light.dir
        for a, b, radius, colour, plain in zip(*solids[:5], strict=True):
            self._add(a, b, radius, colour, plain)
        mujoco.mjr_render(self._box, self._scene, self._draw)
        mujoco.mjr_readPixels(self._pixels, None, self._box, self._draw)
        return self._pixels[::-1].copy()

    def _add(
        self, a: np.ndarray, b: np.ndarray, radius: float, colour: np.ndarray, plain: float
    ) -> None:
        scene = self._scene
        geom, ball = scene.geoms[scene.ngeom], np.linalg.norm(b - a) < 1e-6
        kind = mujoco.mjtGeom.mjGEOM_SPHERE if ball else mujoco.mjtGeom.mjGEOM_CAPSULE
        mujoco.mjv_initGeom(
            geom,
            kind,
            np.full(3, radius),
            a,
            np.eye(3).ravel(),
            np.append(colour, 1).astype(np.float32),
        )
        if not ball:
            mujoco.mjv_connector(geom, kind, radius, a, b)
        geom.emission, geom.specular = 0.6 * plain, 0.3 * (1 - plain)
        geom.category = mujoco.mjtCatBit.mjCAT_DECOR if plain else mujoco.mjtCatBit.mjCAT_DYNAMIC
        scene.ngeom += 1

    def close(self) -> None:
        """Give the GL back."""
        self._draw.free()
        self._context.free()
