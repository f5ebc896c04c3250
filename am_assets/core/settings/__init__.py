"""A profile's sections, one file a chapter. Defaults are the papers' figures."""
