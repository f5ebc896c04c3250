"""The assets, and all of Dagster that the project has."""
