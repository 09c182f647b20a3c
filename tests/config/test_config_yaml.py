"""The YAML reader: everything stays what was written, and what YAML lets pass silently is a flaw."""

import pytest
from config.samples import MINIMAL, changed, problems
from hypothesis import given
from hypothesis import strategies as st

from monitor.config import parse
from monitor.config.positions import Place, read


@pytest.mark.parametrize("text", ["on", "no", "12:30:45", "0123", "1_000", "2024-01-01", "1e3", "0x10", "true", ".inf"])
def test_a_plain_scalar_stays_text(text: str) -> None:
    assert read(f"key: {text}\n").value == {"key": text}


@pytest.mark.parametrize("text", ["", "~", "null"])
def test_nothing_is_none_unless_it_is_quoted(text: str) -> None:
    assert read(f"key: {text}\n").value == {"key": None}
    assert read(f"key: '{text}'\n").value == {"key": text}


@pytest.mark.parametrize("name", ["no", "123", "0123", "on", "true", "1.10"])
def test_names_that_yaml_would_bend_are_names(name: str) -> None:
    text = changed("  us: {context: us}", f"  {name}: {{context: {name}, region: {name}}}")
    settings = parse(changed("cluster: us", f"cluster: {name}", text), "c.yaml")
    assert settings.clusters[name].context == name
    assert settings.fleet.clusters[name].region == name


def test_every_value_has_its_place() -> None:
    document = read("a:\n  b: [x, yy]\n")
    assert document.place(("a",)) == Place(1, 1)
    assert document.place(("a", "b")) == Place(2, 6)
    assert document.place(("a", "b"), key=True) == Place(2, 3)
    assert document.place(("a", "b", 1)) == Place(2, 10)
    assert document.place(("a", "missing", "deep")) == Place(1, 1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "1:1: is empty; 'arc-monitor config example' prints one to start from"),
        ("# only words\n", "1:1: is empty; 'arc-monitor config example' prints one to start from"),
        ("- a\n", "1:1: expected a mapping with github, clusters and pools"),
        ("a: b: c\n", "1:5: not valid YAML: mapping values are not allowed in this context"),
        ("a: 1\nb: \x07\n", "2:4: not valid YAML: control characters are not allowed"),
        ("a: 'x\n", "not valid YAML: while scanning a quoted scalar, found unexpected end of stream"),
        ("[" * 50_000, "1:22: nested more than 20 levels deep"),
        ("{a: " * 50_000, "nested more than 20 levels deep"),
    ],
)
def test_what_is_no_configuration_at_all_is_one_problem(text: str, expected: str) -> None:
    (problem,) = problems(text)
    assert problem.endswith(expected)


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ("web: {listen: a:1}\nweb: {listen: b:2}\n", "12:1: web: is written twice; the first one is on line 11"),
        ("log: {level: info, level: {deep: [1]}}\n", "11:20: log.level: is written twice; the first one is on line 11"),
        ("log: &x {level: info}\n", "11:6: log: anchors and aliases are not supported"),
        ("log: *x\n", "11:6: log: anchors and aliases are not supported"),
        ("log: {<<: {level: info}}\n", "11:7: log: merge keys (<<) are not supported"),
        ("log: !env {level: info}\n", "11:6: log: tags are not supported"),
        ("log: {level: !!python/name:os.system }\n", "11:14: log.level: tags are not supported"),
        ("log: {? [level] : info}\n", "11:9: log: a key must be plain text"),
        ("--- \nlog: {level: info}\n", "11:1: a second YAML document; expected one"),
    ],
)
def test_what_yaml_lets_pass_is_refused_at_its_place(extra: str, expected: str) -> None:
    assert any(problem.startswith(expected) for problem in problems(MINIMAL + extra)), problems(MINIMAL + extra)


@given(st.text(alphabet="ab:-{}[],&*!|>'\"#%@ \n\t?<~0\x00é", max_size=60))
def test_reading_never_raises(text: str) -> None:
    document = read(text)
    assert document.flaws or document.value is None or isinstance(document.value, (str, list, dict))
