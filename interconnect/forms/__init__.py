"""Forms: what a person types becomes a domain value; what the domain refuses stands beside the field."""
