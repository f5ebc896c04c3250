"""A small artifact of every schema version that ever was, and what makes those of today's."""
