"""/search, which the command palette asks, and what a form says on the next page."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from functools import partial

import pytest
from bs4 import BeautifulSoup
from sqlalchemy import Connection, insert

from runstone.app import open_database
from runstone.core.db import Database
from runstone.core.scope import DEFAULT_SCOPE
from runstone.runs import finding
from runstone.runs.tables import runs
from runstone.settings import Settings
from tests.conftest import Databases, RunningServer
from tests.web.reading import one, page, part, words


@pytest.fixture(scope="module")
def filled(server: RunningServer) -> str:
    number = server.experiment("zebra/stripes")
    for i in range(30):
        server.run(number, run_name=f"Quagga {i:02}")
    server.run(number, run_name="Ünder_score % percent")
    server.ok("registered-models/create", {"name": "zebra model"})
    return number


class TestSearch:
    def test_finds_experiments_runs_and_models_by_any_part_of_the_name(self, server: RunningServer, filled: str) -> None:
        found = words(part(server, "/search", q="ebra"))
        assert "zebra/stripes" in found
        assert "zebra model" in found
        runs = part(server, "/search", q="quagga")
        assert len(runs.select("a[role=option]")) == 6
        assert "Quagga 29" in words(runs)
        assert len(page(server, "/search", q="quagga").select("a.found")) == 30

    def test_every_word_has_to_be_there(self, server: RunningServer, filled: str) -> None:
        assert "Quagga 07" in words(part(server, "/search", q="07 quagga"))
        assert "No experiment, run or model" in words(page(server, "/search", q="quagga nothing"))

    @pytest.mark.parametrize("text", ["_score", "%", "ünder", "Ünder_score % p", "üNDER_SCORE"])
    def test_signs_mean_themselves(self, server: RunningServer, filled: str, text: str) -> None:
        found = [words(a) for a in part(server, "/search", q=text).select("a")]
        assert len(found) == 1

    def test_the_case_of_no_letter_matters(self, server: RunningServer) -> None:
        names = ("Ähre ПРИВЕТ", "ähre привет", "ÄHRE Привет")
        for i, name in enumerate(names):
            number = server.experiment(f"{name} {i}")
            run_id = server.run(number, run_name=name)
            server.ok("registered-models/create", {"name": f"{name} {i}"})
            server.ok("runs/log-parameter", {"run_id": run_id, "key": f"{name} key {i}", "value": f"ΣΊΓΜΑ {i}"})
        for text in ("ähre", "ÄHRE", "привет", "ПРИВЕТ ähre"):
            assert len(page(server, "/search", q=text).select("a.found")) == 9
            asked = {"experiments": number, "kind": "params", "typed": text.split()[0]}
            assert server.client.get("/runs/names", params=asked).json()["found"]["params"]["names"]
            for path, argument in (("/experiments", "search"), ("/models", "search")):
                assert sum(name in words(page(server, path, **{argument: text.split()[0]})) for name in names) == 3
        for text in ("σίγμα", "ΣΊΓΜΑ", "ährE"):
            assert len(one(page(server, f"/runs/{run_id}", params=text), "#params tbody").select("tr")) == 1

    def test_ids(self, server: RunningServer, filled: str) -> None:
        made = server.run(filled, run_name="by its id")
        assert one(part(server, "/search", q=made[:10]), "a")["href"] == f"/runs/{made}"
        model = server.ok("logged-models", {"experiment_id": filled, "name": "m"})["model"]["info"]["model_id"]
        assert one(part(server, "/search", q=model[:8]), "a")["href"] == f"/logged-models/{model}"

    def test_names_that_hold_the_text_as_it_stands_come_before_those_that_hold_its_words(
        self, server: RunningServer, filled: str
    ) -> None:
        for name in ("likely 1", "very likely 1", "likely, on place 10", "1 is as likely as 2"):
            server.run(filled, run_name=name)
        names = [one(a, ".name").text for a in page(server, "/search", q="likely 1").select("a.found")]
        assert names == ["likely 1", "very likely 1", "1 is as likely as 2", "likely, on place 10"]

    def test_what_is_in_the_trash_is_not_found(self, server: RunningServer, filled: str) -> None:
        made = server.run(filled, run_name="thrown away soon")
        server.ok("runs/delete", {"run_id": made})
        assert not part(server, "/search", q="thrown away soon").select("a")
        assert not part(server, "/search", q=made).select("a")

    def test_nothing_typed_shows_the_newest(self, server: RunningServer, filled: str) -> None:
        assert "Newest runs" in words(part(server, "/search", q=""))

    @pytest.mark.parametrize("text", ["'", '"; DROP', "\\", "\u202e", "a" * 5000, " ".join("ab" * 40), "\U0010ffff"])
    def test_odd_texts_are_texts(self, server: RunningServer, text: str) -> None:
        page(server, "/search", q=text)

    def test_a_nul_is_refused_as_what_it_is(self, server: RunningServer) -> None:
        page(server, "/search", 400, q="a\0b")


class TestOldRuns:
    """The same statements as the server's, with a smaller idea of what is new."""

    @pytest.fixture
    def db(self, dialect: str, databases: Databases, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
        monkeypatch.setattr(finding, "NEWEST", 3)
        opened = open_database(Settings(backend_store_uri=databases.make(dialect)))
        rows = [
            {
                "run_id": f"{i:032x}",
                "workspace_id": 1,
                "experiment_id": 0,
                "name": f"Quagga {i:02}",
                "user_id": "",
                "status": "FINISHED",
                "start_time": i,
                "lifecycle_stage": "active",
                "artifact_uri": "x",
            }
            for i in range(30)
        ]
        rows[0]["name"] = "Äpfel 00"  # fmt: skip
        opened.write_now(lambda c: c.execute(insert(runs), rows))
        yield opened
        opened.close()

    def test_are_found_by_the_beginning_of_their_name(self, db: Database) -> None:
        found = db.read_now(lambda c: finding.find_named(c, DEFAULT_SCOPE, "QUAGGA 0", 50))
        assert {row.name for row in found} == {f"Quagga {i:02}" for i in range(1, 10)}
        for text in ("äpfel 0", "ÄPFEL 0", "Äpfel 0"):
            rows = db.read_now(partial(finding.find_named, scope=DEFAULT_SCOPE, text=text, limit=50))
            assert [row.name for row in rows] == ["Äpfel 00"]
        assert db.read_now(lambda c: finding.find_named(c, DEFAULT_SCOPE, "uagga 0", 50)) == []
        assert [row.name for row in db.read_now(lambda c: finding.find_named(c, DEFAULT_SCOPE, "uagga 29", 50))] == ["Quagga 29"]

    def test_along_the_index(self, db: Database) -> None:
        def plan(connection: Connection) -> str:
            wanted = finding._by_beginning(connection, DEFAULT_SCOPE, "quagga")
            sql = str(wanted.compile(connection, compile_kwargs={"literal_binds": True}))
            if db.dialect == "sqlite":
                return str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}").all())
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            return str(connection.exec_driver_sql(f"EXPLAIN {sql.replace('%', '%%')}").all())

        assert "ix_runs_name" in db.write_now(plan)


