"""The policy-steered Gauss-Newton: a Gauss-Newton method whose damping, step length and Jacobians
are decided by a small learned policy.
"""
