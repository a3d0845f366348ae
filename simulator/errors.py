"""Refusals in a Kubernetes API server's words: a Status object with its HTTP code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simulator.resources import Json, Resource


class ApiError(Exception):
    """Answers a request with `status`, and with a `Retry-After` header if `retry_after` (seconds) is set."""

    def __init__(
        self, code: int, reason: str, message: str, details: Json | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.code, self.reason, self.message, self.details, self.retry_after = (
            code,
            reason,
            message,
            details,
            retry_after,
        )

    @property
    def status(self) -> Json:
        status: Json = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            status["reason"] = self.reason
        if self.details is not None:
            status["details"] = self.details
        return status | {"code": self.code}


def _about(resource: Resource, name: str) -> Json:
    group = {"group": resource.group} if resource.group else {}
    return {"name": name, **group, "kind": resource.plural}


class PlainNotFound(ApiError):
    """A path outside every known group. The answer is plain text, not a Status."""

    def __init__(self) -> None:
        super().__init__(404, "NotFound", "404 page not found")


def not_found(resource: Resource, name: str) -> ApiError:
    return ApiError(404, "NotFound", f'{resource.qualified} "{name}" not found', _about(resource, name))


def no_such_path() -> ApiError:
    return ApiError(404, "NotFound", "the server could not find the requested resource", {})


def already_exists(resource: Resource, name: str) -> ApiError:
    return ApiError(409, "AlreadyExists", f'{resource.qualified} "{name}" already exists', _about(resource, name))


def conflict(resource: Resource, name: str, why: str) -> ApiError:
    return ApiError(
        409,
        "Conflict",
        f'Operation cannot be fulfilled on {resource.qualified} "{name}": {why}',
        _about(resource, name),
    )


def modified(resource: Resource, name: str) -> ApiError:
    return conflict(
        resource, name, "the object has been modified; please apply your changes to the latest version and try again"
    )


def stale_delete(resource: Resource, name: str, what: str, wanted: str, found: str) -> ApiError:
    """Return the refusal of a delete whose precondition fails; `what` is `UID` or `ResourceVersion`.

    It names the kind, not the plural, as the real server does.
    """
    kind = f"{resource.kind}.{resource.group}" if resource.group else resource.kind
    end = (
        ". The object might have been deleted and then recreated"
        if what == "UID"
        else ". The object might have been modified"
    )
    text = f"the {what} in the precondition ({wanted}) does not match the {what} in record ({found}){end}"
    about = _about(resource, name) | {"kind": resource.kind}
    return ApiError(409, "Conflict", f'Operation cannot be fulfilled on {kind} "{name}": {text}', about)


def bad_request(message: str) -> ApiError:
    return ApiError(400, "BadRequest", message)


def rejected() -> ApiError:
    return ApiError(422, "Invalid", "the server rejected our request due to an error in our request", {})


def invalid(resource: Resource, name: str, causes: list[tuple[str, str, str]]) -> ApiError:
    """Return the refusal of an invalid object.

    `causes` are (reason, message, field), such as `("FieldValueInvalid", "Invalid value: …", "spec.replicas")`.
    """
    kind = f"{resource.kind}.{resource.group}" if resource.group else resource.kind
    texts = list(dict.fromkeys(f"{field}: {message}" for _, message, field in causes))
    text = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    details: Json = {"name": name} if name else {}
    if resource.group:
        details["group"] = resource.group
    details |= {
        "kind": resource.kind,
        "causes": [{"reason": reason, "message": message, "field": field} for reason, message, field in causes],
    }
    return ApiError(422, "Invalid", f'{kind} "{name}" is invalid: {text}', details)


def unauthorized() -> ApiError:
    return ApiError(401, "Unauthorized", "Unauthorized")


def forbidden(user: str, verb: str, resource: Resource, namespace: str, name: str, subresource: str = "") -> ApiError:
    plural = f"{resource.plural}/{subresource}" if subresource else resource.plural
    where = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
    subject = f'{resource.qualified} "{name}"' if name else resource.qualified
    message = (
        f'{subject} is forbidden: User "{user}" cannot {verb} resource "{plural}" in API group '
        f'"{resource.group}" {where}'
    )
    return ApiError(403, "Forbidden", message, _about(resource, name) if name else {"kind": resource.plural})


def forbidden_pod(name: str, why: str) -> ApiError:
    """Return the refusal of a Pod that admission rejects."""
    return ApiError(403, "Forbidden", f'pods "{name}" is forbidden: {why}', {"name": name, "kind": "pods"})


def unsupported_media(resource: Resource) -> ApiError:
    """Return the refusal of a content type. Custom resources list the types that they accept; built-in kinds don't."""
    if not resource.custom:
        return ApiError(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})
    accepted = "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"
    return ApiError(
        415,
        "UnsupportedMediaType",
        f"the body of the request was in an unknown format - accepted media types include: {accepted}",
    )


def version_required(resource: Resource, name: str) -> ApiError:
    """Return the refusal to update a custom resource without a version.

    It names the plural, as the real server does.
    """
    message = "Invalid value: 0: must be specified for an update"
    error = invalid(resource, name, [("FieldValueInvalid", message, "metadata.resourceVersion")])
    error.message = error.message.replace(f"{resource.kind}.{resource.group}", resource.qualified, 1)
    error.details = {**(error.details or {}), "kind": resource.plural}
    return error


def list_expired() -> ApiError:
    """Return the refusal to continue a list whose state has been forgotten."""
    return ApiError(410, "Expired", "The provided continue parameter is too old to display a consistent list result.")


def gone(rv: int, oldest: int) -> ApiError:
    return ApiError(410, "Expired", f"too old resource version: {rv} ({oldest})")


def apply_conflict(message: str, causes: list[dict[str, Any]]) -> ApiError:
    return ApiError(409, "Conflict", message, {"causes": causes})
