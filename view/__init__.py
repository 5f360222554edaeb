"""The view of a run: one page for hosts of MCP Apps and for browsers."""
