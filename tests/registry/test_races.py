"""Many clients at once: each is told the truth, and nothing is stored twice or lost."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import httpx

from tests.conftest import RunningServer


def together(calls: Sequence[Callable[[], httpx.Response]]) -> list[httpx.Response]:
    with ThreadPoolExecutor(16) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


def codes(answers: Sequence[httpx.Response]) -> Counter[Any]:
    return Counter(answer.json().get("error_code", answer.status_code) for answer in answers)


class TestModels:
    def test_one_of_many_creations_of_a_name_succeeds(self, server: RunningServer) -> None:
        answers = together([partial(server.post, "registered-models/create", {"name": "one of many"})] * 40)
        assert codes(answers) == {200: 1, "RESOURCE_ALREADY_EXISTS": 39}

    def test_one_of_many_renames_to_a_name_succeeds(self, server: RunningServer) -> None:
        names = [f"before {i}" for i in range(16)]
        for name in names:
            server.ok("registered-models/create", {"name": name})
        body = [{"name": name, "new_name": "after"} for name in names]
        answers = together([partial(server.post, "registered-models/rename", item) for item in body])
        assert codes(answers) == {200: 1, "RESOURCE_ALREADY_EXISTS": 15}

    def test_a_model_is_deleted_while_others_write_to_it(self, server: RunningServer) -> None:
        for i in range(5):
            name = f"going {i}"
            server.ok("registered-models/create", {"name": name})
            server.ok("model-versions/create", {"name": name, "source": "s3://b/m"})
            tag = {"name": name, "key": "k", "value": "v"}
            writes: list[Callable[[], httpx.Response]] = [
                partial(server.post, "registered-models/set-tag", tag),
                partial(server.post, "model-versions/set-tag", {**tag, "version": "1"}),
                partial(server.post, "model-versions/create", {"name": name, "source": "s3://b/m"}),
                partial(server.post, "registered-models/alias", {"name": name, "alias": "a", "version": "1"}),
            ]
            answers = together([*writes, partial(server.call, "DELETE", "registered-models/delete", {"name": name}), *writes])
            assert set(codes(answers)) <= {200, "RESOURCE_DOES_NOT_EXIST"}
            assert server.get("registered-models/get", name=name).status_code == 404


class TestVersions:
    def test_fifty_creations_get_fifty_numbers(self, server: RunningServer) -> None:
        server.ok("registered-models/create", {"name": "numbered"})
        answers = together([partial(server.post, "model-versions/create", {"name": "numbered", "source": "s3://b/m"})] * 50)
        assert sorted(int(answer.json()["model_version"]["version"]) for answer in answers) == list(range(1, 51))

    def test_a_logged_model_lists_every_version_made_of_it(self, server: RunningServer) -> None:
        model_id = server.ok("logged-models", {"experiment_id": "0"})["model"]["info"]["model_id"]
        names = [f"made of one {i}" for i in range(20)]
        for name in names:
            server.ok("registered-models/create", {"name": name})
        bodies = [{"name": name, "source": f"models:/{model_id}", "model_id": model_id} for name in names]
        answers = together([partial(server.post, "model-versions/create", item) for item in bodies])
        assert codes(answers) == {200: 20}
        (tag,) = server.get(f"logged-models/{model_id}").json()["model"]["info"]["tags"]
        assert sorted(item["name"] for item in json.loads(tag["value"])) == sorted(names)

    def test_an_alias_never_points_to_a_deleted_version(self, server: RunningServer) -> None:
        server.ok("registered-models/create", {"name": "pointed"})
        for number in range(1, 9):
            version = {"name": "pointed", "version": str(number)}
            server.ok("model-versions/create", {"name": "pointed", "source": "s3://b/m"})
            point = [partial(server.post, "registered-models/alias", {**version, "alias": f"a{i}"}) for i in range(4)]
            answers = together([*point, partial(server.call, "DELETE", "model-versions/delete", version), *point])
            assert set(codes(answers)) <= {200, "RESOURCE_DOES_NOT_EXIST"}
            assert "aliases" not in server.get("registered-models/get", name="pointed").json()["registered_model"]

    def test_one_version_is_in_production_after_many_transitions(self, server: RunningServer) -> None:
        server.ok("registered-models/create", {"name": "promoted"})
        for _ in range(12):
            server.ok("model-versions/create", {"name": "promoted", "source": "s3://b/m"})
        body = {"name": "promoted", "stage": "Production", "archive_existing_versions": True}
        bodies = [{**body, "version": str(number)} for number in range(1, 13)]
        answers = together([partial(server.post, "model-versions/transition-stage", item) for item in bodies])
        assert codes(answers) == {200: 12}
        found = server.get("model-versions/search", filter="name = 'promoted'").json()["model_versions"]
        assert Counter(version["current_stage"] for version in found) == {"Production": 1, "Archived": 11}
