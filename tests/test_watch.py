"""The live view: who may see it, what it shows, when it ends."""

import http.client
import json
import re
import threading
import time
from urllib.parse import urlsplit

import pytest

from motionrecon import assets, load_clip
from motionrecon.cli.main import main
from motionrecon.pipeline import Options, reconstruct
from motionrecon.view.watch import Watch

QUICK = Options(max_evaluations=2, threads=1)


def get(address: str, path: str = "", **headers: str) -> tuple[int, bytes]:
    at = urlsplit(address)
    connection = http.client.HTTPConnection(at.hostname, at.port, timeout=10)
    connection.request("GET", at.path + path if not path.startswith("/") else path, headers=headers)
    answer = connection.getresponse()
    return answer.status, answer.read()


@pytest.fixture(scope="module")
def clip():
    return load_clip(assets.clip_path("walk")).until(0.8)


@pytest.fixture
def watch():
    with Watch("walk", "optimus-motion") as w:
        yield w


def test_it_is_on_this_machine_only_and_wants_its_token(watch):
    at = urlsplit(watch.address)
    assert at.hostname == "127.0.0.1" and len(at.path) > 30
    assert watch._server.socket.getsockname()[0] == "127.0.0.1"
    assert get(watch.address)[0] == 200
    for path in ("/", "/state", "/page", "/" + "x" * 32 + "/", at.path[:-2] + "/"):
        assert get(watch.address, path)[0] == 403, path


def test_every_watch_has_a_token_of_its_own(watch):
    with Watch("walk", "x") as other:
        assert urlsplit(other.address).path != urlsplit(watch.address).path


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "", "127.0.0.1:1"])
def test_another_host_is_refused(watch, host):
    assert get(watch.address, Host=host)[0] == 403


@pytest.mark.parametrize("path", ["../../etc/passwd", "page/..", "style.css", "%2e%2e/state"])
def test_nothing_else_is_served(watch, path):
    assert get(watch.address, path)[0] == 404


def test_before_the_first_window_there_is_no_page(watch):
    assert get(watch.address, "page")[0] == 404
    assert json.loads(get(watch.address, "state")[1]) == {"version": 0, "share": 0, "done": False}


def test_windows_appear_as_they_are_solved(watch, clip):
    frames, shares = [], []

    def seen(sofar, share):
        watch.show(sofar, share)
        state = json.loads(get(watch.address, "state")[1])
        status, text = get(watch.address, "page")
        data = json.loads(re.search(rb'<script id="data"[^>]*>(.*?)</script>', text, re.S)[1])
        assert status == 200 and state["version"] == len(frames) + 1 and not state["done"]
        frames.append(data["takes"][0]["points"]["shape"][0])
        shares.append(state["share"])

    motion = reconstruct(clip, QUICK, seen=seen)
    assert len(frames) >= 2 and frames == sorted(set(frames))
    assert shares == sorted(shares) and shares[-1] == 1
    watch.finish(motion)
    assert json.loads(get(watch.address, "state")[1])["done"]


def test_being_watched_changes_nothing(clip):
    alone, watched = (
        reconstruct(clip, QUICK),
        reconstruct(clip, QUICK, seen=lambda sofar, _: sofar()),
    )
    assert all((a == b).all() for a, b in ((alone.qpos, watched.qpos), (alone.ctrl, watched.ctrl)))


def test_a_browser_that_looks_on_gets_the_last_page_and_then_it_ends(clip):
    motion = reconstruct(clip, QUICK)
    with Watch("walk", "x") as watch:
        address = watch.address
        get(address, "state")

        def look_on():
            get(address, "page")
            get(address, "state")

        late = threading.Timer(0.5, look_on)
        late.start()
        begun = time.monotonic()
        watch.finish(motion)
        assert time.monotonic() - begun > 0.3  # it waited
        late.join()
    with pytest.raises(OSError):
        get(address)


def test_nobody_who_looks_is_not_waited_for(clip, watch):
    motion = reconstruct(clip, QUICK)
    made = []
    watch.show(lambda: made.append(1), 0.5)
    begun = time.monotonic()
    watch.finish(motion)
    assert time.monotonic() - begun < 1 and not made


def test_the_command_tells_the_address_and_ends_with_it(tmp_path, capsys, clip):
    words = ["reconstruct", str(assets.clip_path("walk")), "--max-evaluations", "1", "--watch"]
    assert main([*words, "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr()
    address = re.search(r"http://127\.0\.0\.1:\d+/\S+/", said.err + said.out)[0]
    with pytest.raises(OSError):
        get(address)


def test_one_person_only(tmp_path, capsys):
    words = ["reconstruct", str(assets.clip_path("walk")), "--person", "all", "--watch"]
    assert main([*words, "--out", str(tmp_path / "out")]) == 2
    assert "--watch" in capsys.readouterr().err
