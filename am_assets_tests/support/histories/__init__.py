"""Random histories of a project, lived through in two folders."""
