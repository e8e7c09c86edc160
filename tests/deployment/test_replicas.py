"""Several servers on one Postgres: the tables are made once, whoever comes first."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.conftest import Databases, start_server, stop_server


class TestAnEmptyDatabase:
    def test_servers_that_start_together_all_serve(self, databases: Databases, tmp_path: Path) -> None:
        database = databases.make("postgresql")
        with ThreadPoolExecutor(3) as threads:
            servers = list(threads.map(lambda number: start_server(tmp_path / str(number), database), range(3)))
        try:
            names = [
                [found["name"] for found in server.ok("experiments/search", {"max_results": 10})["experiments"]]
                for server in servers
            ]
            assert names == [["Default"]] * 3
            run_id = servers[0].run()
            assert all(server.get("runs/get", run_id=run_id).status_code == 200 for server in servers)
        finally:
            for server in servers:
                stop_server(server)

    def test_of_upgrades_at_the_same_time_one_does_it(self, databases: Databases) -> None:
        command = [sys.executable, "-m", "runstone", "db", "upgrade", databases.make("postgresql")]
        running = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)]
        told = [process.communicate(timeout=120) for process in running]
        assert [process.returncode for process in running] == [0, 0, 0], told
