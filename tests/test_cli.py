"""The command `motionrecon`: options, errors in one line, output for people and programs."""

import json
import os
import subprocess
import sys
from dataclasses import fields, replace
from importlib import import_module
from inspect import signature
from pathlib import Path

import pytest

from motionrecon import __version__
from motionrecon.cli import compiling
from motionrecon.cli.commands import COMMANDS
from motionrecon.cli.config import LARGEST, option_types
from motionrecon.cli.console import Console
from motionrecon.cli.extras import EXTRAS, remedy
from motionrecon.cli.main import main
from motionrecon.cli.outputs import floor_height
from motionrecon.cli.parse import parse
from motionrecon.cli.reading import ReadingOptions
from motionrecon.errors import MotionReconError
from motionrecon.motion import Motion
from motionrecon.motion.report import Judgement, Verdict
from motionrecon_benchmarks import STUDIES

ROOT = Path(__file__).resolve().parents[1]
WALK = str(ROOT / "assets" / "clips" / "walk.npz")
READERS = ("reconstruct", "inspect", "compare", "batch")
SCRIPTS = {
    "reconstruct": "reconstruct",
    "inspect_clip": "inspect",
    "export": "export",
    "view": "view",
    "compare": "compare",
    "reconstruct_dataset": "batch",
    "train_optimus": "train",
    "benchmark": "benchmark",
}


