"""Exact cosine similarity of many vectors: which pairs are above a threshold, and by how much."""

from am_assets.stages.similarity.exact import Pairs, exact_similarity
from am_assets.stages.similarity.joins import BLOCK, pairs_above, pairs_within

__all__ = ["BLOCK", "Pairs", "exact_similarity", "pairs_above", "pairs_within"]
