"""Cluster I/O and nothing else: kubeconfigs, one transport, plain objects, istiod's own view, probes."""
