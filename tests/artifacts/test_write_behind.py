"""Small files for S3 that are acknowledged before they are there: nobody sees the difference, whichever server is asked."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from runstone.artifacts import backlog, integrity, queries, write_behind
from runstone.artifacts.queries import STORED
from runstone.artifacts.verifying import Finding, Verification
from runstone.artifacts.write_behind import SMALL_BYTES
from runstone.errors import InvalidParameter
from runstone.storage import s3_listing
from tests.artifacts.pairs import BY, Pair, Replica, run

LOOKS: dict[str, Callable[[Replica], Awaitable[object]]] = {
    "stat": lambda r: r.store.stat("a/b/f"),
    "open": lambda r: r.get("a/b/f"),
    "walk": lambda r: r.walked("a"),
    "signed": lambda r: integrity.stat(r.store, "a/b/f", r.records),
    "parts": lambda r: r.store.multipart.create("a/b/f"),
    "url": lambda r: r.records.expect_unseen(r.store, "a/b/f", 1),
}


class TestLooks:
    def test_each_finds_what_was_acknowledged(self, pair: Pair) -> None:
        async def test() -> None:
            for number, (look, at) in enumerate(LOOKS.items()):
                content = os.urandom(random.randint(0, SMALL_BYTES))
                await pair.one.put("a/b/f", content)
                await pair.one.put("ab/elsewhere", b"e")
                assert pair.waiting("a/b") == ["a/b/f"], look
                await at(pair.by(BY[number % 2]))
                assert pair.waiting("a/b") == [], look
                assert "ab/elsewhere" in pair.waiting()
                assert pair.one.store.client.get_object(**pair.one.store.place("a/b/f"))["Body"].read() == content
                for key in ("a/b/f", "ab/elsewhere"):
                    await pair.two.records.delete(pair.two.store, key)
            pair.db.write_now(lambda c: c.exec_driver_sql("DELETE FROM artifacts WHERE state = 'granted'"))
            await pair.all_is_right({})

        run(pair, test)

    def test_etag_and_bytes_are_those_of_the_store(self, pair: Pair) -> None:
        async def test() -> None:
            await pair.one.put("etag/f", b"content")
            file = (await integrity.opened(pair.two.store, "etag/f", pair.two.records)).file
            assert b"".join([piece async for piece in file.pieces(2, 3)]) == b"nte"
            file.close()
            (record,) = pair.db.read_now(lambda c: queries.find(c, "etag/f"))
            assert record.state == STORED
            assert record.etag == file.stat.etag == pair.one.store.client.head_object(**pair.one.store.place("etag/f"))["ETag"]
            await pair.all_is_right({"etag/f": b"content"})

        run(pair, test)

    def test_many_at_once(self, pair: Pair) -> None:
        async def test() -> None:
            contents = {f"many/{i % 7}/{i}": os.urandom(i * 10) for i in range(30)}
            await asyncio.gather(*((pair.one if i % 2 else pair.two).put(key, contents[key]) for i, key in enumerate(contents)))
            assert len(pair.waiting()) > 8  # those of a new folder ask the store first, and some of them meet
            listed, _, _ = await asyncio.gather(pair.one.store.entries("many"), pair.two.get("many/4/4"), pair.one.walked())
            assert [entry.name for entry in listed] == [str(i) for i in range(7)]
            await pair.all_is_right(contents)

        run(pair, test)


class TestListings:
    """They name what waits, and do not wait for it."""

    def test_name_what_waits(self, pair: Pair) -> None:
        async def test() -> None:
            store = pair.two.store
            for key in ("l/b", "l/d/x"):
                await pair.one.put(key, b"placed")
            await store.stat("l/b")
            await pair.two.walked()
            contents = {"l/a": b"1", "l/b.txt": b"22", "l/c/x": b"333", "l/c/y": b"1", "l/d/y": b"1", "l/e": b""}
            for key, content in contents.items():
                await pair.one.put(key, content)
            waiting = pair.waiting("l/")
            assert waiting == list(contents)
            expected = [("a", 1), ("b", 6), ("b.txt", 2), ("c", None), ("d", None), ("e", 0)]
            assert [(entry.name, entry.size) for entry in await store.entries("l")] == expected
            for limit in range(1, 7):
                assert [e.name for e in await store.entries("l", "a", limit)] == [name for name, _ in expected[1:]][:limit]
            paged = [entry async for page in store.pages("l") for entry in page]
            assert [(entry.name, entry.size) for entry in paged] == expected
            assert [entry.name for entry in (await store.find("l", "B", "", 10)).entries] == ["b", "b.txt"]
            assert [entry.name for entry in await store.entries("l/d")] == ["x", "y"]
            assert [entry.name for entry in await store.entries("")] == ["first", "l", "second"]
            assert await store.entries("l/a") == await store.entries("l/no") == []
            assert pair.waiting("l/") == waiting, "nobody had to wait"
            await pair.all_is_right(contents | {"l/b": b"placed", "l/d/x": b"placed"})

        run(pair, test)

    def test_of_many_names_are_in_order_and_whole(self, pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
        async def test() -> None:
            monkeypatch.setattr(s3_listing, "PAGE", 7)
            placed, contents = [f"o/{i:03}" for i in range(0, 60, 3)], [f"o/{i:03}" for i in range(60) if i % 3]
            await asyncio.gather(*(pair.one.put(key, b"1") for key in placed))
            await pair.two.walked()
            await asyncio.gather(*(pair.one.put(key, b"2") for key in contents))
            assert len(pair.waiting("o/")) == 40
            pages = [[entry.name for entry in page] async for page in pair.two.store.pages("o")]
            assert [name for page in pages for name in page] == [f"{i:03}" for i in range(60)]
            assert len(pages) > 2
            read, after = list[str](), ""
            while names := [entry.name for entry in await pair.two.store.entries("o", after, 11)]:
                read, after = read + names, names[-1]
            assert read == [f"{i:03}" for i in range(60)]

        run(pair, test)


class TestVerify:
    def test_places_what_is_free_and_waits_for_nobody(self, pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
        async def test() -> None:
            monkeypatch.setattr(backlog, "CLAIM_MS", 600_000)
            for key in ("v/a", "v/b", "v/c", "v/d"):
                await pair.one.put(key, key.encode())
            pair.db.write_now(lambda c: backlog.claim(c, 2))
            await pair.two.behind.hasten()
            assert pair.waiting() == ["v/a", "v/b"]
            other = "(SELECT content FROM artifact_backlog WHERE path = 'v/a')"
            pair.db.write_now(lambda c: c.exec_driver_sql(f"UPDATE artifact_backlog SET content = {other} WHERE path = 'v/b'"))
            found = list[Finding]()
            for quick in (False, True):
                summary = await Verification(pair.two.records, pair.two.store, found.append, quick=quick, adopt=True).run()
                assert (summary.waiting, summary.unsettled, summary.files) == (1, 0, 4)
            assert [(finding.kind, finding.path) for finding in found] == [("altered", "v/b")] * 2
            assert pair.waiting() == ["v/a", "v/b"]

        run(pair, test)


class TestServer:
    def test_by_itself(self, pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
        async def test() -> None:
            monkeypatch.setattr(write_behind, "IDLE_SECONDS", 0.01)
            await pair.one.put("s/f", b"1")
            await pair.emptied()
            assert pair.one.behind._files == 0
            await pair.all_is_right({"s/f": b"1"})

        run(pair, test)

    def test_that_ends_leaves_nothing_behind(self, pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
        async def test() -> None:
            monkeypatch.setattr(write_behind, "DRAIN_SECONDS", 120)
            contents = {f"s/{i}": bytes([i]) for i in range(20)}
            for key, content in contents.items():
                await pair.one.put(key, content)
            assert len(pair.waiting()) > 13
            await pair.one.behind.finish()
            assert pair.waiting() == []
            await pair.one.put("s/late", b"late")
            assert pair.waiting() == []
            await pair.all_is_right(contents | {"s/late": b"late"})

        run(pair, test)

    def test_that_begins_finds_what_another_left(self, pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
        async def test() -> None:
            monkeypatch.setattr(pair.one.behind, "wake", lambda: None)
            await pair.one.put("s/f", b"1")
            monkeypatch.setattr(write_behind, "IDLE_SECONDS", 0.01)
            await pair.two.behind.look()
            await pair.emptied()

        run(pair, test)

    def test_takes_no_more_than_it_may(self, pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
        async def test() -> None:
            monkeypatch.setattr(write_behind, "FILES_LIMIT", 3)
            monkeypatch.setattr(pair.one.behind, "wake", lambda: None)
            for i in range(5):
                await pair.one.put(f"s/{i}", b"1")
            assert pair.waiting() == ["s/0", "s/1", "s/2"]
            await pair.all_is_right({f"s/{i}": b"1" for i in range(5)})

        run(pair, test)

    def test_names_that_not_every_store_takes_ask_it_first(self, pair: Pair) -> None:
        async def test() -> None:
            contents = dict.fromkeys(("s/é", "s/a:b", f"s/{'x' * 201}", "/".join("s" * 21), "s/loss%step%3 (1).png"), b"1")
            for key, content in contents.items():
                await pair.one.put(key, content)
            assert pair.waiting() == ["s/loss%step%3 (1).png"]
            await pair.all_is_right(contents)

        run(pair, test)

    def test_takes_no_more_bytes_than_it_may(self, pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
        async def test() -> None:
            monkeypatch.setattr(write_behind, "BYTES_LIMIT", 2500)
            monkeypatch.setattr(pair.one.behind, "wake", lambda: None)
            contents = {f"s/{i}": os.urandom(1000) for i in range(4)}
            for key, content in contents.items():
                await pair.one.put(key, content)
            assert pair.waiting() == ["s/0", "s/1"]
            assert pair.one.behind.waiting == 2
            await pair.all_is_right(contents)

        run(pair, test)

    def test_what_it_does_not_hold_counts_for_nothing(self, pair: Pair) -> None:
        async def test() -> None:
            await pair.one.put("s/f", b"1")
            for i in range(5):
                await pair.one.put("s/f", bytes([i]))  # replaced: not held
            with pytest.raises(InvalidParameter, match="in the way"):
                await pair.one.put("s/f/x", b"1")
            assert (pair.one.behind._files, pair.one.behind._bytes) == (1, 1)

        run(pair, test)

    def test_whose_store_fails_while_a_body_arrives_tells_it(self, pair: Pair) -> None:
        """It was to be held when it began, and goes the other way in the end."""

        async def test() -> None:
            async def chunks() -> AsyncIterator[bytes]:
                pair.one.store.small.failed()
                yield b"1"

            await pair.one.records.upload(pair.one.store, "s/f", chunks(), 1)
            assert pair.waiting() == []
            await pair.all_is_right({"s/f": b"1"})

        run(pair, test)

    def test_where_it_is_switched_off(self, pair: Pair) -> None:
        async def test() -> None:
            pair.two.behind._on = False
            await pair.two.put("s/f", b"1")
            assert pair.waiting() == []
            await pair.one.put("s/g", b"2")
            assert pair.waiting() == ["s/g"]
            assert await pair.two.get("s/g") == b"2"

        run(pair, test)

    def test_a_quota_is_counted_the_old_way(self, pair: Pair) -> None:
        async def test() -> None:
            pair.one.records._quota = 1000
            await pair.one.put("s/f", b"1")
            assert pair.waiting() == []

        run(pair, test)
