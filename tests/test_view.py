"""Page, video, figures and the comparison, on a short clip reconstructed by two optimizers with a
tiny budget.
"""

import json
import re
import shutil
from dataclasses import replace

import cv2
import numpy as np
import pytest
from playwright import sync_api

from motionrecon import load_clip
from motionrecon.cli.main import main as command
from motionrecon.errors import OutputError, ViewError
from motionrecon.motion import Motion, schema
from motionrecon.motion.report import Judgement, Verdict, WindowReport
from motionrecon.motion.steps import kept
from motionrecon.pipeline import Options, reconstruct
from motionrecon.view import gl, loss, movie, pack, solids
from motionrecon.view.camera import Camera, azimuth, distance, path_of
from motionrecon.view.compare import compare
from motionrecon.view.page import page, write_page
from motionrecon.view.raycast import Raycaster
from motionrecon.view.skeleton import edges
from motionrecon.view.take import load, take
from motionrecon.view.video import Film, VideoOptions, write_video

TINY = Options(max_evaluations=3, grow_evaluations=2)
SMALL = VideoOptions(width=320, height=200, renderer="opencv")


@pytest.fixture(scope="module")
def folder(tmp_path_factory, bundled_clip):
    out = tmp_path_factory.mktemp("compare")
    compare(load_clip(bundled_clip("walk")).until(0.4), ["levenberg-marquardt", "bfgs"], TINY, out)
    return out


@pytest.fixture(scope="module")
def takes(folder):
    return [load(folder / name) for name in ("levenberg-marquardt", "bfgs")]


def data_of(text: str) -> dict:
    return json.loads(
        re.search(r'<script id="data" type="application/json">(.*?)</script>', text, re.S)[1]
    )


def test_page_decodes_back_to_the_motion(takes):
    data = data_of(page(takes, "A walk"))
    np.testing.assert_allclose(pack.unpack(data["time"]), takes[0].time, atol=1e-6)
    for sent, one in zip(data["takes"], takes, strict=True):
        origin, a = pack.unpack(sent["origin"])[:, None], one.motion
        np.testing.assert_allclose(pack.unpack(sent["points"]) + origin, one.points, atol=5e-5)
        np.testing.assert_allclose(pack.unpack(sent["keypoints"]) + origin, a.keypoints, atol=5e-5)
        np.testing.assert_allclose(pack.unpack(sent["force"]), a.contact_force, atol=0.1)
        low = a.contact_force_filtered
        np.testing.assert_allclose(pack.unpack(sent["filtered"]), low, atol=0.1)
        np.testing.assert_allclose(pack.unpack(sent["centre"]), a.centre_of_pressure, atol=1e-6)
        np.testing.assert_allclose(pack.unpack(sent["torque"]), a.torques, atol=0.05)
        np.testing.assert_allclose(pack.unpack(sent["angle"]), np.rad2deg(a.qpos[:, 7:]), atol=0.01)
        np.testing.assert_allclose(pack.unpack(sent["error"]), one.errors_mm, rtol=1e-6)
        assert sent["label"] == one.label and len(sent["shapes"]) == len(sent["radii"]) == len(
            one.radii
        )
    targets = pack.unpack(data["targets"]) + pack.unpack(data["takes"][0]["origin"])[:, None]
    np.testing.assert_allclose(targets, takes[0].motion.input_keypoints, atol=5e-5)
    assert {m["label"] for m in data["metrics"]} >= {
        "MPJPE-G, mm",
        "evaluations",
        "penetration, mm",
    }


def test_page_asks_for_nothing_outside(takes):
    text = page(takes, "A walk")
    assert not re.search(
        r"https?://|//cdn|@import|url\(|\ssrc=|<link(?! rel=\"icon\" href=\"data:,\")", text
    )
    assert len(text) < 1e6


def test_a_title_is_text_not_markup(takes):
    text = page(takes, "</script><script>alert(1)</script>", "a < b")
    assert "<script>alert" not in text
    assert data_of(text)["title"] == "</script><script>alert(1)</script>"


def judged(take, word, *reasons):
    verdict = Verdict(verdict=Judgement(word), reasons=reasons)
    report = replace(take.report, verdict=verdict)
    return replace(take, motion=replace(take.motion, report=report))


