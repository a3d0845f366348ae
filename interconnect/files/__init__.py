"""A mesh's topology as a YAML file: read with exact positions, compared with the stored topology, written back."""
