import asyncio
import os
import traceback
from datetime import UTC, datetime
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from observe.github.scripted import Answer, Bench, ScriptedGitHub, bench, reply

from monitor.model.errors import Transient, Unauthorised
from monitor.model.settings import AppKey, GitHubAccess
from monitor.model.urls import GitHubUrl
from monitor.observe.github.auth import Rights

pytestmark = pytest.mark.anyio

MINT = "POST /app/installations/42/access_tokens"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(form: PrivateFormat = PrivateFormat.PKCS8) -> bytes:
    return KEY.private_bytes(Encoding.PEM, form, NoEncryption())


def app_bench(key_file: Path, *, url: str = "https://github.com/acme", sentinels: tuple[str, ...] = ()) -> Bench:
    app = AppKey("Iv23client", 42, str(key_file))
    access = GitHubAccess("main", GitHubUrl.parse(url), app=app, sentinel_repositories=sentinels)
    scene = bench(access=access)
    scene.github.on(MINT, minted(scene.github))
    scene.github.on("GET /meta", reply({}))
    scene.github.on("PUT /x", reply(None, 204))
    return scene


def minted(github: ScriptedGitHub, lasts: float = 3600.0) -> Answer:
    """A new token each time; its end is told by GitHub's clock, to the second."""

    def answer(request: object) -> object:
        ends = datetime.fromtimestamp(github.clock.at - github.skew + lasts, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        number = len(github.asked(MINT))
        return reply({"token": f"ghs_secret{number}", "expires_at": ends, "permissions": {}}, 201)(request)  # type: ignore[arg-type]

    return answer  # type: ignore[return-value]


def key_in(folder: Path, content: bytes) -> Path:
    path = folder / "app.pem"
    path.write_bytes(content)
    return path


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return key_in(tmp_path, pem())


# A token in a file or in the environment


async def test_a_token_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("  ghp_one\n")
    scene = bench(access=GitHubAccess("main", GitHubUrl.parse("https://github.com/acme"), token_file=str(path)))
    scene.github.on("GET /meta", reply({}))
    await scene.client.get("/meta")
    path.write_text("ghp_two")
    os.utime(path, (1, 1))
    await scene.client.get("/meta")
    assert [seen.token for seen in scene.github.seen] == ["ghp_one", "ghp_two"]


@pytest.mark.parametrize("text", ["", "  \n", "two words", "tab\there", "non-ascii-é"])
async def test_a_file_without_a_token_is_our_fault(tmp_path: Path, text: str) -> None:
    path = tmp_path / "token"
    path.write_text(text)
    scene = bench(access=GitHubAccess("main", GitHubUrl.parse("https://github.com/acme"), token_file=str(path)))
    with pytest.raises(Unauthorised, match="holds no token") as caught:
        await scene.client.get("/meta")
    assert str(path) in str(caught.value)


async def test_a_file_of_bytes_that_are_no_text_is_our_fault(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_bytes(b"\xff\xfe\x00")
    scene = bench(access=GitHubAccess("main", GitHubUrl.parse("https://github.com/acme"), token_file=str(path)))
    with pytest.raises(Unauthorised, match="holds no token"):
        await scene.client.get("/meta")


async def test_a_missing_token_file_is_our_fault(tmp_path: Path) -> None:
    path = tmp_path / "absent"
    scene = bench(access=GitHubAccess("main", GitHubUrl.parse("https://github.com/acme"), token_file=str(path)))
    with pytest.raises(Unauthorised, match="can't be read: No such file"):
        await scene.client.get("/meta")
    path.write_text("ghp_now_there")
    scene.github.on("GET /meta", reply({}))
    await scene.client.get("/meta")


async def test_an_unset_variable_is_our_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ARC_TEST_TOKEN")
    with pytest.raises(Unauthorised, match="ARC_TEST_TOKEN holds no token"):
        await bench().client.get("/meta")


# A GitHub App


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
async def test_the_apps_key_buys_a_token(tmp_path: Path, form: PrivateFormat) -> None:
    key_file = key_in(tmp_path, pem(form))
    scene = app_bench(key_file)
    await scene.client.get("/meta")
    ask, use = scene.github.seen
    assert use.token == "ghs_secret1"
    claims = jwt.decode(
        ask.token, KEY.public_key(), algorithms=["RS256"], options={"verify_exp": False, "verify_iat": False}
    )
    now = int(scene.clock.at)
    assert claims == {"iat": now - 60, "exp": now + 540, "iss": "Iv23client"}


async def test_reading_and_writing_have_tokens_of_their_own(key_file: Path) -> None:
    scene = app_bench(key_file)
    await scene.client.get("/meta")
    await scene.client.get("/meta", fresh=True)
    await scene.client.send("PUT", "/x", {})
    asked = [seen.body for seen in scene.github.asked(MINT)]
    assert asked == [
        {"permissions": {"organization_self_hosted_runners": "read"}},
        {"permissions": {"organization_self_hosted_runners": "write"}},
    ]
    used = [seen.token for seen in scene.github.seen if seen.method != "POST"]
    assert used == ["ghs_secret1", "ghs_secret1", "ghs_secret2"]


async def test_jobs_are_asked_for_only_where_they_are_watched(key_file: Path) -> None:
    scene = app_bench(key_file, sentinels=("web",))
    await scene.client.get("/meta")
    permissions = {"organization_self_hosted_runners": "read", "actions": "read", "metadata": "read"}
    assert scene.github.asked(MINT)[0].body == {"permissions": permissions}


async def test_one_fetch_serves_everybody_who_waits(key_file: Path) -> None:
    scene = app_bench(key_file)
    await asyncio.gather(*(scene.client.get("/meta") for _ in range(10)))
    assert len(scene.github.asked(MINT)) == 1


async def test_a_token_is_renewed_ten_minutes_before_it_ends(key_file: Path) -> None:
    scene = app_bench(key_file)
    await scene.client.get("/meta")
    scene.clock.at += 2990
    await scene.client.get("/meta")
    assert len(scene.github.asked(MINT)) == 1
    scene.clock.at += 20
    await scene.client.get("/meta")
    assert len(scene.github.asked(MINT)) == 2
    assert scene.github.seen[-1].token == "ghs_secret2"


async def test_a_renewal_that_fails_early_does_not_blind_us(key_file: Path) -> None:
    scene = app_bench(key_file)
    await scene.client.get("/meta")
    scene.github.on(MINT, reply({}, 503))
    scene.clock.at += 3100
    await scene.client.get("/meta")
    assert scene.github.seen[-1].token == "ghs_secret1"
    scene.clock.at += 600
    with pytest.raises(Transient):
        await scene.client.get("/meta")


async def test_a_refused_token_is_renewed_once_for_everybody(key_file: Path) -> None:
    scene = app_bench(key_file)
    await scene.client.get("/meta")
    scene.github.on(
        "GET /meta", lambda request: reply({}, 200 if request.headers["authorization"].endswith("2") else 401)(request)
    )
    await asyncio.gather(*(scene.client.get("/meta") for _ in range(4)))
    assert len(scene.github.asked(MINT)) == 2


async def test_githubs_clock_mends_the_skew_that_spoils_a_jwt(key_file: Path) -> None:
    scene = app_bench(key_file)
    scene.github.skew = 3600.0
    too_far = reply({"message": "'Expiration time' claim ('exp') is too far in the future"}, 401)
    scene.github.on(MINT, too_far, minted(scene.github))
    await scene.client.get("/meta")
    first, second = scene.github.asked(MINT)
    issued = [
        jwt.decode(seen.token, options={"verify_signature": False, "verify_exp": False})["iat"]
        for seen in (first, second)
    ]
    assert issued[0] - issued[1] == pytest.approx(3600, abs=2)
    scene.clock.at += 2980
    await scene.client.get("/meta")
    assert len(scene.github.asked(MINT)) == 2, "the token's end is reckoned by GitHub's clock"


async def test_a_key_that_github_does_not_know_is_not_tried_again(key_file: Path) -> None:
    scene = app_bench(key_file)
    scene.github.on(MINT, reply({"message": "A JSON web token could not be decoded"}, 401))
    with pytest.raises(Unauthorised, match="App Iv23client, installation 42"):
        await scene.client.get("/meta")
    assert len(scene.github.seen) == 1


@pytest.mark.parametrize(
    ("status", "words"), [(404, "installation 42"), (422, "permissions requested"), (403, "suspended")]
)
async def test_an_installation_that_gives_no_token_is_our_fault(key_file: Path, status: int, words: str) -> None:
    scene = app_bench(key_file)
    scene.github.on(MINT, reply({"message": f"The permissions requested are suspended ({words})"}, status))
    with pytest.raises(Unauthorised, match=words):
        await scene.client.get("/meta")


async def test_a_limit_on_tokens_stops_monitoring(key_file: Path) -> None:
    scene = app_bench(key_file)
    scene.github.on(MINT, reply({"message": "secondary rate limit"}, 403, retry_after="30"))
    for _ in range(3):
        with pytest.raises(Transient):
            await scene.client.get("/meta")
    assert len(scene.github.seen) == 1


@pytest.mark.parametrize(
    "body", [b"", b"{}", b'{"token": 1}', b'{"token": "a b", "expires_at": "2026-01-01T00:00:00Z"}']
)
async def test_an_answer_that_holds_no_token_is_told(key_file: Path, body: bytes) -> None:
    scene = app_bench(key_file)
    scene.github.on(MINT, reply(body, 201))
    with pytest.raises((Transient, Unauthorised), match="a token for App Iv23client"):
        await scene.client.get("/meta")


def wrong_keys() -> list[bytes]:
    other = ec.generate_private_key(ec.SECP256R1())
    return [
        b"",
        b"no key at all",
        other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")),
    ]


@pytest.mark.parametrize("content", wrong_keys(), ids=["empty", "text", "elliptic", "encrypted"])
async def test_a_file_that_is_no_rsa_key_is_told_in_one_line(tmp_path: Path, content: bytes) -> None:
    key_file = key_in(tmp_path, content)
    scene = app_bench(key_file)
    with pytest.raises(Unauthorised) as caught:
        await scene.client.get("/meta")
    assert str(caught.value) == f"private key {key_file} of App Iv23client is no unencrypted RSA key in PEM"


async def test_a_missing_key_is_told_in_one_line(tmp_path: Path) -> None:
    scene = app_bench(tmp_path / "absent.pem")
    with pytest.raises(Unauthorised, match=r"private key .*absent.pem of App Iv23client can't be read: No such file"):
        await scene.client.get("/meta")


async def test_no_secret_of_the_app_is_told(key_file: Path) -> None:
    scene = app_bench(key_file)
    scene.github.on("GET /meta", reply({"message": "Resource not accessible by ghs_secret1"}, 403))
    with pytest.raises(Unauthorised) as caught:
        await scene.client.get("/meta")
    signed = scene.github.asked(MINT)[0].token
    credentials = scene.client._credentials
    told = "".join(traceback.format_exception(caught.value)) + repr(credentials) + repr(vars(credentials))
    assert "ghs_secret1" not in told
    assert signed not in told
    assert "PRIVATE KEY" not in told
    assert await credentials.token(Rights.READ) == "ghs_secret1"


async def test_an_app_on_ghes_speaks_below_the_api_path(key_file: Path) -> None:
    scene = app_bench(key_file, url="https://ghes.example.test/acme")
    scene.github.on("POST /api/v3/app/installations/42/access_tokens", minted(scene.github))
    scene.github.on("GET /api/v3/meta", reply({"installed_version": "3.19.0"}))
    assert (await scene.client.get("/meta")).data == {"installed_version": "3.19.0"}
