"""Real services for the tests, and what runs the suite."""
