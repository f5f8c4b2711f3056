"""Whether a reconstruction can be trusted, and why not.

The verdict never hides a motion: it says where to look. A check looks at the Evidence and gives
Findings; what it measures, in which unit, how far it may go and where that comes from is its Limit.
"""

from motionrecon.motion.verdict.judge import CHECKS, LIMITS, clip_of, judge
from motionrecon.motion.verdict.limit import Limit

__all__ = ["CHECKS", "LIMITS", "Limit", "clip_of", "judge"]
