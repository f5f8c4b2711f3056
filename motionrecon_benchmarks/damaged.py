"""Readers on damaged files: `motionrecon benchmark damaged --out DIR [--variants 200] [FORMAT or
FILE ...]`.

Every reader's sample file is damaged in many ways; each variant must give a valid clip or one clear
ClipError: no other exception, no hang, no memory beyond 1 GiB.
"""

import io
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
import zipfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tyro.conf import Positional

from motionrecon import assets
from motionrecon.children import environment
from motionrecon.clip.load import FPS_RANGE, Clip, load_clip
from motionrecon.errors import ClipError
from motionrecon.terminal import say
from motionrecon_benchmarks import sample_files

WALK = assets.clip_path("walk")
KINDS = ("cut", "shuffled", "flipped", "zeroed", "count", "huge", "repeated", "dropped", "empty")
_HUGE = (
    b"0",
    b"-1",
    b"99999999",
    b"4294967295",
    b"9223372036854775807",
    b"1e308",
    b"nan",
    b"1e-320",
)
HANG_S = 30.0  # a load that takes longer counts as a hang


def damage(content: bytes, kind: str, rng: np.random.Generator) -> bytes:
    """A damaged copy of a file's bytes: cut short, bytes of a block shuffled, bits flipped, a block
    zeroed, a number of the text (or some bytes) replaced by a wrong or a huge one, a block repeated
    or dropped, nothing left.
    """
    size = len(content)
    if kind == "empty" or size < 4:
        return b""
    if content[:2] == b"PK" and rng.random() < 0.6:
        return _inside(content, kind, rng)
    # Half of the damage goes to the beginning, where headers are.
    start = int(rng.integers(0, min(size, 1024) if rng.random() < 0.5 else size))
    length = int(min(2 ** rng.uniform(1, 12), size - start))
    block, before, after = (
        content[start : start + length],
        content[:start],
        content[start + length :],
    )
    if kind == "cut":
        return before
    if kind == "shuffled":
        return before + bytes(rng.permutation(np.frombuffer(block, np.uint8))) + after
    if kind == "flipped":
        data = np.frombuffer(content, np.uint8).copy()
        where = start + rng.integers(0, length, int(rng.integers(1, 20)))
        data[where] ^= (1 << rng.integers(0, 8, len(where))).astype(np.uint8)
        return data.tobytes()
    if kind == "zeroed":
        return before + bytes(length) + after
    if kind == "repeated":
        return before + block * int(rng.integers(2, 5)) + after
    if kind == "dropped":
        return before + after
    return _wrong_number(content, start, kind, rng)


def _inside(content: bytes, kind: str, rng: np.random.Generator) -> bytes:
    """A zip archive one of whose members is damaged, with checksums that agree: else they would
    tell of all damage.
    """
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
        sick = int(rng.integers(len(old.namelist())))
        for i, name in enumerate(old.namelist()):
            new.writestr(name, damage(old.read(name), kind, rng) if i == sick else old.read(name))
    return out.getvalue()


def _wrong_number(content: bytes, start: int, kind: str, rng: np.random.Generator) -> bytes:
    digits = [
        i for i in range(start, min(start + 400, len(content))) if content[i : i + 1].isdigit()
    ]
    text = b"\0" not in content[:4096]
    if not text or not digits:
        new = (
            b"\xff\xff\xff\x7f"
            if kind == "huge"
            else rng.integers(0, 256, 2, dtype=np.uint8).tobytes()
        )
        return content[:start] + new + content[start + len(new) :]
    first = last = digits[int(rng.integers(len(digits)))]
    while content[first - 1 : first].isdigit():
        first -= 1
    while content[last : last + 1].isdigit():
        last += 1
    new = (
        _HUGE[int(rng.integers(len(_HUGE)))]
        if kind == "huge"
        else str(rng.integers(0, 1000)).encode()
    )
    return content[:first] + new + content[last:]


def attempt(path: Path, options: dict) -> str:
    """What came of it: "clip", "error", or what went wrong."""
    begun = time.perf_counter()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "error", RuntimeWarning
            )  # a clear error is not preceded by numpy's worries
            clip = load_clip(path, **options)
        outcome = "clip" if _valid(clip) else "invalid clip"
    except ClipError as error:
        outcome = (
            "error"
            if path.name in str(error) or path.parent.name in str(error)
            else f"error without the name: {error}"
        )
        outcome = outcome if "\n" not in str(error) else f"error of several lines: {error}"
    except Exception as error:  # noqa: BLE001  this is what must not happen
        outcome = f"{type(error).__name__}: {error}"
    return (
        outcome
        if time.perf_counter() - begun < HANG_S
        else f"slow ({time.perf_counter() - begun:.0f} s): {outcome}"
    )


def _valid(clip: Clip) -> bool:
    k = clip.keypoints
    whole = np.isfinite(k).all(axis=-1) | np.isnan(k).all(axis=-1)
    shaped = k.shape == (*clip.confidence.shape, 3) and k.shape[1] == len(clip.names) == len(
        set(clip.names)
    )
    return bool(
        shaped and whole.all() and np.isfinite(k).any() and FPS_RANGE[0] <= clip.fps <= FPS_RANGE[1]
    )


