"""/experiments: the list and its forms."""

from __future__ import annotations

import pytest
from bs4 import BeautifulSoup

from tests.conftest import RunningServer
from tests.web.reading import HTML, link, one, page, part, post, row_names, words


class TestList:
    def test_shows_names_counts_last_run_and_tags(self, server: RunningServer) -> None:
        tags = [{"key": "team", "value": "red"}, {"key": "mlflow.note.content", "value": "not a tag for people"}]
        number = server.experiment("listed one", tags=tags)
        for i in range(3):
            server.run(number, start_time=1700000000000 + i)
        row = one(page(server, "/experiments", search="listed one"), "tbody tr")
        assert words(row).startswith("listed one 3 2023-11-14 22:13 UTC")
        assert "team red" in words(row)
        assert "not a tag" not in words(row)

    def test_is_the_home_page_too(self, server: RunningServer) -> None:
        assert one(page(server, "/"), "h1").text == "Experiments"

    def test_nothing_found_says_how_to_go_on(self, server: RunningServer) -> None:
        found = page(server, "/experiments", search="zzz")
        assert "No experiment matches" in words(found)
        assert link(found, "Clear the search") == "/experiments"

    def test_an_empty_experiment_shows_a_script_with_this_servers_address(self, server: RunningServer) -> None:
        empty = page(server, f"/experiments/{server.experiment('empty one')}")
        assert f'set_tracking_uri("{server.url}")' in one(empty, "pre").text

    @pytest.mark.parametrize("text", ["'", "%", "_", "\\", "' OR 1=1 --", '"', "`", "ı", "\u202e"])
    def test_what_is_searched_is_text(self, server: RunningServer, text: str) -> None:
        page(server, "/experiments", search=text)
        page(server, "/models", search=text)

    def test_sorts_by_name_and_back(self, server: RunningServer) -> None:
        for name in ("sorted b", "sorted c", "sorted a"):
            server.experiment(name)
        down = page(server, link(page(server, "/experiments", search="sorted "), "Name"))
        assert row_names(down) == ["sorted a", "sorted b", "sorted c"]
        assert one(down, "th[aria-sort=ascending]").text.startswith("Name")
        assert row_names(page(server, link(down, "Name"))) == ["sorted c", "sorted b", "sorted a"]

    def test_an_order_that_is_none_is_the_usual_one(self, server: RunningServer) -> None:
        assert words(one(page(server, "/experiments", order="nonsense DROP"), "[aria-sort]")).startswith("Changed")

    def test_pages_lead_on_and_back(self, server: RunningServer) -> None:
        for i in range(205):
            server.experiment(f"paged {i:03}")
        names = [f"paged {i:03}" for i in range(205)]
        first = page(server, "/experiments", search="paged ", order="name ASC")
        second = page(server, link(first, "Next"))
        third = page(server, link(second, "Next"))
        assert [row_names(first), row_names(second), row_names(third)] == [names[:100], names[100:200], names[200:]]
        assert not third.find("a", rel="next")
        again = page(server, link(third, "Previous"))
        assert row_names(again) == names[100:200]
        assert row_names(page(server, link(again, "Previous"))) == names[:100]
        assert "in its name" not in words(first)
        page(server, "/experiments", 400, search="other", after=link(first, "Next").partition("after=")[2])


@pytest.fixture(scope="module")
def number(server: RunningServer) -> str:
    for name in ("wood/oak/one", "wood/oak/two", "wood/ash", "wood/", "//odd", "woodwork"):
        server.experiment(name)
    return server.experiment("wood/oak/deep/three")


class TestFolders:
    def test_show_the_runs_below_them_at_any_depth_and_the_last_one(self, server: RunningServer) -> None:
        for name, starts in (("deep/a/b/c", (1700000000000, 1700000005000)), ("deep/a", (1700000001000,)), ("deep/z/z", ())):
            number = server.experiment(name)
            for start in starts:
                server.run(number, start_time=start)
        gone = server.experiment("deep/a/gone")
        server.run(gone, start_time=1800000000000)
        server.ok("experiments/delete", {"experiment_id": gone})
        trashed = server.run(number, start_time=1800000000000)
        server.ok("runs/delete", {"run_id": trashed})

        def cells(folder: str, **query: str) -> dict[str, list[str]]:
            rows = page(server, "/experiments", folder=folder, **query).select("tr[data-folder]")
            return {str(row["data-folder"]): [words(td) for td in row.select("td")[1:3]] for row in rows}

        assert cells("")["deep/"] == ["3", "2023-11-14 22:13 UTC"]
        assert cells("deep/") == {"deep/a/": ["2", "2023-11-14 22:13 UTC"], "deep/z/": ["0", "–"]}
        assert cells("deep/", view="deleted") == {"deep/a/": ["1", "2027-01-15 08:00 UTC"]}


