"""A motion in the files of other tools: `write(motion, "out", "bvh,glb")`; docs/formats/out.md says
what each holds.
"""

from motionrecon.export.registry import FORMATS as FORMATS
from motionrecon.export.registry import Format as Format
from motionrecon.export.registry import files_of as files_of
from motionrecon.export.registry import left_out as left_out
from motionrecon.export.registry import missing as missing
from motionrecon.export.registry import resolve as resolve
from motionrecon.export.write import write as write
