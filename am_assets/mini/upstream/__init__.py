"""The sources and benchmarks of mini, week by week, with what is planted in them."""
