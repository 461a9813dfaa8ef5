"""A server that has just been installed: nobody is there yet (OWASP ASVS 5.0, 6.3.2)."""

import pytest
from sqlalchemy import func, select

from domicile.identity.passwords.store import passwords
from domicile.identity.sessions.store import sessions
from domicile.identity.users.store import users
from domicile.infra.databases import IdentityTx
from tests.support.api import LiveServer
from tests.support.api import install as install
from tests.support.api import server as server


def test_a_new_installation_has_neither_users_nor_passwords_nor_sessions(server: LiveServer) -> None:
    async def count(tx: IdentityTx) -> list[object]:
        return [
            (await tx.all(select(func.count()).select_from(t)))[0][0] for t in (users, passwords, sessions)
        ]

    assert server.run(server.node.identity.database.read(count)) == [0, 0, 0]


@pytest.mark.parametrize("name", ["admin", "root", "admin@localhost", "domicile@example.com"])
def test_no_name_and_password_that_everybody_knows_sign_in(server: LiveServer, name: str) -> None:
    for password in ("admin", "password", "domicile", name):
        answer = server.anyone.post("/api/sessions", {"email": name, "password": password})
        assert answer.status_code in {400, 401, 429}, answer.text
