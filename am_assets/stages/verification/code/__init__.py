"""Code: programs of a response, run in the sandbox against the tests of their sample."""
