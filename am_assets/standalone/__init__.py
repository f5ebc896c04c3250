"""The stages' functions on people's own JSONL files: check, dedup, decontaminate, calibrate."""
