"""Authorization: roles, bindings on scopes, and the actor that services receive."""
