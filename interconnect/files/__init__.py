"""A mesh's topology as a YAML file: read with exact positions, compared with what is stored, written back."""
