"""Running hostile programs: a fork server under Landlock, and seccomp and rlimits for each job.

`sandbox.py` is the side the project talks to; the other modules run inside the server process,
which has no site-packages and no environment, so they import the standard library only.
"""
