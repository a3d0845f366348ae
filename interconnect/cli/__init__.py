"""The command line: the output and exit codes of `manage.py interconnect`."""
