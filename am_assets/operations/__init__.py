"""What commands and Dagster jobs share: run many partitions, say their state, look for trouble."""
