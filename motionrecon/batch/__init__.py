"""Many clips, many workers: one clip is one job, and the output folder holds all the state."""

from motionrecon.batch.job import Job, Settings, run_job
from motionrecon.batch.run import run_batch

__all__ = ["Job", "Settings", "run_batch", "run_job"]
