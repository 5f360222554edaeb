"""Where runs, pictures, events and jobs are kept: SQLite and files by default."""

from .database import BUSY_SECONDS, check_database, trouble
from .file_store import FileStore

__all__ = ["BUSY_SECONDS", "FileStore", "check_database", "trouble"]
