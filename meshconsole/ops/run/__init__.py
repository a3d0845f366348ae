"""`manage.py run`: the whole console from one command, which leaves nothing behind when it ends."""
