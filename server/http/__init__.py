"""The MCP server over HTTP: who may come in, and what else is served beside the protocol."""
