"""Prompts: rules of cleaning, and which of several alike goes first."""
