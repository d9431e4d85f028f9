"""What self-contained pages are made of: a template that escapes what is put into it, styles and scripts, and the hash that admits one."""

from __future__ import annotations

import base64
import functools
import hashlib
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Template


@functools.cache
def page_template(package: str, name: str) -> Template:
    """Return a template of a package: everything put into it is escaped, and a missing value is an error."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader(package, "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(name)


@functools.cache
def page_asset(package: str, name: str) -> str:
    """Return the text of a style or script that stands beside the templates of a package."""
    return (resources.files(package) / "templates" / name).read_text(encoding="utf-8")


def source_hash(text: str) -> str:
    """Return the SHA-256 of a style or script as a page's content security policy names it, in base64."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
