"""Jobs: work that outlives the call that began it."""

from .job import Job, Progress
from .jobs import Jobs, Report, Tell
from .shelf import Shelf

__all__ = ["Job", "Jobs", "Progress", "Report", "Shelf", "Tell"]
