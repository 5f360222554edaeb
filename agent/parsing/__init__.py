"""From a prompt to a scene by rules and grammar alone, with any vocabulary."""
