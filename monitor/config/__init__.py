"""The configuration: a YAML file in, the values that every room speaks out, and every problem with its place."""

from monitor.config.advice import advise
from monitor.config.durations import format_duration, parse_duration
from monitor.config.example import example
from monitor.config.load import json_schema, load, parse
from monitor.config.show import show

__all__ = ["advise", "example", "format_duration", "json_schema", "load", "parse", "parse_duration", "show"]
