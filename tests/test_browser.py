"""The report of a benchmark, as a browser shows it."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from agentmem.bench import run_suite

SUITE = """
games:
  prisoners: {rounds: 4, opponents: [self, alld]}
players: ["surrogate:gemma_tg"]
windows: [1, 2]
arms:
  none: {k: 0}
seeds: 2
"""
PROBE = """
<script>
addEventListener("load", () => {
  const images = [...document.querySelectorAll("img, svg")];
  const page = document.documentElement;
  document.title = JSON.stringify({
    images: images.length,
    empty: images.filter(one => one.getBoundingClientRect().width < 50 ||
      (one.tagName === "IMG" && !one.naturalWidth)).length,
    wider: page.scrollWidth - page.clientWidth,
    rows: document.querySelectorAll("tr").length,
    broken: document.querySelectorAll("parsererror").length,
  });
});
</script>
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("browser")
    suite = folder / "tiny.yaml"
    suite.write_text(SUITE, encoding="utf-8")
    return run_suite(suite, folder / "runs", progress=False, workers=1) / "report.html"


@pytest.mark.slow
@pytest.mark.parametrize("width", [400, 1200])
def test_the_report_is_drawn_without_a_network(report: Path, tmp_path: Path, width: int) -> None:
    names = ("chromium", "chromium-browser", "google-chrome")
    browser = next((path for name in names if (path := shutil.which(name))), None)
    if browser is None:
        pytest.skip(f"no browser to look at the report with: none of {', '.join(names)}")
    page = tmp_path / "report.html"
    text = report.read_text(encoding="utf-8")
    assert text.count("</body>") == 1
    page.write_text(text.replace("</body>", f"{PROBE}</body>"), encoding="utf-8")
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    command += ["--disable-dev-shm-usage", f"--user-data-dir={tmp_path / 'profile'}"]
    command += [
        "--enable-logging=stderr",
        f"--window-size={width},900",
        "--proxy-server=127.0.0.1:9",
    ]
    done = subprocess.run([*command, page.as_uri()], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "CONSOLE" not in done.stderr
    found = re.search(r"<title>(\{.*?\})</title>", done.stdout)
    assert found, done.stdout[:500]
    seen = dict(re.findall(r'"(\w+)":(-?\d+)', found[1].replace("&quot;", '"')))
    assert int(seen["images"]) >= 2
    assert int(seen["rows"]) >= 6
    assert (seen["empty"], seen["broken"]) == ("0", "0")
    assert int(seen["wider"]) <= 0, f"the page is {seen['wider']} pixels wider than the window"
