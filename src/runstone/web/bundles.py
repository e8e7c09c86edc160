"""What each kind of page runs: a few files of others, and the modules of static/js as one file.

Seventy small modules are read well, and load badly: each is a request, and what it imports is asked for when it has come.
So those of a page are put one behind the other as they stand, each in a scope of its own, as SHEETS are in static.py.
Nothing is built beforehand: a module that is changed is in the file at the next start.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

EVERYWHERE = (
    "switch-theme",
    "printing",
    "switch-rail",
    "copy",
    "menus",
    "keys",
    "palette",
    "progress",
    "toast",
    "save-key",
    "forms-sent",
    "focus-seen",
    "posted-address",
)
HTMX, MORPH = "vendor/htmx.min.js", "vendor/idiomorph.min.js"
TIMES = "js/times.js"  # elsewhere it runs before the first paint; no column of this table changes its width by a time
TABLE = (
    "table-sort", "table-windows", "table-place", "table-selection", "table-keys", "table-columns", "table-resize", "table-pins",
    "table-marks", "table-expand", "group-aggregates", "matching-count", "table-cells", "table-edit", "table-links", "bulk-bar", "select-matching",
    "bulk-move", "column-picker", "group-picker", "filter-box", "filter-chips", "export-links", "shown-runs", "layout-panes",
    "runs-refresh", "runs-live", "runs-watch", "toolbar-fold", "failed-refresh", "views", "charts-drawn",
)  # fmt: skip
MODELS = (
    "failed-refresh", "layout-panes", "tick-several", "page-live", "models-shown", "models-links", "views", "charts-drawn",
    "charts-pane",
)  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """`before`: scripts that are no modules. `modules` run in this order, behind `EVERYWHERE`."""

    before: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()


# By the name that a template sets as `bundle`.
KINDS = {
    "page": Kind(),
    "parts": Kind((HTMX,), ("failed-refresh",)),
    "model": Kind((HTMX, MORPH), ("failed-refresh", "tags-in-place", "page-live")),
    "awaited": Kind((), ("page-live",)),
    "registry": Kind((HTMX, MORPH), ("failed-refresh", "registry-live")),
    "experiments": Kind((HTMX,), ("failed-refresh", "tree", "tick-several")),
    "runs": Kind((TIMES, HTMX), (*TABLE, "charts-pane")),
    "models": Kind((HTMX, MORPH), MODELS),
    "run": Kind((HTMX,), ("failed-refresh", "tags-in-place", "tree", "run-live", "charts-pane")),
    "metric": Kind((MORPH,), ("charts-pane", "metric-live")),
    "compare": Kind((HTMX,), ("failed-refresh", "compare-columns", "views", "plots", "charts-pane")),
    "plots": Kind((), ("plots",)),
    "media": Kind((HTMX,), ("failed-refresh", "step-slider")),
}

# Beside the modules, so that what they name by a way from there is found.
NAMES = {f"js/all-{name}.js": kind for name, kind in KINDS.items()}

_IMPORT = re.compile(
    r'^import (?:(?:\{(?P<names>[^}]*)\}|\* as (?P<whole>\w+)) from )?"\./(?P<module>[\w-]+)\.js";$', re.MULTILINE
)
_EXPORT = re.compile(r"^export ((?:async )?function\*?|const|class) (?P<name>\w+)", re.MULTILINE)
_PLAIN = r"\w+ = [\w\".]+"
_SEVERAL = re.compile(rf"^export const (?P<pairs>{_PLAIN}(?:, {_PLAIN})+);", re.MULTILINE)
_UNKNOWN = re.compile(r"^(?:import|export)\b.*$", re.MULTILINE)

# A module that fails takes nothing with it but itself, as when it came alone.
_BEGIN = """\
const modules = {};
function put(name, make) {
  try { modules[name] = make(); } catch (error) { modules[name] = {}; reportError(error); }
}
"""


def bundle(kind: Kind, sources: Mapping[str, str]) -> str:
    """The modules of `kind` and all that they import, as the text of one module. `sources`: by name, without the ending.

    Raises ValueError for an import or export in a form that is not read here, a name that is not exported, or a circle.
    """
    parts, names = [_BEGIN], _ordered((*EVERYWHERE, *kind.modules), sources)
    exported = {name: _exported(sources[name]) for name in names}
    for name in names:
        text = _EXPORT.sub(lambda found: found[0].removeprefix("export "), sources[name])
        text = _IMPORT.sub(lambda found: _taken(found, exported), text)
        if unknown := _UNKNOWN.search(text):
            raise ValueError(f"{name}.js: {unknown[0]!r} cannot be put into one file.")
        parts.append(f'put("{name}", () => {{\n{text}return {{ {", ".join(exported[name])} }};\n}});\n')
    return "\n".join(parts)


def _exported(text: str) -> list[str]:
    found = [export["name"] for export in _EXPORT.finditer(text)]
    for several in _SEVERAL.finditer(text):
        found += [pair.split(" = ")[0] for pair in several["pairs"].split(", ")[1:]]
    return found


def _taken(found: re.Match[str], exported: Mapping[str, Sequence[str]]) -> str:
    module = f'modules["{found["module"]}"]'
    if found["whole"]:
        return f"const {found['whole']} = {module};"
    if found["names"] is None:
        return ""
    pairs = [name.split(" as ") for name in (part.strip() for part in found["names"].split(",")) if name]
    for name, *_ in pairs:
        if name not in exported[found["module"]]:
            raise ValueError(f"{found['module']}.js exports no {name}.")
    return f"const {{ {', '.join(': '.join(pair) for pair in pairs)} }} = {module};"


def _ordered(entries: Sequence[str], sources: Mapping[str, str]) -> list[str]:
    """Each module once, behind all that it imports."""
    done: dict[str, None] = {}

    def visit(name: str, above: tuple[str, ...]) -> None:
        if name in above:
            raise ValueError(f"{' imports '.join((*above, name))}: a circle.")
        if name not in done:
            for found in _IMPORT.finditer(sources[name]):
                visit(found["module"], (*above, name))
            done[name] = None

    for entry in entries:
        visit(entry, ())
    return list(done)
