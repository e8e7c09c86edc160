"""The modules of a page as one file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from runstone.web.bundles import EVERYWHERE, KINDS, NAMES, Kind, bundle
from runstone.web.static import static_path
from tests.conftest import RunningServer
from tests.web.reading import page

ROOT = Path(__file__).resolve().parents[2]
SOURCES = {path.stem: path.read_text("utf-8") for path in (ROOT / "static" / "js").glob("*.js")}
CLASSIC = {"before-paint", "old-links", "times"}  # run before the page is painted
# So that only what a test says is in the file.
NONE = dict.fromkeys(EVERYWHERE, "")


class TestBundle:
    def test_every_module_is_in_one(self) -> None:
        together = "".join(bundle(kind, SOURCES) for kind in KINDS.values())
        assert set(re.findall(r'^put\("([\w-]+)"', together, re.MULTILINE)) == SOURCES.keys() - CLASSIC

    @pytest.mark.parametrize("name", KINDS)
    def test_holds_each_module_once_behind_what_it_imports(self, name: str) -> None:
        text = bundle(KINDS[name], SOURCES)
        put = re.findall(r'^put\("([\w-]+)"', text, re.MULTILINE)
        assert len(put) == len(set(put))
        seen: set[str] = set()
        for part in text.split("\nput(")[1:]:
            assert set(re.findall(r'^const .* = modules\["([\w-]+)"\];$', part, re.MULTILINE)) <= seen
            seen.add(part.split('"')[1])

    def test_what_is_exported_and_imported(self) -> None:
        sources = NONE | {
            "a": 'import { one, two as other } from "./b.js";\nimport * as b from "./b.js";\nimport "./c.js";\none(other, b);\n',
            "b": "export const one = 1, two = 2;\nexport async function three(x, y = 3) {}\nexport class Four {}\n",
            "c": "const alone = 1;\n",
        }
        text = bundle(Kind((), ("a",)), sources)
        assert "return { one, three, Four, two };" in text
        assert 'const { one, two: other } = modules["b"];\nconst b = modules["b"];\n\none(other, b);' in text
        assert not re.search(r"^(import|export)\b", text, re.MULTILINE)

    @pytest.mark.parametrize(
        ("sources", "said"),
        [
            ({"a": 'import { b } from "./b.js";\n', "b": "const b = 1;\n"}, "b.js exports no b"),
            ({"a": 'import { b } from "./b.js";\n', "b": 'import "./a.js";\nexport const b = 1;\n'}, "a imports b imports a"),
            ({"a": "export default 1;\n"}, "export default 1;"),
            ({"a": 'import b from "./b.js";\n', "b": ""}, "import b from"),
        ],
    )
    def test_what_cannot_be_put_into_one_file_is_said(self, sources: dict[str, str], said: str) -> None:
        with pytest.raises(ValueError, match=re.escape(said)):
            bundle(Kind((), ("a",)), NONE | sources)

    def test_pages_ask_for_one_module(self, sqlite_server: RunningServer) -> None:
        run_id = sqlite_server.run()
        for path in ("/experiments", "/experiments/0", f"/runs/{run_id}", f"/compare?runs={run_id}", "/models", "/search"):
            soup = page(sqlite_server, path)
            assert not soup.select('script[src*="uplot"]')  # comes with the first chart
            modules = [str(tag["src"]) for tag in soup.select("script[type=module]")]
            assert len(modules) == 1
            assert modules[0].split("/", 3)[3] in NAMES
            assert sqlite_server.client.get(modules[0]).headers["content-type"].startswith("text/javascript")

    def test_no_template_loads_a_module_beside_it(self) -> None:
        for path in (ROOT / "templates").rglob("*.html"):
            assert path.name == "base.html" or 'type="module"' not in path.read_text(), "name it in KINDS of bundles.py"

    def test_others_are_not_there(self, sqlite_server: RunningServer) -> None:
        assert sqlite_server.client.get(static_path("js/all-nothing.js")).status_code == 404
