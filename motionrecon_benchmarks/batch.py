"""Batches: two workers against one, damaged files, kill -9 and resume, memory, rescanning, cold
caches, verdicts.
"""

from __future__ import annotations

import json
import os
import platform
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from tyro.conf import Positional

from motionrecon.batch.configuration import Settings
from motionrecon.batch.job import STATUS
from motionrecon.batch.run import CLIPS, prepare, run_batch
from motionrecon.batch.scan import find_clips, job_name
from motionrecon.batch.schedulers import make
from motionrecon.batch.schedulers.process import environment
from motionrecon.clip.load import load_clip
from motionrecon.pipeline import Options
from motionrecon.terminal import say_text
from motionrecon_benchmarks.reconstruct import BUNDLED

Part = Literal["speed", "damaged", "kill", "memory", "rescan", "cold", "trust"]
PARTS: tuple[Part, ...] = get_args(Part)
_NOT_COMPARED = (
    "seconds",
    "seconds_growing",
    "realtime_factor",
    "process_memory_bytes",
    "modified_ns",
)


def make_data(
    sources: list[Path], folder: Path, count: int, damaged: int = 0, seed: int = 0
) -> Path:
    """`count` clips: the sources over and over with 2 mm of noise, of which the last `damaged` are
    spoilt in ten ways.
    """
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    for i in range(count):
        with np.load(sources[i % len(sources)], allow_pickle=False) as z:
            arrays = dict(z)
        arrays["keypoints"] = arrays["keypoints"] + 0.002 * rng.standard_normal(
            arrays["keypoints"].shape
        )
        path = folder / f"{i:03d}_{sources[i % len(sources)].stem}.npz"
        np.savez(path, **_spoilt(arrays, i - (count - damaged)))
        if i >= count - damaged:
            _damage(path, i - (count - damaged))
    return folder


def _spoilt(arrays: dict, way: int) -> dict:
    k = arrays["keypoints"]
    if way == 0:
        return arrays | {"keypoints": np.full_like(k, np.nan)}
    if way == 1:
        return arrays | {"keypoints": k[:, :4]}  # more names than keypoints
    if way == 2:
        return arrays | {"keypoints": np.where(np.arange(len(k))[:, None, None] == 3, np.inf, k)}
    if way == 3:
        return arrays | {"keypoints": k[..., :2]}
    if way == 4:
        return {name: a for name, a in arrays.items() if name != "keypoints"}
    if way == 5:
        return arrays | {"keypoints": 40.0 * k}
    return arrays


