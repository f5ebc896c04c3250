"""Distillation: labels, the teacher's responses, their verdicts, and each sample's fate."""
