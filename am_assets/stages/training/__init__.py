"""Training: which samples a checkpoint learns from, and supervised fine-tuning of it."""
