"""Health, logging and the commands that run the console."""
