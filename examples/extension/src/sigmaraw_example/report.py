"""A report format: verdicts as a Markdown table."""

import json

from sigmaraw.errors import InvalidRecord
from sigmaraw.files import atomic_path


class Markdown:
    """Write verdicts.md: one row for each image, codec and measurement."""

    name = "markdown"

    def render(self, folder):
        try:
            record = json.loads((folder / "record.json").read_text(encoding="utf-8"))
            rows = [(row["image"], row["codec"], row["measurement"], row["verdict"]) for row in record["results"]]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InvalidRecord(f"{folder} holds no record", "record.json as validate writes it", "name such a folder") from error
        lines = ["| image | codec | measurement | verdict |", "|---|---|---|---|"]
        lines += ["| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in rows]
        path = folder / "verdicts.md"
        with atomic_path(path) as temporary:
            temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path
