"""Real services for the tests, and the suite's runner."""
