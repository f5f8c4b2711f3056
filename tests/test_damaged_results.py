"""A saved result, damaged in every way that a file can be: what reads, shows or exports it raises
the project's own errors, a line each, or does its work.
"""

import io
import json
import warnings
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from synthetic_motion import motion as synthetic
from synthetic_motion import motion_of
from test_schema import REPORT

from motionrecon.errors import MotionError, MotionReconError
from motionrecon.export import write
from motionrecon.export.registry import FORMATS, held
from motionrecon.motion import Motion, Report, schema
from motionrecon.view.page import write_page
from motionrecon.view.show import subtitle
from motionrecon.view.take import take

NAMES = [a.name for a in schema.arrays(Motion) if not a.entry.optional]
QUICK = ("npz", "bvh", "trc", "mot", "c3d", "csv", "mjcf", "locomujoco", "gmr")
SLOW = tuple(name for name in FORMATS if name not in (*QUICK, "mp4"))
NUMBERS = (np.nan, np.inf, -np.inf, 1e300, -1e11, 0.0, 1e-320, -1.0, 7.0)
TEXTS = ("", "a\n\x1b[31m", "../../x", "<mujoco/>", "pelvis", "x" * 10_000, "<!DOCTYPE a>")
VALUES = (None, True, -1, 10**400, 1e308, "x", "", "a\n\x1b", [], {}, [[]], [1.0], {"a": None})


class Saved(tuple):
    """Told in a few letters where an example fails."""

    def __repr__(self) -> str:
        return "saved"


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """(the folder of a good result, its arrays, its report as plain values)."""
    folder = tmp_path_factory.mktemp("saved")
    body, qpos = synthetic(5, 30.0)
    verdict = {"verdict": "ok", "reasons": ["r"], "measures": {"a": 1.0}, "limits": {"a": 2.0}}
    report = Report.from_json({**REPORT, "frames": 5, "verdict": verdict})
    replace(motion_of(body, qpos, 30.0), report=report).save(folder)
    with np.load(folder / "motion.npz") as arrays:
        return Saved((folder, dict(arrays), json.loads((folder / "report.json").read_text())))


def use(folder, formats=QUICK) -> None:
    """Everything that is done with a result. Raises MotionReconError alone."""
    try:
        motion = Motion.load(folder)
    except MotionReconError as error:
        assert "\n" not in str(error) and str(folder) in str(error) and len(str(error)) < 1000
        return
    str(motion)
    for step in (
        lambda: write_page([t := take(motion, "m")], folder / "view.html", "t", subtitle([t])),
        *(lambda name=name: write(motion, folder, name) for name in formats),
    ):
        try:
            step()
        except MotionReconError as error:
            assert "\n" not in str(error)


def put(folder, arrays=None, report=None, content=None):
    """A result of these arrays, or of these bytes, and this report."""
    buffer = io.BytesIO()
    if content is None:
        np.savez(buffer, **arrays)
    (folder / "motion.npz").write_bytes(content or buffer.getvalue())
    if report is not None:
        (folder / "report.json").write_bytes(report)


@st.composite
def other_array(draw, good: np.ndarray) -> np.ndarray:
    """An array like a good one, but of another value, type, shape or length."""
    a = good.copy()
    if a.dtype.kind == "f":
        value = draw(st.sampled_from(NUMBERS))
        if draw(st.booleans()):
            a = np.full_like(a, value)
        elif a.size:
            a.flat[draw(st.integers(0, a.size - 1))] = value
    else:
        a = np.full(a.shape, draw(st.sampled_from(TEXTS)))
    shapes = {
        "as it is": lambda: a,
        "shorter": lambda: a[: draw(st.integers(0, 4))],
        "longer": lambda: np.concatenate([a, a[:1]]),
        "narrower": lambda: a[..., :-1],
        "deeper": lambda: a[None],
        "flat": lambda: a.ravel(),
        "one": lambda: a.ravel()[0],
        "backwards": lambda: a[::-1],
    }
    shape = draw(st.sampled_from(list(shapes) if a.ndim else ["as it is", "deeper", "flat"]))
    a = np.asarray(shapes[shape]())
    kind = draw(st.sampled_from(["", "", "", "f2", ">f8", "g", "c16", "i8", "S8", "U8", "M8[s]"]))
    if kind and (a.dtype.kind == "f" or kind in ("S8", "U8")):
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            a = np.char.encode(a, "utf-8") if a.dtype.kind == "U" == kind[0] else a.astype(kind)
    return a


QUIET = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@QUIET
@given(data=st.data())
def test_arrays_of_another_value_type_shape_or_length(saved, tmp_path, data):
    arrays = dict(saved[1])
    for name in data.draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=2, unique=True)):
        arrays[name] = data.draw(other_array(arrays[name]), label=name)
        if data.draw(st.integers(0, 9)) == 0:
            del arrays[name]
    put(tmp_path, arrays, (saved[0] / "report.json").read_bytes())
    use(tmp_path)


@QUIET
@given(data=st.data())
def test_bytes_changed_cut_or_added(saved, tmp_path, data):
    content = bytearray((saved[0] / "motion.npz").read_bytes())
    if data.draw(st.booleans(), label="uncompressed"):  # then npy headers are met
        buffer = io.BytesIO()
        np.savez(buffer, **saved[1])
        content = bytearray(buffer.getvalue())
    places = [0, *(m for m in _headers(bytes(content))), len(content) - 80]
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.sampled_from(places)) + data.draw(st.integers(0, 79))
        content[min(at, len(content) - 1)] = data.draw(st.integers(0, 255))
    if data.draw(st.integers(0, 3)) == 0:
        content = content[: data.draw(st.integers(1, len(content)))]
    put(tmp_path, content=bytes(content))
    use(tmp_path)


