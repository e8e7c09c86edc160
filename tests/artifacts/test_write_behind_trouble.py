"""An S3 store that fails while small files wait for their places, and servers that end meanwhile."""

from __future__ import annotations

import dataclasses
import time

import pytest

from runstone.artifacts import backlog, write_behind
from runstone.errors import Unavailable
from runstone.storage.s3_small import Unsure
from tests.artifacts.pairs import Pair, run


class TestTrouble:
    def test_a_store_that_fails_is_told_and_loses_nothing(self, pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
        async def test() -> None:
            await pair.one.put("t/f", b"1")
            with monkeypatch.context() as patched:
                for replica in (pair.one, pair.two):
                    patched.setattr(replica.store, "access", dataclasses.replace(pair.access, secret_access_key="another"))
                    for holder in (replica.store, replica.store.small):
                        holder.__dict__.pop("client" if holder is replica.store else "_client", None)
                    with pytest.raises(Unavailable, match="credentials"):
                        await replica.get("t/f")
                    assert not replica.store.small.is_well
                    with pytest.raises(Unavailable, match="credentials"):
                        await replica.put("t/g", b"2")
                assert pair.waiting() == ["t/f"]
            for replica in (pair.one, pair.two):
                replica.store.__dict__.pop("client", None)
                replica.store.small.__dict__.pop("_client", None)
            assert await pair.two.get("t/f") == b"1"

        run(pair, test)

    def test_one_that_may_yet_arrive_keeps_others_off(self, pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
        async def test() -> None:
            await pair.one.put("t/f", b"1")
            monkeypatch.setattr(backlog, "CLAIM_MS", 600_000)
            monkeypatch.setattr(write_behind, "WAIT_SECONDS", 0.3)
            with monkeypatch.context() as patched:
                patched.setattr(pair.one.store.small, "put", _not_sure)
                with pytest.raises(Unavailable):
                    await pair.one.get("t/f")
            for replica in (pair.one, pair.two):
                with pytest.raises(Unavailable, match="has not taken it yet"):
                    await replica.put("t/f", b"2")
                with pytest.raises(Unavailable, match="has not taken it yet"):
                    await replica.records.delete(replica.store, "t/f")
            pair.forget_claims()
            await pair.two.put("t/f", b"3")
            await pair.all_is_right({"t/f": b"3"})

        run(pair, test)

    def test_claims_of_others_hold_up_no_more_than_they_are_for(self, pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
        async def test() -> None:
            monkeypatch.setattr(backlog, "CLAIM_MS", 600_000)
            monkeypatch.setattr(write_behind, "WAIT_SECONDS", 0.3)
            monkeypatch.setattr(write_behind, "GROUP_LIMIT", 2)
            for i in range(5):
                await pair.one.put(f"t/{i}", b"1")
            pair.db.write_now(lambda c: backlog.claim(c, 2))
            with pytest.raises(Unavailable, match="has not taken it yet"):
                await pair.two.store.quiet("t")
            assert pair.waiting() == ["t/0", "t/1"]

        run(pair, test)

    def test_a_claim_ends_by_itself(self, pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
        async def test() -> None:
            await pair.one.put("t/f", b"1")
            monkeypatch.setattr(backlog, "CLAIM_MS", 300)
            assert len(pair.db.write_now(lambda c: backlog.claim(c, 10))) == 1
            monkeypatch.setattr(backlog, "CLAIM_MS", 20_000)
            assert await pair.two.get("t/f") == b"1"

        run(pair, test)

    def test_one_whose_claim_was_over_ends_nobody_elses(self, pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
        async def test() -> None:
            monkeypatch.setattr(backlog, "CLAIM_MS", 600_000)
            await pair.one.put("t/f", b"1")
            over = pair.db.write_now(lambda c: backlog.claim(c, 10))
            pair.forget_claims()
            claimed = pair.db.write_now(lambda c: backlog.claim(c, 10))
            pair.db.write_now(lambda c: backlog.release(c, over))
            assert pair.db.write_now(lambda c: backlog.claim(c, 10)) == []
            pair.db.write_now(lambda c: backlog.release(c, claimed))
            assert await pair.two.get("t/f") == b"1"

        run(pair, test)

    def test_a_put_that_comes_too_late_is_not_begun(self, pair: Pair) -> None:
        async def test() -> None:
            small = pair.one.store.small
            with pytest.raises(Unavailable, match="too busy") as told:
                await small.put("t/f", b"1", time.monotonic() - 1)
            assert not isinstance(told.value, Unsure)
            assert small.is_well
            await pair.all_is_right({})

        run(pair, test)

    @pytest.mark.parametrize("arrived", [True, False])
    def test_a_process_that_ended_while_it_placed_one(self, pair: Pair, arrived: bool) -> None:
        async def test() -> None:
            await pair.one.put("t/f", b"1")
            await pair.one.put("t/g", b"2")
            assert len(pair.db.write_now(lambda c: backlog.claim(c, 10))) == 2
            if arrived:
                await pair.one.store.small.put("t/f", b"1", float("inf"))
            pair.forget_claims()
            assert await pair.two.records.delete(pair.two.store, "t/g")
            await pair.all_is_right({"t/f": b"1"})

        run(pair, test)


async def _not_sure(_key: str, _content: bytes, _begin_before: float) -> str:
    raise Unsure("The artifact store cannot be used at the moment.")
