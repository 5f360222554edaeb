"""Pictures that come from outside: decoded within bounds, read from configured folders, fetched only where allowed."""