class TestToasts:
    @pytest.mark.parametrize("told", ["", "x", "a" * 70_000, "WyJ0b2FzdCIsIFsiYSIsICIvIl1d"])
    def test_a_forged_one_says_nothing(self, server: RunningServer, told: str) -> None:
        answer = server.client.get("/experiments", params={"told": told[:20_000]}, headers={"Accept": "text/html"})
        assert answer.status_code == 200
        assert "data-toast" not in answer.text

    def test_one_whose_way_back_fits_into_no_address_is_told_without_it(self, server: RunningServer) -> None:
        run_id = server.run(server.experiment(), run_name="noted at length")
        for note, undone in ((secrets.token_urlsafe(300), True), (secrets.token_urlsafe(5900), False)):
            server.ok("runs/set-tag", {"run_id": run_id, "key": "mlflow.note.content", "value": note})
            saved = server.client.post(f"/runs/{run_id}/edit", data={"name": "noted at length", "text": "short"})
            assert saved.status_code == 303
            assert len(saved.headers["location"]) < 7000
            toast = BeautifulSoup(server.client.get(saved.headers["location"]).text, "html.parser").select_one("[data-toast]")
            assert toast is not None
            assert "changed" in toast.text
            assert ("Undo" in toast.text) is undone

    def test_a_long_name_is_cut_in_it(self, server: RunningServer) -> None:
        run_id = server.run(server.experiment(), run_name="to be long")
        saved = server.client.post(f"/runs/{run_id}/edit", data={"name": "n" * 200, "text": ""})
        assert f"is now “{'n' * 79}…”" in words(one(page(server, saved.headers["location"]), "[data-toast]"))
