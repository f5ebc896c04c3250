"""One file an asset: what it reads, the settings that decide it, and its build."""
