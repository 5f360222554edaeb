"""Jobs: runs in the queue, whose work outlives the call that began it."""

from .jobs import Jobs, Report, Tell

__all__ = ["Jobs", "Report", "Tell"]
