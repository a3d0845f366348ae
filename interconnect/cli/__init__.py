"""The command line: what `manage.py interconnect` prints and how it ends."""
