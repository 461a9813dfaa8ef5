"""People and the services of an account: from the console into one, and from one back to the console."""

import re
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import serving
from tests.support.api import Installation
from tests.support.browsing import Visitor
from tests.support.entered_service import EnteredService, entered_service
from tests.support.services import SERVICE_CREDENTIAL, manifest_text, register, write_manifest

pytestmark = pytest.mark.browser

_OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def workload() -> Generator[EnteredService]:
    with entered_service(SERVICE_CREDENTIAL) as service:
        yield service


@pytest.fixture(scope="module")
def others(workload: EnteredService) -> tuple[str, ...]:
    return (workload.url,)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("services")


@pytest.fixture(scope="module")
def server_url(data: Path, workload: EnteredService) -> Generator[str]:
    console = f'regions = ["us-1", "de-1"]\nconsole = {{url = "{workload.url}/enter"}}\n'
    manifest = write_manifest(data, manifest_text(more=console))
    config = register(Installation(None, data), manifest, credential=SERVICE_CREDENTIAL)
    with serving(data, "--config", str(config)) as url:
        workload.domicile = url
        yield url


def test_a_person_opens_a_service_from_the_console_and_is_somebody_there(
    newcomer: Callable[[str], Visitor], workload: EnteredService
):
    ada = newcomer("Ada")
    account = ada.create_account("Example Labs", "Germany")
    ada.follow("Services")
    expect(ada.page.get_by_role("row").filter(has_text="Workload security")).to_contain_text("Full access")

    ada.press("Open Workload security")

    expect(ada.page.get_by_role("heading")).to_have_text(
        f"You are Ada Example, full-access in {account}, at /"
    )
    assert ada.page.url == f"{workload.url}/"


def test_whoever_comes_to_a_service_first_signs_in_and_arrives_where_they_wanted_to(
    newcomer: Callable[[str], Visitor], workload: EnteredService
):
    ada = newcomer("Ada")
    ada.create_account("Shop", "United States")
    account = ada.create_account("Example Labs", "Germany")
    ada.press("Sign out")
    ada.page.goto(f"{workload.url}/policies/etc")
    assert ada.heading() == "Sign in"
    ada.show_password(ada.address)
    assert ada.heading() == "Open Workload security"

    ada.press("Go on in Example Labs")

    expect(ada.page.get_by_role("heading")).to_have_text(
        f"You are Ada Example, full-access in {account}, at /policies/etc"
    )


def test_a_code_that_somebody_else_passes_on_lets_nobody_in(
    newcomer: Callable[[str], Visitor], new_visitor: Callable[..., Visitor], workload: EnteredService
):
    mallory, visitor = newcomer("Mallory"), new_visitor()
    account = mallory.create_account("Trap", "Germany")
    link = mallory.post(f"/accounts/{account}/services/workload/open", {"state": "mine"}).headers["location"]

    visitor.page.goto(link)

    expect(visitor.page.get_by_role("heading")).to_have_text("Nobody comes in like this")


def test_the_pages_fit_in_every_light_and_width_and_say_what_is_not_there(
    newcomer: Callable[[str], Visitor], tmp_path: Path
):
    ada = newcomer("Ada")
    japan = ada.create_account("Nowhere to go", "Japan")
    ada.open(f"/accounts/{japan}/services")
    expect(ada.page.get_by_role("row")).to_have_count(2)
    expect(ada.page.get_by_role("row").last).to_contain_text("Cloud accounts")
    ada.open("/services/workload/open")
    expect(ada.page.get_by_role("main")).to_contain_text("runs in none of your accounts' regions")
    account = ada.create_account("Example Laboratories of the longest name" + "e" * 50, "Germany")

    looks: list[tuple[Literal["light", "dark"], int]] = [
        ("light", 1280),
        ("dark", 1280),
        ("light", 360),
        ("dark", 360),
    ]
    for scheme, width in looks:
        ada.page.emulate_media(color_scheme=scheme)
        ada.page.set_viewport_size({"width": width, "height": 720})
        for name in (
            f"/accounts/{account}/services",
            f"/accounts/{japan}/services",
            "/services/workload/open",
        ):
            ada.open(name)
            assert ada.page.get_by_role("heading", level=1).count() == 1
            assert ada.page.evaluate(_OVERFLOW) == 0, name
            shown = re.sub(r"\W+", "-", name.replace(account, "account"))
            ada.page.screenshot(path=tmp_path / f"{shown}-{scheme}-{width}.png", full_page=True)
