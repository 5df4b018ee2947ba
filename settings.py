"""What an operator may set: read from the environment once, checked at start."""

import re
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple
from urllib.parse import urlsplit

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

from access.trusted import TrustedOnly
from messages.sms import DEFAULT_TEMPLATE, Template

PREFIX = "SIJIL_"
KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Expects:
    """What a value must be, in the words that complete "NAME must be ..."."""

    what: str


def _is_database_url(value: SecretStr) -> SecretStr:
    try:
        known = conninfo_to_dict(value.get_secret_value())
    except ProgrammingError as wrong:
        raise ValueError from wrong
    if not known:
        raise ValueError
    return value


def _are_keys(value: SecretStr) -> SecretStr:
    if any(len(b64decode(key, validate=True)) != KEY_BYTES for key in value.get_secret_value().split(",")):
        raise ValueError
    return value


def _is_gateway(url: SecretStr) -> SecretStr:
    """The key goes there: in the clear it goes no further than this machine."""
    parts = urlsplit(url.get_secret_value())
    here = parts.hostname in {"localhost", "127.0.0.1", "::1"}
    if not (parts.scheme == "https" or (parts.scheme == "http" and here)) or not parts.hostname or parts.port == 0:
        raise ValueError
    return url


def _is_header(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[!-~]+", value.get_secret_value()):
        raise ValueError
    return value


def _origins(text: object) -> object:
    if not isinstance(text, str):
        return text
    origins = frozenset(one.strip() for one in text.split(","))
    for parts in map(urlsplit, origins):
        if (
            parts.scheme not in {"http", "https"}
            or not parts.hostname
            or parts.geturl() != f"{parts.scheme}://{parts.netloc}"
        ):
            raise ValueError
    return origins


def _is_template(text: str) -> str:
    Template(text)
    return text


def _in_data_dir(place: str, alias: str, description: str) -> Any:  # noqa: ANN401 (of any type, like Field)
    return Field(default_factory=lambda known: known["data_dir"] / place, alias=alias, description=description)


class Settings(BaseModel):
    """Every setting, with its default."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    database_url: Annotated[
        SecretStr | None,
        AfterValidator(lambda value: value and _is_database_url(value)),
        Expects("a PostgreSQL address such as postgresql://user:password@host:5432/name"),
    ] = Field(None, alias="DATABASE_URL", description="PostgreSQL 15 or newer; not set: the embedded one")
    data_dir: Annotated[Path, Expects("a folder")] = Field(
        Path(".data"), alias="SIJIL_DATA_DIR", description="Folder of the embedded PostgreSQL, of the keys and of files"
    )
    blob_dir: Annotated[Path, Expects("a folder")] = _in_data_dir(
        "blobs", "SIJIL_BLOB_DIR", "Folder of the files that people and agencies send; the same one for all processes"
    )
    env: Annotated[
        Literal["development", "production"], BeforeValidator(str.lower), Expects("development or production")
    ] = Field("development", alias="SIJIL_ENV", description="development or production")
    host: Annotated[str, Expects("a host name or an IP address")] = Field(
        "127.0.0.1", alias="SIJIL_HOST", description="Address to listen on", pattern=r"^[A-Za-z0-9_.:-]+$"
    )
    port: Annotated[int, Expects("a whole number from 0 to 65535")] = Field(
        8000, alias="SIJIL_PORT", description="Port to listen on; 0: any free one", ge=0, le=65535
    )
    master_key: Annotated[
        SecretStr | None,
        AfterValidator(lambda value: value and _are_keys(value)),
        Expects("32 bytes in base64, or several such keys separated by commas"),
    ] = Field(None, alias="SIJIL_MASTER_KEY", description="Wraps the keys of personal data; wins over the file")
    master_key_file: Annotated[Path, Expects("a file")] = _in_data_dir(
        "keys/master.key", "SIJIL_MASTER_KEY_FILE", "File of the master key; made by the first start"
    )
    token_key_file: Annotated[Path, Expects("a file")] = _in_data_dir(
        "keys/token.jwk", "SIJIL_TOKEN_KEY_FILE", "File of the keys that sign access tokens"
    )
    log_key_file: Annotated[Path, Expects("a file")] = _in_data_dir(
        "keys/log.key", "SIJIL_LOG_KEY_FILE", "File of the keys that sign checkpoints; made by the first start"
    )
    checkpoint_file: Annotated[Path, Expects("a file")] = _in_data_dir(
        "log/checkpoint",
        "SIJIL_CHECKPOINT_FILE",
        "The last checkpoint outside the database; the same one for all processes",
    )
    erasures_file: Annotated[Path, Expects("a file")] = Field(
        default_factory=lambda known: known["data_dir"] / "log" / "erasures",
        alias="SIJIL_ERASURES_FILE",
        description="Who was erased, outside the database; the same file for all processes",
    )
    rewrite_bytes: Annotated[int, Expects("a whole number of bytes")] = Field(
        268_435_456,
        alias="SIJIL_REWRITE_BYTES",
        description="Largest table that is written anew by itself after an erasure, in bytes",
        ge=0,
    )
    origin: Annotated[str, Expects("a name of letters, digits, '.', '-', ':' and '/'")] = Field(
        "sijil.local",
        alias="SIJIL_ORIGIN",
        description="Name of this installation; issuer of its tokens",
        pattern=r"^[A-Za-z0-9.:/-]+$",
    )
    log_origin: Annotated[str, Expects("a name of letters, digits, '.', '-', ':' and '/'")] = Field(
        default_factory=lambda known: f"{known['origin'].rpartition('://')[2].strip('/')}/log",
        alias="SIJIL_LOG_ORIGIN",
        description="Name of the transparency log, for ever: where it is served, without the scheme",
        pattern=r"^[A-Za-z0-9.:/-]+$",
    )
    trusted_proxies: Annotated[str | None, Expects("IP addresses or networks, separated by commas")] = Field(
        None,
        alias="SIJIL_TRUSTED_PROXIES",
        description="Whose X-Forwarded-For names the client, for limits per address; not set: nobody's",
        pattern=r"^[0-9a-fA-F.:/, ]+$",
    )
    max_body_bytes: Annotated[int, Expects("a whole number of bytes, at least 1024")] = Field(
        1_048_576, alias="SIJIL_MAX_BODY_BYTES", description="Longest JSON body of a request, in bytes", ge=1024
    )
    trusted_documents: Annotated[Path | None, Expects("a file")] = Field(
        None,
        alias="SIJIL_TRUSTED_DOCUMENTS",
        description="Documents that front ends were built with: id → text, as graphql-codegen writes them",
    )
    trusted_only: Annotated[TrustedOnly, BeforeValidator(str.lower), Expects("no, log or yes")] = Field(
        TrustedOnly.NO,
        alias="SIJIL_TRUSTED_ONLY",
        description="Whether a document has to be among them; log: the others are carried out and named in the log",
    )
    origins: Annotated[
        frozenset[str],
        BeforeValidator(_origins),
        Expects("origins such as https://app.example.sa, separated by commas"),
    ] = Field(
        frozenset(),
        alias="SIJIL_ORIGINS",
        description="Web pages of which other origins may send requests (CORS); not set: of no other",
    )
    get_queries: Annotated[bool, Expects("yes or no")] = Field(
        False, alias="SIJIL_GET_QUERIES", description="Whether queries are taken by GET, too"
    )
    explorable: Annotated[bool, Expects("yes or no")] = Field(
        default_factory=lambda known: known["env"] != "production",
        alias="SIJIL_EXPLORABLE",
        description="Whether the schema tells what there is: introspection, suggestions and GraphiQL; in production no",
    )
    points: Annotated[int, Expects("a whole number, at least 1000")] = Field(
        10_000,
        alias="SIJIL_POINTS",
        description="What the operations of one person may cost together, in office 100 times as much; restored within 20 s",
        ge=1000,
    )
    pool_size: Annotated[int, Expects("a whole number from 1 to 500")] = Field(
        8, alias="SIJIL_POOL_SIZE", description="Database connections of one process", ge=1, le=500
    )
    log_level: Annotated[
        Literal["debug", "info", "warning", "error", "critical"],
        BeforeValidator(str.lower),
        Expects("debug, info, warning, error or critical"),
    ] = Field("info", alias="SIJIL_LOG_LEVEL", description="Least severe message to log")
    log_format: Annotated[Literal["text", "json"], BeforeValidator(str.lower), Expects("text or json")] = Field(
        default_factory=lambda known: "json" if known["env"] == "production" else "text",
        alias="SIJIL_LOG_FORMAT",
        description="text, or json with one object on a line; in production json",
    )
    metrics_port: Annotated[int | None, Expects("a whole number from 0 to 65535")] = Field(
        None,
        alias="SIJIL_METRICS_PORT",
        description="Port of /metrics for Prometheus, of each further worker the next one; not set: there is none",
        ge=0,
        le=65535,
    )
    metrics_host: Annotated[str, Expects("a host name or an IP address")] = Field(
        "127.0.0.1",
        alias="SIJIL_METRICS_HOST",
        description="Address of /metrics, which asks nobody who they are",
        pattern=r"^[A-Za-z0-9_.:-]+$",
    )
    access_token_seconds: Annotated[int, Expects("a whole number of seconds from 1 to 3600")] = Field(
        300, alias="SIJIL_ACCESS_TOKEN_SECONDS", description="How long an access token holds", ge=1, le=3600
    )
    access_log_months: Annotated[int, Expects("a whole number of months, at least 12")] = Field(
        24,
        alias="SIJIL_ACCESS_LOG_MONTHS",
        description="For how many months it is kept who looked at whose data",
        ge=12,
        le=1200,
    )
    session_days: Annotated[int, Expects("a whole number of days, at least 366")] = Field(
        400, alias="SIJIL_SESSION_DAYS", description="For how many days it is kept who was signed in", ge=366, le=36500
    )
    outbox_days: Annotated[int, Expects("a whole number of days, at least 1")] = Field(
        30,
        alias="SIJIL_OUTBOX_DAYS",
        description="For how many days it is kept what was sent to whom; three times as long what could not be sent",
        ge=1,
        le=3650,
    )
    import_refusal_days: Annotated[int, Expects("a whole number of days, at least 1")] = Field(
        400,
        alias="SIJIL_IMPORT_REFUSAL_DAYS",
        description="For how many days it is kept which lines of an import were refused",
        ge=1,
        le=3650,
    )
    token: Annotated[
        SecretStr | None,
        AfterValidator(lambda value: value and _is_header(value)),
        Expects("an access token, without spaces"),
    ] = Field(None, alias="SIJIL_TOKEN", description="An auditor's access token, for sijil audit with --url")
    sms_url: Annotated[
        SecretStr | None,
        AfterValidator(lambda value: value and _is_gateway(value)),
        Expects("an https:// address (http:// to this machine only)"),
    ] = Field(None, alias="SIJIL_SMS_URL", description="The SMS gateway, which takes JSON by POST")
    sms_key: Annotated[
        SecretStr | None,
        AfterValidator(lambda value: value and _is_header(value)),
        Expects("printable ASCII characters without spaces"),
    ] = Field(None, alias="SIJIL_SMS_KEY", description="Bearer key of the SMS gateway")
    sms_template: Annotated[
        str,
        AfterValidator(_is_template),
        Expects("JSON whose strings hold {to} and {text}, perhaps {id}, and no other name in braces"),
    ] = Field(
        DEFAULT_TEMPLATE,
        alias="SIJIL_SMS_TEMPLATE",
        description="The JSON that the SMS gateway takes",
    )
    smtp_host: Annotated[str | None, Expects("a host name or an IP address")] = Field(
        None,
        alias="SIJIL_SMTP_HOST",
        description="The mail server; it must know STARTTLS",
        pattern=r"^[A-Za-z0-9_.:-]+$",
    )
    smtp_port: Annotated[int, Expects("a whole number from 1 to 65535")] = Field(
        587, alias="SIJIL_SMTP_PORT", description="Port of the mail server", ge=1, le=65535
    )
    smtp_user: Annotated[str | None, Expects("a name")] = Field(
        None, alias="SIJIL_SMTP_USER", description="User at the mail server; not set: nobody signs in there"
    )
    smtp_password: Annotated[SecretStr | None, Expects("a password")] = Field(
        None, alias="SIJIL_SMTP_PASSWORD", description="Password at the mail server"
    )
    smtp_from: Annotated[str | None, Expects("an e-mail address in ASCII")] = Field(
        None,
        alias="SIJIL_SMTP_FROM",
        description="E-mail address of the sender",
        pattern=r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+$",
    )
    smtp_ca_file: Annotated[Path | None, Expects("a file")] = Field(
        None,
        alias="SIJIL_SMTP_CA_FILE",
        description="Certificates (PEM) to trust at the mail server; not set: the system's",
    )

    def missing_for_messages(self) -> list[str]:
        """Names of settings without which no SMS or no e-mail can be sent, although it is asked for, or must be."""
        production = self.env == "production"
        needed = {
            "SIJIL_SMS_URL": production or self.sms_key,
            "SIJIL_SMS_KEY": production or self.sms_url,
            "SIJIL_SMTP_HOST": production or self.smtp_from,
            "SIJIL_SMTP_FROM": production or self.smtp_host,
            "SIJIL_SMTP_USER": self.smtp_password,
            "SIJIL_SMTP_PASSWORD": self.smtp_user,
        }
        return [name for name, asked in needed.items() if asked and getattr(self, FIELDS[name][0]) is None]


class SettingsError(ValueError):
    """Settings that cannot be used: one sentence for each, none of which repeats a secret."""

    def __init__(self, *sentences: str) -> None:
        super().__init__(" ".join(sentences))
        self.sentences = sentences


class SettingLine(NamedTuple):
    """One line of `sijil settings`."""

    name: str
    value: str
    source: Literal["environment", "default"]
    description: str


FIELDS = {str(field.alias): (attribute, field) for attribute, field in Settings.model_fields.items()}


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Check what the environment sets; an empty value counts as not set.

    Raises:
        SettingsError: a value cannot be used, or a name that begins with SIJIL_ is unknown.
    """
    unknown = [_unknown(name) for name in sorted(environ) if name.startswith(PREFIX) and name not in FIELDS]
    try:
        settings = Settings.model_validate({name: environ[name] for name in FIELDS if environ.get(name)})
    except ValidationError as wrong:
        names = dict.fromkeys(str(error["loc"][0]) for error in wrong.errors() if error["type"] != _NOT_ASKED)
        raise SettingsError(*(_bad(name, environ[name]) for name in names), *unknown) from None
    if unknown:
        raise SettingsError(*unknown)
    return settings


def describe(settings: Settings, environ: Mapping[str, str]) -> list[SettingLine]:
    """All settings in the order of their declaration, secrets hidden."""
    return [
        SettingLine(
            name=name,
            value=_shown(name, getattr(settings, attribute)),
            source="environment" if environ.get(name) else "default",
            description=field.description or "",
        )
        for name, (attribute, field) in FIELDS.items()
    ]


_NOT_ASKED = "default_factory_not_called"  # pydantic's name for a default that depends on a setting that is wrong


def _unknown(name: str) -> str:
    near = get_close_matches(name, FIELDS, n=1)
    return f"{name} is not a setting; did you mean {near[0]}?" if near else f"{name} is not a setting."


def _bad(name: str, value: str) -> str:
    _, field = FIELDS[name]
    expected = next(part.what for part in field.metadata if isinstance(part, Expects))
    got = "" if _is_secret(name) else f", not {value!r}"
    return f"{name} must be {expected}{got}."


def _is_secret(name: str) -> bool:
    return FIELDS[name][1].annotation == SecretStr | None


def _shown(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, frozenset):
        return ", ".join(sorted(value)) or "not set"
    if not isinstance(value, SecretStr):
        return "not set" if value is None else str(value)
    return _without_secrets(value.get_secret_value()) if name == "DATABASE_URL" else "set"


def _without_secrets(url: str) -> str:
    """The parts of a PostgreSQL address as libpq understands them: a password can stand in more than one place."""
    parts = conninfo_to_dict(url)
    hidden = {part: "***" for part in parts if "password" in part or "secret" in part}
    return make_conninfo(**{part: str(known) for part, known in parts.items()} | hidden)
