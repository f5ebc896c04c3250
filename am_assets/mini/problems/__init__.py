"""Made-up problems with known answers, by kind."""
