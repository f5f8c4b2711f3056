"""Readers of motion files: one module a format, each registered by extension."""

from motionrecon.io import amc, bvh, c3d, json_files, mat, mjcf, npz, table, trc
from motionrecon.io.base import LARGEST_VALUE as LARGEST_VALUE
from motionrecon.io.base import READERS as READERS
from motionrecon.io.base import ForceFile as ForceFile
from motionrecon.io.base import Plates as Plates
from motionrecon.io.base import Raw as Raw
from motionrecon.io.base import ReadOptions as ReadOptions
from motionrecon.io.base import read as read
from motionrecon.io.base import reader as reader
from motionrecon.io.forces import read_forces as read_forces

# importing them registers their readers
_REGISTERED = (amc, bvh, c3d, json_files, mat, mjcf, npz, table, trc)
