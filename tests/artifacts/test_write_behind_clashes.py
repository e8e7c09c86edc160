"""Small files for S3 that have no place yet, and are replaced, deleted or in the way of others."""

from __future__ import annotations

import asyncio
import os
import random

import pytest

from runstone.artifacts import write_behind
from runstone.artifacts.backlog import Placed
from runstone.artifacts.write_behind import SMALL_BYTES
from runstone.errors import InvalidParameter, NotFound
from tests.artifacts.pairs import BY, Pair, held_up, run


class TestReplaced:
    def test_before_it_has_its_place(self, pair: Pair) -> None:
        async def test() -> None:
            for by, size in zip(BY, (10, SMALL_BYTES + 1), strict=True):
                await pair.one.put(f"r/{size}", b"old")
                assert pair.waiting() == [f"r/{size}"]
                await pair.by(by).put(f"r/{size}", b"n" * size)
                assert pair.waiting() == []
            await pair.all_is_right({f"r/{size}": b"n" * size for size in (10, SMALL_BYTES + 1)})

        run(pair, test)

    @pytest.mark.parametrize("by", BY)
    def test_while_it_is_placed(self, pair: Pair, by: str, monkeypatch: pytest.MonkeyPatch) -> None:
        async def test() -> None:
            await pair.one.put("r/f", b"old")
            placing, go_on = held_up(pair.one, monkeypatch)
            look = asyncio.create_task(pair.one.store.stat("r/f"))
            await placing.wait()
            replacing = asyncio.create_task(pair.by(by).put("r/f", b"new"))
            await asyncio.sleep(0.2)
            assert not replacing.done()
            go_on.set()
            await asyncio.gather(look, replacing)
            await pair.all_is_right({"r/f": b"new"})

        run(pair, test)

    def test_by_parts(self, pair: Pair) -> None:
        async def test() -> None:
            parts = pair.two.store.multipart
            upload = await parts.create("p/f")
            place = pair.two.store.place("p/f")
            pair.two.store.client.upload_part(**place, UploadId=upload, PartNumber=1, Body=b"in parts")
            await pair.one.put("p/f", b"small")
            assert pair.waiting() == ["p/f"]
            arrived = await parts.parts("p/f", upload)
            await pair.two.records.recorded(pair.two.store, "p/f", lambda a: parts.complete("p/f", upload, arrived, a), upload)
            await pair.all_is_right({"p/f": b"in parts"})

        run(pair, test)

    def test_of_many_at_once_one_stays(self, pair: Pair) -> None:
        async def test() -> None:
            contents = [os.urandom(1000 + i) for i in range(24)]
            await asyncio.gather(*((pair.one, pair.two)[i % 2].put("c/f", content) for i, content in enumerate(contents)))
            stands = await pair.one.get("c/f")
            assert stands in contents
            await pair.all_is_right({"c/f": stands})

        run(pair, test)


