"""Instructions: what IFEval's constraints ask of a response's text, counted and compared."""
