"""The audit: who did what, in entries that are never changed."""
