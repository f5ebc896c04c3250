"""The recipe that trains the mini models: corpora, batches, the loop, and one recipe a model."""
