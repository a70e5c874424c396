"""The report in a real browser without a network: what axe-core finds, the keyboard, dark, paper."""

import io
import time
from pathlib import Path

import pytest
from PIL import Image
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from pipeline.report.page import report

pytestmark = pytest.mark.servers("browser")

AXE = Path(__file__).parents[2] / ".venv" / "servers" / "browser" / "node_modules" / "axe-core" / "axe.min.js"
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="session")
def chromium():
    """A browser that asks for nothing beyond loopback."""
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1280,1000", "--proxy-server=127.0.0.1:9"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))
    yield browser
    browser.quit()


@pytest.fixture(scope="session")
def page(google, tmp_path_factory):
    """The report of a really de-identified ultrasound and MR image, with its gallery."""
    file = tmp_path_factory.mktemp("report") / "report.html"
    report(google.workspace, str(file), pictures=True)
    return file


@pytest.fixture
def opened(chromium, page):
    chromium.get("about:blank")
    chromium.get_log("performance")
    chromium.get(page.as_uri())
    yield chromium
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})


def scheme(browser, value, media=""):
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": [{"name": "prefers-color-scheme", "value": value}]})


def shown(browser):
    return [row.text for row in browser.find_elements(By.CSS_SELECTOR, "#instance-rows tr") if row.is_displayed()]


def press_until(browser, identity, key=Keys.TAB, limit=60):
    """Press a key until the element has the focus; how often."""
    for count in range(1, limit):
        webdriver.ActionChains(browser).send_keys(key).perform()
        if browser.switch_to.active_element.get_attribute("id") == identity:
            return count
    raise AssertionError(f"{identity} is not reached")


def test_it_opens_quickly_and_asks_nobody(opened):
    timing = opened.execute_script("const t = performance.timing; return t.loadEventEnd - t.navigationStart")
    assert 0 < timing < 10_000
    asked = [entry["message"] for entry in opened.get_log("performance") if '"Network.requestWillBeSent"' in entry["message"]]
    assert asked
    assert [message for message in asked if '"url":"http' in message] == []
    assert opened.get_log("browser") == []
    assert len(opened.find_elements(By.CSS_SELECTOR, "figure > svg")) >= 4


@pytest.mark.parametrize("value", ["light", "dark"])
def test_axe_finds_nothing(opened, value):
    scheme(opened, value)
    for part in opened.find_elements(By.CSS_SELECTOR, "details"):
        opened.execute_script("arguments[0].open = true", part)
    opened.execute_cdp_cmd("Runtime.evaluate", {"expression": AXE.read_text()})
    found = opened.execute_async_script(
        "const [tags, done] = arguments; axe.run({runOnly: tags}).then(done, (fault) => done({fault: String(fault)}))", WCAG
    )
    assert len(found["passes"]) > 20
    assert [(each["id"], [node["target"] for node in each["nodes"]][:3]) for each in found["violations"]] == []


def test_the_instances_are_filtered_by_the_keyboard_alone(opened):
    with_boxes, magnetic = shown(opened)
    assert " MR " in magnetic
    press_until(opened, "words")
    webdriver.ActionChains(opened).send_keys(with_boxes.split()[0][-12:]).perform()
    assert shown(opened) == [with_boxes]
    assert opened.find_element(By.ID, "told").text == "1 of 2 rows shown"
    webdriver.ActionChains(opened).send_keys(Keys.TAB, "MR").perform()
    assert shown(opened) == []
    press_until(opened, "boxed")
    webdriver.ActionChains(opened).send_keys(Keys.TAB, Keys.ENTER).perform()
    time.sleep(0.2)  # a reset is heard after it
    assert len(shown(opened)) == 2
    press_until(opened, "boxed", Keys.SHIFT + Keys.TAB)
    webdriver.ActionChains(opened).send_keys(Keys.SPACE).perform()
    assert shown(opened) == [with_boxes]


def test_what_has_the_focus_can_be_seen(opened):
    press_until(opened, "words")
    assert opened.switch_to.active_element.value_of_css_property("outline-style") == "solid"


def test_a_screen_reader_is_told_headings_tables_and_what_the_filter_leaves(opened):
    tree = opened.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    told = [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in tree if not node.get("ignored")]
    headings = [name for role, name in told if role == "heading"]
    assert headings[0] == "De-identification report"
    assert {"Operations", "Gallery", "Instances", "Dead letters"} <= set(headings)
    assert any(role == "status" for role, _ in told)
    assert any(role == "searchbox" and name == "Contains all of these words" for role, name in told)
    assert any(role in ("image", "img") and "not reviewed" in name for role, name in told), {role for role, _ in told}


def test_light_dark_and_paper_differ(opened):
    def paper():
        return Image.open(io.BytesIO(opened.get_screenshot_as_png())).convert("L").getpixel((5, 500))

    brightness = []
    for value, media in (("light", ""), ("dark", ""), ("dark", "print")):
        scheme(opened, value, media)
        brightness.append(paper())
    assert brightness[0] == brightness[2] == 255
    assert brightness[1] < 40


def test_on_paper_stand_the_rows_shown_and_what_was_folded(opened):
    opened.execute_script("dispatchEvent(new Event('beforeprint'))")
    assert all(part.get_attribute("open") for part in opened.find_elements(By.CSS_SELECTOR, "details"))
    scheme(opened, "light", "print")
    assert not opened.find_element(By.ID, "filter").is_displayed()
    regions = opened.find_elements(By.CSS_SELECTOR, ".wide")
    assert [region for region in regions if region.get_property("scrollHeight") > region.get_property("clientHeight") + 2] == []
    opened.execute_script("dispatchEvent(new Event('afterprint'))")
    assert opened.print_page()
