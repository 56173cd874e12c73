"""Goal sets: the 50 vectors of a task (`vectors`), and which of them an episode has (`schedule`).

A goal set is an index from 0 to 49. Its goal vector holds the numbers that Meta-World calls `rand_vec`.
"""