def python(*arguments, cwd=None, more=()):
    """What a Python of its own did; more: further environment variables."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), **dict(more)},
        cwd=cwd,
    )


def refused(capsys, *arguments) -> str:
    """The one line on standard error, after exit code 2 and nothing on standard output."""
    assert main([*map(str, arguments)]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("error: ") and err.count("\n") == 1, err
    return err


def help_of(capsys, *words) -> str:
    with pytest.raises(SystemExit) as e:
        main([*words, "--help"])
    assert not e.value.code
    return capsys.readouterr().out


def test_help_lists_the_commands(capsys):
    assert main([]) == 0
    told = capsys.readouterr().out
    assert main(["--help"]) == 0
    assert capsys.readouterr().out == told
    assert all(f"  {name} " in told for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_all_its_options(name, capsys):
    told = help_of(capsys, name)
    assert f"usage: motionrecon {name}" in told
    for option in option_types(COMMANDS[name].kind()):
        assert f"--{option}" in told
    assert "None" not in told  # what is not given needs no default


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"motionrecon {__version__}\n"


def test_no_help_loads_anything_heavy():
    heavy = ("jax", "mujoco", "numba", "scipy", "numpy", "cv2", "flax")
    for words in (["--help"], *([name, "--help"] for name in COMMANDS)):
        code = (
            "import sys\nfrom motionrecon.cli.main import main\n"
            f"try: main({words})\nexcept SystemExit: pass\n"
            f"print([m for m in {heavy} if m in sys.modules], file=sys.stderr)"
        )
        done = python("-c", code)
        assert done.returncode == 0 and done.stderr == "[]\n"


def test_python_m(tmp_path):
    done = python("-m", "motionrecon", "inspect", WALK, cwd=tmp_path)
    assert done.returncode == 0 and "39 frames" in done.stdout
    done = python("-m", "motionrecon", "inspect", "absent.npz", cwd=tmp_path)
    assert done.returncode == 2 and done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1 and done.stdout == ""


@pytest.mark.parametrize("script, command", SCRIPTS.items())
def test_scripts_are_doors_to_the_same(script, command, tmp_path):
    path = ROOT / "scripts" / f"{script}.py"
    assert "sys.path" not in path.read_text()
    done = python(path, "--help", cwd=tmp_path)
    assert done.returncode == 0 and f"usage: motionrecon {command}" in done.stdout


def test_no_script_is_forgotten():
    makers = {"convert_deepmimic", "make_osim"}  # of what is bundled
    assert {p.stem for p in (ROOT / "scripts").glob("*.py")} == {*SCRIPTS, *makers}


def test_reading_options_are_the_same_everywhere_and_those_of_load_clip():
    from motionrecon.anatomy.skeletons import SKELETONS
    from motionrecon.clip.load import load_clip
    from motionrecon.io.detect import UP_AXES

    wanted = {f.name.replace("_", "-"): f.name for f in fields(ReadingOptions)}
    for name in READERS:
        assert wanted.keys() <= option_types(COMMANDS[name].kind()).keys()
    assert set(wanted.values()) <= set(signature(load_clip).parameters)
    text = Path(import_module(ReadingOptions.__module__).__file__).read_text()
    assert all(name in text for name in (*SKELETONS, *UP_AXES))


@pytest.mark.parametrize("name", READERS)
def test_reading_options_reach_load_clip(name, monkeypatch, tmp_path):
    words = {
        "--skeleton": "coco17",
        "--mapping": "none",
        "--units": "cm",
        "--up": "-y",
        "--fps": "50",
        "--subject": "2",
        "--person": "0",
        "--travel": "none",
        "--belt": "1.5",
        "--model": str(tmp_path / "a.xml"),
        "--forces": "a.mot",
    }
    if name == "batch":  # takes no forces, which are one clip's (tests/test_forces.py)
        del words["--forces"]
    given = [f"{k}={v}" for k, v in words.items()] + ["--allow-pickle"]
    more = {"compare": ["--with", "bfgs"], "batch": ["--out", str(tmp_path)]}.get(name, [])
    expected = {k[2:]: v for k, v in words.items()}
    expected |= {"fps": 50.0, "person": 0, "allow_pickle": True}
    (tmp_path / "a.xml").touch()  # the batch looks for it before it begins
    options = parse(COMMANDS[name].kind(), [WALK, *given, *more], name)
    assert {k: v for k, v in options.reading.keywords().items() if v is not None} == expected
    if name == "batch":
        from motionrecon.cli.batch import settings

        assert settings(options).reading == expected
        return
    seen = {}

    def load(path, **reading):
        seen.update(reading)
        raise MotionReconError("seen")

    monkeypatch.setattr("motionrecon.clip.load.load_clip", load)
    assert main([name, WALK, *given, *more]) == 2
    assert seen == expected


def test_defaults_are_those_of_the_package():
    from motionrecon.pipeline import Options
    from motionrecon.view.video import RENDERERS, VideoOptions

    o = parse(COMMANDS["reconstruct"].kind(), [WALK], "")
    assert (o.optimizer, o.max_evaluations) == (Options.optimizer, Options.max_evaluations)
    assert parse(COMMANDS["compare"].kind(), [WALK, "--with", "a"], "").optimizer == o.optimizer
    view = parse(COMMANDS["view"].kind(), ["out"], "").video
    assert view.options() == VideoOptions()
    for name in RENDERERS:
        words = [WALK, "--with", "a", "--renderer", name]
        video = parse(COMMANDS["compare"].kind(), words, "").video
        assert video.options() == VideoOptions(1600, 900, renderer=name)
    from motionrecon.export import FORMATS

    text = Path(import_module("motionrecon.cli.export").__file__).read_text()
    assert all(name in text for name in FORMATS)


@pytest.mark.parametrize(
    "words, says",
    [
        (["reconstrct", WALK], "choose one of reconstruct"),
        (["reconstruct"], "CLIP"),
        (["reconstruct", WALK, "--pag"], "--page"),
        (["reconstruct", WALK, "--fps", "fast"], "--fps: expected FLOAT, found ['fast']"),
        (["reconstruct", WALK, "--fps"], "--fps"),
        (["reconstruct", WALK, "--seed", "1"], "--seed"),
        (["reconstruct", "absent.npz"], "absent.npz"),
        (["reconstruct", WALK, "--export", "fbx"], "fbx"),
        (["reconstruct", WALK, "--skeleton", "birds9"], "birds9"),
        (["reconstruct", WALK, "--noise", "nan"], "--noise nan"),
        (["batch", WALK, "--out", "o", "--noise=-1"], "--noise -1"),
        (["reconstruct", WALK, "--filter=-1"], "--filter -1: expected more than 0"),
        (["reconstruct", WALK, "--filter", "nan"], "--filter nan: expected more than 0"),
        (["reconstruct", WALK, "--filter", "inf"], "less than 120 Hz"),
        (["reconstruct", WALK, "--filter", "120"], "less than 120 Hz"),
        (["reconstruct", WALK, "--filter", "low"], "--filter"),
        (["batch", WALK, "--out", "o", "--filter=0"], "--filter 0: expected more than 0"),
        (["reconstruct", WALK, "--noise=inf"], "--noise inf"),
        (["reconstruct", WALK, "--mass=-70"], "--mass -70: expected 5 to 300 kg"),
        (["reconstruct", WALK, "--mass", "nan"], "--mass nan"),
        (["batch", WALK, "--out", "o", "--mass", "inf"], "--mass inf"),
        (["reconstruct", WALK, "--floor", "nan"], "--floor nan: expected -100 to 100 m"),
        (["reconstruct", WALK, "--floor=-inf"], "--floor -inf"),
        (
            ["reconstruct", WALK, "--floor", "flat"],
            "--floor flat: expected metres, estimate or file",
        ),
        (["batch", WALK, "--out", "o", "--floor", "101"], "--floor 101"),
        (["compare", WALK, "--with", "adam", "--floor", "1e9"], "--floor 1e+09"),
        (["reconstruct", WALK, "--max-evaluations", "0"], "--max-evaluations 0: expected"),
        (["batch", WALK, "--out", "o", "--max-evaluations=-1"], "--max-evaluations -1: expected"),
        (["batch", WALK, "--out", "o", "--seconds", "nan"], "--seconds nan: expected"),
        (["view", "absent.npz", "--width", "1000000"], "1000000 x 720 pixels: expected 64 to 8192"),
        (["view", "absent.npz", "--speed", "nan"], "speed of nan"),
        (["inspect", "absent.trc"], "absent.trc"),
        (["inspect", WALK, "more.npz"], "more.npz"),
        (["export", "absent.npz"], "absent.npz"),
        (["export", "absent.npz", "--formats", "fbx"], "fbx"),
        (["view"], "no motion"),
        (["view", "absent.npz"], "absent.npz"),
        (["view", "absent.npz", "--renderer", "gl"], "gl"),
        (["compare", WALK], "--with"),
        (["compare", WALK, "--with"], "--with"),
        (["compare", WALK, "--with", "newton"], "newton"),
        (["compare", WALK, "--with", "bfgs", "--seconds", "0"], "seconds 0: expected"),
        (["compare", WALK, "--with", "bfgs", "--seconds", "inf"], "seconds inf: expected"),
        (["batch", "absent", "--out", "o"], "absent"),
        (["batch", WALK, "--out", "o", "--seconds", "inf"], "--seconds inf: expected"),
        (["batch", WALK, "--out", "o", "--timeout", "nan"], "--timeout nan: expected"),
        (["batch", WALK], "--out"),
        (["batch", WALK, "--out", "o", "--scheduler", "cron"], "cron"),
        (["train", "optimus"], "--out"),
        (["train", "gradient-descent", "--out", "o"], "gradient-descent"),
        (["benchmark", "gradent"], "perhaps gradient"),
        (["benchmark", "states"], "unknown study"),
        (["benchmark", "gradient", "--cals", "1"], "--calls"),
        (["benchmark", "reconstruct", "."], "no .npz clip in ."),
        (["benchmark", "damaged", "odd"], "no such format"),
        (["benchmark", "classical", "--rivals", "newton"], "--rivals newton"),
        (["benchmark", "classical", "--rivals", "bfgs"], "at least one of sgd"),
        (["benchmark", "invariance", "--models", "newton"], "--models newton"),
        (["benchmark", "learning"], "no runs"),
        (["--print-completion", "tcsh"], "bash, zsh"),
    ],
)
def test_what_the_user_can_mend_is_one_line(words, says, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert says in refused(capsys, *words)
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


@pytest.mark.parametrize(
    "suffix, text",
    [
        ("yaml", "fps: 60\nunits: m\nallow_pickle: true\nmapping:\n"),
        ("toml", 'fps = 60\nunits = "m"\nallow-pickle = true\n'),
    ],
)
def test_a_file_of_options(suffix, text, tmp_path, capsys):
    file = tmp_path / f"options.{suffix}"
    file.write_text(text)
    kind = COMMANDS["inspect"].kind()
    o = parse(kind, [WALK, "--config", str(file)], "").reading
    assert (o.fps, o.units, o.allow_pickle, o.mapping) == (60.0, "m", True, None)
    words = [WALK, f"--config={file}", "--fps", "30", "--no-allow-pickle"]
    o = parse(kind, words, "").reading
    assert (o.fps, o.units, o.allow_pickle) == (30.0, "m", False)
    assert main(["inspect", WALK, "--config", str(file)]) == 0
    assert "60 Hz (given)" in capsys.readouterr().out


def test_lists_and_renamed_options_in_a_file(tmp_path):
    file = tmp_path / "o.yaml"
    file.write_text("with: [bfgs, adam]\nup: -y\nmax-evaluations: 3\n")
    o = parse(COMMANDS["compare"].kind(), ["--config", str(file), WALK], "")
    assert o.others == ("bfgs", "adam") and o.reading.up == "-y" and o.max_evaluations == 3
    file.write_text("lengths: [40, 500]\ndimensions: [3, 10]\n")  # one that may be None, too
    o = parse(COMMANDS["train"].kind(), ["optimus", "--out", "o", "--config", str(file)], "")
    assert o.lengths == (40, 500) and o.dimensions == (3, 10)
    (tmp_path / "empty.yaml").write_text("")
    o = parse(COMMANDS["inspect"].kind(), [WALK, "--config", str(tmp_path / "empty.yaml")], "")
    assert o.reading == ReadingOptions()


@pytest.mark.parametrize(
    "name, text, says",
    [
        ("o.yaml", "fbs: 60", "unknown option 'fbs'"),
        ("o.yaml", "config: o.yaml", "unknown option 'config'"),
        ("o.yaml", "clip: walk.npz", "unknown option 'clip'"),
        ("o.yaml", "fps: fast", "o.yaml: fps: --fps: expected FLOAT"),
        ("o.yaml", "fps: [1, 2]", "expected one value, found a list"),
        ("o.yaml", "fps: true", "expected one value, found True"),
        ("o.yaml", "page: 3", "expected true or false, found 3"),
        ("o.yaml", "- fps", "expected a mapping"),
        ("o.yaml", "3: 4", "expected a mapping"),
        ("o.yaml", "fps: [", "cannot be read"),
        ("o.yaml", "[" * 5000, "cannot be read"),
        ("o.yaml", "!!python/object/apply:os.getcwd []", "cannot be read"),
        ("o.yaml", b"\xff\xfe\x00", "cannot be read"),
        ("o.yaml", "#" * (LARGEST + 1), "expected at most"),
        ("o.toml", "fps: 60", "cannot be read"),
        ("o.json", "{}", "ends in .yaml"),
        ("o.yaml", None, "no such file"),
    ],
)
def test_a_silly_file_of_options_is_one_line(name, text, says, tmp_path, capsys):
    file = tmp_path / name
    if text is not None:
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    line = refused(capsys, "reconstruct", WALK, "--config", file)
    assert says in line and name in line


def test_inspect_for_people_programs_and_nobody(capsys):
    assert main(["inspect", WALK]) == 0
    assert "bone lengths" in capsys.readouterr().out
    assert main(["inspect", WALK, "--json"]) == 0
    out, err = capsys.readouterr()
    report = json.loads(out)
    assert (report["frames"], report["gaps"], report["speed_outliers"]) == (39, [], [])
    assert {"bone": "hips"}.items() <= next(
        b for b in report["bones"] if b["bone"] == "hips"
    ).items()
    assert main(["inspect", WALK, "--quiet"]) == 0
    assert capsys.readouterr().out == ""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """What `reconstruct --json` and its files are."""
    folder = tmp_path_factory.mktemp("made")
    words = ["reconstruct", WALK, "--out", folder, "--max-evaluations", 1, "--json"]
    return folder, python("-m", "motionrecon", *words)


def test_reconstruct_for_programs(made):
    folder, done = made
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    paths = report.pop("paths")
    assert paths == [str(folder / "motion.npz"), str(folder / "report.json")]
    assert report == json.loads((folder / "report.json").read_text())
    assert "status ok" in done.stderr and "MPJPE-G" in done.stderr
    assert 0 < report["seconds"]["startup"] < report["seconds"]["total"]


@pytest.mark.parametrize("word, code", [("ok", 0), ("suspicious", 3), ("failed", 3)])
def test_the_verdict_is_the_last_word(word, code, made, tmp_path, monkeypatch, capsys):
    """With --strict also the exit code; the files are written either way."""
    motion = Motion.load(made[0])
    reasons = () if word == "ok" else ("in the air <5 %>", "it falls")
    verdict = Verdict(verdict=Judgement(word), reasons=reasons)
    judged = replace(motion, report=replace(motion.report, verdict=verdict))
    monkeypatch.setattr("motionrecon.pipeline.reconstruct", lambda *a, **k: judged)
    words = ["reconstruct", WALK, "--out", str(tmp_path)]
    assert main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1 - len(reasons) :] == [f"verdict: {word}", *(f"  {r}" for r in reasons)]
    assert main([*words, "--strict", "--quiet"]) == code
    out, err = capsys.readouterr()
    warned = [line for line in err.splitlines() if "verdict" in line]
    assert out == "" and warned == [f"warning: verdict {word}: {r}" for r in reasons]
    assert Motion.load(tmp_path).report.verdict == verdict


@pytest.mark.parametrize(
    "text, height",
    [("estimate", None), ("file", 0.0), ("0.02", 0.02), ("-1.5", -1.5), ("1e2", 100)],
)
def test_the_floor_that_is_given(text, height):
    assert floor_height(text) == height
    for command, must in (
        ("reconstruct", []),
        ("batch", ["--out", "o"]),
        ("compare", ["--with", "adam"]),
    ):
        given = parse(COMMANDS[command].kind(), [WALK, *must, "--floor", text], "")
        assert floor_height(given.floor) == height


def test_what_json_has_no_number_for_is_null(capsys):
    Console(json=True).report({"a": [float("nan"), 1.5], "b": (float("inf"),), "c": Path("x")})
    assert json.loads(capsys.readouterr().out) == {"a": [None, 1.5], "b": [None], "c": "x"}


def test_export_and_view_for_programs(made, tmp_path, capsys):
    folder, _ = made
    out = str(tmp_path)
    assert main(["export", str(folder), "--formats", "trc,csv", "--out", out, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["formats"] == ["trc", "csv"] and all(Path(p).is_file() for p in report["paths"])
    assert main(["view", str(folder), "--out", out, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"paths": [str(tmp_path / "view.html")]}
    assert main(["view", str(folder), "--out", out, "--quiet"]) == 0
    assert main(["export", str(folder), "--formats", "trc", "--out", out, "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_batch_for_programs(tmp_path, capsys):
    words = ["batch", WALK, "--out", str(tmp_path), "--dry-run"]
    assert main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "to_do": 1,
        "done_before": 0,
        "failed_before": 0,
    }
    assert main([*words, "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_benchmarks_are_listed_and_each_can_be_asked(capsys):
    assert main(["benchmark"]) == 0
    out = capsys.readouterr().out
    assert [line.split()[0] for line in out.splitlines()] == list(STUDIES)
    assert main(["benchmark", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"studies": STUDIES}


@pytest.mark.parametrize("name", STUDIES)
def test_every_study_has_help(name, capsys):
    assert f"usage: motionrecon benchmark {name}" in help_of(capsys, "benchmark", name)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(shell, capsys):
    assert main(["--print-completion", shell]) == 0
    script = capsys.readouterr().out
    for word in (*COMMANDS, "--skeleton", "--max-evaluations", "--retry-failed"):
        assert word.lstrip("-") in script, word


def test_a_closed_standard_output_is_no_traceback():
    code = """
