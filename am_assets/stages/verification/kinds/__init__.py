"""The kinds of checks, one file a kind: its rules, and what they leave to a model.

The rules themselves are in `math`, `code`, `science` and `instruction`, what asks models in
`models`. Nothing here knows another kind.
"""
