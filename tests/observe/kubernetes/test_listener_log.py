"""Every line that a listener is known to die with, and those that only look like it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.model.kubernetes import ExitCause
from monitor.observe.kubernetes.listener_log import classify, read_log, read_termination
from monitor.observe.kubernetes.redact import LIMIT

FATAL = "2026/01/05 07:37:55 Application returned an error: "
SESSION = "failed to create actions message session client: failed to create message session: "
SERVICE = "https://pipelinesghubeus1.actions.githubusercontent.com/AbCd"
SESSIONS = f"{SERVICE}/_apis/runtime/runnerscalesets/12/sessions?api-version=6.0-preview"

CONFLICT_014 = (
    f'{FATAL}{SESSION}failed to do the session request: request POST {SESSIONS} failed(status="409 Conflict", '
    'activity_id="5fb50b0a-1111-4a4b-8a5c-0dbd5f4f4f21"): unexpected status code 409 Conflict: '
    "GitHub.Actions.Runtime.WebApi.RunnerScaleSetSessionConflictException, GitHub.Actions.Runtime.WebApi: "
    "The actions runner scaleset dev already has an active session."
)
CONFLICT_013 = (
    f"{FATAL}createSession failed: failed to create session: failed to do the session request: actions error: "
    'StatusCode 409, AcivityId "": GitHub.Actions.Runtime.WebApi.RunnerScaleSetSessionConflictException, '
    "GitHub.Actions.Runtime.WebApi: The actions runner scaleset dev already has an active session."
)
CONFLICT_08 = (
    f"{FATAL}createSession failed: failed to create session: 409 - had issue communicating with Actions backend: "
    "The runner scale set gha-rs already has an active session for owner gha-rs-754b578d-listener."
)
CONFLICT_07_TEXT = (
    "2023-11-05T07:37:55Z\tINFO\tauto_scaler\tunable to create message session. Will try again in 30 seconds\t"
    '{"error": "409 - had issue communicating with Actions backend: The runner scale set gha-rs already has an '
    'active session for owner gha-rs-754b578d-listener."}'
)
CONFLICT_07_JSON = (
    '{"severity":"info","ts":"2023-11-05T07:37:55Z","logger":"auto_scaler","message":"unable to create message '
    'session. Will try again in 30 seconds","error":"409 - had issue communicating with Actions backend: The runner '
    'scale set gha-rs already has an active session for owner gha-rs-754b578d-listener."}'
)
RUNNER_CONFLICT = (
    f"{FATAL}GitHub.DistributedTask.WebApi.TaskAgentSessionConflictException: The actions runner dev-x7k2p-runner-1 "
    "already has an active session. 409 - had issue communicating with Actions backend"
)

HEARTBEAT_014 = (
    "time=2026-01-05T07:37:50.123Z level=INFO source=/workspace/listener/listener.go:179 "
    'msg="Getting next message" app=ghalistener component=listener lastMessageID=4'
)
HEARTBEAT_013 = '2026-01-05T07:37:50Z\tINFO\tlistener-app.listener\tGetting next message\t{"lastMessageID": 4}'
HEARTBEAT_JSON = '{"time":"2026-01-05T07:37:50Z","level":"INFO","msg":"Getting next message","lastMessageID":4}'
DEBUG_429 = (
    'time=2026-01-05T07:37:40.000Z level=DEBUG msg="retrying request" '
    'request="POST https://api.github.com/orgs/o/actions/runners/registration-token (status: 429)" timeout=1s'
)

DEADLY = {
    "conflict 0.14": (CONFLICT_014, ExitCause.CONFLICT),
    "conflict 0.9-0.13": (CONFLICT_013, ExitCause.CONFLICT),
    "conflict 0.9 without the middle": (
        CONFLICT_013.replace("failed to do the session request: ", ""),
        ExitCause.CONFLICT,
    ),
    "conflict 0.8": (CONFLICT_08, ExitCause.CONFLICT),
    "conflict without the exception's name": (
        f'{FATAL}{SESSION}request POST {SESSIONS} failed(status="409 Conflict", activity_id=""): unknown error',
        ExitCause.CONFLICT,
    ),
    "conflict up to 0.7, text, still trying": (CONFLICT_07_TEXT, ExitCause.CONFLICT),
    "conflict up to 0.7, JSON, still trying": (CONFLICT_07_JSON, ExitCause.CONFLICT),
    "not found": (
        (
            f'{FATAL}{SESSION}request POST {SESSIONS} failed(status="404 Not Found", activity_id="a"): '
            "GitHub.Actions.Runtime.WebApi.RunnerScaleSetNotFoundException, GitHub.Actions.Runtime.WebApi: "
            "No runner scale set found with identifier 12."
        ),
        ExitCause.NOT_FOUND,
    ),
    "token refused": (
        (
            f"{FATAL}{SESSION}failed to get runner registration token: request POST "
            "https://api.github.com/orgs/o/actions/runners/registration-token "
            'failed(status="401 Unauthorized", activity_id=""): Bad credentials'
        ),
        ExitCause.CREDENTIALS,
    ),
    "app refused": (
        (
            f"{FATAL}request POST https://api.github.com/app/installations/1/access_tokens "
            'failed(status="404 Not Found"): Integration not found'
        ),
        ExitCause.CREDENTIALS,
    ),
    "token refused up to 0.13": (
        f'{FATAL}github api error: StatusCode 403, RequestID "AAAA:1": Resource not accessible by integration',
        ExitCause.CREDENTIALS,
    ),
    "registration refused": (
        f"{FATAL}createSession failed: unable to register runner after 3 retries: 403",
        ExitCause.CREDENTIALS,
    ),
    "primary rate limit is a 403": (
        (
            f"{FATAL}request POST https://api.github.com/orgs/o/actions/runners/registration-token "
            'failed(status="403 Forbidden"): (403 Forbidden): : API rate limit exceeded for installation ID 1.'
        ),
        ExitCause.RATE_LIMIT,
    ),
    "secondary rate limit": (
        f'{FATAL}github api error: StatusCode 403, RequestID "A": You have exceeded a secondary rate limit',
        ExitCause.RATE_LIMIT,
    ),
    "429s before giving up": (
        f"{DEBUG_429}\n{FATAL}{SESSION}POST https://api.github.com/x giving up after 5 attempt(s)",
        ExitCause.RATE_LIMIT,
    ),
    "session gone": (
        (
            f"{FATAL}failed to get message: failed to refresh message session: request PATCH {SESSIONS} "
            'failed(status="404 Not Found"): GitHub.Actions.Runtime.WebApi.RunnerAdminException: runner referenced a '
            "session ID that doesn't exist in redis"
        ),
        ExitCause.SESSION_LOST,
    ),
    "session gone up to 0.13": (f"{FATAL}refresh message session failed. 404", ExitCause.SESSION_LOST),
    "no route": (
        f'{FATAL}{SESSION}POST "https://api.github.com/x": dial tcp 140.82.112.5:443: i/o timeout',
        ExitCause.NETWORK,
    ),
    "no name": (f"{FATAL}lookup api.github.com: no such host", ExitCause.NETWORK),
    "no trust": (f"{FATAL}tls: failed to verify: x509: certificate signed by unknown authority", ExitCause.NETWORK),
    "server errors": (f"{FATAL}POST https://api.github.com/x giving up after 5 attempt(s)", ExitCause.NETWORK),
    "end of file": (f'{FATAL}failed to get message: Get "{SERVICE}/message?x=1": unexpected EOF', ExitCause.NETWORK),
    "patch of the runner set": (
        (
            f'{FATAL}handling message: could not patch ephemeral runner set, patch JSON: "x": ephemeralrunnersets '
            '"dev-abcde" not found'
        ),
        ExitCause.RUNNER_SET_PATCH,
    ),
    "the API server's own limiter": (
        f"{FATAL}could not patch ephemeral runner set: client rate limiter Wait returned an error",
        ExitCause.RUNNER_SET_PATCH,
    ),
    "graceful stop 0.14": (
        f'{FATAL}failed to get message: Get "{SERVICE}/message": giving up after 1 attempt(s): context canceled',
        ExitCause.SHUTDOWN,
    ),
    "graceful stop up to 0.13": (f"{FATAL}http: Server closed", ExitCause.SHUTDOWN),
    "graceful stop by signal": (f"{FATAL}terminated signal received", ExitCause.SHUTDOWN),
    "graceful stop in a refresh": (
        f"{FATAL}failed to refresh message session: giving up after 3 attempt(s): context canceled",
        ExitCause.SHUTDOWN,
    ),
    "a runner's session": (RUNNER_CONFLICT, ExitCause.OTHER),
    "degraded broker": (f'{FATAL}failed to get message: Get "": unsupported protocol scheme ""', ExitCause.OTHER),
    "config": ("2026/01/05 07:37:55 Failed to read config: open /etc/gha-listener/config.json", ExitCause.OTHER),
    "init up to 0.13": (
        f"{FATAL.replace('Application returned an error', 'Failed to initialize app')}x",
        ExitCause.OTHER,
    ),
    "no config": ("Error: LISTENER_CONFIG_PATH environment variable is not set", ExitCause.OTHER),
    "panic": ("panic: runtime error: invalid memory address\n\ngoroutine 1 [running]:", ExitCause.OTHER),
    "gave up, up to 0.7": ("create message session failed since it exceed 10 retry limit.", ExitCause.OTHER),
}


def stamped(log: str, second: int = 0) -> str:
    lines = log.splitlines()
    return "".join(f"2026-01-05T07:38:{second + n:02}.123456789Z {line}\n" for n, line in enumerate(lines))


@pytest.mark.parametrize(("log", "cause"), DEADLY.values(), ids=DEADLY)
def test_a_deadly_line_names_its_cause(log: str, cause: ExitCause) -> None:
    for text in (log, f"{HEARTBEAT_014}\n{log}", stamped(f"{HEARTBEAT_013}\n{log}"), f"{log}\r\n"):
        assert read_log(text).cause is cause


ALIVE = {
    "nothing": "",
    "heartbeat 0.14": HEARTBEAT_014,
    "heartbeat 0.13": HEARTBEAT_013,
    "heartbeat JSON": HEARTBEAT_JSON,
    "a failed attempt that was repeated 0.14": (
        'time=2026-01-05T07:37:50Z level=ERROR msg="request failed" error="dial tcp: i/o timeout" method=GET url="x"'
    ),
    "a failed attempt that was repeated 0.13": (
        '2026-01-05T07:37:50Z\tERROR\tlistener-app\tRetryable client error\t{"error": "dial tcp: connection refused"}'
    ),
    "a job's name": 'time=2026-01-05T07:37:50Z level=INFO msg="Job started" job="test rate limit of 409 x509: errors"',
    "a runner's conflict in passing": "The actions runner dev-1 already has an active session",
    "an exception in passing": "level=DEBUG msg=RunnerScaleSetSessionConflictException",
    "starting": 'time=2026-01-05T07:37:50Z level=INFO msg="Starting listener"',
    "trying, then serving": f"{CONFLICT_07_TEXT}\n{HEARTBEAT_013}",
}


@pytest.mark.parametrize("log", ALIVE.values(), ids=ALIVE)
def test_what_a_living_listener_says_is_no_cause(log: str) -> None:
    assert read_log(log).cause is None
    assert read_log(stamped(log)).line == ""


@pytest.mark.parametrize(
    "line",
    [
        RUNNER_CONFLICT,
        "The actions runner dev-1 already has an active session",
        (
            'request POST https://x/_apis/distributedtask/pools/0/sessions?x failed(status="409 Conflict"): '
            "TaskAgentSessionConflictException"
        ),
        "actions error: StatusCode 409: GitHub.DistributedTask.WebApi.AgentExistsException",
    ],
)
def test_other_conflicts_are_not_the_listeners(line: str) -> None:
    assert classify(line) is not ExitCause.CONFLICT


def test_quotes_within_json_do_not_hide_a_status() -> None:
    line = '{"level":"ERROR","error":"request POST /sessions?x failed(status=\\"409 Conflict\\")"}'
    assert classify(line) is ExitCause.CONFLICT


def test_only_a_serving_listener_serves() -> None:
    assert read_log(HEARTBEAT_014).serving
    assert not read_log(f"{HEARTBEAT_014}\n{CONFLICT_014}").serving
    assert not read_log(ALIVE["starting"]).serving


def test_the_kubelets_stamps_give_the_times() -> None:
    reading = read_log(stamped(f"{HEARTBEAT_014}\n{CONFLICT_014}", second=10))
    assert reading.said_at == pytest.approx(1767598691.123456)
    assert reading.last_at == reading.said_at
    assert read_log(HEARTBEAT_013).last_at is None, "zap's own stamp is no kubelet's"


def test_silence_of_a_listener_that_logs_errors_only_means_nothing() -> None:
    error = 'time=2026-01-05T07:37:50Z level=ERROR msg="request failed" error="EOF" method=GET url="x"'
    assert read_log(stamped(error)).last_at is None
    assert read_log(stamped(f"{error}\n{HEARTBEAT_014}")).last_at is not None


TERMINATIONS = {
    "out of memory": ("OOMKilled", 137, "", ExitCause.OUT_OF_MEMORY),
    "out of memory in spite of its last words": ("OOMKilled", 137, CONFLICT_014, ExitCause.OUT_OF_MEMORY),
    "killed": ("Error", 137, "", ExitCause.KILLED),
    "killed after a heartbeat": ("Error", 137, HEARTBEAT_014, ExitCause.KILLED),
    "terminated": ("Error", 143, "", ExitCause.KILLED),
    "silent": ("Error", 1, "", ExitCause.OTHER),
    "completed": ("Completed", 0, "", ExitCause.OTHER),
    "message": ("Error", 1, CONFLICT_014, ExitCause.CONFLICT),
    "message without its beginning": ("Error", 1, CONFLICT_014[200:], ExitCause.CONFLICT),
    "no code": ("ContainerStatusUnknown", None, "", ExitCause.OTHER),
}


@pytest.mark.parametrize(("reason", "code", "message", "cause"), TERMINATIONS.values(), ids=TERMINATIONS)
def test_a_termination_names_its_cause(reason: str, code: int | None, message: str, cause: ExitCause) -> None:
    assert read_termination(reason, code, message)[0] is cause


def test_the_told_line_keeps_what_matters() -> None:
    line = read_log(CONFLICT_014).line
    assert len(line) <= LIMIT
    assert line.startswith("failed to create actions message session client")
    assert line.endswith("already has an active session.")


SECRET = "ghs_" + "a1B2" * 9


@given(
    st.text(), st.text(), st.sampled_from([SECRET, "github_pat_11ABCDEFG0123456789_abc", "eyJhbGciOiJIUzI1NiJ9.eyJ"])
)
def test_any_log_is_read_and_told_in_one_clean_line(before: str, after: str, secret: str) -> None:
    for log in (before, f"{FATAL}{before} {secret} {after}", stamped(before) + CONFLICT_014 + after):
        for line in (read_log(log).line, read_termination(before, 1, log)[1], read_termination("", None, after)[1]):
            assert len(line) <= LIMIT
            assert line.isprintable()
            assert secret not in line
