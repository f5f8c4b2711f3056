"""Readers of motion files: one module a format, each registered by extension."""

from motionrecon.io import npz as npz
from motionrecon.io.base import READERS as READERS
from motionrecon.io.base import Raw as Raw
from motionrecon.io.base import read as read
from motionrecon.io.base import reader as reader
