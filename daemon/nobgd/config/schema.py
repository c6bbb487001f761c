"""The JSON Schema of the configuration, for editors: ``python -m nobgd.config.schema``."""

from __future__ import annotations

import json
import sys
from typing import Any

from nobgd.config.model import Config


def schema() -> dict[str, Any]:
    """The schema, with the defaults that depend on the machine left out."""
    made = Config.model_json_schema()
    made["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    made["title"] = "nobgd configuration"
    del made["properties"]["origin"]
    return made


def text() -> str:
    """As it lies in config/nobgd.schema.json."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
