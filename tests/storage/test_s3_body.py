"""Receiving what the store answers: from the socket where there is no TLS, else through the SDK, and never more or less than it is."""

from __future__ import annotations

import io
import os

import pytest
from botocore.response import StreamingBody

from runstone.storage import s3_body
from tests.s3server import BUCKET, S3Server

CONTENT = os.urandom(3 * 2**20 + 7)


def buffers(*sizes: int) -> list[memoryview]:
    return [memoryview(bytearray(size)) for size in sizes]


def receive(body: StreamingBody, into: list[memoryview]) -> bytes:
    received = s3_body.receive(body, into, 10, lambda: None)
    return b"".join(into)[:received]


class TestReceiving:
    def test_from_the_socket_on_one_connection(self, seaweedfs: S3Server) -> None:
        client = seaweedfs.client()
        client.put_object(Bucket=BUCKET, Key="body", Body=CONTENT)
        sockets = set()
        for start, sizes in ((0, (len(CONTENT),)), (5, (1, 2**20, 2**21)), (len(CONTENT) - 1, (1,))):
            wanted = f"bytes={start}-{start + sum(sizes) - 1}"
            body = client.get_object(Bucket=BUCKET, Key="body", Range=wanted)["Body"]
            plain = s3_body._plain(body)
            assert plain is not None, "the SDK has changed inside: bodies are read through it"
            sockets.add(plain[2].getsockname())
            assert receive(body, buffers(*sizes)) == CONTENT[start : start + sum(sizes)]
        assert len(sockets) == 1
        client.close()

    def test_more_than_there_is_room_for(self, seaweedfs: S3Server) -> None:
        client = seaweedfs.client()
        client.put_object(Bucket=BUCKET, Key="body", Body=CONTENT)
        with pytest.raises(OSError, match="more than was asked for"):
            receive(client.get_object(Bucket=BUCKET, Key="body")["Body"], buffers(2**20))
        client.close()

    @pytest.mark.parametrize("sizes", [(len(CONTENT),), (2**20, 2**20, 2**21)])
    def test_through_the_sdk(self, sizes: tuple[int, ...]) -> None:
        assert receive(StreamingBody(io.BytesIO(CONTENT), None), buffers(*sizes)) == CONTENT[: sum(sizes)]

    def test_that_nobody_wants_any_more(self) -> None:
        def cancelled() -> None:
            raise InterruptedError

        with pytest.raises(InterruptedError):
            s3_body.receive(StreamingBody(io.BytesIO(CONTENT), None), buffers(10), 10, cancelled)