class TestDeleted:
    def test_before_it_has_its_place(self, pair: Pair) -> None:
        async def test() -> None:
            await pair.one.put("de", b"2")
            for by in BY:
                for key in ("d/e/f", "d/e", "d"):
                    await pair.one.put("d/e/f", b"1")
                    assert await pair.by(by).records.delete(pair.by(by).store, key)
                    assert pair.waiting() == ["de"]
                    with pytest.raises(NotFound):
                        await pair.one.get("d/e/f")
            await pair.all_is_right({"de": b"2"})

        run(pair, test)

    @pytest.mark.parametrize("by", BY)
    def test_while_it_is_placed(self, pair: Pair, by: str, monkeypatch: pytest.MonkeyPatch) -> None:
        async def test() -> None:
            await pair.one.put("d/f", b"1")
            placing, go_on = held_up(pair.one, monkeypatch)
            look = asyncio.create_task(pair.one.store.stat("d/f"))
            await placing.wait()
            deleting = asyncio.create_task(pair.by(by).records.delete(pair.by(by).store, "d"))
            await asyncio.sleep(0.2)
            assert not deleting.done()
            go_on.set()
            await asyncio.gather(look, deleting)
            await pair.all_is_right({})

        run(pair, test)

    def test_when_it_came_behind_the_look(self, pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
        """The deletion has looked, and then one comes and is being placed."""

        async def test() -> None:
            placing, go_on = held_up(pair.one, monkeypatch)
            delete, came = pair.two.store.delete, list[asyncio.Task[object]]()

            async def one_comes_before(key: str) -> bool:
                await pair.one.put("d/f", b"1")
                came.append(asyncio.create_task(pair.one.store.stat("d/f")))
                await placing.wait()
                asyncio.get_running_loop().call_later(0.2, go_on.set)
                return await delete(key)

            monkeypatch.setattr(pair.two.store, "delete", one_comes_before)
            await pair.two.records.delete(pair.two.store, "d")
            await asyncio.gather(*came)
            await pair.all_is_right({"d/f": b"1"})

        run(pair, test)

    def test_when_it_got_its_place_just_before_the_folder_went(self, pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
        """The store has deleted it, and then it is called stored."""

        async def test() -> None:
            delete, settle, came = pair.two.store.delete, pair.one.behind._settle, list[asyncio.Task[object]]()
            is_put, is_gone = asyncio.Event(), asyncio.Event()

            async def later(placed: list[Placed]) -> None:
                is_put.set()
                await is_gone.wait()
                await settle(placed)

            async def one_comes_before(key: str) -> bool:
                await pair.one.put("d/f", b"1")
                came.append(asyncio.create_task(pair.one.store.stat("d/f")))
                await is_put.wait()
                found = await delete(key)
                asyncio.get_running_loop().call_later(0.2, is_gone.set)
                return found

            monkeypatch.setattr(pair.one.behind, "_settle", later)
            monkeypatch.setattr(pair.two.store, "delete", one_comes_before)
            assert await pair.two.records.delete(pair.two.store, "d")
            await asyncio.gather(*came)
            await pair.all_is_right({})

        run(pair, test)


class TestInTheWay:
    def test_a_file_where_a_folder_would_be(self, pair: Pair) -> None:
        async def test() -> None:
            for by in BY:
                await pair.one.put(f"w/{by}", b"1")
                assert pair.waiting() == [f"w/{by}"]
                for key, size in (("x", 1), ("y/z", 1), ("x", SMALL_BYTES + 1)):
                    with pytest.raises(InvalidParameter, match="in the way"):
                        await pair.by(by).put(f"w/{by}/{key}", bytes(size))
            await pair.all_is_right({f"w/{by}": b"1" for by in BY})

        run(pair, test)

    def test_a_folder_where_the_file_would_be(self, pair: Pair) -> None:
        async def test() -> None:
            for by in BY:
                await pair.one.put(f"{by}/f/x/y", b"1")
                for key, size in (("", 1), ("/f", SMALL_BYTES + 1), ("/f/x", 1)):
                    with pytest.raises(InvalidParameter, match="in the way"):
                        await pair.by(by).put(by + key, bytes(size))
            await pair.all_is_right({f"{by}/f/x/y": b"1" for by in BY})

        run(pair, test)

    def test_one_that_nobody_recorded(self, pair: Pair) -> None:
        async def test() -> None:
            client, store = pair.one.store.client, pair.one.store
            client.put_object(**store.place("u/folder/f"), Body=b"1")
            client.put_object(**store.place("u/file"), Body=b"1")
            for key in ("u/folder", "u/file/x"):
                with pytest.raises(InvalidParameter, match="in the way"):
                    await pair.one.put(key, b"1")
            await pair.one.put("u/other", b"1")
            assert pair.waiting() == ["u/other"]

        run(pair, test)

    def test_of_both_at_once_one_is_refused(self, pair: Pair) -> None:
        async def test() -> None:
            await pair.one.put("b/known", b"1")
            both = await asyncio.gather(pair.one.put("b/f", b"2"), pair.one.put("b/f/x", b"3"), return_exceptions=True)
            assert sorted(type(outcome).__name__ for outcome in both) == ["InvalidParameter", "NoneType"]

        run(pair, test)

    def test_too_long(self, pair: Pair) -> None:
        async def test() -> None:
            await pair.one.put("long/f", b"1")
            with pytest.raises(InvalidParameter, match="1024 bytes"):
                await pair.one.put("long/" + "x" * 250 + "/" + "/".join(["y" * 200] * 5), b"1")

        run(pair, test)


def test_whatever_is_done_in_whatever_order(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """One thing after another, by either server, while both place files by themselves: what is there is what was done last."""
    keys = ["m/a", "m/a/x", "m/b", "m/c/d", "m/c/e", "n"]

    async def test() -> None:
        monkeypatch.setattr(write_behind, "IDLE_SECONDS", 0.02)
        for seed in range(int(os.environ.get("RUNSTONE_TEST_BACKLOG_ROUNDS", "1"))):
            chance, there = random.Random(seed), dict[str, bytes]()
            for step in range(60):
                replica, key = chance.choice((pair.one, pair.two)), chance.choice(keys)
                if chance.random() < 0.15:
                    await asyncio.sleep(chance.random() * 0.06)
                clash = any(other != key and (other.startswith(f"{key}/") or key.startswith(f"{other}/")) for other in there)
                what = chance.choice(("put", "put", "put", "large", "delete", "folder", "get", "list"))
                if what in ("put", "large"):
                    content = f"{seed} {step}".encode() if what == "put" else os.urandom(SMALL_BYTES + 1)
                    if clash:
                        with pytest.raises(InvalidParameter, match="in the way"):
                            await replica.put(key, content)
                    else:
                        await replica.put(key, content)
                        there[key] = content
                elif what in ("delete", "folder"):
                    gone = key if what == "delete" else key.partition("/")[0]
                    await replica.records.delete(replica.store, gone)
                    there = {k: v for k, v in there.items() if k != gone and not k.startswith(f"{gone}/")}
                elif what == "get" and key in there:
                    assert await replica.get(key) == there[key], (seed, step)
                elif what == "get":
                    with pytest.raises((NotFound, InvalidParameter)):
                        await replica.get(key)
                else:
                    assert await replica.walked("m") == sorted(k for k in there if k.startswith("m/")), (seed, step)
            await pair.all_is_right(there)
            for key in ("m", "n"):
                await pair.one.records.delete(pair.one.store, key)

    run(pair, test)
