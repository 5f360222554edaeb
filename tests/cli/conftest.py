"""A home of its own for every test, in block world."""

from block_home import _block_world, command, process_environment

__all__ = ["_block_world", "command", "process_environment"]
