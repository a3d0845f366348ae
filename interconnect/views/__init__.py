"""The pages: one function per screen. Each gets its mesh through the permission check."""
