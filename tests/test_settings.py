from base64 import b64encode
from pathlib import Path

import pytest

from access.trusted import TrustedOnly
from settings import SettingLine, Settings, SettingsError, describe, read_settings

KEY = b64encode(bytes(range(32))).decode()


def test_an_empty_environment_gives_the_defaults() -> None:
    assert read_settings({}).model_dump() == {
        "database_url": None,
        "data_dir": Path(".data"),
        "blob_dir": Path(".data/blobs"),
        "env": "development",
        "host": "127.0.0.1",
        "port": 8000,
        "master_key": None,
        "master_key_file": Path(".data/keys/master.key"),
        "token_key_file": Path(".data/keys/token.jwk"),
        "log_key_file": Path(".data/keys/log.key"),
        "checkpoint_file": Path(".data/log/checkpoint"),
        "erasures_file": Path(".data/log/erasures"),
        "rewrite_bytes": 268_435_456,
        "trusted_documents": None,
        "trusted_only": TrustedOnly.NO,
        "origins": frozenset(),
        "get_queries": False,
        "explorable": True,
        "points": 10_000,
        "origin": "sijil.local",
        "log_origin": "sijil.local/log",
        "trusted_proxies": None,
        "max_body_bytes": 1_048_576,
        "pool_size": 8,
        "log_level": "info",
        "log_format": "text",
        "metrics_port": None,
        "metrics_host": "127.0.0.1",
        "access_token_seconds": 300,
        "access_log_months": 24,
        "session_days": 400,
        "outbox_days": 30,
        "import_refusal_days": 400,
        "token": None,
        "sms_url": None,
        "sms_key": None,
        "sms_template": '{"to": "{to}", "text": "{text}", "id": "{id}"}',
        "smtp_host": None,
        "smtp_port": 587,
        "smtp_user": None,
        "smtp_password": None,
        "smtp_from": None,
        "smtp_ca_file": None,
    }


def test_what_the_environment_says_is_taken_and_other_programs_variables_are_left_alone() -> None:
    settings = read_settings(
        {"SIJIL_PORT": "0", "SIJIL_ENV": "Production", "SIJIL_LOG_LEVEL": "DEBUG", "PATH": "/bin", "PORT": "x"}
    )
    assert (settings.port, settings.env, settings.log_level) == (0, "production", "debug")


def test_the_key_files_lie_in_the_data_folder_unless_said_otherwise() -> None:
    settings = read_settings({"SIJIL_DATA_DIR": "/srv/sijil", "SIJIL_TOKEN_KEY_FILE": "/run/secrets/token"})
    assert settings.master_key_file == Path("/srv/sijil/keys/master.key")
    assert settings.token_key_file == Path("/run/secrets/token")


