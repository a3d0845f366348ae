"""docker-compose.yml against the compose specification, as far as it is used."""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import Any

import pytest

from tests.deploy.image import VARIABLE, compose, default_command, instructions, interpolated

SERVICES = ("migrate", "web", "worker", "beat", "postgres", "valkey")
KEYS = {
    "build",
    "image",
    "restart",
    "environment",
    "command",
    "depends_on",
    "healthcheck",
    "stop_grace_period",
    "ports",
    "volumes",
}
KEYS |= {"read_only", "tmpfs", "cap_drop", "security_opt", "logging"}
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}
DURATION = re.compile(r"(\d+(h|m|s|ms|us))+")
HEALTH = {"test", "interval", "timeout", "retries", "start_period", "start_interval", "disable"}


def services() -> list[Any]:
    return [pytest.param(name, service, id=name) for name, service in compose()["services"].items()]


def test_it_has_the_services_that_the_console_needs_and_nothing_that_compose_does_not_know() -> None:
    said = compose()
    assert set(said["services"]) == set(SERVICES)
    assert {key for key in said if not key.startswith("x-")} <= {
        "name",
        "services",
        "volumes",
        "networks",
        "configs",
        "secrets",
    }


@pytest.mark.parametrize(("name", "service"), services())
def test_every_service_is_made_of_known_keys_of_the_right_form(name: str, service: dict[str, Any]) -> None:
    assert set(service) <= KEYS
    assert "image" in service
    assert service.get("restart", "no") in ("no", "always", "on-failure", "unless-stopped")
    command = service.get("command", [])
    assert isinstance(command, list) and all(isinstance(word, str) for word in command)
    assert all(isinstance(value, str) for value in service.get("environment", {}).values())
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in service.get("ports", ()))
    assert DURATION.fullmatch(service.get("stop_grace_period", "10s"))


@pytest.mark.parametrize(("name", "service"), services())
def test_every_service_waits_for_services_that_can_be_waited_for(name: str, service: dict[str, Any]) -> None:
    others = compose()["services"]
    for other, how in service.get("depends_on", {}).items():
        assert how["condition"] in CONDITIONS
        assert how["condition"] != "service_healthy" or "healthcheck" in others[other]
        assert how["condition"] != "service_completed_successfully" or others[other]["restart"] == "no"


@pytest.mark.parametrize(("name", "service"), services())
def test_every_health_check_is_a_command_with_durations(name: str, service: dict[str, Any]) -> None:
    check = service.get("healthcheck", {"test": ["NONE"]})
    assert set(check) <= HEALTH
    assert check["test"][0] in ("NONE", "CMD", "CMD-SHELL")
    assert check["test"][0] != "CMD-SHELL" or len(check["test"]) == 2
    assert all(DURATION.fullmatch(check[key]) for key in ("interval", "timeout", "start_period") if key in check)


@pytest.mark.parametrize(("name", "service"), services())
def test_every_volume_is_declared(name: str, service: dict[str, Any]) -> None:
    assert {volume.partition(":")[0] for volume in service.get("volumes", ())} <= set(compose()["volumes"])


@pytest.mark.parametrize("name", ["migrate", "web", "worker", "beat"])
def test_the_console_can_write_nothing_but_memory_and_gains_no_right(name: str) -> None:
    service = compose()["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {mount.partition(":")[0] for mount in service["tmpfs"]} == {"/tmp", "/data"}


def test_one_worker_takes_all_queues_and_one_beat_rings() -> None:
    said = compose()["services"]
    assert said["worker"]["command"][said["worker"]["command"].index("-Q") + 1] == "rollout,question,probe"
    assert said["beat"]["command"][-1] == "beat"
    assert "-B" not in said["worker"]["command"]


def test_the_broker_wants_its_password_from_everybody() -> None:
    said = compose()["services"]
    command = said["valkey"]["command"]
    assert command[command.index("--requirepass") + 1] == "${VALKEY_PASSWORD:?}"
    assert all(
        "//:${VALKEY_PASSWORD:?}@valkey" in said[name]["environment"]["REDIS_URL"]
        for name in ("migrate", "web", "worker", "beat")
    )


def test_the_proxy_that_is_believed_is_in_a_network_of_the_consoles_own() -> None:
    said = compose()
    (subnet,) = [entry["subnet"] for entry in said["networks"]["default"]["ipam"]["config"]]
    assert said["services"]["web"]["environment"]["MESHCONSOLE_TRUSTED_PROXIES"] == subnet
    assert ip_network(interpolated(subnet, {})).is_private


def test_no_secret_has_a_default() -> None:
    text = " ".join(
        str(value) for service in compose()["services"].values() for value in service.get("environment", {}).values()
    )
    found = {match["name"]: match["kind"] for match in VARIABLE.finditer(text)}
    wanted = {name for name, kind in found.items() if kind == "?"}
    assert wanted == {
        "SECRET_KEY",
        "MESHCONSOLE_CREDENTIAL_KEYS",
        "ALLOWED_HOSTS",
        "POSTGRES_PASSWORD",
        "VALKEY_PASSWORD",
    }


def test_the_image_runs_as_somebody_who_is_nobody() -> None:
    words = [word for word, _rest in instructions()]
    user = next(rest for word, rest in instructions() if word == "USER")
    assert int(user) > 1000
    assert words.index("USER") < words.index("CMD")
    assert words.index("USER") > max(index for index, word in enumerate(words) if word == "RUN")
    assert default_command()[0] == "gunicorn"
