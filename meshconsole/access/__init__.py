"""Who may do what: roles, bindings on scopes, and the actor that services are told."""
