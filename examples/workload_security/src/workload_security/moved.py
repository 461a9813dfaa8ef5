"""The old addresses of users and account settings, which the service does not have any more: it says where they went."""

from litestar import HttpMethod, route

from workload_security.problem import ServiceProblem

_METHODS = list(HttpMethod)


def handlers(domicile_url: str) -> list[object]:
    """Make what answers 410 (RFC 9110, section 15.5.11) for any method and any path below."""

    async def tell(where: str, page: str) -> None:
        detail = f"{where} are in Domicile now, for all services at once; this service keeps none."
        raise ServiceProblem(
            410, "moved-to-domicile", detail, console=f"{domicile_url}/", api=f"{domicile_url}{page}"
        )

    @route(["/users", "/users/{rest:path}"], http_method=_METHODS)
    async def users() -> None:
        await tell("Users, roles and API keys", "/api/users")

    @route(["/account-settings", "/account-settings/{rest:path}"], http_method=_METHODS)
    async def account_settings() -> None:
        await tell("Settings of accounts", "/api/accounts")

    return [users, account_settings]
