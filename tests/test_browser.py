"""A run's page in a real browser: no errors, the slider, the numbers, narrow and wide, light and dark.

Skipped without Chromium and its driver (Debian: chromium, chromium-driver).
"""

import re
import shutil

import pytest
from test_run_page import make_run, read

from tfgan_gn.run_page.page import page_of

CHROMIUM, DRIVER = (shutil.which(name) for name in ("chromium", "chromedriver"))
pytestmark = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="there is no chromium, or no chromedriver")
webdriver = pytest.importorskip("selenium.webdriver")
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys


@pytest.fixture(scope="module")
def browser():
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options, Service(DRIVER))  # with its path, Selenium looks for no other on the network
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The address of a page of one run, and of one of two runs."""
    folder = tmp_path_factory.mktemp("runs")
    rude = 'a <b>run</b> & "more" with a_very_long_name_that_does_not_fit_into_the_window_of_a_telephone'
    runs = [read(make_run(folder / name, seed)) for seed, name in enumerate(("first", rude))]
    addresses = []
    for name, shown in (("one", runs[:1]), ("two", runs)):
        path = folder / f"{name}.html"
        path.write_text(page_of(shown))
        addresses.append(path.as_uri())
    return addresses


def look(browser, address, width=1280, scheme="light"):
    """Opens a page in a window of this width; returns what the browser's console has."""
    metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    browser.get_log("browser")
    browser.get(address)
    return browser.get_log("browser")


def style_of(browser, selector, name):
    return browser.execute_script(
        "return getComputedStyle(document.querySelector(arguments[0]))[arguments[1]]", selector, name
    )


def luminance(colour):
    """The relative luminance of "rgb(r, g, b)", by WCAG 2.1."""
    shares = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_it_opens_without_an_error_and_shows_the_numbers(browser, pages):
    assert look(browser, pages[0]) == []
    text = browser.find_element(By.TAG_NAME, "main").text
    for words in (
        "first",
        "Fréchet distance (cifar10net)",
        "31.25",
        "33.5",
        "4.5 (4.25 to 4.75)",
        "of 60; not complete",
    ):
        assert words in text, words
    assert "python train_cifar.py --preset=author --iterations=60" in text
    assert all(
        browser.execute_script("return arguments[0].getBBox().height", svg) > 100
        for svg in browser.find_elements(By.TAG_NAME, "svg")
    )
    assert "20" in browser.find_element(By.CSS_SELECTOR, ".chart svg").text, "the text of a chart is text"
    assert browser.execute_script("return performance.getEntriesByType('resource').length") == 0, "nothing is fetched"


def test_the_slider_shows_the_grid_of_its_iteration(browser, pages):
    look(browser, pages[0])
    slider = browser.find_element(By.CSS_SELECTOR, "[data-slider]")
    handle, output = (slider.find_element(By.TAG_NAME, name) for name in ("input", "output"))

    def shown():
        (image,) = [each for each in slider.find_elements(By.TAG_NAME, "img") if each.is_displayed()]
        assert image.get_property("naturalWidth") == 20
        assert image.get_attribute("alt") == output.text
        return output.text

    assert shown() == "iteration 40"
    handle.send_keys(Keys.HOME)
    assert shown() == "iteration 1"
    handle.send_keys(Keys.ARROW_RIGHT)
    assert shown() == "iteration 20"
    assert browser.get_log("browser") == []


def test_the_sliders_of_two_runs_move_apart(browser, pages):
    assert look(browser, pages[1]) == []
    first, second = browser.find_elements(By.CSS_SELECTOR, "[data-slider]")
    first.find_element(By.TAG_NAME, "input").send_keys(Keys.HOME)
    outputs = [each.find_element(By.TAG_NAME, "output").text for each in (first, second)]
    assert outputs == ["iteration 1", "iteration 40"]


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("width", [320, 1280])
def test_the_page_is_no_wider_than_its_window(browser, pages, width, number):
    look(browser, pages[number], width)
    for details in browser.find_elements(By.TAG_NAME, "summary"):
        details.click()
    needed, there = browser.execute_script(
        "const page = document.documentElement; return [page.scrollWidth, page.clientWidth]"
    )
    assert needed == there <= width


def test_text_and_charts_are_readable_in_both_colour_schemes(browser, pages):
    papers = {}
    for scheme in ("light", "dark"):
        look(browser, pages[0], scheme=scheme)
        paper = luminance(style_of(browser, "body", "backgroundColor"))
        inks = [style_of(browser, selector, "color") for selector in ("body", "header p", ".about", "pre")]
        inks += [style_of(browser, ".chart svg text", "fill")]
        for ink in map(luminance, inks):
            contrast = (max(ink, paper) + 0.05) / (min(ink, paper) + 0.05)
            assert contrast > 4.5, (scheme, inks)
        curve = luminance(style_of(browser, ".chart svg path[style*='series-1']", "stroke"))
        assert (max(curve, paper) + 0.05) / (min(curve, paper) + 0.05) > 3, scheme
        papers[scheme] = paper
    assert papers["light"] > 0.8 and papers["dark"] < 0.05
