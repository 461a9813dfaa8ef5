"""How sending fails: later may help, or never will; neither says to whom the mail was going."""


class MailDeferred(Exception):
    """The mail could not be handed over now and should be tried again; `code` says why, without an address."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class MailUnreachable(MailDeferred):
    """The server itself could not be used: no fault of this mail, and the next one would fare the same."""


class MailRefused(Exception):
    """The mail will never be taken as it is; `code` says why, without an address."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code