def test_the_verdict_is_on_top_of_the_page(takes):
    """Before the picture, in words and with a sign; reasons are text, not markup."""
    one = judged(takes[0], "suspicious", "in the air <5 %>", "it {{script}} falls")
    text = page([one], "A walk")
    top = text[text.index("<main>") : text.index('id="viewer"')]
    assert "⚠" in top and "<b>suspicious</b>" in top
    assert "<li>in the air &lt;5 %&gt;</li><li>it {{script}} falls</li>" in top
    both = page([judged(takes[0], "ok"), judged(takes[1], "failed", "far off")], "A walk")
    assert "✓</span> levenberg-marquardt: <b>ok</b>" in both and "bfgs: <b>failed</b>" in both
    verdicts = next(row for row in data_of(both)["metrics"] if row["label"] == "verdict")
    assert verdicts["values"] == ["ok", "failed"]


def test_a_motion_of_an_older_version_has_no_verdict(takes):
    old = replace(takes[0].report, verdict=None)
    one = replace(takes[0], motion=replace(takes[0].motion, report=old))
    assert 'id="verdict"' not in page([one], "A walk")


def test_fast_clips_are_thinned(takes):
    one = takes[0]
    fast = replace(one, motion=replace(one.motion, time=one.time / 10))  # 300 Hz
    data = data_of(page([fast], "fast"))
    assert data["time"]["shape"] == [-(-len(one.time) // 3)]
    assert data["takes"][0]["points"]["shape"][0] == data["time"]["shape"][0]


ARRAYS = [
    np.zeros((3, 0)),
    np.full(4, np.nan),
    np.array([[1.0, np.nan], [-3e4, 5]]),
    np.full(2, 7.5),
]


@pytest.mark.parametrize("values", ARRAYS)
def test_packed_arrays_come_back(values):
    spread = np.ptp(values[np.isfinite(values)]) if np.isfinite(values).any() else 0.0
    np.testing.assert_allclose(pack.unpack(pack.steps(values)), values, atol=spread / 131068 + 1e-9)
    np.testing.assert_allclose(pack.unpack(pack.floats(values)), values, rtol=1e-7)


@pytest.fixture(scope="module")
def browser():
    path = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    if path is None:
        pytest.skip("no Chromium on this machine")
    quiet = ("quic", "background-networking", "component-update", "sync")
    flags = [
        "--no-sandbox",
        "--no-first-run",
        "--use-angle=swiftshader",
        "--enable-unsafe-swiftshader",
    ]
    with sync_api.sync_playwright() as p:
        chromium = p.chromium.launch(
            executable_path=path, args=flags + [f"--disable-{name}" for name in quiet]
        )
        yield chromium
        chromium.close()


def picture_of(element) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(element.screenshot(), np.uint8), cv2.IMREAD_COLOR)


@pytest.mark.parametrize("renderer", ["", "#flat"])
def test_page_in_a_browser(browser, takes, tmp_path, renderer):
    path = write_page(takes, tmp_path / "view.html", "A walk")
    tab = browser.new_page(
        viewport={"width": 720, "height": 560}, color_scheme="light", reduced_motion="reduce"
    )
    complaints, requests = [], []
    tab.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    tab.on("pageerror", lambda e: complaints.append(str(e)))
    tab.on("request", lambda r: requests.append(r.url))
    tab.goto(path.as_uri() + renderer)
    assert tab.evaluate("renderer.constructor.name") == (
        "FlatRenderer" if renderer else "GlRenderer"
    )
    tab.wait_for_function("document.querySelectorAll('#panels .panel').length === 3")
    scene = tab.locator("#scene")
    light = picture_of(scene)
    middle = light[60:, light.shape[1] // 3 : 2 * light.shape[1] // 3].astype(int)
    blue = (middle[..., 0] - middle[..., 2] > 60).mean()
    assert 0.01 < blue < 0.5, "the first body is seen in its panel"
    last = float(takes[0].time[-1])
    tab.locator("#scrub").fill("5")
    tab.wait_for_function(
        f"document.getElementById('clock').textContent.startsWith('{takes[0].time[5]:.2f}')"
    )
    assert np.abs(picture_of(scene).astype(int) - light).max() > 60, (
        "another moment is another picture"
    )
    tab.keyboard.press("ArrowRight")
    tab.wait_for_function("document.getElementById('scrub').value === '6'")
    tab.evaluate("seek(0)")
    tab.locator("#speed").select_option("0.1")
    tab.locator("#play").click()
    tab.wait_for_function("state.now > 0.01")
    tab.locator("#play").click()
    stopped = tab.evaluate("state.now")  # it may have begun anew where the machine is slow
    tab.wait_for_timeout(50)
    assert (
        0 <= stopped <= last
        and not tab.evaluate("state.playing")
        and tab.evaluate("state.now") == stopped
    )
    chart = tab.locator(".graph canvas").first
    box = chart.bounding_box()
    chart.click(position={"x": box["width"] - 12, "y": 60})
    tab.wait_for_function(f"Math.abs(state.now - {last}) < 0.05")
    tab.locator("#theme").click()
    tab.wait_for_function("document.documentElement.dataset.theme === 'dark'")
    tab.wait_for_timeout(100)
    assert picture_of(scene).mean() < light.mean() - 60
    tab.keyboard.press("v")
    tab.wait_for_function("document.querySelectorAll('#panels .panel').length === 1")
    scene.hover()
    before = tab.evaluate("camera.azimuth")
    tab.mouse.down()
    tab.mouse.move(200, 200)
    tab.mouse.up()
    assert tab.evaluate("camera.azimuth") != before
    tab.screenshot(path=tmp_path / "view.png", full_page=True)
    assert (tmp_path / "view.png").stat().st_size > 20_000
    tab.set_viewport_size({"width": 390, "height": 800})
    tab.wait_for_timeout(100)
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390, (
        "a phone does not scroll sideways"
    )
    assert complaints == [] and all(r.startswith(("file:", "data:")) for r in requests)
    tab.close()


def view_of(one, t=3, aspect=1.0):
    return Camera(path_of(one)[t], azimuth(one), distance(one, aspect))


def silhouette(renderer, one, t=3) -> np.ndarray:
    picture = renderer.draw(solids.body(one, t, "#ff00ff"), view_of(one, t)).astype(int)
    return picture[..., 0] - picture[..., 1] > 60


def test_rays_draw_the_body_where_it_is(takes):
    one, size, t = takes[0], 240, 3
    mask = silhouette(Raycaster(size, size), one, t)
    camera = view_of(one, t)
    x, y, z = camera.axes @ (one.points[t] - camera.eye).T
    scale = 0.5 * size / np.tan(0.5 * camera.fov)
    u, v, r = size / 2 - scale * x / z, size / 2 + scale * y / z, -scale * one.radii[0] / z
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    assert abs(rows[0] - v.min()) < 2 * r.max() and abs(rows[-1] - v.max()) < 2 * r.max()
    assert abs(columns[0] - u.min()) < 2 * r.max() and abs(columns[-1] - u.max()) < 2 * r.max()
    assert rows[-1] - rows[0] > 0.6 * size, "the person fills the picture"
    inside = [
        (int(b), int(a)) for a, b in zip(u, v, strict=True) if 0 <= a < size and 0 <= b < size
    ]
    assert np.mean([mask[p] for p in inside]) > 0.95


def test_mujoco_draws_the_same_body(takes):
    try:
        renderer = gl.MujocoRenderer(240, 240)
    except RuntimeError:
        pytest.skip("no off-screen GL on this machine")
    theirs = silhouette(renderer, takes[0])
    renderer.close()
    ours = silhouette(Raycaster(240, 240), takes[0])
    assert (ours & theirs).sum() / (ours | theirs).sum() > 0.9


def test_arrows_stand_on_the_floor_and_have_their_forces_length(takes):
    one = takes[0]
    t, side = np.unravel_index(np.argmax(one.motion.contact_force[..., 2]), (len(one.time), 2))
    force, centre = one.motion.contact_force[t, side], one.motion.centre_of_pressure[t, side]
    assert force[2] > 100
    drawn = solids.arrows(
        one, t, Camera(centre, 0.0, 1e6, elevation=0.0)
    )  # looks along -x: y and z are not moved
    foot, tip = (
        drawn.a[np.argmin(np.abs(drawn.a[:, 1:] - centre[1:]).sum(1))],
        drawn.b[np.argmax(drawn.b[:, 2])],
    )
    np.testing.assert_allclose(foot[1:], centre[1:], atol=1e-4)
    np.testing.assert_allclose(
        tip[1:] - foot[1:], solids.METRES_PER_WEIGHT * force[1:] / one.motion.weight, atol=1e-3
    )


def test_forces_beside_the_feet_are_found(bundled_clip):
    one = take(reconstruct(load_clip(bundled_clip("getup_facedown")).until(0.4), TINY), "getup")
    a = one.motion
    steps = np.clip(np.round(one.time / a.timestep).astype(int), 0, len(a.simulation_ctrl) - 1)
    expected = a.simulation_contact_force_other[steps]
    assert np.abs(expected).max() > 50
    np.testing.assert_allclose(
        one.elsewhere_force.sum(1), expected, atol=0.02 * np.abs(expected).max()
    )
    loaded = one.elsewhere_force[..., 2] > 1
    assert np.isfinite(one.elsewhere_centre[loaded]).all()


@pytest.mark.parametrize("h264", [True, False])
def test_video_has_its_frames(takes, tmp_path, monkeypatch, h264):
    if not h264:
        monkeypatch.setattr(movie, "_has_h264", lambda: False)
    elif not movie._has_h264():
        pytest.skip("no PyAV with H.264")
    path = write_video(takes, tmp_path / "video.mp4", "A walk", replace(SMALL, speed=0.5))
    video = cv2.VideoCapture(str(path))
    frames = []
    while (read := video.read())[0]:
        frames.append(read[1])
    rate = video.get(cv2.CAP_PROP_FPS)
    assert rate == pytest.approx(15) and frames[0].shape == (
        200,
        320,
        3,
    )  # half the speed of a 30 Hz clip
    assert (
        len(frames) == len(takes[0].time) and np.abs(frames[0].astype(int) - frames[-1]).max() > 60
    )
    assert [p.name for p in tmp_path.iterdir()] == ["video.mp4"]


def test_graphs_under_the_film_carry_the_cursor(takes):
    film = Film(takes, "A walk", replace(SMALL, width=900, height=600))
    first, last = film.frame(0.0), film.frame(float(takes[0].time[-1]))
    film.close()
    under = slice(int(600 * 0.64), None)  # the graphs' part, where only the cursors differ
    moved = np.flatnonzero((first[under] != last[under]).any(axis=(0, 2)))
    assert first[under].std() > 20 and 4 <= len(moved) < 40


def test_a_video_that_fails_leaves_nothing(tmp_path):
    def frames():
        yield np.zeros((64, 64, 3), np.uint8)
        raise OSError(28, "No space left on device")

    with pytest.raises(OutputError, match="No space left"):
        movie.write_movie(frames(), tmp_path / "video.mp4", 30)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("fps", [30.0, 120.0, 240.0])
def test_a_minute_fits_into_five_megabytes(takes, fps, count):
    whole, frames = takes[0].motion, round(60 * fps) + 1
    at = np.arange(frames) % whole.frames
    arrays = {
        a.name: getattr(whole, a.name)[at]
        for a in schema.arrays(Motion)
        if a.shape[:1] == ("T",) and getattr(whole, a.name) is not None
    }
    minute = replace(kept(whole, "none"), **arrays | {"time": np.arange(frames) / fps, "fps": fps})
    text = page([take(minute, f"take {k}") for k in range(count)], "a minute")
    assert len(text.encode()) <= 5_000_000
    data = data_of(text)
    times = pack.unpack(data["time"])
    assert times[-1] == pytest.approx(60, abs=0.1) and len(times) > 60 * 12
    thinned = len(times) < frames
    assert thinned == ("frames a second are shown" in data["subtitle"])
    assert thinned == (fps > 30 or count > 1)


def test_a_shorter_take_stands_still_at_its_end(takes):
    short = replace(
        takes[1],
        motion=replace(
            takes[1].motion,
            **{
                a.name: getattr(takes[1].motion, a.name)[:5]
                for a in schema.arrays(Motion)
                if a.shape[:1] == ("T",) and not a.entry.optional
            },
        ),
        points=takes[1].points[:5],
        place=takes[1].place[:5],
        turn=takes[1].turn[:5],
    )
    film = Film([takes[0], short], "interrupted", SMALL)
    assert film.frame(float(takes[0].time[-1])).shape == (200, 320, 3)
    film.close()
    for pair in ([takes[0], short], [short, takes[0]]):
        data = data_of(page(pair, "t"))
        assert data["targets"]["shape"][0] == len(takes[0].time) and data["longest"] == pair.index(
            takes[0]
        )
        assert data["takes"][pair.index(short)]["points"]["shape"][0] == 5


def test_loss_curve_is_the_mean_over_windows():
    window = {"start_frame": 0, "frames": 20, "kept": 10, "status": "ok", "evaluations": 3}
    windows = [
        WindowReport(
            **window,
            loss_start=100.0,
            loss_end=1.0,
            evaluations_growing=2,
            seconds_growing=0.5,
            history=((1, 0.1, 10.0), (3, 0.3, 1.0)),
        ),
        WindowReport(**window, loss_start=1.0, loss_end=1.0, history=((1, 0.2, 1.0),)),
    ]
    x, y = loss.curve(windows, "evaluations")
    np.testing.assert_allclose(x, [0, 1, 2, 3, 4, 5])
    np.testing.assert_allclose(y, np.sqrt([100, 100, 100, 10, 10, 1]))
    x, y = loss.curve(windows, "seconds")
    assert (
        x[-1] == 0.8
        and y[0] == pytest.approx(10)
        and y[-1] == pytest.approx(1)
        and (np.diff(y) <= 0).all()
    )
    assert loss.curve([replace(windows[0], history=())], "seconds") is None


def test_windows_record_how_their_loss_fell(takes):
    for window in takes[0].windows + takes[1].windows:
        evaluations, seconds, losses = np.array(window.history).T
        assert evaluations[-1] == window.evaluations and losses[-1] == pytest.approx(
            window.loss_end, rel=1e-5
        )
        assert (
            (np.diff(evaluations) > 0).all()
            and (np.diff(seconds) >= 0).all()
            and (np.diff(losses) <= 0).all()
        )
        assert window.seconds_growing >= 0


def test_stick_figures_skip_what_a_clip_lacks():
    names = ["l_hip", "r_hip", "l_knee", "l_ankle", "l_toe", "l_shoulder", "r_shoulder", "r_wrist"]
    pairs = {frozenset(names[i] for i in pair) for pair in edges(names)}
    assert {
        frozenset(p)
        for p in (
            ("l_hip", "l_knee"),
            ("l_knee", "l_ankle"),
            ("l_ankle", "l_toe"),
            ("l_hip", "r_hip"),
            ("r_shoulder", "r_wrist"),
            ("l_shoulder", "l_hip"),
        )
    } <= pairs


def test_view_command(folder, tmp_path, capsys):
    both = [str(folder / "levenberg-marquardt" / "motion.npz"), str(folder / "bfgs")]
    flags = [
        "--page",
        "--figures",
        "--video",
        "--width",
        "320",
        "--height",
        "200",
        "--renderer",
        "opencv",
    ]
    assert command(["view", *both, "--out", str(tmp_path), *flags]) == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "forces.png",
        "metrics.png",
        "video.mp4",
        "view.html",
    ]
    picture = cv2.imread(str(tmp_path / "forces.png"))
    assert picture.std() > 10 and len(capsys.readouterr().out.split()) == 4


def test_reconstruct_command_with_a_page(bundled_clip, tmp_path, capsys):
    arguments = [
        str(bundled_clip("walk")),
        "--out",
        str(tmp_path),
        "--max-evaluations",
        "1",
        "--page",
        "--figures",
    ]
    assert command(["reconstruct", *arguments]) == 0
    files = {"motion.npz", "report.json", "view.html", "metrics.png", "forces.png"}
    assert {p.name for p in tmp_path.iterdir()} == files and "view.html" in capsys.readouterr().out


def test_compare_refuses_before_the_work(bundled_clip, tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    clip = str(bundled_clip("walk"))
    bad = (
        ["newton"],
        ["bfgs", "--seconds", "0"],
        ["bfgs", "--speed", "0"],
        ["bfgs", "--out", str(tmp_path / "file" / "o")],
    )
    for arguments in bad:
        assert command(["compare", clip, "--out", str(tmp_path / "o"), "--with", *arguments]) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_compare_command(bundled_clip, tmp_path, capsys):
    arguments = [
        str(bundled_clip("walk")),
        "--with",
        "adam",
        "--seconds",
        "0.4",
        "--max-evaluations",
        "2",
    ]
    video = ["--width", "320", "--height", "200", "--renderer", "opencv"]
    assert command(["compare", *arguments, "--out", str(tmp_path), *video, "--json"]) == 0
    assert (tmp_path / "adam" / "report.json").is_file() and (
        tmp_path / Options.optimizer / "motion.npz"
    ).is_file()
    assert {p.name for p in tmp_path.iterdir() if p.is_file()} == {
        "compare.html",
        "compare.mp4",
        "compare.png",
    }
    assert cv2.imread(str(tmp_path / "compare.png")).shape == (200, 320, 3)
    out, err = capsys.readouterr()
    assert "adam: MPJPE-G" in err
    report = json.loads(out)
    assert list(report["optimizers"]) == [Options.optimizer, "adam"]
    assert report["paths"] == [
        str(tmp_path / f"compare.{suffix}") for suffix in ("html", "mp4", "png")
    ]
    labels = [one["label"] for one in data_of((tmp_path / "compare.html").read_text())["takes"]]
    assert labels == [Options.optimizer, "adam"]


def test_motions_of_two_clips_are_not_compared(folder, tmp_path, capsys):
    with np.load(folder / "bfgs" / "motion.npz") as z:
        moved = {k: z[k] for k in z.files}
    np.savez(
        tmp_path / "motion.npz", **{**moved, "input_keypoints": moved["input_keypoints"] + 0.1}
    )
    assert (
        command(["view", str(folder / "bfgs"), str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    )
    assert "different clips" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options", [{"renderer": "paint"}, {"speed": 0}, {"width": 3}, {"fps": float("nan")}]
)
def test_bad_video_options_are_refused(options):
    with pytest.raises(ViewError):
        VideoOptions(**options)


def test_mujoco_without_a_gl_is_said(takes, tmp_path, monkeypatch):
    monkeypatch.setattr(gl, "context", lambda width, height: None)
    with pytest.raises(ViewError, match="--renderer opencv"):
        write_video(takes, tmp_path / "video.mp4", "t", replace(SMALL, renderer="mujoco"))
    write_video(takes, tmp_path / "video.mp4", "t", replace(SMALL, renderer="auto", fps=5))
    assert [p.name for p in tmp_path.iterdir()] == ["video.mp4"]


@pytest.mark.parametrize("kind", ["missing", "text", "truncated", "foreign", "model", "shape"])
def test_what_is_no_motion_is_one_line(folder, tmp_path, capsys, kind):
    path, good = tmp_path / "motion.npz", folder / "bfgs" / "motion.npz"
    with np.load(good) as z:
        arrays = {k: z[k] for k in z.files}
    if kind == "text":
        path.write_text("not an npz")
    elif kind == "truncated":
        path.write_bytes(good.read_bytes()[:5000])
    elif kind == "foreign":
        np.savez(path, keypoints=np.zeros((3, 4, 3)))
    elif kind == "model":
        np.savez(path, **{**arrays, "mjcf": np.array("<mujoco><nonsense/></mujoco>")})
    elif kind == "shape":
        np.savez(path, **{**arrays, "qpos": arrays["qpos"][:, :9]})
    assert command(["view", str(path), "--out", str(tmp_path / "out")]) == 2
    told = capsys.readouterr().err
    assert told.startswith("error: ") and len(told.splitlines()) == 1
    assert not (tmp_path / "out").exists()
