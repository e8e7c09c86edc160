"""Every kind of preview in a real browser: it is drawn, it fits, and nothing that stands in a file runs."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import serious
from tests.browser.conftest import Watch
from tests.browser.waiting import becomes
from tests.conftest import RunningServer
from tests.previews import files
from tests.web.test_files import FILES, put

# Each would show that it ran: a request to the server, a changed title, a dialog, a changed text.
ACTIVE = (
    "<body><h1>still</h1><script>document.body.innerHTML='ran';try{parent.document.title='taken'}catch(e){};fetch('/api/2.0/mlflow/experiments/search')</script>"
    "<img src=x onerror=\"document.body.innerHTML='ran'\"><a href='javascript:alert(1)'>click</a>"
    "<iframe src='/experiments'></iframe><link rel=stylesheet href='/static/x/css/all.css'><img src='/health'>"
    "<meta http-equiv=refresh content='0;url=/experiments'><form action=/experiments/create method=post><button>send</button></form></body>"
)
SVG = (
    "<svg xmlns='http://www.w3.org/2000/svg' width='80' height='60' onload=\"fetch('/health')\"><script>fetch('/health')</script>"
    "<rect width='80' height='60' fill='teal'/><image href='/health'/></svg>"
)
REFUSED = ("Blocked script execution", "Content Security Policy", "sandboxed", "Refused to", "violates the following")


@pytest.fixture(scope="module")
def made(sqlite_server: RunningServer) -> str:
    number = sqlite_server.experiment()
    run_id = sqlite_server.run(number, run_name="with files")
    for name, content in {**FILES, "active.html": ACTIVE.encode(), "active.svg": SVG.encode()}.items():
        put(sqlite_server, f"{number}/{run_id}/artifacts/{name}", content)
    return run_id


class TestBrowsing:
    def test_folders_filter_and_back(self, tab: Page, made: str) -> None:
        tab.goto(f"/runs/{made}")
        tab.evaluate("window.stayed = true")
        section = tab.locator("#artifacts")
        section.get_by_role("searchbox").fill("data")
        section.get_by_role("searchbox").press("Enter")
        expect(section.locator("li")).to_have_count(2)
        section.get_by_role("link", name="data.csv", exact=True).click()
        expect(section.locator("tbody tr")).to_have_count(100)
        section.get_by_role("link", name="Next page").click()
        expect(section).to_contain_text("Rows 101 to 200")
        section.get_by_role("link", name="Source").click()
        expect(section.locator(".files pre")).to_contain_text("id,name")
        assert tab.evaluate("window.stayed") is True
        tab.go_back()
        expect(tab.locator("#artifacts tbody tr")).to_have_count(100)

    def test_a_path_is_copied_and_a_folder_downloaded(self, tab: Page, made: str) -> None:
        tab.goto(f"/runs/{made}?path=model")
        section = tab.locator("#artifacts")
        section.get_by_role("button", name="Copy the path of MLmodel").click()
        expect(tab.locator("#live")).to_have_text("Copied")
        becomes(lambda: tab.evaluate("navigator.clipboard.readText()"), "model/MLmodel")
        with tab.expect_download() as download:
            section.get_by_role("link", name="ZIP").click()
        assert download.value.suggested_filename == "model.zip"
        assert download.value.path().read_bytes()[:4] == b"PK\x03\x04"


class TestPreviews:
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_each_fits_and_has_no_serious_finding(self, tab: Page, made: str, watch: Watch, scheme: str) -> None:
        watch.expect("Blocked script execution")
        tab.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        for name in [*FILES, ""]:
            if name == "report.pdf":  # axe would wait for the browser's own viewer
                continue
            tab.goto(f"/runs/{made}?file={quote(name)}")
            for width in (390, 1440):
                tab.set_viewport_size({"width": width, "height": 800})
                assert tab.evaluate("document.documentElement.scrollWidth") <= width, name
            assert serious(tab) == [], name

    def test_an_image_is_drawn(self, tab: Page, made: str) -> None:
        tab.goto(f"/runs/{made}?file=plots/a.png")
        assert tab.locator(".picture img").evaluate("e => e.decode().then(() => e.naturalWidth)") == 30

    def test_a_log_is_seen_from_its_end(self, tab: Page, made: str) -> None:
        tab.goto(f"/runs/{made}?file=train.log")
        area = tab.locator(".ending")
        area.scroll_into_view_if_needed()
        last = tab.locator(".ending .line").last
        expect(last).to_have_text("step 29999")
        expect(last).to_be_in_viewport()
        assert area.evaluate("e => e.scrollHeight > e.clientHeight")

    def test_sound_is_played_in_parts(self, tab: Page, made: str) -> None:
        tab.goto(f"/runs/{made}?file=sound.wav")
        ready = "e => new Promise(done => e.readyState >= 1 ? done(e.duration) : e.addEventListener('loadedmetadata', () => done(e.duration)))"
        assert tab.locator("audio").evaluate(ready) == pytest.approx(1, abs=0.01)

    def test_a_pdf_is_shown_by_the_browser_in_a_world_of_its_own(self, tab: Page, made: str, watch: Watch) -> None:
        watch.expect("chrome-extension://")
        watch.expect("chrome://")
        tab.goto(f"/runs/{made}?file=report.pdf")
        tab.wait_for_load_state("networkidle")
        viewers = [frame for frame in tab.frames if frame.url.startswith("chrome-extension://")]
        assert len(viewers) == 1, "the browser's viewer has taken it"

    @pytest.mark.parametrize("name", ["active.html", "active.svg"])
    def test_nothing_in_a_document_runs_or_reaches_the_server(
        self, tab: Page, made: str, watch: Watch, sqlite_server: RunningServer, name: str
    ) -> None:
        for text in REFUSED:
            watch.expect(text)
        asked: list[str] = []  # what was answered: the browser reports those that it refuses to send, too
        tab.on("response", lambda answer: asked.append(answer.url) if "/files/shown" in answer.frame.url else None)
        tab.goto(f"/runs/{made}?file={name}")
        tab.wait_for_load_state("networkidle")
        frame = next(frame for frame in tab.frames if "/files/shown" in frame.url)
        if name == "active.html":
            expect(tab.frame_locator("iframe.document").locator("h1")).to_have_text("still")
        assert frame.evaluate("window.origin") == "null", "a world of its own, whatever is in it"
        assert [url for url in asked if "/files/shown" not in url] == []
        assert "taken" not in tab.title()
        # And for those who open its address themselves.
        tab.goto(f"/runs/{made}/files/shown?path={name}")
        tab.wait_for_load_state("networkidle")
        assert tab.evaluate("window.origin") == "null"
        expect(tab).to_have_url(re.compile(re.escape(name) + "$"))
        assert [url for url in asked if "/files/shown" not in url] == []


class TestWithoutScripts:
    def test_everything_is_readable(self, browser: Browser, sqlite_server: RunningServer, made: str) -> None:
        context = browser.new_context(java_script_enabled=False, base_url=sqlite_server.url)
        tab = context.new_page()
        tab.goto(f"/runs/{made}")
        tab.locator("#artifacts").get_by_role("link", name="model", exact=True).click()
        tab.locator("#artifacts").get_by_role("link", name="MLmodel", exact=True).click()
        expect(tab.locator("#artifacts")).to_contain_text("alcohol")
        tab.goto(f"/runs/{made}?file=metrics.json")
        expect(tab.locator(".tree")).to_contain_text("0.10")
        tab.goto(f"/runs/{made}")
        tab.get_by_role("searchbox", name="Filter by name").fill("onnx")
        tab.get_by_role("searchbox", name="Filter by name").press("Enter")
        expect(tab.locator("#artifacts li")).to_have_count(1)
        context.close()


def test_the_active_files_would_run_elsewhere(browser: Browser) -> None:
    """Outside of the sandbox they do run: the tests above can fail."""
    tab = browser.new_page()
    tab.set_content(ACTIVE.replace("<meta http-equiv=refresh content='0;url=/experiments'>", ""))
    expect(tab.locator("body")).to_have_text("ran")
    tab.close()
    assert files.png(1, 1)
