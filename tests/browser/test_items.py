"""What an account keeps in a service, from the first item to its end, in a real browser."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.support.browsing import Visitor

pytestmark = pytest.mark.browser


def test_a_person_keeps_a_policy_in_a_service_from_its_making_to_its_end(
    newcomer: Callable[[str], Visitor],
):
    ada = newcomer("Ada")
    account, page = ada.create_account("Example Labs", "Germany"), ada.page
    main = page.get_by_role("main")
    for name in ("Services", "Workload security", "Integrity-monitoring policies", "Make the first"):
        ada.follow(name)

    ada.fill(name="etc", labels="stage=live", spec='{\n  "paths": ["etc"],\n}')
    ada.press("Make this item")
    expect(page.get_by_role("alert")).to_be_focused()
    expect(page.get_by_label("Spec", exact=True)).to_have_accessible_description(
        re.compile("line 3, column 1")
    )
    ada.fill(spec='{"paths": ["etc"], "everySeconds": 60}')
    ada.press("Make this item")
    expect(page.get_by_label("Spec", exact=True)).to_have_accessible_description(re.compile("/paths/0"))
    expect(page.get_by_label("Labels", exact=True)).to_have_value("stage=live")
    ada.fill(spec='{"paths": ["/etc"], "everySeconds": 60}')
    ada.press("Make this item")
    expect(page.get_by_role("status")).to_contain_text("The item was made")

    ada.follow("Edit")
    spec = page.get_by_label("Spec", exact=True)
    spec.fill(spec.input_value().replace("60", "5"))
    ada.press("Save")
    expect(page.get_by_role("group", name="Spec")).to_contain_text('"everySeconds": 5')
    page.get_by_role("link", name="Version 1", exact=True).click()
    ada.follow("Go back to this version…")
    expect(page.locator("ins")).to_contain_text('"everySeconds": 60')
    expect(page.locator("del")).to_contain_text('"everySeconds": 5')
    ada.press("Go back to version 1")
    expect(page.get_by_role("group", name="Spec")).to_contain_text('"everySeconds": 60')

    ada.keep(account, {"kind": "computer", "name": "web", "spec": {"hostname": "web", "policy": "etc"}})
    page.reload()
    ada.follow("Delete…")
    ada.press("Delete this item")
    expect(page.get_by_role("alert")).to_contain_text("named by other items")
    ada.follow("web")
    ada.follow("Delete…")
    ada.press("Delete this item")
    ada.open(f"/accounts/{account}/services/workload/policies/etc/delete")
    ada.press("Delete this item")
    expect(main).to_contain_text("The item was deleted")
    ada.open(f"/accounts/{account}/services/workload/policies/etc")
    page.get_by_role("link", name="Version 3", exact=True).click()
    ada.follow("Bring this version back…")
    ada.press("Bring back version 3")
    expect(main).to_contain_text("The item is there again")
