"""Files appear whole or not at all."""

import os
import secrets

import pytest

from motionrecon.atomic import write_atomically, write_files_atomically
from motionrecon.errors import OutputError


def test_the_file_replaces_what_was_there_and_nothing_else_is_left(tmp_path):
    path = tmp_path / "made" / "here" / "walk.npz"
    for text in ("first", "second"):
        with write_atomically(path) as part:
            assert part.parent == path.parent and part.suffix == ".npz" and part.is_file()
            part.write_text(text)
            assert not path.exists() or path.read_text() == "first"
        assert path.read_text() == text
    assert list(path.parent.iterdir()) == [path]


def test_two_writers_of_one_file_do_not_meet(tmp_path):
    path = tmp_path / "report.json"
    with write_atomically(path) as one, write_atomically(path) as other:
        assert one != other
        one.write_text("one")
        other.write_text("other")
    assert path.read_text() == "one"  # the outer block ended last
    assert list(tmp_path.iterdir()) == [path]


def test_a_planted_link_is_not_written_through(tmp_path, monkeypatch):
    """Somebody guessed the first temporary name and made it a link to a file of the user's."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    folder = tmp_path / "out"
    folder.mkdir()
    planted = folder / ".a-guessed.txt"
    planted.symlink_to(victim)
    names = iter(["guessed", "fresh"])
    monkeypatch.setattr(secrets, "token_hex", lambda _: next(names))
    with write_atomically(folder / "a.txt") as part:
        assert part.name == ".a-fresh.txt"
        part.write_text("new")
    assert victim.read_text() == "precious" and planted.is_symlink()
    assert (folder / "a.txt").read_text() == "new"


def test_every_name_planted_is_an_error(tmp_path, monkeypatch):
    (tmp_path / ".a-guessed.txt").write_text("")
    monkeypatch.setattr(secrets, "token_hex", lambda _: "guessed")
    with pytest.raises(OutputError, match="a.txt: cannot be written .no free temporary name"):
        with write_atomically(tmp_path / "a.txt"):
            pytest.fail("the block ran without a file")
    assert [p.name for p in tmp_path.iterdir()] == [".a-guessed.txt"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_a_block_that_fails_leaves_what_was_there(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_text("older")
    with pytest.raises(error), write_atomically(path) as part:
        part.write_text("half")
        raise error
    assert path.read_text() == "older" and list(tmp_path.iterdir()) == [path]


def test_a_disk_error_names_the_file_and_says_what_to_do(tmp_path):
    path = tmp_path / "a.txt"
    with pytest.raises(OutputError) as caught, write_atomically(path):
        raise OSError(28, "No space left on device")
    said = str(caught.value)
    assert said.startswith(f"{path}: cannot be written (No space left on device)")
    assert "--out" in said and not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    for write in (write_atomically, write_files_atomically):
        with pytest.raises(OutputError, match="file/out/a: cannot be written .*--out"):
            with write(tmp_path / "file" / "out" / "a"):
                pytest.fail("the block ran without a place")


def test_permissions_are_those_of_any_new_file(tmp_path):
    (tmp_path / "usual").write_text("")
    with write_atomically(tmp_path / "ours"):
        pass
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_a_link_at_the_target_is_replaced_not_followed(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "a").symlink_to(victim)
    with write_atomically(tmp_path / "a") as part:
        part.write_text("new")
    assert victim.read_text() == "precious" and not (tmp_path / "a").is_symlink()


def test_several_files_take_their_places_together(tmp_path, monkeypatch):
    (tmp_path / "b").write_text("older")
    (tmp_path / "other").write_text("stays")
    order = []
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda a, b: (order.append(b.name), replace(a, b)))
    with write_files_atomically(tmp_path) as part:
        (part / "b").write_text("new b")
        (part / "a").write_text("new a")
        assert (tmp_path / "b").read_text() == "older" and not (tmp_path / "a").exists()
    assert order == ["a", "b"]
    found = {p.name: p.read_text() for p in tmp_path.iterdir()}
    assert found == {"a": "new a", "b": "new b", "other": "stays"}


def test_of_several_files_none_appears_when_one_fails(tmp_path):
    (tmp_path / "a").write_text("older")
    with pytest.raises(OutputError, match="No space left"):
        with write_files_atomically(tmp_path) as part:
            (part / "a").write_text("new")
            raise OSError(28, "No space left on device")
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("a", "older")]