class TestTree:
    def test_shows_the_folders_of_a_level_and_what_stands_in_it(self, server: RunningServer, number: str) -> None:
        top = page(server, "/experiments")
        assert "wood 5 experiments" in row_names(top)
        assert "woodwork" not in [name for name in row_names(page(server, "/experiments", folder="wood")) if name]
        inside = page(server, link(top, "wood"))
        assert row_names(inside) == ["oak 3 experiments", "wood/", "ash"]
        assert one(inside, "h1").text == "wood"
        deeper = page(server, link(inside, "oak"))
        assert row_names(deeper) == ["deep 1 experiment", "two", "one"]
        assert link(deeper, "wood").endswith("folder=wood%2F")

    def test_a_script_gets_the_rows_of_one_folder(self, server: RunningServer, number: str) -> None:
        rows = part(server, "/experiments", folder="wood/oak/")
        assert len(rows.select("tr[data-inside='wood/oak/']")) == 3
        assert one(rows, "tr[data-folder]")["data-folder"] == "wood/oak/deep/"

    def test_a_folder_that_is_none_says_so(self, server: RunningServer) -> None:
        for folder in ("nothing/here", "%", "'", "a" * 3000):
            assert "Nothing in this folder" in words(page(server, "/experiments", folder=folder))

    def test_a_folder_is_moved_and_moved_back(self, server: RunningServer, number: str) -> None:
        moved = post(server, "/experiments/move", **{"from": "wood/oak/", "to": "/trees/oak/"})
        soup = page(server, moved.headers["location"])
        assert "3 experiments moved" in words(one(soup, "[data-toast]"))
        assert row_names(page(server, "/experiments", folder="trees/oak"))[0] == "deep 1 experiment"
        form = one(soup, "[data-toast] form")
        post(server, str(form["action"]), **{str(field["name"]): str(field["value"]) for field in form.select("input")})
        assert row_names(page(server, "/experiments", folder="wood/oak/deep")) == ["three"]

    def test_a_folder_that_went_into_another_comes_back_out_alone(self, server: RunningServer) -> None:
        for name in ("from/a", "from/b", "into/old"):
            server.experiment(name)
        for target, held in (("into", ["a", "b", "old"]), ("", None)):
            moved = post(server, "/experiments/move", **{"from": "from", "to": target})
            soup = page(server, moved.headers["location"])
            if held:
                assert sorted(row_names(soup)) == held
            form = one(soup, "[data-toast] form")
            fields = {str(field["name"]): str(field["value"]) for field in form.select("input")}
            assert post(server, str(form["action"]), **fields).status_code == 303
            assert sorted(row_names(page(server, "/experiments", folder="from/"))) == ["a", "b"]
            assert row_names(page(server, "/experiments", folder="into/")) == ["old"]

    @pytest.mark.parametrize(
        ("before", "after"), [("wood/", "wood/inside"), ("none/", "x"), ("", "x"), ("clash/", "clashed"), ("wood/", "x" * 495)]
    )
    def test_a_move_that_cannot_be_says_why_and_moves_nothing(
        self, server: RunningServer, number: str, before: str, after: str
    ) -> None:
        for name in ("clash/same", "clashed/same"):
            server.post("experiments/create", {"name": name})
        answer = post(server, f"/experiments/move?folder={before}", **{"from": before, "to": after})
        assert answer.status_code == 400
        assert words(one(BeautifulSoup(answer.text, "html.parser"), "[role=alert]"))
        assert row_names(page(server, "/experiments", folder="wood/oak/deep")) == ["three"]

    @pytest.mark.parametrize("order", [("meet/meet/x", "meet/x"), ("turn/x", "turn/turn/x")])
    def test_a_folder_whose_names_meet_each_other_is_moved_whole_or_not_at_all(
        self, server: RunningServer, order: tuple[str, str]
    ) -> None:
        ids = [server.experiment(name) for name in order]
        folder = order[0].partition("/")[0]
        answer = post(server, "/experiments/move", **{"from": folder, "to": ""})
        called = [server.get("experiments/get", experiment_id=number).json()["experiment"]["name"] for number in ids]
        if answer.status_code == 303:
            assert called == [name.removeprefix(f"{folder}/") for name in order]
        else:
            assert answer.status_code == 400
            assert "Move it to a new name first." in words(one(BeautifulSoup(answer.text, "html.parser"), "[role=alert]"))
            assert called == list(order)

    def test_favourites_are_a_browsers_own(self, server: RunningServer, number: str) -> None:
        server.client.cookies.clear()
        assert post(server, f"/experiments/{number}/favourite", on="on", back="?view=active").status_code == 303
        assert row_names(page(server, "/experiments", starred="1")) == ["wood/oak/deep/three"]
        assert post(server, f"/experiments/{number}/favourite").status_code == 303
        assert "No favourites yet" in words(page(server, "/experiments", starred="1"))

    def test_a_tag_leads_to_all_that_have_it(self, server: RunningServer) -> None:
        for name in ("tagged one", "tagged two"):
            server.experiment(name, tags=[{"key": "own er", "value": 'it\'s "me"'}])
        chip = one(page(server, "/experiments", search="tagged one"), "a.chip")
        assert sorted(row_names(page(server, str(chip["href"])))) == ["tagged one", "tagged two"]

    def test_a_filter_that_is_wrong_is_said_and_stays_typed(self, server: RunningServer) -> None:
        soup = page(server, "/experiments", 400, search="tags.team = red")
        assert one(soup, "input[name=search]")["value"] == "tags.team = red"
        assert words(one(soup, "#search-problem"))


