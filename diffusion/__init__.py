"""Regional attention, region editing and the painter.

Importing this package loads neither torch nor diffusers; they come in with the first `with regional(...)` or picture.
"""

from muralist.tools.layout import Region

from .backbone import load
from .editing import edit_region
from .engine import release
from .painter import DiffusionPainter
from .regional import regional

__all__ = ["DiffusionPainter", "Region", "edit_region", "load", "regional", "release"]
