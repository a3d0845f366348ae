from tests.models.conftest import mesh

__all__ = ["mesh"]
