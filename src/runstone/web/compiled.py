"""Templates as bytecode, kept beside that of the modules: compiling those of one page holds everybody up for a sixth of a second.

`python -m runstone.web.compiled` compiles all of them, for an image whose files cannot be written later.
"""

from __future__ import annotations

import contextlib
import hashlib
import sys
from collections.abc import Iterable
from pathlib import Path

from jinja2.bccache import Bucket, FileSystemBytecodeCache

FOLDER = Path(__file__).parent / "__pycache__"


class Compiled(FileSystemBytecodeCache):
    """As with modules, a folder that cannot be written only costs time. Jinja compares the source of each template; the values of
    constants went through filters when they were compiled, so other `sources` of those are another cache.
    """

    def __init__(self, sources: Iterable[Path], folder: Path = FOLDER) -> None:
        mark = hashlib.sha256(b"\0".join(source.read_bytes() for source in sources)).hexdigest()[:12]
        super().__init__(str(folder), f"templates-{mark}-%s.cache")

    def load_bytecode(self, bucket: Bucket) -> None:
        with contextlib.suppress(OSError):
            super().load_bytecode(bucket)

    def dump_bytecode(self, bucket: Bucket) -> None:
        if sys.dont_write_bytecode:
            return
        with contextlib.suppress(OSError):
            self._forget_others()
            super().dump_bytecode(bucket)

    def _forget_others(self) -> None:
        folder, mine = Path(self.directory), self.pattern.partition("%")[0]
        folder.mkdir(exist_ok=True)
        for file in folder.glob("templates-*.cache"):
            if not file.name.startswith(mine):
                file.unlink(missing_ok=True)


if __name__ == "__main__":
    from runstone.web.templating import environment

    for name in environment().list_templates():
        environment().get_template(name)
