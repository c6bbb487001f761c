"""The page under remove.bg's name on loopback, for programs with that name in them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from web.clients import NAME, REDIRECT, Proxy
from web.conftest import Page

_PACKAGES = ("remove.bg@1.3.0", "removebg-wrapper@1.0.3")


@pytest.fixture(scope="session")
def page(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Page]:
    made = Page(tmp_path_factory.mktemp("page"), cache, hosts=[NAME]).start()
    yield made
    assert made.daemon.stop() == 0


@pytest.fixture(scope="session")
def client(page: Page, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a client that believes to be on the internet."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    proxy = Proxy(tmp_path_factory.mktemp("tls"), page.port)
    clean = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    yield {**clean, **proxy.environment, "REMOVE_BG_API_KEY": page.token("submit")}
    proxy.close()


@pytest.fixture(scope="session")
def node(client: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment in which Node finds npm's packages, and the page under remove.bg's name."""
    if shutil.which("npm") is None:
        pytest.skip("needs Node.js and npm")
    folder = tmp_path_factory.mktemp("node")
    words = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", *_PACKAGES]
    made = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=200,
                          check=False)  # fmt: skip
    if made.returncode != 0:
        pytest.skip(f"npm has no packages here: {made.stderr[-200:]}")
    redirect = folder / "redirect.js"
    at = client["HTTPS_PROXY"].rpartition(":")[2]
    redirect.write_text(REDIRECT.replace("PORT", at))
    without = {k: v for k, v in client.items() if not k.lower().endswith("_proxy")}
    return {
        **without, "NODE_PATH": str(folder / "node_modules"),
        "NODE_EXTRA_CA_CERTS": client["CURL_CA_BUNDLE"],
        "NODE_OPTIONS": f"--require {redirect} --no-deprecation",
    }  # fmt: skip
