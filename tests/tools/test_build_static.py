"""The script that copies front-end packages."""

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "tools" / "build_static.py"


@pytest.fixture
def build(tmp_path, monkeypatch):
    """The script, on a package and packages of its own."""
    spec = importlib.util.spec_from_file_location("build_static", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    modules, package = tmp_path / "node_modules", tmp_path / "sentinelweb"
    for path in module.COPIES.values():
        file = modules / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(path)
    icons = modules / "lucide-static" / "icons"
    icons.mkdir(parents=True)
    for name in ("bell", "send", "users", "sun"):
        (icons / f"{name}.svg").write_text(
            f'<!-- license -->\n<svg\n  class="lucide"\n>\n  <path d="{name}" />\n</svg>'
        )
    package.mkdir()
    monkeypatch.setattr(module, "MODULES", modules)
    monkeypatch.setattr(module, "PACKAGE", package)
    monkeypatch.setattr(module, "VENDOR", package / "static" / "vendor")
    return module


def page(build, text, name="page.html"):
    (build.PACKAGE / name).write_text(text)


def sprite(build):
    return (build.VENDOR / "icons.svg").read_text()


def test_files_are_copied(build):
    build.main()
    assert (build.VENDOR / "htmx.min.js").read_text() == "htmx.org/dist/htmx.min.js"


def test_the_sprite_holds_just_the_icons_in_use(build):
    page(build, '{{ icon("bell") }} {{ empty_state("users", "No users") }}')
    page(build, 'class Telegram:\n    icon = "send"\n', "telegram.py")
    build.main()
    assert sprite(build).count("<symbol") == 3
    assert '<symbol id="bell" viewBox="0 0 24 24"><path d="bell" /></symbol>' in sprite(build)


def test_an_icon_that_there_is_not_stops_it_with_its_name(build):
    page(build, '{{ icon("bel") }}')
    with pytest.raises(SystemExit, match="bel"):
        build.main()


def test_without_packages_it_says_what_to_do(build, tmp_path):
    build.MODULES = tmp_path / "nowhere"
    with pytest.raises(SystemExit, match="npm ci"):
        build.main()


def test_a_second_run_writes_nothing(build):
    build.main()
    before = {path: path.stat().st_mtime_ns for path in build.VENDOR.iterdir()}
    build.main()
    assert {path: path.stat().st_mtime_ns for path in build.VENDOR.iterdir()} == before


def test_the_lock_file_names_no_registry():
    lock = (SCRIPT.parents[1] / "package-lock.json").read_text()
    assert '"resolved"' not in lock
    assert lock.count('"integrity"') == 5
