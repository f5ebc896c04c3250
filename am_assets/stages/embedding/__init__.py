"""Vectors of prompts: embedding what is not remembered, the LanceDB index, neighbors in it."""
