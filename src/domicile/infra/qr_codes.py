"""QR codes (ISO/IEC 18004): as SVG for a page, and as text for a terminal."""

import io
from typing import Final

from domicile.infra.secrets import SecretText

_ERROR_CORRECTION: Final = "m"
"""15 % of it may be unreadable: the code is shown on clean screens, and more would make it finer."""
_QUIET_ZONE: Final = 4


def qr_svg(content: SecretText) -> SecretText:
    """Draw a QR code as one SVG element, safe inside a page and as a file of its own.

    It has no size, script, style or identifier, and its own light background, so that it can be read on dark pages too.
    """
    import segno  # noqa: PLC0415  # loaded by the few who enrol, not by every server that starts

    drawn = io.BytesIO()
    segno.make(content.reveal(), error=_ERROR_CORRECTION, micro=False).save(
        drawn,
        kind="svg",
        xmldecl=False,
        nl=False,
        omitsize=True,
        border=_QUIET_ZONE,
        dark="#000",
        light="#fff",
        svgclass=None,
        lineclass=None,
    )
    return SecretText(drawn.getvalue().decode())


def qr_text(content: SecretText) -> str:
    """Draw a QR code with the blocks of a terminal, dark on light whatever the colours there."""
    import segno  # noqa: PLC0415  # as above

    drawn = io.StringIO()
    segno.make(content.reveal(), error=_ERROR_CORRECTION, micro=False).terminal(drawn, border=2, compact=True)
    return drawn.getvalue()
