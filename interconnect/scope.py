"""A mesh as a scope of the platform's role bindings and audit."""

from __future__ import annotations

from uuid import UUID


def scope_of(mesh_id: UUID) -> str:
    return f"mesh:{mesh_id}"
