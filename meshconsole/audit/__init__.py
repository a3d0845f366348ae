"""Who did what: entries that are only ever added."""