def _damage(path: Path, way: int) -> None:
    content = path.read_bytes()
    if way == 6:
        path.write_bytes(content[: len(content) // 2])
    elif way == 7:
        path.write_bytes(b"")
    elif way == 8:
        path.write_text("not an archive")
    elif way == 9:
        path.write_bytes(content[:200] + bytes(400) + content[600:])


def results(out: Path) -> dict[str, object]:
    """Every file of every finished clip: its bytes, or for JSON what it says apart from times and
    memory.
    """
    return {
        str(p.relative_to(out)): _timeless(json.loads(p.read_text()))
        if p.suffix == ".json"
        else p.read_bytes()
        for p in sorted((out / CLIPS).glob("[!.]*/*"))
    }


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        if "history" in value:  # (evaluations, seconds, loss)
            value = value | {"history": [(h[0], h[2]) for h in value["history"]]}
        return {k: _timeless(v) for k, v in value.items() if k not in _NOT_COMPARED}
    return [_timeless(v) for v in value] if isinstance(value, list | tuple) else value


def run(data: Path, out: Path, settings: Settings, workers: int) -> tuple[list[dict], float]:
    """(statuses, seconds from the first clip handed out, so that start-up is left out)."""
    begun = []
    scheduler = make("local", workers, 300.0, str(out))
    statuses = run_batch(
        prepare(data, out, settings), scheduler, lambda e: begun.append(time.perf_counter())
    )
    return statuses, time.perf_counter() - begun[0] if begun else 0.0  # nothing was left to do


def speed(data: Path, work: Path, settings: Settings) -> dict:
    """Clips a minute of one and of two workers, the same clips, one after the other, start-up and
    all.
    """
    run(
        find_clips(data)[1][0], work / "compiled", settings, 1
    )  # what is compiled once a machine is not counted
    found = {}
    for workers in (1, 2):
        begun = time.perf_counter()
        statuses, _ = run(data, work / f"workers-{workers}", settings, workers)
        found[f"clips_per_minute_{workers}"] = 60 * len(statuses) / (time.perf_counter() - begun)
    found["ratio"] = found["clips_per_minute_2"] / found["clips_per_minute_1"]
    found["same_bytes"] = results(work / "workers-1") == results(work / "workers-2")
    return found


def damaged(sources: list[Path], work: Path, settings: Settings, count: int) -> dict:
    """A tenth of the clips is damaged: how many are done, how many explained and how."""
    data = make_data(sources, work / "damaged-data", count, count // 10)
    statuses, _ = run(data, work / "damaged", settings, 2)
    failed = [s for s in statuses if s["state"] == "failed"]
    return {
        "done": sum(s["state"] == "done" for s in statuses),
        "explained": len(failed),
        "messages": [s["error"]["message"].replace(str(data) + "/", "") for s in failed],
    }


def kill(
    data: Path,
    work: Path,
    settings: Settings,
    arguments: list[str],
    kills: int,
    seed: int,
    reference: Path,
) -> dict:
    """kill -9 of the whole run at random moments, resumed each time; the results against an
    undisturbed run's.
    """
    rng, out = random.Random(seed), work / "killed"
    command = [sys.executable, "-m", "motionrecon", "batch"]
    left, half = [], 0
    for _ in range(kills):
        process = subprocess.Popen(
            [*command, str(data), "--out", str(out), *arguments],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment(),
            start_new_session=True,
        )
        time.sleep(rng.uniform(1.5, 5.0))
        os.killpg(process.pid, signal.SIGKILL)  # the workers end with it
        process.wait()
        time.sleep(0.5)
        half += len(list((out / CLIPS).glob(".*")))
        left.append(len(prepare(data, out, settings).todo))
    statuses, _ = run(data, out, settings, 2)
    same = results(out) == results(reference)
    return {
        "kills": kills,
        "left_after_each": left,
        "half_written_swept": half,
        "clips": len(statuses),
        "same": same,
    }


def memory(data: Path, work: Path, settings: Settings) -> dict:
    """The peak memory of one worker after every clip of a long batch; growth over its second
    half.
    """
    peaks = []

    def listen(event: Any) -> None:
        if event.kind == "finished" and event.status["state"] == "done":
            peaks.append(event.status["process_memory_bytes"] / 2**20)

    out = work / "memory"
    run_batch(prepare(data, out, settings), make("local", 1, 300.0, str(out)), listen)
    at = {
        n: round(peaks[n - 1])
        for n in (10, len(peaks) // 4, len(peaks) // 2, len(peaks))
        if n <= len(peaks)
    }
    return {
        "clips": len(peaks),
        "peak_mib_after_clips": at,
        "growth_of_second_half_mib": peaks[-1] - peaks[len(peaks) // 2],
    }


def rescan(finished: Path, work: Path, settings: Settings, count: int = 10_000) -> dict:
    """Seconds to see that `count` finished clips are done; their folders are copies of a real
    clip's status.
    """
    data, out = work / "rescan-data", work / "rescan"
    data.mkdir()
    template = json.loads(next((finished / CLIPS).glob("*/" + STATUS)).read_text())
    for i in range(count):
        path = data / f"{i:05d}.npz"
        path.write_bytes(b"clip")
        stat, name = path.stat(), job_name(path.name)
        folder = out / CLIPS / name
        folder.mkdir(parents=True)
        had = {"bytes": stat.st_size, "modified_ns": stat.st_mtime_ns, "sha256": ""}
        status = template | {
            "name": name,
            "input": had,
            "source": str(path),
            "configuration": settings.hash,
        }
        (folder / STATUS).write_text(json.dumps(status, indent=1))
    begun = time.perf_counter()
    left = prepare(data, out, settings)
    seconds = time.perf_counter() - begun
    return {"clips": count, "left": len(left.todo), "seconds": seconds}


def cold(data: Path, work: Path, settings: Settings) -> dict:
    """The first clip by a process that compiles everything and by one that finds the compiled code:
    are they the same?
    """
    first = find_clips(data)[1][0]
    for cache, name in (("one", "cold"), ("one", "warm"), ("two", "cold again")):
        os.environ["NUMBA_CACHE_DIR"] = str(work / f"cache-{cache}")
        run(first, work / name, settings, 1)
    del os.environ["NUMBA_CACHE_DIR"]
    reference = results(work / "cold")
    return {name: results(work / name) == reference for name in ("warm", "cold again")}


def trust(sources: list[Path], work: Path, settings: Settings) -> dict:
    """Verdicts on the sources as they are, and on the same carried through the air for 0.6 s, 0.5 m
    high.
    """
    found = {}
    for name, lift_m in (("clean", 0.0), ("carried", 0.5)):
        data = work / f"trust-{name}-data"
        data.mkdir()
        for path in sources:
            clip = load_clip(path).until(settings.seconds)
            seconds = np.arange(len(clip.keypoints)) / clip.fps
            middle = seconds[-1] / 2
            up = lift_m * np.clip((0.5 - np.abs(seconds - middle)) / 0.2, 0, 1)
            moved = clip.keypoints + up[:, None, None] * np.array([0, 0, 1.0])
            names = np.array(clip.names)
            np.savez(
                data / path.name,
                keypoints=moved,
                keypoint_names=names,
                fps=clip.fps,
                units="m",
                up="z",
            )
        statuses, _ = run(data, work / f"trust-{name}", settings, 2)
        clip_of = {s["name"]: s["name"].rsplit("-", 1)[0] for s in statuses}
        reasons = [(clip_of[s["name"]], r) for s in statuses for r in s["verdict"]["reasons"]]
        measures = [s["measures"] for s in statuses if s["state"] == "done"]
        found[name] = {
            "clips": len(statuses),
            "ok": sum(s["verdict"]["is"] == "ok" for s in statuses),
            "flight_without_fall": len({n for n, r in reasons if "flight without fall" in r}),
            "other_physics": len(
                {n for n, r in reasons if "a floor cannot give" in r or "torque" in r}
            ),
            "floor": len({n for n, r in reasons if "floor is uncertain" in r}),
            "measures": {
                m: max((v[m] for v in measures if v[m] is not None), default=None)
                for m in (
                    "worst_half_second_mm",
                    "unexplained_s",
                    "unexplained_share",
                    "torque_limit_s",
                    "torque_limit_share",
                )
            },
            "not_found": sorted(
                {*clip_of.values()} - {n for n, r in reasons if "flight without fall" in r}
            ),
        }
    del found["clean"]["not_found"]
    return found


@dataclass(frozen=True)
class Study:
    """Batches: two workers against one, damaged files, kill -9 and resume, memory, rescanning."""

    clips: Positional[Path] = BUNDLED
    """folder of clips (default: the bundled ones)"""
    out: Path = Path("out/benchmark-batch")
    """folder of the report"""
    parts: tuple[Part, ...] = PARTS
    """what is measured"""
    count: int = 100
    """clips of a batch; memory takes twice as many"""
    seconds: float = 1.0
    """of each clip, from its start, s"""
    max_evaluations: int = 10
    """a window, at least 1"""
    kills: int = 10
    """of a run by kill -9"""
    seed: int = 0
    """of the moments of the kills"""


def main(a: Study) -> int:
    """Writes batch.json, part by part."""
    a.out.mkdir(parents=True, exist_ok=True)
    sources = find_clips(a.clips)[1]
    settings = Settings(Options(threads=1, max_evaluations=a.max_evaluations), seconds=a.seconds)
    given = [
        "--seconds",
        str(a.seconds),
        "--max-evaluations",
        str(a.max_evaluations),
        "--workers",
        "2",
    ]
    work = Path(tempfile.mkdtemp(prefix="work-", dir=a.out))
    data, undisturbed = make_data(sources, work / "data", a.count), work / "workers-2"
    found: dict[str, Any] = {
        "machine": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "count": a.count,
    }
    parts = {
        "speed": lambda: speed(data, work, settings),
        "damaged": lambda: damaged(sources, work, settings, a.count),
        "kill": lambda: kill(
            data, work, settings, given, a.kills, a.seed, _done(data, undisturbed, settings)
        ),
        "memory": lambda: memory(
            make_data(sources, work / "many", 2 * a.count, seed=1), work, settings
        ),
        "rescan": lambda: rescan(
            _done(find_clips(data)[1][0], work / "one", settings), work, settings
        ),
        "cold": lambda: cold(data, work, settings),
        "trust": lambda: trust(sources, work, settings),
    }
    for part in a.parts:
        load = os.getloadavg()[0]
        found[part] = {"load_before": round(load, 1), **parts[part]()}
        (a.out / "batch.json").write_text(json.dumps(found, indent=1))
        say_text(f"{part} {json.dumps(found[part], indent=1)}")
    shutil.rmtree(work)
    return 0


def _done(data: Path, out: Path, settings: Settings) -> Path:
    run(data, out, settings, 2) if prepare(data, out, settings).todo else None
    return out
