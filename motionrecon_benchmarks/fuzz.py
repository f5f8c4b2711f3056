"""Readers on files that hypothesis makes bad: `motionrecon benchmark fuzz --minutes 60 --out DIR`.

The small good file of every format, and a mapping, are edited (motionrecon_benchmarks.mutate), read
with options as odd, and what is read is looked at as `inspect` and a reconstruction's first step
do. Each must give a clip or one line of ours: no other exception, no hang over 30 s, no crash, less
than 1 GiB. What does not is made as simple as can be and kept in DIR.
"""

import json
import multiprocessing
import os
import resource
import shutil
import signal
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from tyro.conf import Positional

from motionrecon.body.build import measured_body
from motionrecon.clip.clip import Clip
from motionrecon.clip.inspection import describe
from motionrecon.clip.load import load_clip
from motionrecon.errors import BodyError, ClipError
from motionrecon.terminal import say
from motionrecon_benchmarks import damaged, sample_files
from motionrecon_benchmarks.mutate import EDITS, Edit, edited

MOST_MIB = 1024
_FEWEST, _MOST = 3, 40  # files between two looks at the clock
_ROUND_S, _LEAST_S = 20.0, 1.0  # of a format at a time
_MOMENT_S = 0.01  # enough for the fewest files
_PATIENCE_S = 120.0  # beyond its time, after which a process hangs: simplifying takes a while
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "subject": st.sampled_from(["1", "2", "²", "", "Ann", "S1/Walking", "\x1b"]) | st.text(),
        "person": st.integers(-2, 9),
        "fps": st.sampled_from([30.0, 250.0, 20_000.0]) | st.floats(),
        "units": st.sampled_from(["m", "mm", "0.1", "nan", "parsec"]),
        "up": st.sampled_from(["z", "y", "-x", "w"]),
        "skeleton": st.sampled_from(["coco17", "body25", "octopus"]),
        "mapping": st.sampled_from(["none", "humanik", "nothing"]),
        "allow_pickle": st.booleans(),
    },
)


def _mapping(folder: Path, clip: Clip) -> sample_files.Sample:
    """A mapping with all that one may hold, for a table whose columns have names of their own."""
    path, table = folder / "lab.yaml", folder / "lab.csv"
    path.write_text(
        "name: lab\nsides: [l, r]\nkeypoints:\n"
        + "".join(f"  $_{part}: [$_{part}_m]\n" for part in ("knee", "ankle", "shoulder", "elbow"))
        + "  $_wrist: {markers: [$_wrist_m, $_elbow_m], weights: [0.9, 0.1]}\n"
        + "  $_hip: {first_of: [[nobody], [$_hip_m]]}\n"
        + "  neck: {markers: [l_shoulder_m, r_shoulder_m], offset_m: 0.02, "
        + "along: [[l_hip_m], [l_shoulder_m]]}\n"
    )
    names = [n for n in clip.names if n[:2] in ("l_", "r_")]
    rows = clip.keypoints[:, [clip.names.index(n) for n in names]].reshape(len(clip.keypoints), -1)
    head = ",".join(f"{n}_m_{axis}" for n in names for axis in "xyz")
    table.write_text("\n".join([head, *(",".join(f"{v:.5f}" for v in row) for row in rows)]))
    return sample_files.Sample(table, {}, {"mapping": path, "fps": 30.0})


def _forces(folder: Path, clip: Clip) -> sample_files.Sample:
    """An OpenSim file of forces under the left foot, beside an array."""
    sample, path = sample_files.write_npz(folder, clip), folder / "walk_grf.mot"
    ankle, lines = clip.keypoints[:, clip.names.index("l_ankle")], ["walk_grf", "endheader"]
    lines.append("time " + " ".join(f"ground_force_{w}{a}" for w in "vp" for a in "xyz"))
    for t, (x, y, _) in enumerate(ankle):
        lines.append(f"{t / sample.fps:.5f} 0 600 0 {x:.5f} 0 {-y:.5f}")
    path.write_text("\n".join(lines))
    return sample_files.Sample(sample.path, {}, {"forces": path})


FORMATS: dict[str, Any] = {**sample_files.WRITERS, "mapping": _mapping, "forces": _forces}
# options that are a file, which may be the one at fault
_BESIDE = ("mapping", "forces")


def look(path: Path, options: dict) -> str:
    """What came of reading a file and of looking at what was read: "clip", "error", or what went
    wrong.
    """
    signal.alarm(int(damaged.HANG_S))
    try:
        outcome = damaged.attempt(path, options)
        if outcome != "clip":
            beside = [Path(str(options[key])).name for key in _BESIDE if key in options]
            told = outcome.startswith("error without the name") and any(
                name in outcome for name in beside
            )
            return "error" if told else outcome
        clip = load_clip(path, **options)
        describe(clip)
        measured_body(clip)
    except BodyError as error:
        return "error" if "\n" not in str(error) else f"error of several lines: {error}"
    except Exception as error:  # noqa: BLE001  this is what must not happen
        return f"{type(error).__name__}: {error}"
    finally:
        signal.alarm(0)
    return "clip"


