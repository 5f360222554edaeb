"""Where runs, pictures, events and jobs are kept: SQLite and files by default."""

from .file_store import FileStore

__all__ = ["FileStore"]
