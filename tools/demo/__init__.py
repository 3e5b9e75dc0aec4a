"""`make demo`: a SentinelWeb with a month of history, and something to break.

`fill` makes the history once; `life` does what the demo's jobs and its other machine would do
while it runs; `__main__` starts all of it, on data of its own.
"""