def run_here(name: str, seconds: float, seed: int, work: Path) -> dict:
    """Edits of one format for so many seconds, in this process: counts of outcomes, and what went
    wrong with its file, which is left in `work`.
    """
    signal.signal(signal.SIGALRM, _late)
    whole, copy = work / "whole", work / "copy"
    whole.mkdir(parents=True)
    sample = FORMATS[name](whole, load_clip(damaged.WALK))
    files = sorted(p.relative_to(whole) for p in whole.rglob("*") if p.is_file())
    outcomes: dict[str, int] = {}

    def check(edits: list[Edit], which: float, options: dict) -> None:
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(whole, copy)
        main = sample.path.relative_to(whole)
        target = main if main in files and which < 0.7 else files[int(which * len(files))]
        (copy / target).write_bytes(edited((copy / target).read_bytes(), edits))
        given_here = {
            k: copy / o.relative_to(whole) if isinstance(o, Path) else o
            for k, o in sample.options.items()
        }
        for key in set(_BESIDE) & set(given_here):
            given_here[key] = str(given_here[key])
        given_here |= options if which < 0.3 else {}
        (work / "options.json").write_text(json.dumps(given_here, default=str))
        outcome = look(copy / main, given_here)
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
        assert outcome in ("clip", "error"), outcome

    begun, wrong, turn, examples = time.monotonic(), "", 0, _FEWEST
    while (spent := time.monotonic() - begun) < seconds and not wrong:
        if turn:
            pace = sum(outcomes.values()) / spent
            examples = int(min(max((seconds - spent) * pace, _FEWEST), _MOST))
        drawn = given(EDITS, st.floats(0, 1, exclude_max=True), OPTIONS)(check)
        quiet = settings(
            max_examples=examples,
            deadline=None,
            database=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
        )
        try:
            seeded(f"{seed} {name} {turn}")(quiet(drawn))()
        except AssertionError as error:
            wrong = str(error).split("\n")[0]
        turn += 1
    of_parsers = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    peak = max(damaged.own_peak_kib(), of_parsers) / 1024
    if peak > MOST_MIB and not wrong:
        wrong = f"{peak:.0f} MiB"
    count = sum(outcomes.values())
    return {"examples": count, "clips": outcomes.get("clip", 0), "wrong": wrong, "peak_mib": peak}


def _late(*_: object) -> None:
    raise TimeoutError(f"not done after {damaged.HANG_S:.0f} s")


def run_apart(name: str, seconds: float, seed: int, keep: Path) -> dict:
    """The same in a process of its own, whose crash or hang is seen; the file that went wrong, and
    the options with which it was read, are copied to keep/NAME.

    The process is a fork of this one, which has all modules: to start takes 10 ms, not seconds.
    """
    with tempfile.TemporaryDirectory() as folder:
        work, told = Path(folder) / "work", Path(folder) / "result.json"
        process = multiprocessing.get_context("fork").Process(
            target=_child, args=(name, seconds, seed, work, told)
        )
        process.start()
        process.join(seconds + _PATIENCE_S)
        if process.is_alive():
            process.kill()
            process.join()
            wrong = "hangs"
        else:
            wrong = f"crash, exit code {process.exitcode}"
        result = {"examples": 0, "clips": 0, "wrong": wrong, "peak_mib": 0.0}
        if process.exitcode == 0:
            result = json.loads(told.read_text())
        if result["wrong"]:
            shutil.rmtree(keep / name, ignore_errors=True)
            if work.is_dir():
                shutil.copytree(work, keep / name, ignore=shutil.ignore_patterns("whole"))
    return result


def _child(name: str, seconds: float, seed: int, work: Path, told: Path) -> None:
    silent = os.open(os.devnull, os.O_WRONLY)  # what readers and hypothesis print is not told
    os.dup2(silent, 1)
    os.dup2(silent, 2)
    try:
        result = run_here(name, seconds, seed, work)
    except Exception as error:  # noqa: BLE001  of the fuzzer itself
        wrong = f"{type(error).__name__}: {error}"
        result = {"examples": 0, "clips": 0, "wrong": wrong, "peak_mib": 0.0}
    told.write_text(json.dumps(result))


@dataclass(frozen=True)
class Study:
    """Readers on files that hypothesis makes bad: a clip or one line of ours, nothing else."""

    formats: Positional[tuple[str, ...]] = ()
    """names of sample files (csv, npz ...), mapping (default: all)"""
    minutes: float = 2.0
    """of all formats together"""
    seed: int | None = None
    """of the edits (default: another one every time; it is told)"""
    out: Path = Path("out/fuzz")
    """folder of what went wrong"""


def main(a: Study) -> int:
    """Writes what went wrong to DIR/FORMAT; exit code 1 where anything did."""
    if unknown := [n for n in a.formats if n not in FORMATS]:
        raise ClipError(f"no such format: {', '.join(unknown)}; formats are {', '.join(FORMATS)}")
    names, end = list(a.formats or FORMATS), time.monotonic() + 60 * a.minutes
    seed = time.time_ns() % 2**32 if a.seed is None else a.seed
    first = seed % len(names)  # a short run does not always leave out the same
    names = names[first:] + names[:first]
    say(f"seed {seed}")
    with tempfile.TemporaryDirectory() as work:  # loads what is loaded on first use, for all forks
        run_here("npy", _MOMENT_S, seed, Path(work))
    turn, bad = 0, False
    while not bad and (left := end - time.monotonic()) > 0:
        name = names[turn % len(names)]
        share = min(left / (len(names) - turn % len(names)), _ROUND_S)
        r = run_apart(name, max(share, _LEAST_S), seed + turn // len(names), a.out)
        say(
            f"{name}: {r['examples']} files, {r['clips']} clips, {r['peak_mib']:.0f} MiB"
            + (f": {r['wrong']}: see {a.out / name}" if r["wrong"] else "")
        )
        bad, turn = bool(r["wrong"]), turn + 1
    return 1 if bad else 0
