"""Renders the state machine's Jinja2 template to canonical Amazon States Language; errors name the template's line.

Delimiters are `<< >>`, `<% %>` and `<# #>`, because JSONata uses `{% %}`. The result still holds Terraform's
placeholders `${inspect_function_arn}`: Terraform's templatefile fills them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from impp_build import BuildError

if TYPE_CHECKING:
    import jinja2

PLACEHOLDER = re.compile(r"\$\{([^}]*)\}")
MAX_BYTES = 1_048_576  # Step Functions' quota for one definition


def render(template: Path, features: Mapping[str, bool], timeouts: Mapping[str, int]) -> str:
    """The definition as indented JSON, keys in the template's order.

    The template sees `features` (name → true or false) and `timeouts` (function → seconds). Raises BuildError for an
    undefined name, a mistake in the template, invalid JSON, a duplicate key, and text that Terraform's templatefile
    would interpret.
    """
    text = _expand(template, features=dict(features), timeouts=dict(timeouts))
    try:
        definition = json.loads(text, object_pairs_hook=lambda pairs: _unique(template, pairs))
    except json.JSONDecodeError as error:
        lines = text.splitlines()
        near = "\n".join(
            f"  {'>' if number == error.lineno else ' '} {number:4} {lines[number - 1]}"
            for number in range(max(1, error.lineno - 2), min(len(lines), error.lineno + 1) + 1)
        )
        message = f"{template}: renders to invalid JSON ({error.msg}), rendered line {error.lineno}:\n{near}"
        raise BuildError(message) from error
    rendered = json.dumps(definition, indent=2) + "\n"
    _check_for_terraform(template, rendered)
    return rendered


def _expand(template: Path, **variables: Any) -> str:
    import jinja2

    try:
        return _environment(template.parent).get_template(template.name).render(**variables)
    except jinja2.TemplateNotFound as error:
        raise BuildError(f"{template.parent / (error.name or template.name)}: no such template") from error
    except jinja2.TemplateSyntaxError as error:
        raise BuildError(f"{error.filename or template}:{error.lineno}: {error.message}") from error
    except (jinja2.TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
        raise BuildError(f"{_where(error, template)}: {error}") from error


@cache
def _environment(folder: Path) -> jinja2.Environment:
    """It keeps what it has compiled, as long as the files are the same."""
    import jinja2

    environment = jinja2.Environment(  # noqa: S701  the output is JSON, not HTML; tojson quotes
        loader=jinja2.FileSystemLoader(folder),
        undefined=jinja2.StrictUndefined,
        variable_start_string="<<",
        variable_end_string=">>",
        block_start_string="<%",
        block_end_string="%>",
        comment_start_string="<#",
        comment_end_string="#>",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.policies["json.dumps_kwargs"] = {"default": _refuse}
    return environment


def _refuse(value: object) -> str:
    """Reject a value that is not JSON in `tojson`. An undefined name raises its own error when it becomes text."""
    raise TypeError(f"{str(value)!r} of type {type(value).__name__} is not JSON")


def _where(error: Exception, template: Path) -> str:
    """Return `file:line` of the template line that failed, from the frames that Jinja2 rewrites."""
    found, frame = str(template), error.__traceback__
    while frame:
        filename = frame.tb_frame.f_code.co_filename
        if Path(filename).parent == template.parent:
            found = f"{filename}:{frame.tb_lineno}"
        frame = frame.tb_next
    return found


def _unique(template: Path, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise BuildError(f"{template}: {twice!r} appears twice in one object; JSON would silently keep the last")
    return result


def _check_for_terraform(template: Path, rendered: str) -> None:
    if "%{" in rendered:
        raise BuildError(f"{template}: '%{{' would start a directive of Terraform's templatefile; write '% {{'")
    for inside in PLACEHOLDER.findall(rendered):
        if not re.fullmatch(r"[a-z][a-z0-9_]*", inside):
            raise BuildError(f"{template}: '${{{inside}}}' is not a plain placeholder of Terraform's templatefile")
    if len(rendered) > MAX_BYTES:
        raise BuildError(f"{template}: {len(rendered)} bytes rendered, Step Functions takes {MAX_BYTES}")
