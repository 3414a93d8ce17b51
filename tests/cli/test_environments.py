"""Settings of an environment on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from impp_cli import environments
from impp_cli.environments import Settings, SettingsError


def test_variables_have_precedence_over_the_file(tmp_path: Path) -> None:
    environ = {"XDG_CONFIG_HOME": str(tmp_path)}
    assert environments.load("dev", environ) == Settings()
    file = environments.path_of("dev", environ)
    assert file == tmp_path / "impp" / "dev.toml"
    file.parent.mkdir()
    file.write_text('profile = "dashcam"\nendpoint_url = "http://127.0.0.1:4580"\n')
    assert environments.load("dev", environ) == Settings("dashcam", "http://127.0.0.1:4580")
    assert environments.load("dev", {**environ, "AWS_PROFILE": "other"}).profile == "other"
    assert environments.load("prod", environ) == Settings()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("profile = ", "Invalid value"),
        ('profil = "x"', "unknown setting profil; known: endpoint_url, profile"),
        ("profile = 3", "profile must be text"),
    ],
)
def test_mistakes_name_the_file(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "impp" / "dev.toml"
    file.parent.mkdir()
    file.write_text(text)
    with pytest.raises(SettingsError, match=message) as raised:
        environments.load("dev", {"XDG_CONFIG_HOME": str(tmp_path)})
    assert str(file) in str(raised.value)
