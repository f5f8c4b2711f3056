"""Robots: a person's motion on a humanoid robot, under its own torque limits.

`--robot NAME` or `--robot FILE.yaml`: a description (`description`), the robot's MJCF found
(`find`) and read into the simulator's terms (`model`), scaled targets (`targets`), inverse
kinematics by mink (`retarget`), and the same windows as for people.
"""
