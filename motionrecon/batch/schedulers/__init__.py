"""Who runs the jobs: local processes, a SLURM cluster (submitit), or Ray. All hand back the same
events.
"""

from motionrecon.batch.schedulers.base import Event, Scheduler
from motionrecon.batch.schedulers.local import LocalScheduler

__all__ = ["Event", "LocalScheduler", "Scheduler", "make"]
NAMES = ("local", "slurm", "ray")


def make(
    name: str,
    workers: int,
    timeout_s: float,
    out: str,
    cluster: str | None = None,
    slurm: dict | None = None,
) -> Scheduler:
    """A scheduler by name. workers: how many clips at a time; timeout_s: see LocalScheduler; out:
    the batch's folder.

    cluster: submitit's ("slurm", "local") or Ray's address; slurm: parameters of the array, as
    submitit names them. Raises BatchError for an unknown name or a missing package.
    """
    from motionrecon.errors import BatchError

    if name == "local":
        return LocalScheduler(workers, timeout_s)
    if name == "slurm":
        from motionrecon.batch.schedulers.slurm import SlurmScheduler

        return SlurmScheduler(workers, timeout_s, out, cluster, slurm or {})
    if name == "ray":
        from motionrecon.batch.schedulers.ray import RayScheduler

        return RayScheduler(workers, timeout_s, cluster)
    raise BatchError(f"unknown scheduler '{name}': choose one of {', '.join(NAMES)}")
