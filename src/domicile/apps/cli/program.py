"""The program assembled: every command by its import path, so that only the one that runs is loaded."""

from cyclopts import App, Group

from domicile.apps.cli.exits import EXIT_CODES_HELP

_PEOPLE = Group("You", sort_key=1)
_ACCOUNTS = Group("Accounts", sort_key=2)
_OPERATORS = Group("Operators", sort_key=3)
_SHELL = Group("This program", sort_key=4)

_COMMANDS: tuple[tuple[Group, str, str, str], ...] = (
    (_PEOPLE, "signup", "people:signup", "Sign up."),
    (_PEOPLE, "verify", "people:verify", "Prove that your address is yours."),
    (_PEOPLE, "login", "people:login", "Sign in."),
    (_PEOPLE, "password", "passwords:password", "Rate, change, or ask for a password."),
    (_PEOPLE, "logout", "people:logout", "Sign out."),
    (_PEOPLE, "whoami", "people:whoami", "Show who is calling."),
    (_PEOPLE, "me", "me:me", "Your profile, address, second factors, data; deleting your user."),
    (
        _ACCOUNTS,
        "accounts",
        "accounts:accounts",
        "List, create, show, change, delete, restore and choose accounts.",
    ),
    (_ACCOUNTS, "contacts", "contacts:contacts", "Whom to write to about an account."),
    (_ACCOUNTS, "users", "users:users", "The users of an account and their roles."),
    (_ACCOUNTS, "services", "services:services", "The services of an account."),
    (_ACCOUNTS, "items", "items:items", "What an account keeps in services."),
    (_ACCOUNTS, "apply", "applying:apply", "Bring what an account keeps in services to what files say."),
    (
        _ACCOUNTS,
        "cloud-accounts",
        "cloud_accounts:cloud_accounts",
        "What trusts the platform from inside other clouds.",
    ),
    (_ACCOUNTS, "roles", "roles:roles", "The roles of an account and what they grant."),
    (_ACCOUNTS, "invite", "invitations:invite", "Invite one or many, or answer an invitation."),
    (_ACCOUNTS, "keys", "keys:keys", "The API keys of an account."),
    (_ACCOUNTS, "check", "access:check", "Ask whether you may do something."),
    (_ACCOUNTS, "explain", "access:explain", "Explain who may do what, and why."),
    (_ACCOUNTS, "access", "reviewing:access", "Who can enter, and what would break if."),
    (_ACCOUNTS, "revocations", "revoking:revocations", "What no longer counts, as services are told."),
    (_ACCOUNTS, "logs", "access:logs", "What happened in an account."),
    (_ACCOUNTS, "audit", "audit:audit", "List, export and verify what happened in an account."),
    (_ACCOUNTS, "receipts", "receipts:receipts", "Receipts of deleted accounts."),
    (_ACCOUNTS, "regions", "access:regions", "Where accounts can be created."),
    (_OPERATORS, "serve", "serving:serve", "Run the server."),
    (_OPERATORS, "config", "configuration:config", "Check the configuration."),
    (_OPERATORS, "migrate", "operating:migrate", "Bring every database to the present schema."),
    (_OPERATORS, "region", "configuration:region", "The regions of the configuration."),
    (
        _OPERATORS,
        "signing-keys",
        "signing_keys:signing_keys",
        "The keys with which regions and identity sign.",
    ),
    (_OPERATORS, "service", "registering:service", "The services that the platform registers."),
    (_OPERATORS, "webhooks", "webhooks:webhooks", "What services were told of accounts, and have not taken."),
    (_OPERATORS, "mailbox", "mailbox:mailbox", "Read the mails of a local server."),
    (_OPERATORS, "courier", "operating:courier", "What is under way between regions and directory."),
    (_OPERATORS, "purges", "purges:purges", "Accounts whose data is being deleted."),
    (
        _OPERATORS,
        "people",
        "throttling:people",
        "Keep a person out, let them in again, import people, reset second factors, clear failed attempts.",
    ),
    (_OPERATORS, "example", "example.command:example", "Build the worked example and check it."),
    (_SHELL, "completion", "completion:completion", "Print or install the completions of a shell."),
)


_OTHER_NAMES = {"invite": "invitations"}


def build_app() -> App:
    """Assemble the program from its commands, none of them loaded."""
    app = App(
        name="domicile",
        help="One identity per person, accounts locked to a region, a role in each.",
        help_epilogue=EXIT_CODES_HELP,
    )
    for place, (group, name, target, text) in enumerate(_COMMANDS):
        names = (name, _OTHER_NAMES[name]) if name in _OTHER_NAMES else name
        app.command(f"domicile.apps.cli.{target}", name=names, help=text, group=group, sort_key=place)
    return app
