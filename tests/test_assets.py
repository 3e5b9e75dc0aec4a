"""Static files: addresses that change with the content, and how long they are kept."""

import pytest

from sentinelweb import assets


@pytest.fixture
def static(app, tmp_path):
    app.static_folder = str(tmp_path)
    (tmp_path / "app.css").write_text("a {}")
    (tmp_path / "font.woff2").write_bytes(b"font")
    return tmp_path


def url_of(app, name):
    with app.test_request_context():
        return assets.static_url(name)


def test_the_address_changes_with_the_content(app, static):
    first = url_of(app, "app.css")
    assert first == url_of(app, "app.css")
    (static / "app.css").write_text("a { color: red }")
    assert url_of(app, "app.css") != first


def test_a_file_that_is_not_there_has_an_address_too(app, static):
    assert url_of(app, "vendor/not-built.js") == "/static/vendor/not-built.js"


def lifetime(client, url):
    with client.get(url) as response:
        return response.headers.get("Cache-Control", "")


def test_a_versioned_address_is_kept_for_a_year(app, client, static):
    url = url_of(app, "app.css")
    assert lifetime(client, url) == "public, max-age=31536000, immutable"


def test_an_address_without_version_is_asked_for_again(client, static):
    assert lifetime(client, "/static/app.css") == "no-cache"


def test_a_font_is_kept_for_a_month(client, static):
    assert lifetime(client, "/static/font.woff2") == "public, max-age=2592000"


def test_a_missing_file_is_not_kept(client, user, static):
    assert "max-age" not in lifetime(client, "/static/nothing.css?v=1")


def test_an_icon_is_hidden_from_screen_readers(app):
    with app.test_request_context():
        icon = assets.icon('"><script>')
    assert 'aria-hidden="true"' in icon
    assert "<script>" not in icon