import os, subprocess, sys
read, write = os.pipe()
os.close(read)
done = subprocess.run([sys.executable, "-m", "motionrecon", *sys.argv[1:]], stdout=write)
print("code", done.returncode)
"""
    for words in (["inspect", WALK], ["inspect", WALK, "--json"], ["--help"], ["view", "--help"]):
        done = python("-c", code, *words)
        assert (done.stdout, done.stderr) == ("code 0\n", "")


def test_ctrl_c_says_what_is_left(monkeypatch, capsys):
    def interrupted(*a, **k):
        raise KeyboardInterrupt

    monkeypatch.setattr("motionrecon.clip.load.load_clip", interrupted)
    assert main(["inspect", WALK]) == 130
    assert capsys.readouterr().err == "interrupted\n"
    assert main(["reconstruct", WALK]) == 130
    assert "nothing written" in capsys.readouterr().err


def test_a_missing_extra_is_named(monkeypatch, capsys):
    def absent(*a, **k):
        raise ModuleNotFoundError("No module named 'submitit'", name="submitit.core")

    monkeypatch.setattr("motionrecon.clip.load.load_clip", absent)
    assert "pip install 'motionrecon[slurm]'" in refused(capsys, "inspect", WALK)
    assert remedy("no_such_module") is None and remedy(None) is None


def test_extras_are_those_of_the_package():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert set(EXTRAS.values()) <= set(project["optional-dependencies"])


def test_compiling_is_announced_where_nothing_is_compiled(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(compiling, "kernels_are_cold", lambda: True)
    compiling.announce(Console())
    assert capsys.readouterr() == ("", f"{compiling.KERNELS}\n")
    compiling.announce(Console(quiet=True))
    monkeypatch.setattr(compiling, "kernels_are_cold", lambda: False)
    compiling.announce(Console(), ["bfgs", "optimus-motion"])
    assert capsys.readouterr() == ("", "")
    compiling.announce(Console(), ["bfgs", "optimus-classical"])
    assert (
        capsys.readouterr().err == "optimus-classical is compiled at every run, a minute or more\n"
    )
    from motionrecon.optimizers import names

    assert set(compiling.NETWORKS) <= set(names())


def test_a_cold_cache_is_told_from_a_warm_one(made, tmp_path):
    code = "from motionrecon.cli.compiling import kernels_are_cold as cold; print(cold())"
    done = python("-c", code, more={"NUMBA_CACHE_DIR": str(tmp_path)})
    assert done.stdout == "True\n", done.stderr
    assert python("-c", code).stdout == "False\n"  # after `made`, in the usual cache


@pytest.mark.parametrize("name", ["junk", "../egl"])
def test_a_gl_that_mujoco_does_not_know_is_one_line(monkeypatch, capsys, name):
    monkeypatch.setenv("MUJOCO_GL", name)
    assert main(["view", "absent.npz"]) == 2
    said = capsys.readouterr().err
    assert f"MUJOCO_GL={name}" in said and said.count("\n") == 1
