"""Which places are well formed, and which of them are this server's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from runstone.errors import InvalidParameter
from runstone.storage import locations
from runstone.storage.roots import Roots

OWN = Path("/srv/artifacts")


class TestValidate:
    @pytest.mark.parametrize(
        "text",
        ["s3://bucket/x", "gs://bucket/x", "abfss://c@account.dfs.core.windows.net/x", "wasbs://c@a/x", "dbfs:/x", "/data/mlruns", "file:///data/mlruns",
         "mlflow-artifacts:/7", "mlflow-artifacts:/", "/data/a b/é", "s3://b/a%20b"],
    )  # fmt: skip
    def test_a_well_formed_place_is_kept_as_it_is(self, text: str) -> None:
        assert locations.validate_experiment_location(text) == text

    @pytest.mark.parametrize(
        "text",
        ["http:///?/../../etc/", "http:///#/../..", "http://h;/../", "http://host/x", "https://host/api/2.0/mlflow-artifacts/artifacts/", "s3://b/../../x",
         "s3://b/%2e%2e/x", "s3://b/%252e%252e/x", "s3:///x", "s3://", "mlflow-artifacts:/%2e%2e/", "mlflow-artifacts:/a/../b", "mlflow-artifacts://evil.host/x",
         "ftp://h/x", "sftp://h/x", "hdfs://h/x", "ssh://h/x", "file://localhost/etc", "file://host/share", "//host/share", "../../etc", "/a/../etc",
         "/a/%2e%2e/etc", "javascript:alert(1)", "data:text/html,x", "models:/m/1", "runs:/r/m", "/a\x00b", "/a%00b", "/a\nb", "s3://b/%0d%0aX", "/a\u202eb",
         "C:\\windows", "C:/windows", "c:x", "a\\b", "/a#b", "/a;b", "/a?b", "s3://b/x?versionId=1", "/" + "x" * 2048, " /a", "/a ", "x:", ":"],
    )  # fmt: skip
    def test_anything_else_is_refused_by_name(self, text: str) -> None:
        with pytest.raises(InvalidParameter, match="artifact_location"):
            locations.validate_experiment_location(text)

    def test_the_longest_is_kept(self) -> None:
        text = "/" + "x" * 2047
        assert locations.validate_experiment_location(text) == text


class TestOwnHost:
    @pytest.mark.parametrize(
        ("text", "host", "kept"),
        [
            ("mlflow-artifacts://localhost:5000/a/b", "localhost:5000", "mlflow-artifacts:/a/b"),
            ("mlflow-artifacts://LocalHost:5000/A", "localhost:5000", "mlflow-artifacts:/A"),
            ("mlflow-artifacts://runs.example", "runs.example", "mlflow-artifacts:/"),
        ],
    )
    def test_the_host_is_left_out(self, text: str, host: str, kept: str) -> None:
        assert locations.validate_experiment_location(text, host) == kept

    @pytest.mark.parametrize(
        "text",
        [
            "mlflow-artifacts://localhost:5001/a",
            "mlflow-artifacts://localhost:50000/a",
            "mlflow-artifacts://localhost:5000.evil.example/a",
            "mlflow-artifacts://localhost:5000@evil.example/a",
            "mlflow-artifacts://evil@localhost:5000/a",
            "mlflow-artifacts://localhost:5000//evil.example/a",
            "mlflow-artifacts://localhost:5000/../a",
            "mlflow-artifacts://localhost:5000?x",
            "http://localhost:5000/a",
        ],
    )
    def test_every_other_host_and_way_out_is_refused(self, text: str) -> None:
        with pytest.raises(InvalidParameter, match="artifact_location"):
            locations.validate_experiment_location(text, "localhost:5000")


class TestClassify:
    @pytest.mark.parametrize(
        ("uri", "key"),
        [("mlflow-artifacts:/", ""), ("mlflow-artifacts:/1/r/artifacts", "1/r/artifacts"), ("/srv/artifacts", ""), ("/srv/artifacts/1/x", "1/x"),
         ("file:///srv/artifacts/1", "1"), ("file:/srv/artifacts/1", "1"), ("file:///srv/artifacts/a%20b", "a b")],
    )  # fmt: skip
    def test_own(self, uri: str, key: str) -> None:
        assert locations.classify(uri, OWN) == locations.Location("proxied", key)

    @pytest.mark.parametrize(
        "uri",
        ["s3://srv/artifacts/1", "/srv/artifacts2/x", "/srv", "/", "/etc", "srv/artifacts/x", "/srv/artifacts/../x", "/srv/artifacts/a//b", "file:///srv/artifacts/%2e%2e/x",
         "file://host/srv/artifacts/x", "mlflow-artifacts://host/1", "mlflow-artifacts:/../x", "/srv/artifacts/.runstone-staging", "http://h/srv/artifacts/x", ""],
    )  # fmt: skip
    def test_everything_unclear_is_the_clients(self, uri: str) -> None:
        assert locations.classify(uri, OWN).kind == "client"


class TestRoots:
    def test_the_operators_root_is_the_servers_own_too(self, tmp_path: Path) -> None:
        roots = Roots(str(tmp_path / "served"), f"file://{tmp_path}/shared")
        try:
            assert roots.place("mlflow-artifacts:/1").store is roots.served
            shared = roots.place(f"file://{tmp_path}/shared/1/r")
            assert shared.store is not roots.served
            assert shared.below("a") == "1/r/a"
            for uri in (f"{tmp_path}/other/x", "s3://bucket/x", f"{tmp_path}/shared/../served/x"):
                with pytest.raises(InvalidParameter):
                    roots.place(uri)
        finally:
            roots.close()
        assert list(tmp_path.iterdir()) == []  # nothing is made before it is needed

    @pytest.mark.parametrize("text", ["gs://bucket/x", "s3://", "s3:///x", "s3://b//x", "http://h/x", "file://host/x"])
    def test_a_destination_that_is_no_place_of_ours_is_said_at_the_start(self, text: str) -> None:
        with pytest.raises(OSError, match="neither"):
            Roots(text)

    def test_buckets(self) -> None:
        """Nothing is connected to before it is needed."""
        roots = Roots("s3://bucket/kept/here/", "s3://other")
        try:
            for uri, key in (
                ("mlflow-artifacts:/1/r", "1/r"),
                ("s3://bucket/kept/here/1/r", "1/r"),
                ("s3://bucket/kept/here", ""),
            ):
                assert (roots.place(uri).store, roots.place(uri).key) == (roots.served, key)
            assert roots.place("s3://other/a/b").key == "a/b"
            for uri in (
                "s3://bucket/kept",
                "s3://bucket/kept/hereby",
                "s3://bucket/kept/here/../x",
                "s3://third/x",
                "/kept/here",
                "s3a://other/a",
            ):
                with pytest.raises(InvalidParameter):
                    roots.place(uri)
        finally:
            roots.close()
