"""`manage.py run`: the whole console from one command, and nothing of it left when the command has ended."""
