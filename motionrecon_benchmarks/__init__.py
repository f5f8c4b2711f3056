"""The studies behind the documentation's figures, a module each: ``motionrecon benchmark NAME``.

A study's module has a dataclass ``Study`` of options and ``main(study) -> exit code``; modules that
are not listed help the others.
"""

STUDIES = {
    "gradient": "what the exact gradient of a rollout costs, and how exact it is",
    "reconstruct": "whole clips: accuracy, forces and seconds; with noise, missing keypoints",
    "forces": "forces of the floor against force plates, with a picture a clip",
    "opensim": "joint moments beside those of OpenSim's inverse dynamics",
    "robots": "people's motion on robots: feet with physics and by kinematics alone",
    "plausibility": "signs that a person could have moved so, which need no force plate",
    "batch": "batches: workers, damaged files, kill -9 and resume, memory",
    "damaged": "readers on damaged files: an error of ours or a clip, nothing else",
    "fuzz": "readers on files that hypothesis makes bad, for minutes or hours",
    "start": "starts of control windows: their loss, and what the optimizer makes of them",
    "plain": "control windows by gradients alone, from the usual start and the learned one",
    "motion": "learned and classical optimizers on control windows and on whole clips",
    "classical": "learned and classical optimizers on shifted and rotated classical functions",
    "cost": "time and memory of a step of a learned optimizer",
    "invariance": "how much rescaling f or x changes a learned optimizer's evaluations",
    "learning": "learning curves of meta-training",
}
