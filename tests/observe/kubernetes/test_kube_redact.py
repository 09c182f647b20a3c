import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.observe.kubernetes.redact import clean, redact

SECRETS = {
    "installation token": ("Authorization: token ghs_16C7e42F292c6912E7710c838347Ae178B4a", "16C7e42"),
    "classic token": ("ghp_16C7e42F292c6912E7710c838347Ae178B4a", "16C7e42"),
    "fine-grained token": ("x github_pat_11AAAA_bbbbbbbbbbbbbbbbbbb y", "11AAAA"),
    "old token": ("token 0123456789abcdef0123456789abcdef01234567 refused", "0123456789abcdef"),
    "bearer": ("Authorization: Bearer abc.def-ghi", "abc.def"),
    "remote auth": ('"RemoteAuth AABF3JGZDX3P5PMEXLND6TS6FCWO6"', "AABF3"),
    "basic": ("authorization: basic dXNlcjpwYXNz", "dXNl"),
    "web token": ("token=eyJhbGciOiJSUzI1NiJ9.eyJleHAiOjE3.c2ln done", "eyJ"),
    "web token cut short": ("... eyJhbGciOiJSUzI1NiJ9", "eyJ"),
    "session id in a query": ("GET https://x/message?sessionId=0b0c6a4e-77f0-4a37-a9ab-6d3e7a1b8a11&x=1", "0b0c6a4e"),
    "session id in JSON": ('{"sessionId": "0b0c6a4e-77f0-4a37-a9ab-6d3e7a1b8a11"}', "0b0c6a4e"),
    "session id quoted in a URL": ("sessionId%3D0b0c6a4e-77f0-4a37-a9ab-6d3e7a1b8a11", "0b0c6a4e"),
    "session id in a path": ("DELETE /_apis/runtime/runnerscalesets/1/sessions/0b0c6a4e-77f0-4a37-a9ab", "0b0c6a4e"),
    "password in a URL": ("proxy http://user:hunter2@proxy:3128 refused", "hunter2"),
    "signature": ("https://x/y?sig=c2VjcmV0&se=1", "c2VjcmV0"),
    "cloud token": ("k8s-aws-v1.aHR0cHM6Ly9zdHM", "aHR0cHM6"),
    "private key": ("-----BEGIN RSA PRIVATE KEY----- MIIEpAIBAAK -----END RSA PRIVATE KEY----- x", "MIIE"),
    "hidden by a control character": ("gh\x00s_16C7e42F292c6912E7710c838347Ae178B4a", "16C7e42"),
    "hidden by an escape": ("gh\x1b[31ms_16C7e42F292c6912E7710c838347Ae178B4a", "16C7e42"),
    "hidden by a zero-width mark": ("ghs_\u200b16C7e42F292c6912E7710c838347Ae178B4a", "16C7e42"),
}


@pytest.mark.parametrize(("text", "secret"), SECRETS.values(), ids=SECRETS)
def test_secrets_are_taken_out(text: str, secret: str) -> None:
    assert secret not in clean(text)
    assert "[redacted]" in clean(text)


@pytest.mark.parametrize(
    "text",
    [
        "The actions runner scaleset dev already has an active session.",
        'registration-token failed(status="401 Unauthorized", activity_id="5fb50b0a-1111-4a4b-8a5c-0dbd5f4f4f21")',
        "message queue token expired",
        "dial tcp 140.82.112.5:443: connect: connection refused",
    ],
)
def test_what_people_need_stays(text: str) -> None:
    assert clean(text) == text


def test_control_characters_and_escapes_go() -> None:
    assert clean("a\x1b[1;31mred\x1b[0m\tb\r\nc\x07\u202ed\x1b]0;title\x07e") == "ared b cde"


def test_a_long_line_loses_its_middle() -> None:
    line = clean("start " + "x" * 5_000_000 + " end", 40)
    assert len(line) <= 40
    assert line.startswith("start")
    assert line.endswith("end")


@given(st.text(), st.integers(min_value=10, max_value=400))
def test_every_text_becomes_one_bounded_printable_line(text: str, limit: int) -> None:
    line = clean(text, limit)
    assert len(line) <= limit
    assert line.isprintable()


@given(st.text())
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    assert redact(redact(text)) == redact(text)