def sample_of(name: str, folder: Path) -> sample_files.Sample:
    """The format's own sample in a folder, or a copy of a file, with the skeletons (.asf) beside
    it.
    """
    if name in sample_files.WRITERS:
        return sample_files.WRITERS[name](folder, load_clip(WALK))
    source = Path(name)
    for file in {source, *source.parent.glob("*.asf")}:
        shutil.copyfile(file, folder / file.name)
    return sample_files.Sample(folder / source.name, {})


def run_here(name: str, variants: int, seed: int) -> dict:
    """Outcomes of `variants` damaged files of one format, or of one file, in this process."""
    rng = np.random.default_rng([seed, *name.encode()])
    outcomes: Counter[str] = Counter()
    seconds: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        whole, copy = Path(folder) / "whole", Path(folder) / "copy"
        whole.mkdir()
        sample = sample_of(name, whole)
        if (good := attempt(sample.path, sample.options)) != "clip":
            raise RuntimeError(f"{name}: the undamaged sample is not read: {good}")
        for v in range(variants):
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(whole, copy)
            files = [p for p in sorted(copy.rglob("*")) if p.is_file()]
            main = copy / sample.path.relative_to(whole)
            target = (
                main
                if main.is_file() and rng.random() < 0.7
                else files[int(rng.integers(len(files)))]
            )
            kind = KINDS[v % len(KINDS)]
            target.write_bytes(damage(target.read_bytes(), kind, rng))
            options = {
                k: copy / o.relative_to(whole) if isinstance(o, Path) else o
                for k, o in sample.options.items()
            }
            begun = time.perf_counter()
            outcome = attempt(main, options)
            seconds.append(time.perf_counter() - begun)
            outcomes[
                outcome
                if outcome in ("clip", "error")
                else f"{kind} (variant {v}): {outcome[:300]}"
            ] += 1
    peak = max(own_peak_kib(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / 1024
    return {"outcomes": dict(outcomes), "slowest_s": max(seconds), "peak_mib": peak}


def own_peak_kib() -> int:
    """Where /proc tells it, without what the process that started this one held: ru_maxrss goes on
    across exec.
    """
    status = Path("/proc/self/status")
    if status.exists():
        return next(
            int(line.split()[1])
            for line in status.read_text().splitlines()
            if line.startswith("VmHWM")
        )
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def run_apart(name: str, variants: int, seed: int, timeout_s: float = 1800.0) -> dict:
    """The same in a process of its own, so that a crash or a hang is seen and its memory is its
    own.
    """
    code = "import sys, json; from motionrecon_benchmarks.damaged import run_here; "
    code += f"print(json.dumps(run_here({name!r}, {variants}, {seed})))"
    try:
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            timeout=timeout_s,
            env=environment(),
        )
    except subprocess.TimeoutExpired:
        return {"outcomes": {"hang": variants}, "slowest_s": timeout_s, "peak_mib": float("nan")}
    if done.returncode:
        last = (done.stderr.strip().split("\n") or [""])[-1]
        return {
            "outcomes": {f"crash, exit code {done.returncode}: {last}": variants},
            "slowest_s": 0.0,
            "peak_mib": float("nan"),
        }
    return json.loads(done.stdout.strip().split("\n")[-1])


@dataclass(frozen=True)
class Study:
    """Readers on damaged files: a clip or an error of ours, nothing else."""

    formats: Positional[tuple[str, ...]] = ()
    """names of sample files (wide.csv ...), or files (default: all samples)"""
    variants: int = 200
    """damaged copies of each"""
    seed: int = 0
    """of the damage"""
    out: Path = Path("out/damaged")
    """folder of the tables"""


def main(a: Study) -> int:
    """Writes damaged.json and damaged.md; exit code 1 where any variant gave what it must not."""
    if unknown := [n for n in a.formats if n not in sample_files.WRITERS and not Path(n).is_file()]:
        names = ", ".join(sample_files.WRITERS)
        raise ClipError(f"no such format or file: {', '.join(unknown)}; formats are {names}")
    results, rows, bad = (
        {},
        [
            "| sample | clip | clear error | anything else | slowest s | peak MiB |",
            "|---|---|---|---|---|---|",
        ],
        0,
    )
    for name in a.formats or sample_files.WRITERS:
        results[name] = r = run_apart(name, a.variants, a.seed)
        good = {k: r["outcomes"].get(k, 0) for k in ("clip", "error")}
        others = {k: n for k, n in r["outcomes"].items() if k not in good}
        bad += sum(others.values())
        row = f"| {Path(name).name} | {good['clip']} | {good['error']} | {sum(others.values())} "
        row += f"| {r['slowest_s']:.2f} | {r['peak_mib']:.0f} |"
        rows.append(row)
        say(row, *(f"    {k}" for k in others))
    a.out.mkdir(parents=True, exist_ok=True)
    (a.out / "damaged.json").write_text(json.dumps(results, indent=1))
    (a.out / "damaged.md").write_text("\n".join(rows) + "\n")
    return 1 if bad else 0