def test_an_empty_value_counts_as_not_set() -> None:
    assert read_settings({"DATABASE_URL": "", "SIJIL_PORT": ""}) == read_settings({})


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("SIJIL_PORT", "80a", "SIJIL_PORT must be a whole number from 0 to 65535, not '80a'."),
        ("SIJIL_PORT", "65536", "SIJIL_PORT must be a whole number from 0 to 65535, not '65536'."),
        ("SIJIL_PORT", "-1", "SIJIL_PORT must be a whole number from 0 to 65535, not '-1'."),
        ("SIJIL_ENV", "prod", "SIJIL_ENV must be development or production, not 'prod'."),
        ("SIJIL_HOST", "a b", "SIJIL_HOST must be a host name or an IP address, not 'a b'."),
        ("SIJIL_POOL_SIZE", "0", "SIJIL_POOL_SIZE must be a whole number from 1 to 500, not '0'."),
        (
            "SIJIL_MAX_BODY_BYTES",
            "1M",
            "SIJIL_MAX_BODY_BYTES must be a whole number of bytes, at least 1024, not '1M'.",
        ),
        (
            "SIJIL_LOG_LEVEL",
            "loud",
            "SIJIL_LOG_LEVEL must be debug, info, warning, error or critical, not 'loud'.",
        ),
        ("SIJIL_LOG_FORMAT", "xml", "SIJIL_LOG_FORMAT must be text or json, not 'xml'."),
        ("SIJIL_METRICS_PORT", "-1", "SIJIL_METRICS_PORT must be a whole number from 0 to 65535, not '-1'."),
        ("SIJIL_METRICS_HOST", "a b", "SIJIL_METRICS_HOST must be a host name or an IP address, not 'a b'."),
        (
            "SIJIL_ACCESS_TOKEN_SECONDS",
            "1.5",
            "SIJIL_ACCESS_TOKEN_SECONDS must be a whole number of seconds from 1 to 3600, not '1.5'.",
        ),
        (
            "SIJIL_ACCESS_LOG_MONTHS",
            "11",
            "SIJIL_ACCESS_LOG_MONTHS must be a whole number of months, at least 12, not '11'.",
        ),
        ("SIJIL_SESSION_DAYS", "365", "SIJIL_SESSION_DAYS must be a whole number of days, at least 366, not '365'."),
        ("SIJIL_OUTBOX_DAYS", "0", "SIJIL_OUTBOX_DAYS must be a whole number of days, at least 1, not '0'."),
        (
            "SIJIL_ORIGIN",
            "two words",
            "SIJIL_ORIGIN must be a name of letters, digits, '.', '-', ':' and '/', not 'two words'.",
        ),
        (
            "SIJIL_SMS_TEMPLATE",
            '{"to": "{to}"}',
            (
                "SIJIL_SMS_TEMPLATE must be JSON whose strings hold {to} and {text}, perhaps {id}, and no other name in "
                'braces, not \'{"to": "{to}"}\'.'
            ),
        ),
        ("SIJIL_SMTP_HOST", "a b", "SIJIL_SMTP_HOST must be a host name or an IP address, not 'a b'."),
        ("SIJIL_SMTP_PORT", "0", "SIJIL_SMTP_PORT must be a whole number from 1 to 65535, not '0'."),
        ("SIJIL_SMTP_FROM", "sijil", "SIJIL_SMTP_FROM must be an e-mail address in ASCII, not 'sijil'."),
        ("SIJIL_PROT", "1", "SIJIL_PROT is not a setting; did you mean SIJIL_PORT?"),
        ("SIJIL_ZZZZZZZZZZZZ", "1", "SIJIL_ZZZZZZZZZZZZ is not a setting."),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_with_what_it_should_be(name: str, value: str, sentence: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read_settings({name: value})
    assert str(refused.value) == sentence


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(SettingsError) as refused:
        read_settings({"SIJIL_PORT": "x", "SIJIL_POOL_SIZE": "y", "SIJIL_PROT": "1"})
    assert refused.value.sentences == (
        "SIJIL_PORT must be a whole number from 0 to 65535, not 'x'.",
        "SIJIL_POOL_SIZE must be a whole number from 1 to 500, not 'y'.",
        "SIJIL_PROT is not a setting; did you mean SIJIL_PORT?",
    )


def test_several_master_keys_are_separated_by_commas() -> None:
    settings = read_settings({"SIJIL_MASTER_KEY": f"{KEY},{KEY}"})
    assert settings.master_key
    assert settings.master_key.get_secret_value() == f"{KEY},{KEY}"


@pytest.mark.parametrize("key", ["secret", "c2VjcmV0", KEY + "AAAA", KEY.replace("A", "!"), f"{KEY},", f"{KEY},x"])
def test_a_bad_master_key_is_refused_and_not_repeated(key: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read_settings({"SIJIL_MASTER_KEY": key})
    assert (
        str(refused.value) == "SIJIL_MASTER_KEY must be 32 bytes in base64, or several such keys separated by commas."
    )


@pytest.mark.parametrize(
    "url", ["nonsense", "https://", "http://sms.example/hunter2", "ftp://sms.example", "https://sms.example:hunter2"]
)
def test_a_bad_address_of_the_sms_gateway_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read_settings({"SIJIL_SMS_URL": url})
    assert str(refused.value) == "SIJIL_SMS_URL must be an https:// address (http:// to this machine only)."


@pytest.mark.parametrize("url", ["https://sms.example/v1/send?unit=7", "http://127.0.0.1:8080/sms", "http://[::1]/sms"])
def test_a_key_goes_over_an_encrypted_connection_or_stays_on_this_machine(url: str) -> None:
    settings = read_settings({"SIJIL_SMS_URL": url})
    assert settings.sms_url
    assert settings.sms_url.get_secret_value() == url


@pytest.mark.parametrize("key", ["two words", "line\n", "مفتاح"])
def test_a_key_that_no_header_can_carry_is_refused_and_not_repeated(key: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read_settings({"SIJIL_SMS_KEY": key})
    assert str(refused.value) == "SIJIL_SMS_KEY must be printable ASCII characters without spaces."


SMS = {"SIJIL_SMS_URL": "https://sms.example", "SIJIL_SMS_KEY": "hunter2"}
SMTP = {"SIJIL_SMTP_HOST": "mail.example", "SIJIL_SMTP_FROM": "sijil@example.com"}


@pytest.mark.parametrize(
    ("environ", "missing"),
    [
        ({}, []),
        ({"SIJIL_SMS_URL": "https://sms.example"}, ["SIJIL_SMS_KEY"]),
        ({"SIJIL_SMTP_HOST": "mail.example"}, ["SIJIL_SMTP_FROM"]),
        ({"SIJIL_SMTP_PASSWORD": "hunter2"}, ["SIJIL_SMTP_USER"]),
        (SMTP | {"SIJIL_SMTP_USER": "sijil"}, ["SIJIL_SMTP_PASSWORD"]),
        ({"SIJIL_ENV": "production"}, ["SIJIL_SMS_URL", "SIJIL_SMS_KEY", "SIJIL_SMTP_HOST", "SIJIL_SMTP_FROM"]),
        (SMS | {"SIJIL_ENV": "production"}, ["SIJIL_SMTP_HOST", "SIJIL_SMTP_FROM"]),
        (SMS | SMTP | {"SIJIL_ENV": "production"}, []),
    ],
)
def test_what_messages_need_is_whole_and_in_production_both_channels_are_there(
    environ: dict[str, str], missing: list[str]
) -> None:
    assert read_settings(environ).missing_for_messages() == missing


def test_the_secrets_of_the_senders_are_not_shown() -> None:
    environ = SMS | SMTP | {"SIJIL_SMTP_USER": "sijil", "SIJIL_SMTP_PASSWORD": "hunter2"}
    settings = read_settings(environ)
    shown = repr(describe(settings, environ))
    assert "hunter2" not in shown + repr(settings)
    assert "sms.example" not in shown  # its path may be as good as a key


@pytest.mark.parametrize("url", ["nonsense", "mysql://u:hunter2@h/d", "postgresql://u:hunter2@h:5432/d?colour=red"])
def test_a_bad_database_address_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read_settings({"DATABASE_URL": url})
    assert str(refused.value) == (
        "DATABASE_URL must be a PostgreSQL address such as postgresql://user:password@host:5432/name."
    )


def test_settings_are_described_with_value_and_source() -> None:
    environ = {"SIJIL_PORT": "9000", "SIJIL_MASTER_KEY": KEY}
    lines = {line.name: line for line in describe(read_settings(environ), environ)}
    assert lines["SIJIL_PORT"] == SettingLine("SIJIL_PORT", "9000", "environment", "Port to listen on; 0: any free one")
    assert lines["SIJIL_MASTER_KEY"] == SettingLine(
        "SIJIL_MASTER_KEY", "set", "environment", "Wraps the keys of personal data; wins over the file"
    )
    assert lines["DATABASE_URL"] == SettingLine(
        "DATABASE_URL", "not set", "default", "PostgreSQL 15 or newer; not set: the embedded one"
    )
    assert len(lines) == len(Settings.model_fields)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://sijil:hunter2@db:5432/log", "user=sijil password=*** dbname=log host=db port=5432"),
        ("postgresql://db/log?user=sijil&password=hunter2", "user=sijil password=*** dbname=log host=db"),
        ("host=db password=hunter2 dbname=log", "password=*** dbname=log host=db"),
        ("postgresql://db/log", "dbname=log host=db"),
    ],
)
def test_the_password_in_a_database_address_is_never_shown(url: str, shown: str) -> None:
    environ = {"DATABASE_URL": url, "SIJIL_MASTER_KEY": KEY}
    settings = read_settings(environ)
    lines = describe(settings, environ)
    assert lines[0].value == shown
    for text in (repr(settings), str(settings), repr(lines)):
        assert "hunter2" not in text
        assert KEY not in text


def test_the_log_is_json_in_production_unless_it_is_set() -> None:
    assert [
        read_settings(environ).log_format
        for environ in ({"SIJIL_ENV": "production"}, {"SIJIL_ENV": "production", "SIJIL_LOG_FORMAT": "text"})
    ] == ["json", "text"]


@pytest.mark.parametrize("origin", ["absher.example", "https://absher.example", "https://absher.example/"])
def test_the_log_is_named_by_where_it_is_served_without_the_scheme(origin: str) -> None:
    assert read_settings({"SIJIL_ORIGIN": origin}).log_origin == "absher.example/log"
    given = {"SIJIL_ORIGIN": origin, "SIJIL_LOG_ORIGIN": "another.example/log"}
    assert read_settings(given).log_origin == "another.example/log"
