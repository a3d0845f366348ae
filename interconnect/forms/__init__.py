"""Forms: they turn what a person types into domain values, and show what the domain refuses next to the field."""
