"""The embedded world: a small vocabulary, its renderer, a trained backbone and a detector that knows it."""
