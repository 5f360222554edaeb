"""The four tools, the values they exchange, and the ports they need."""
