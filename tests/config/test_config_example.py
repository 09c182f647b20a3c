"""What is made from the schema: the commented example, the JSON schema, and the effective values."""

import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from config.samples import MINIMAL, SOURCE
from config.test_config_load import FULL

from monitor.config import example, json_schema, parse, show
from monitor.config.example import flow
from monitor.config.positions import read
from monitor.config.schema import Root
from monitor.model.fleet import Mode, Policy, Thresholds, Timing

ROOT = Path(__file__).parents[2]
UNWRITTEN = [line for line in example().splitlines() if re.match(r" *#\w+: ", line)]


def test_the_file_in_the_repository_is_what_the_command_prints() -> None:
    assert (ROOT / "config.example.yaml").read_text(encoding="utf-8") == example()


def test_the_example_is_valid_and_changes_no_default() -> None:
    settings = parse(example(), SOURCE)
    assert settings.fleet.timing == Timing()
    assert settings.fleet.thresholds == Thresholds()
    assert settings.fleet.pools["linux"].policy == Policy()
    assert settings.fleet.pools["linux"].policy.mode is Mode.OBSERVE


@pytest.mark.parametrize("line", [line for line in UNWRITTEN if "token_env" not in line and "#app" not in line])
def test_every_line_that_may_be_left_out_is_right_as_it_stands(line: str) -> None:
    assert example().count(f"\n{line}\n") >= 1
    assert parse(example().replace(f"\n{line}\n", f"\n{line.replace('#', '', 1)}\n"), SOURCE)


def test_defaults_that_are_shown_are_the_ones_that_hold() -> None:
    written = example()
    for line in UNWRITTEN:
        if re.match(r"  #", line) and not re.search("token_file|ca_file|page_url|urls|labels", line):
            written = written.replace(f"\n{line}\n", f"\n{line.replace('#', '', 1)}\n")
    assert parse(written, SOURCE) == parse(example(), SOURCE)


def test_every_key_is_in_the_example_and_explained() -> None:
    text = example()
    for name, definition in json_schema()["$defs"].items():
        for key, about in definition.get("properties", {}).items():
            assert about.get("description"), f"{name}.{key} is not explained"
            assert re.search(rf"[ #{{]{key}(:|  )", text), f"{name}.{key} is not in the example"


def _as_an_editor_reads_it(text: str) -> Any:
    return yaml.safe_load(text)


def test_the_json_schema_accepts_what_the_loader_accepts() -> None:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    for text in (MINIMAL, example(), FULL, show(parse(FULL, SOURCE)), f"{MINIMAL}status_page: off\n"):
        jsonschema.validate(_as_an_editor_reads_it(text), schema)


@pytest.mark.parametrize("extra", ["logg: {}", "log: {level: loud}", "timing: {poll: soon}", "status_page: perhaps"])
def test_the_json_schema_refuses_what_the_loader_refuses(extra: str) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(_as_an_editor_reads_it(f"{MINIMAL}{extra}\n"), json_schema())


@pytest.mark.parametrize("text", [MINIMAL, FULL, f"{MINIMAL}status_page: off\n", f"{MINIMAL}timing: {{poll: 700ms}}\n"])
def test_what_is_shown_is_read_back_as_the_same_settings(text: str) -> None:
    settings = parse(text, SOURCE)
    assert parse(show(settings), SOURCE) == settings


@pytest.mark.parametrize(
    "text", ["", "on", "a: b", "- x", "12:30", "a,b", "it's", "*x", "[", "#x", "~", "a #b", "1.5", "a:", "!x"]
)
def test_any_text_is_written_so_that_it_is_read_back(text: str) -> None:
    assert read(f"key: {flow([text, {'k': text}])}\n").value == {"key": [text, {"k": text}]}
    assert yaml.safe_load(f"key: {flow(text)}") == {"key": text}


def test_the_file_s_sections_are_the_documented_ones() -> None:
    assert list(Root.model_fields) == [
        "github",
        "clusters",
        "pools",
        "defaults",
        "timing",
        "thresholds",
        "status_page",
        "alertmanager",
        "web",
        "store",
        "log",
    ]
