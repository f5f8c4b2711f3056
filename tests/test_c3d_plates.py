"""Force plates of a C3D: the four types of analog channels, computed here from one load."""

import ezc3d
import numpy as np
import pytest

from motionrecon.clip.load import load_clip

FPS, SUBSAMPLES = 30.0, 4
CORNERS = np.array([[600.0, 0, 0], [0, 0, 0], [0, 400, 0], [600, 400, 0]])  # mm; z points down
AXES = np.array([[1.0, 0, 0], [0, -1, 0], [0, 0, -1]])  # the plate's x, y, z in the world
CENTRE = CORNERS.mean(axis=0)
# N on the plate and mm, where a person stands and pushes; both in the world
FORCE, POINT = np.array([40.0, -25.0, -700.0]), np.array([380.0, 250.0, 0.0])
FREE_MOMENT = 3000.0  # N mm about the plate's z
CALIBRATION = np.diag([2.0, 2.1, 4.0, 900.0, 800.0, 500.0]) + 0.01 * np.arange(36).reshape(6, 6)


def _channels(kind: int) -> tuple[np.ndarray, list[float], np.ndarray | None]:
    """(values of the channels, ORIGIN, calibration) by the C3D user guide's section on force
    plates (c3d.org, FORCE_PLATFORM:TYPE).
    """
    f, (x, y, _) = AXES @ FORCE, AXES @ (POINT - CENTRE)
    if kind == 1:
        return np.array([*f, x, y, FREE_MOMENT]), [0.0, 0, -30], None
    depth = -30.0  # of the transducers below the surface
    moment = np.cross([x, y, depth], f) + [0, 0, FREE_MOMENT]
    if kind == 2:
        return np.array([*f, *moment]), [0.0, 0, depth], None
    if kind == 4:
        return np.linalg.solve(CALIBRATION, [*f, *moment]), [0.0, 0, depth], CALIBRATION
    a, b = 210.0, 120.0  # half the distances between Kistler's four sensors
    corner = np.array([[1.0, 1], [-1, 1], [-1, -1], [1, -1]])
    vertical = f[2] / 4 + moment[0] / (4 * b) * corner[:, 1] - moment[1] / (4 * a) * corner[:, 0]
    twist = moment[2] / 2  # half of it from each pair of sensors
    fx = [f[0] / 2 - twist / (2 * b), f[0] / 2 + twist / (2 * b)]
    fy = [f[1] / 2 + twist / (2 * a), f[1] / 2 - twist / (2 * a)]
    return np.array([*fx, *fy, *vertical]), [a, b, depth], None


def write(path, clip, kind, mass=None):
    """The clip in millimetres, on a plate that one load presses on throughout."""
    values, origin, calibration = _channels(kind)
    count, frames = len(values), len(clip.keypoints)
    c = ezc3d.c3d()
    c["parameters"]["POINT"]["RATE"]["value"] = [FPS]
    c["parameters"]["POINT"]["LABELS"]["value"] = list(clip.names)
    c["parameters"]["POINT"]["UNITS"]["value"] = ["mm"]
    points = np.concatenate([clip.keypoints * 1e3, np.ones((frames, len(clip.names), 1))], axis=2)
    c["data"]["points"] = points.transpose(2, 1, 0)
    c["parameters"]["ANALOG"]["RATE"]["value"] = [FPS * SUBSAMPLES]
    c["parameters"]["ANALOG"]["LABELS"]["value"] = [f"channel{i}" for i in range(count)]
    c["parameters"]["ANALOG"]["UNITS"]["value"] = ["N"] * count
    c["data"]["analogs"] = np.tile(values[None, :, None], (1, 1, frames * SUBSAMPLES))
    plate = c["parameters"]["FORCE_PLATFORM"]
    for key, value in (
        ("USED", [1]),
        ("TYPE", [kind]),
        ("ZERO", [1, 0]),
        ("CORNERS", CORNERS.T[:, :, None]),
        ("ORIGIN", np.array(origin)[:, None]),
        ("CHANNEL", np.arange(1, count + 1)[:, None]),
    ):
        plate[key]["value"] = np.asarray(value)
    if calibration is not None:
        c.add_parameter("FORCE_PLATFORM", "CAL_MATRIX", calibration[:, :, None])
    if mass is not None:
        c.add_parameter("PROCESSING", "Bodymass", [mass])
    c.write(str(path))
    return path


@pytest.fixture(scope="module")
def walk(bundled_clip):
    return load_clip(bundled_clip("walk"))


@pytest.mark.parametrize("kind", [1, 2, 3, 4])
def test_a_load_is_read_from_plates_of_every_type(kind, walk, tmp_path):
    clip = load_clip(write(tmp_path / "walk.c3d", walk, kind))
    force = clip.extras["grf_force"].sum(axis=1)
    np.testing.assert_allclose(force, np.broadcast_to(-FORCE, force.shape), rtol=1e-5, atol=1e-3)
    cop = np.nanmax(clip.extras["grf_cop"], axis=1)
    np.testing.assert_allclose(cop, np.broadcast_to(POINT / 1e3, cop.shape), atol=1e-5)


@pytest.mark.parametrize(
    "mass, told", [(71.5, "body mass 71.5 kg"), (0.0, ""), (7150.0, "7150 kg, which nobody has")]
)
def test_the_mass_that_vicon_writes(mass, told, walk, tmp_path):
    clip = load_clip(write(tmp_path / "walk.c3d", walk, 2, mass))
    assert clip.extras.get("body_mass_kg") == (mass if mass == 71.5 else None)
    assert told in " ".join((*clip.findings, *clip.warnings))
    assert told or not clip.warnings
