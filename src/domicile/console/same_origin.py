"""Takes changes from this console's own pages only (cross-site request forgery; OWASP ASVS 5.0, 3.5.1; Fetch Metadata)."""

from typing import Any
from urllib.parse import urlsplit

from litestar import Request

from domicile.kernel.errors import forbidden


async def check_same_origin(request: Request[Any, Any, Any]) -> None:
    """Refuse a POST that another site's page made.

    `Sec-Fetch-Site` settles it where the browser sends it, for `Origin` is `null` on pages that send no referrer. Otherwise
    `Origin` must be the public one, which is configured and never read from the request.
    """
    if request.method == "GET":
        return
    site = request.headers.get("sec-fetch-site")
    public = urlsplit(str(request.app.state["public_url"]))
    own = request.headers.get("origin") == f"{public.scheme}://{public.netloc}"
    if not (site == "same-origin" if site is not None else own):
        raise forbidden(
            "not-permitted", "This form was sent from somewhere else than a page of this console."
        )
