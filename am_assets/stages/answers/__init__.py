"""Answers as texts: what a response or a reference says at the end, in one notation.

What belongs here: finding an answer and reading choices, numbers and units. Whether it is right is
decided in `stages.verification`.
"""
