from tests.models.conftest import cluster, gateway, mesh

__all__ = ["cluster", "gateway", "mesh"]
