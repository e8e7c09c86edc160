"""The wheel alone is enough: it carries pages, scripts and migrations, and serves from any folder."""

from __future__ import annotations

import subprocess
import sys
import time
import zipfile
from pathlib import Path

import httpx
import pytest

from tests.conftest import free_port

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("runstone-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


class TestWheel:
    def test_carries_what_the_server_needs(self, unpacked: Path) -> None:
        data = unpacked / "runstone" / "_data"
        for name in (
            "templates/base.html",
            "static/css/tokens.css",
            "static/vendor/uplot.min.js",
            "static/vendor/echarts.min.js",
            "static/vendor/htmx.min.js",
            "migrations/env.py",
        ):
            assert (data / name).is_file(), name
        assert list((data / "migrations" / "versions").glob("*.py"))
        assert not list(unpacked.glob("tests"))

    def test_serves_from_an_empty_folder(self, unpacked: Path, tmp_path: Path) -> None:
        port = free_port()
        start = f"import sys; sys.path.insert(0, {str(unpacked)!r}); import runstone; assert runstone.__file__.startswith({str(unpacked)!r}); "
        start += f"sys.argv = ['runstone', 'server', '--port', '{port}']; from runstone.__main__ import main; main()"
        process = subprocess.Popen([sys.executable, "-c", start], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
        try:
            for _ in range(200):
                try:
                    page = httpx.get(f"http://127.0.0.1:{port}/experiments")
                    break
                except httpx.TransportError:
                    time.sleep(0.1)
            assert "Default" in page.text
            script = page.text.partition('<script src="')[2].partition('"')[0]
            assert httpx.get(f"http://127.0.0.1:{port}{script}").status_code == 200
            assert (tmp_path / "runstone.db").exists()
        finally:
            process.terminate()
            process.wait(30)
        assert process.stdout is not None
        said = process.stdout.read()
        assert "is ready on" in said
        assert said.count(f" {tmp_path}/") == 2, "the database and the artifacts, each with its whole path"
        process.stdout.close()
