"""`python -m impp_build.reference`: write every reference page that has changed, and name it."""

from __future__ import annotations

import click

from impp_build.reference import pages


@click.command()
def main() -> None:
    """Generate the reference pages from the commands, schemas and Terraform files that they describe."""
    for page in pages():
        if not page.is_current():
            page.file.parent.mkdir(parents=True, exist_ok=True)
            page.file.write_text(page.text, encoding="utf-8")
            click.echo(f"wrote {page.path}")


if __name__ == "__main__":
    main()
