"""Deduplication: which of alike prompts stays, week after week, and what returns.

What belongs here: decisions, their policy and their report. Exact similarity of vectors is
`stages.similarity`; likeness to benchmarks is `stages.decontamination`.
"""
