"""The pages: one function per screen, each fetching its mesh through the policy."""
