"""Copy what the pages need from node_modules to sentinelweb/static/vendor, after `npm ci`.

The sprite holds just the icons that are asked for: one is added by using it and running this again.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODULES = ROOT / "node_modules"
PACKAGE = ROOT / "sentinelweb"
VENDOR = PACKAGE / "static" / "vendor"

COPIES = {
    "htmx.min.js": "htmx.org/dist/htmx.min.js",
    "inter-latin.woff2": "@fontsource-variable/inter/files/inter-latin-wght-normal.woff2",
    "inter-latin-ext.woff2": "@fontsource-variable/inter/files/inter-latin-ext-wght-normal.woff2",
    "uplot.min.js": "uplot/dist/uPlot.iife.min.js",
    "uplot.min.css": "uplot/dist/uPlot.min.css",
}
# `icon("bell")`, and arguments and class attributes such as `icon_name="bell"`, must be icons;
# in templates any quoted word may be one, as in `empty_state("bell", …)`.
ICON_USE = re.compile(r"""\bicon(?:_name)?\s*[(=]\s*["']([a-z0-9-]+)["']""")
QUOTED = re.compile(r"""["']([a-z0-9-]+)["']""")
SVG_INSIDE = re.compile(r"<svg[^>]*>(.*)</svg>", re.DOTALL)


def main() -> None:
    if not MODULES.is_dir():
        sys.exit("node_modules is missing: run `npm ci` first.")
    VENDOR.mkdir(parents=True, exist_ok=True)
    for name, source in COPIES.items():
        write(VENDOR / name, (MODULES / source).read_bytes())
    icons = MODULES / "lucide-static" / "icons"
    sources = {name: icons / f"{name}.svg" for name in icons_in_use(icons)}
    if missing := sorted(name for name, path in sources.items() if not path.is_file()):
        sys.exit(f"lucide-static has no icon named {', '.join(missing)}.")
    write(VENDOR / "icons.svg", sprite(sources).encode())


def icons_in_use(icons: Path) -> list[str]:
    templates = [path.read_text("utf-8") for path in PACKAGE.rglob("*.html")]
    sources = [path.read_text("utf-8") for path in PACKAGE.rglob("*.py")]
    asked = {name for text in (*templates, *sources) for name in ICON_USE.findall(text)}
    quoted = {name for text in templates for name in QUOTED.findall(text)}
    return sorted(asked | {name for name in quoted if (icons / f"{name}.svg").is_file()})


def sprite(sources: dict[str, Path]) -> str:
    symbols = []
    for name, path in sources.items():
        found = SVG_INSIDE.search(path.read_text("utf-8"))
        if found is None:
            raise ValueError(f"{path} is not an SVG image")
        shapes = " ".join(found[1].split())
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{shapes}</symbol>')
    return '<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n"


def write(path: Path, content: bytes) -> None:
    """Leave a file that is right already alone, so that its time of change means something."""
    if not path.is_file() or path.read_bytes() != content:
        path.write_bytes(content)


if __name__ == "__main__":
    main()
