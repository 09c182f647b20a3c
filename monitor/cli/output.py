"""Writes answers as JSON or YAML."""

import json

import yaml

from monitor.cli.options import Output


def print_data(data: object, output: Output) -> None:
    """Print plain data (dicts, lists, strings, numbers) in the wanted form."""
    text = json.dumps(data, indent=2, sort_keys=False, default=str)
    if output is Output.YAML:
        text = yaml.safe_dump(json.loads(text), sort_keys=False, allow_unicode=True).rstrip()
    print(text)
