"""Names that clients give to images and tables of a step."""

from __future__ import annotations

import pytest

from runstone.web import logged_steps

UUID = "0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f"


def name(key: str, step: int, *, time: int = 5, sign: str = "+", more: str = ".png") -> str:
    return f"{key}{sign}step{sign}{step}{sign}timestamp{sign}{time}{sign}{UUID}{more}"


class TestImages:
    def test_are_found_by_key_and_step_with_their_smaller_twins(self) -> None:
        names = [name("val~dogs", 3), name("val~dogs", 3, more="+compressed.webp"), name("val~dogs", 10), "readme.png"]
        found = logged_steps.images(names)
        assert list(found) == ["val/dogs"]
        dogs = found["val/dogs"]
        assert [dogs.at(step) for step in (2, 3, 9, 10, 99)] == [None, 3, 3, 10, 10]
        assert dogs.path(3, small=True) == f"images/{names[1]}"
        assert dogs.path(3) == f"images/{names[0]}"
        assert dogs.path(10, small=True) == f"images/{names[2]}"

    def test_of_older_clients_too(self) -> None:
        assert list(logged_steps.images([name("a#b+step+1", 1, sign="%")])) == ["a/b+step+1"]

    def test_of_one_step_the_latest_stays(self) -> None:
        names = [name("a", 1, time=9), name("a", 1, time=7)]
        for order in (names, names[::-1]):
            assert logged_steps.images(order)["a"].path(1) == f"images/{names[0]}"

    @pytest.mark.parametrize(
        "wrong",
        ["", "a.png", "a+step+x+timestamp+1+0a.png", name("", 1), name("a", 1, more=".svg"), name("a", 1).replace("+", "%", 1)],
    )
    def test_with_other_names_are_none(self, wrong: str) -> None:
        assert logged_steps.images([wrong]) == {}


class TestTables:
    def test_are_named_by_the_tag_of_the_client(self) -> None:
        found = logged_steps.tables(['[{"path": "eval.json", "type": "table"}, {"path": "x.png", "type": "image"}]', None])
        assert [list(of_run) for of_run in found] == [["eval.json"], []]

    def test_with_a_number_are_steps_of_one(self) -> None:
        tags = [
            f'[{{"path": "e/step_{a}.json", "type": "table"}}, {{"path": "e/step_{b}.json", "type": "table"}}]'
            for a, b in ((1, 20), (1, 5))
        ]
        found = logged_steps.tables(tags)
        assert [{name: logged.paths for name, logged in of_run.items()} for of_run in found] == [
            {"e/step_*.json": {1: "e/step_1.json", 20: "e/step_20.json"}}, {"e/step_*.json": {1: "e/step_1.json", 5: "e/step_5.json"}}
        ]  # fmt: skip

    def test_with_one_number_only_keep_their_name(self) -> None:
        assert list(logged_steps.tables(['[{"path": "v2.json", "type": "table"}]'])[0]) == ["v2.json"]

    @pytest.mark.parametrize(
        "tag", ["", "{", "1", "{}", "[1, [], null]", '[{"type": "table"}]', '[{"path": 1, "type": "table"}]', "[" * 9999]
    )
    def test_of_odd_tags_are_none(self, tag: str) -> None:
        assert logged_steps.tables([tag]) == [{}]


class TestCells:
    def test_of_images_name_a_path(self) -> None:
        assert logged_steps.image_of('{"type": "image", "filepath": "t/a.png", "compressed_filepath": "t/a.webp"}') == "t/a.webp"
        for other in (
            None,
            "",
            "text",
            '{"type": "image"}',
            '{"type": "image", "filepath": 3}',
            '{"image"',
            '{"type":"text","filepath":"image"}',
        ):
            assert logged_steps.image_of(other) is None
