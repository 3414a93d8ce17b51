"""Languages as Whisper names them (ISO 639-1) and as Amazon Transcribe does (with a region)."""

from __future__ import annotations

_BOTH = """
af-ZA am-ET ar-SA az-AZ ba-RU be-BY bg-BG bn-IN bs-BA ca-ES cs-CZ cy-GB da-DK de-DE el-GR en-US es-ES et-EE eu-ES fa-IR
fi-FI fr-FR gl-ES gu-IN ha-NG he-IL hi-IN hr-HR ht-HT hu-HU hy-AM id-ID is-IS it-IT ja-JP jv-ID ka-GE kk-KZ km-KH kn-IN
ko-KR lt-LT lv-LV mi-NZ mk-MK ml-IN mn-MN mr-IN ms-MY mt-MT my-MM ne-NP nl-NL no-NO pa-IN pl-PL ps-AF pt-BR ro-RO ru-RU
si-LK sk-SK sl-SI so-SO sq-AL sr-RS su-ID sv-SE sw-KE ta-IN te-IN th-TH tl-PH tr-TR tt-RU uk-UA uz-UZ vi-VN zh-CN
"""
_WITH_REGION = {code.partition("-")[0]: code for code in _BOTH.split()}
"""Languages that both know, from `LanguageCode` in botocore's model of Transcribe. Where it lists several regions, the
largest one stands for the language: Whisper does not tell them apart."""
_OTHER_NAMES = {"jw": "jv"}
"""Whisper's code where it differs: Javanese had this one until 2001."""
_WHISPER_ALONE = "as bo br fo haw la lb ln lo mg nn oc sa sd sn tg tk ur yi yo yue"
_UNSPACED = ("bo", "ja", "km", "lo", "my", "th", "yue", "zh")
"""Languages whose words no space separates."""


def is_spaced(code: str | None) -> bool:
    """Whether spaces separate the words of a language, given with or without its region."""
    return (code or "").partition("-")[0] not in _UNSPACED


def with_region(code: str) -> str:
    """Transcribe's code, such as `de-DE` for `de`; the code itself for a language that Transcribe lacks."""
    return _WITH_REGION.get(_OTHER_NAMES.get(code, code), code)


def spoken(code: str) -> str | None:
    """Whisper's code for one such as `de-AT`, None for a language that Whisper does not know."""
    language = code.partition("-")[0].lower()
    known = {theirs: ours for ours, theirs in _OTHER_NAMES.items()}
    if language in _WITH_REGION:
        return known.get(language, language)
    return language if language in _WHISPER_ALONE.split() else None
