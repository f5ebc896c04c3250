"""Checks that ask models: a judge against a reference, a reward model for open prompts."""
