"""Mathematics: whether an answer equals its reference, by reading both and comparing them.

What belongs here: expressions, their forms and comparisons, and the workers that hold a comparison
to a deadline. Finding the answer in a text is `stages.answers`.
"""
