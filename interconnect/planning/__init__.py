"""What a change would do, from the three states and trial runs."""