class TestForms:
    def test_create_leads_to_the_new_experiment(self, server: RunningServer) -> None:
        made = post(server, "/experiments/create", name=" made by form ")
        assert made.status_code == 303
        soup = page(server, made.headers["location"])
        assert one(soup, "h1").text == "made by form"
        assert "Experiment “made by form” created." in words(one(soup, "[role=status][data-toast]"))

    @pytest.mark.parametrize("name", ["taken", "", "x" * 501])
    def test_what_was_typed_stays_beside_the_reason(self, server: RunningServer, name: str) -> None:
        post(server, "/experiments/create", name="taken")
        answer = post(server, "/experiments/create", name=name)
        assert answer.status_code == 400
        soup = BeautifulSoup(answer.text, "html.parser")
        field = one(soup, "input#new-name")
        assert field["value"] == name
        assert field["aria-invalid"] == "true"
        assert words(one(soup, f"#{field['aria-describedby']}"))

    def test_rename(self, server: RunningServer) -> None:
        number, other = server.experiment("before renaming"), server.experiment("other name")
        assert post(server, f"/experiments/{number}/rename", name="after renaming").status_code == 303
        assert one(page(server, f"/experiments/{number}"), "h1").text == "after renaming"
        refused = post(server, f"/experiments/{other}/rename", name="after renaming")
        assert refused.status_code == 400
        assert "Choose another name" in refused.text

    def test_delete_offers_undo_and_the_trash(self, server: RunningServer) -> None:
        number = server.experiment("thrown away")
        server.run(number)
        deleted = post(server, f"/experiments/{number}/delete")
        toast = one(page(server, deleted.headers["location"]), "[data-toast]")
        assert "“thrown away”" in words(toast)
        undo = one(toast, "form")
        trash = page(server, "/experiments", view="deleted", search="thrown away")
        assert words(one(trash, "tbody tr")).startswith("thrown away 1 ")
        assert "In the trash" in words(page(server, f"/experiments/{number}"))
        assert "thrown away" not in row_names(page(server, "/experiments", search="thrown"))
        back = post(server, str(undo["action"]))
        assert row_names(page(server, "/experiments", search="thrown")) == ["thrown away"]
        assert one(page(server, back.headers["location"]), "[data-toast] form")["action"] == f"/experiments/{number}/delete"

    def test_a_folder_leads_to_the_runs_of_all_in_it(self, server: RunningServer) -> None:
        ids = [server.experiment(f"together/{name}") for name in ("b", "deep/a")]
        server.experiment("together aside")
        gone = server.experiment("together/gone")
        post(server, f"/experiments/{gone}/delete")
        place = link(page(server, "/experiments", folder="together/"), "Runs of the folder")
        answer = server.client.get(place, headers=HTML)
        assert answer.headers["location"] == f"/runs?experiments={ids[0]}%2C{ids[1]}"
        assert one(page(server, answer.headers["location"]), "h1").text == "Runs of 2 experiments"
        page(server, "/runs", 400, folder="together/none")
        page(server, "/runs", 400)

    def test_a_name_that_is_taken_says_by_what(self, server: RunningServer) -> None:
        number = server.experiment("held/one")
        server.experiment("moving/one")

        def said() -> list[str]:
            tries = (("create", {"name": "held/one"}), ("move", {"from": "moving", "to": "held"}))
            return [words(one(BeautifulSoup(post(server, f"/experiments/{path}", **fields).text, "html.parser"), "[role=alert]")) for path, fields in tries]  # fmt: skip

        active, moved = said()
        assert active == "An experiment is called “held/one” already. Choose another name."
        assert moved == "An experiment is called “held/one” already. Rename one of the two: nothing was moved."
        post(server, f"/experiments/{number}/delete")
        trashed, moved = said()
        assert trashed == "An experiment in the trash is called “held/one” already. Restore it, or choose another name."
        assert moved.startswith("An experiment in the trash is called “held/one” already.")

    def test_deleted_twice_it_is_in_the_trash_all_the_same(self, server: RunningServer) -> None:
        number = server.experiment("deleted in two tabs")
        for _ in range(2):
            deleted = post(server, f"/experiments/{number}/delete")
            assert deleted.status_code == 303
            assert "deleted in two tabs" in words(one(page(server, deleted.headers["location"]), "[data-toast]"))

    def test_a_forged_toast_offers_nothing(self, server: RunningServer) -> None:
        for query in ({"told": "../../x"}, {"told": "<b>"}, {"told": "e30.e30"}):
            assert not page(server, "/experiments", **query).select("[data-toast]")

    def test_forms_of_other_sites_are_refused(self, server: RunningServer) -> None:
        for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
            answer = server.client.post("/experiments/create", data={"name": "forged"}, headers=headers | HTML)
            assert answer.status_code == 403
        assert "No experiment matches" in words(page(server, "/experiments", search="forged"))
