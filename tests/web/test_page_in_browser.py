"""The status page in a real browser: it shows, it keeps itself fresh, and hostile names stay text."""

import shutil
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from report import samples
from web.site import Site, serving

pytestmark = pytest.mark.real("chromium")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
HOSTILE = "<img src=x onerror=\"window.pwned='img'\"><script>window.pwned='script'</script>"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("chromium is not installed: the status page was not tried in a browser")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as found:
        yield found


def visit(browser: Browser, site: Site, **options: object) -> Page:
    page = browser.new_page(**options)  # type: ignore[arg-type]
    page.on("pageerror", lambda error: site.complaints.append(str(error)))
    page.on("console", lambda message: site.complaints.append(message.text) if message.type == "error" else None)
    page.goto(site.url)
    return page


def test_it_shows_whose_trouble_it_is_and_updates_itself(browser: Browser, site: Site) -> None:
    site.show(samples.well(time.time()))
    page = visit(browser, site)
    expect(page.get_by_role("heading", name="All is well")).to_be_visible()
    for name in ("linux-x64", "linux-arm64", "gpu-a100"):
        expect(page.get_by_role("article", name=f"Pool {name}")).to_be_visible()
    expect(page.locator("#link")).to_have_text("live")
    site.show(samples.switching(time.time()))
    expect(page.get_by_role("heading", name="Failover of linux-x64 is running")).to_be_visible()
    expect(page.locator("[aria-current=step]")).to_contain_text("shut acme/east-1")
    expect(page.get_by_role("article", name="Pool linux-x64").locator(".differs")).to_be_visible()
    site.show(samples.well(time.time()))
    expect(page.get_by_role("heading", name="All is well")).to_be_visible()
    expect(page.locator(".running")).to_have_count(0)
    page.close()
    assert site.complaints == []


def test_what_a_reader_opened_stays_open_through_an_update(browser: Browser, site: Site) -> None:
    site.show(samples.conflict(time.time()))
    page = visit(browser, site)
    member = page.locator('[data-key="member:linux-x64@west-1"]')
    member.locator("summary").click()
    expect(member.get_by_text("6 listener starts in 5 min")).to_be_visible()
    site.show(samples.conflict(time.time() + 1.0))
    page.wait_for_function("() => performance.getEntriesByName(location.origin + '/api/v1/status').length > 1")
    expect(member.get_by_text("6 listener starts in 5 min")).to_be_visible()
    page.close()
    assert site.complaints == []


def test_hostile_names_are_text(browser: Browser, site: Site) -> None:
    site.show(samples.hostile(HOSTILE, time.time()))
    page = visit(browser, site)
    expect(page.get_by_role("heading", name=HOSTILE, level=3)).to_be_visible()
    assert page.evaluate("window.pwned") is None
    assert page.locator("main img, main script").count() == 0
    page.close()
    assert site.complaints == []


def test_pools_can_be_filtered(browser: Browser, site: Site) -> None:
    site.show(samples.conflict(time.time()))
    page = visit(browser, site)
    page.get_by_role("searchbox").fill("eu-north gpu")
    expect(page.locator(".pool")).to_have_count(1)
    page.get_by_role("searchbox").fill("")
    page.get_by_label("needs a look").check()
    expect(page.locator(".pool")).to_have_count(1)
    expect(page.locator(".pool h3")).to_have_text("linux-x64")
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone(browser: Browser, site: Site, scheme: str) -> None:
    site.show(samples.blocked(time.time()))
    page = visit(browser, site, viewport={"width": 360, "height": 740}, color_scheme=scheme)
    expect(page.locator(".pool").first).to_be_visible()
    page.evaluate("document.querySelectorAll('details').forEach(item => { item.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.close()


def test_a_page_that_lost_the_daemon_does_not_look_well(browser: Browser, site: Site) -> None:
    site.show(samples.well(time.time() - 120.0))
    page = visit(browser, site)
    expect(page.locator("#link")).to_contain_text("no news for")
    assert page.locator("body.stale").count() == 1
    page.close()