def _headers(content: bytes) -> list[int]:
    """Where arrays and their entries in the archive begin."""
    marks = (b"\x93NUMPY", b"PK\x01\x02", b"PK\x03\x04")
    return [i for m in marks for i in range(len(content)) if content.startswith(m, i)]


@QUIET
@given(data=st.data())
def test_headers_of_arrays(saved, tmp_path, data):
    """What a header says is Python text, which is never believed."""
    name = data.draw(st.sampled_from(NAMES))
    said = data.draw(
        st.sampled_from(
            [
                "{'descr': '<f8', 'fortran_order': False, 'shape': (-1, 3)}",
                "{'descr': '<f8', 'fortran_order': False, 'shape': (10**12,)}",
                "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999,)}",
                "{'descr': '|O', 'fortran_order': False, 'shape': (1,)}",
                "{'descr': [('a', '<f8')], 'fortran_order': True, 'shape': (1,)}",
                "{'descr': '<U0', 'fortran_order': False, 'shape': (5,)}",
                "{'descr': '<U2', 'fortran_order': False, 'shape': (1,)}",
                "((((",
                "{'descr': ",
                "",
                "{}",
                "(" * 3000,
                "[1]",
                "'\x00'",
            ]
        )
    )
    header = said.encode() + b"\n"
    size = len(header).to_bytes(2, "little")
    npy = b"\x93NUMPY\x01\x00" + size + header + data.draw(st.binary(max_size=16))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for member, array in saved[1].items():
            one = io.BytesIO()
            np.save(one, array)
            archive.writestr(f"{member}.npy", npy if member == name else one.getvalue())
    put(tmp_path, content=buffer.getvalue())
    use(tmp_path)


def _places(value, path=()):
    """Keys, from the outermost on, of everything in nested values."""
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield (*path, key)
            yield from _places(inner, (*path, key))


@QUIET
@given(data=st.data())
def test_reports_of_other_values_and_keys(saved, tmp_path, data):
    report = json.loads(json.dumps(saved[2]))
    place = data.draw(st.sampled_from(list(_places(saved[2]))))
    inside = report
    for key in place[:-1]:
        inside = inside[key]
    if data.draw(st.integers(0, 5)) == 0:
        del inside[place[-1]]
    else:
        inside[place[-1]] = data.draw(st.sampled_from(VALUES))
    put(
        tmp_path, content=(saved[0] / "motion.npz").read_bytes(), report=json.dumps(report).encode()
    )
    use(tmp_path, ("npz", "csv"))


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", "NaN", "{", "[" * 100_000, '{"a":' * 100_000, '{"frames": 1e999}', "\xff"],
    ids=lambda text: repr(text[:12]),
)
def test_reports_that_are_none(saved, tmp_path, text):
    content = (saved[0] / "motion.npz").read_bytes()
    put(tmp_path, content=content, report=text.encode("latin-1"))
    with pytest.raises(MotionError, match="report.json: cannot be read") as error:
        Motion.load(tmp_path)
    assert "\n" not in str(error.value) and len(str(error.value)) < 1000


@pytest.mark.parametrize(
    "change, said",
    [
        ({"qpos": lambda a: a * [1] * 1e300}, "'qpos' is"),
        ({"qpos": lambda a: np.where(np.arange(a.shape[1]) < 7, 0.0, a)}, "quaternion of length 0"),
        ({"time": lambda a: a[::-1]}, "'time' is"),
        ({"fps": lambda a: a * 1e-9}, "'fps' is"),
        ({"timestep": lambda a: a * 1e-300}, "'timestep' is"),
        ({"keypoint_names": lambda a: np.full(a.shape, "pelvis")}, "'pelvis' twice"),
        ({"keypoint_names": lambda a: np.char.add(a, "\n")}, "expected names"),
        ({"joint_names": lambda a: a[::-1]}, "'joint_names' are not those of 'mjcf'"),
        ({"mjcf": lambda a: np.array(str(a)[:-40])}, "'mjcf' is no model"),
        (
            {"mjcf": lambda a: np.array(str(a).replace("<worldbody>", "<include file='x'/>", 1))},
            "'mjcf' is no model",
        ),
        (
            {
                "mjcf": lambda a: np.array(
                    str(a).replace("<worldbody>", "<asset><mesh file='x.obj'/></asset><worldbody>")
                )
            },
            "<asset> that is not of ours",
        ),
    ],
)
def test_what_does_not_fit_together_is_said(saved, tmp_path, change, said):
    arrays = {k: change[k](a) if k in change else a for k, a in saved[1].items()}
    put(tmp_path, arrays)
    with pytest.raises(MotionError, match="motion.npz: ") as error:
        Motion.load(tmp_path)
    assert said in str(error.value) and "\n" not in str(error.value)


def test_a_good_result_is_shown_and_exported_by_all(saved, tmp_path):
    put(tmp_path, saved[1], json.dumps(saved[2]).encode())
    motion = Motion.load(tmp_path)
    for name in held((*QUICK, *SLOW), motion):
        assert write(motion, tmp_path / name, name)
