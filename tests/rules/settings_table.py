"""The README's table of settings, made from `settings.py`. `python -m tests.rules.settings_table` writes it."""

from __future__ import annotations

from pathlib import Path

from runstone.settings import Settings, is_secret

README = Path(__file__).resolve().parents[2] / "README.md"
BEGIN, END = "<!-- settings: begin -->\n", "<!-- settings: end -->"


def table() -> str:
    lines = ["| environment variable | option | default | meaning |", "|---|---|---|---|"]
    for name, field in Settings.model_fields.items():
        extra = field.json_schema_extra
        option = extra.get("option") if isinstance(extra, dict) else None
        default = (
            ""
            if field.default in (None, "")
            else f"`{str(field.default).lower() if isinstance(field.default, bool) else field.default}`"
        )
        shown = f"`{option}`" if option else ""
        secret = f" A secret: `RUNSTONE_{name.upper()}_FILE` may name a file that holds it." if is_secret(field) else ""
        lines.append(f"| `RUNSTONE_{name.upper()}` | {shown} | {default} | {field.description}{secret} |")
    return "\n".join(lines) + "\n"


def replaced(text: str) -> str:
    before, rest = text.split(BEGIN)
    return before + BEGIN + table() + END + rest.split(END)[1]


if __name__ == "__main__":
    README.write_text(replaced(README.read_text()))
