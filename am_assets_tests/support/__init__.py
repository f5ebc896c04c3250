"""What tests share: fakes, drivers that run as processes, and made-up rows. No tests."""
