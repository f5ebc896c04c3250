"""Evaluation: a checkpoint's answers to benchmarks and what they score."""
