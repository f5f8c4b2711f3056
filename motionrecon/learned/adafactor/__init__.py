"""The Adafactor-MLP learned optimizer (Metz et al. 2022)."""

from motionrecon.learned.adafactor.mlp import (
    AdafactorMlpConfig,
    AdafactorMlpState,
    init,
    init_theta,
    template,
    update,
)

__all__ = ["AdafactorMlpConfig", "AdafactorMlpState", "init", "init_theta", "template", "update"]
