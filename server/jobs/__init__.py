"""Jobs: work that outlives the call that began it."""
