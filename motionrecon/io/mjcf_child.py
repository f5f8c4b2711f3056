"""Where a MuJoCo model's bodies and sites are in each key.

Run as a file by motionrecon.io.isolated; of ours it imports only the door to MuJoCo.
"""

import xml.etree.ElementTree as ET

import numpy as np

from motionrecon.engine import mujoco


def parse(path: str, model_path: str) -> dict[str, np.ndarray]:
    """Places of bodies and sites in every key."""
    model = mujoco.MjModel.from_xml_path(model_path or path)
    qpos, time = model.key_qpos, model.key_time
    if model_path:
        keys = list(ET.parse(path).getroot().iter("key"))
        qpos = np.array([[float(v) for v in (k.get("qpos") or "").split()] for k in keys])
        time = np.array([float(k.get("time", "0")) for k in keys])
        if len(keys) and qpos.shape != (len(keys), model.nq):
            raise ValueError(
                f"the keys have qpos of shape {qpos.shape}, the model needs {model.nq} numbers "
                "in each"
            )
    data = mujoco.MjData(model)
    sites = {model.site(i).name: i for i in range(model.nsite) if model.site(i).name}
    bodies = {n: i for i in range(1, model.nbody) if (n := model.body(i).name) and n not in sites}
    points = np.empty((len(qpos), len(sites) + len(bodies), 3))
    for t, q in enumerate(qpos):
        data.qpos[:] = q
        mujoco.mj_kinematics(model, data)
        points[t] = np.concatenate(
            [data.site_xpos[list(sites.values())], data.xpos[list(bodies.values())]]
        )
    return {
        "points": points,
        "names": np.array([*sites, *bodies], dtype=str),
        "time": time,
        "gravity": model.opt.gravity,
    }
