"""Code that a merchant developer can copy and run as printed: credentials and addresses are filled in."""

from __future__ import annotations

import re
import shlex
from typing import Final

import msgspec
from markupsafe import Markup, escape

from chuanliu.web.language import Language
from chuanliu.web.rendering import render
from chuanliu.web.texts import TEXTS, text


class Credentials(msgspec.Struct, frozen=True):
    """Keys of the sandbox merchant. RSA keys are bare base64: PKCS#8 and PKCS#1 of the same key, and a public SPKI."""

    app_id: str
    seller_id: str
    app_private_key: str
    app_private_key_pkcs1: str
    platform_public_key: str
    api_key: str


class Snippet(msgspec.Struct, frozen=True):
    """One tab: `install` is a shell line, empty where nothing is needed; `drawn` is `code` as HTML, its parts marked.

    `code` is empty where the snippet cannot work on this machine.
    """

    snippet_id: str
    label: str
    file_name: str
    install: str
    code: str
    drawn: Markup


_KINDS: Final = (
    ("python-community", "Python", "python_community.py", "pip install python-alipay-sdk"),
    ("node-v2", "Node v2", "node_v2.mjs", "npm install alipay-sdk"),
    ("node-v3", "Node v3", "node_v3.mjs", "npm install alipay-sdk"),
    ("python-official", "start.official_label", "python_official.py", "pip install alipay-sdk-python"),
    ("curl", "curl", "native.sh", ""),
)

_MARKED: Final = re.compile(
    r"""(?P<comment>(?:(?<=\n)|(?<=\A)|(?<=\s))(?:\#|//)[ !][^\n]*)
      | (?P<text>f?"(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*' | `(?:\\.|[^`\\])*`)
      | (?P<word>\b(?:import|from|def|return|const|await|new|async|for|in|set)\b)""",
    re.VERBOSE,
)


def snippets(
    credentials: Credentials,
    language: Language,
    *,
    base_url: str,
    official_base_url: str,
    payment_code_url: str,
) -> tuple[Snippet, ...]:
    """The snippets in the order of their tabs. The official Python one is empty without `official_base_url`."""
    made: list[Snippet] = []
    for snippet_id, label, file_name, install in _KINDS:
        code = ""
        if official_base_url or snippet_id != "python-official":
            code = render(
                f"snippets/{file_name}.txt",
                language,
                credentials=credentials,
                base_url=base_url,
                official_base_url=official_base_url,
                payment_code_url=payment_code_url,
                literal=_literal,
                shell=shlex.quote,
            )
        made.append(
            Snippet(
                snippet_id, text(label, language) if label in TEXTS else label, file_name, install, code, _mark(code)
            )
        )
    return tuple(made)


def _literal(value: str) -> str:
    """A JSON string is a string literal of Python and of JavaScript alike."""
    return msgspec.json.encode(value).decode()


def _mark(code: str) -> Markup:
    """The code as HTML with comments, texts and key words in spans, for the eye only."""
    parts: list[Markup] = []
    end = 0
    for match in _MARKED.finditer(code):
        parts += [
            escape(code[end : match.start()]),
            Markup('<span class="code-{}">{}</span>').format(match.lastgroup, match[0]),
        ]
        end = match.end()
    return Markup("").join([*parts, escape(code[end:])])
