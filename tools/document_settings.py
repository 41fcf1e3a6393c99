"""Write docs/configuration.md from the settings' own descriptions: `python -m tools.document_settings`."""

from pathlib import Path

import msgspec

from webapp.settings import PREFIX, Settings

HEAD = """# Configuration

Every setting is an environment variable; all are optional. A wrong value, or a name that is no setting,
stops the start with one clear line. What Kubernetes and Docker inject for a service called `soundloom`,
such as `SOUNDLOOM_PORT=tcp://10.0.0.1:80`, is ignored, and the log says so. This table is written by
`python -m tools.document_settings`, and a test holds it against the code.

| variable | default | meaning |
|---|---|---|
"""


def document() -> str:
    """The text of the document."""
    properties = msgspec.json.schema(Settings)["$defs"]["Settings"]["properties"]
    rows = []
    for name, entry in properties.items():
        default = f"`{entry['default']}`" if entry.get("default") != "" else ""
        rows.append(f"| `{PREFIX}{name.upper()}` | {default} | {entry['description']} |\n")
    return HEAD + "".join(rows)


if __name__ == "__main__":
    (Path(__file__).parent.parent / "docs" / "configuration.md").write_text(document(), encoding="utf-8")
