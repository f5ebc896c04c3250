"""Science: answers that are choices or quantities with units."""
