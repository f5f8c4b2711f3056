"""Archives that a byte or two make unreadable: one line, from both readers of npz."""

import numpy as np
import pytest

from motionrecon import load_clip
from motionrecon.archive import read_arrays
from motionrecon.errors import ClipError, MotionError

_LOCAL, _CENTRAL = b"PK\x03\x04", b"PK\x01\x02"
ENCRYPTED, UNKNOWN = "encrypted", "packed in an unknown way"
# of what is changed in a header of a zip archive: place in the local one, value
_CHANGES = {ENCRYPTED: (6, 1), UNKNOWN: (8, 99)}


def spoiled(content: bytes, how: str) -> bytes:
    """The archive with that said of each of its files, in both of a file's headers."""
    place, value = _CHANGES[how]
    out = bytearray(content)
    for mark, shift in ((_LOCAL, 0), (_CENTRAL, 2)):
        at = content.find(mark)
        while at >= 0:
            out[at + place + shift] = value
            at = content.find(mark, at + 1)
    return bytes(out)


@pytest.mark.parametrize("how", _CHANGES)
def test_what_python_cannot_unpack_is_one_line(bundled_clip, tmp_path, how):
    path = tmp_path / "clip.npz"
    path.write_bytes(spoiled(bundled_clip("walk").read_bytes(), how))
    with pytest.raises(ClipError, match="clip.npz") as of_clip:
        load_clip(path)
    with pytest.raises(MotionError, match="clip.npz") as of_motion:
        read_arrays(path, MotionError)
    for error in (of_clip, of_motion):
        assert "damaged" in str(error.value) and "\n" not in str(error.value)


def test_a_whole_archive_is_read(bundled_clip):
    arrays = read_arrays(bundled_clip("walk"), MotionError)
    np.testing.assert_array_equal(arrays["fps"], 30.0)


def test_bytes_that_python_quotes_are_cut_short(bundled_clip, tmp_path):
    """A name that reaches over what follows is told with all of that."""
    path = tmp_path / "clip.npz"
    content = bytearray(bundled_clip("walk").read_bytes())
    content[26:28] = (3000).to_bytes(2, "little")  # of the first local header: length of its name
    path.write_bytes(content)
    with pytest.raises(ClipError) as told:
        load_clip(path)
    assert "\n" not in str(told.value) and len(str(told.value)) < 500 + len(str(path))
