"""Experiments: prompt suites, a judge that is not the loop's inspector, and the figures the README quotes."""
