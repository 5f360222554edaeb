"""Inspectors that see more than the picturebook: a vision model, open-vocabulary detection, and combinations."""
