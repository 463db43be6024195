"""What scripts/benchmark.py measures, a file for each part.

A part is a module: its docstring says what it measures, NEEDS and MINUTES what that takes, `check` raises UserError where
something is missing, and `measure` gives a `measuring.Part`.
"""
