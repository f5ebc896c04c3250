"""What an artifact's code is: the definitions a build reaches, their version, their libraries.

- `files`: the package's source files as this process loaded them, and which have moved since.
- `modules`, `scopes`, `types`, `scan`, `reach`: which definitions a function leads to.
- `versions`: 12 hex digits for their behaviour; `boundaries`: where that stops, and why.
- `libraries`: versions of the libraries and tools that decide.
- `guard`: nothing is published or remembered that other code made.
"""
