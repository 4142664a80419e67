"""`chuanliu bills ask`: a consumer's question, answered from her own data."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from chuanliu.assistant.questions import Proof, answer_to, read_facts, tongue_of
from chuanliu.bills import day_text, signed
from chuanliu.cli.installation import number
from chuanliu.gateway import Services


async def ask_bills(
    services: Services,
    /,
    user_id: Annotated[str, typer.Argument(help="The consumer's number (2088…).", metavar="USER_ID")],
    question: Annotated[str, typer.Argument(help="In Chinese or English.", metavar="QUESTION")],
    language: Annotated[str | None, typer.Option("--language", help="zh or en; the question's own without it.")] = None,
) -> dict[str, Any]:
    """Answer a question about a consumer's bills, with the lines that prove it; refuse what is not understood."""
    tongue = tongue_of(question) if language is None else "en" if language == "en" else "zh"
    async with services.reads.connection() as connection:
        facts = await read_facts(services.engine, connection, number(user_id, "user_id"), time.time_ns() // 1000)
    answer = answer_to(question, facts, tongue)
    return {
        "intent": answer.intent,
        "refusal": answer.refusal or None,
        "answer": answer.text,
        "totals": {code: signed(minor, code) for code, minor in answer.totals.items()},
        "proofs": [_line(proof) for proof in answer.proofs],
        "notes": list(answer.notes),
    }


def _line(proof: Proof) -> str:
    parts = (
        "" if proof.on is None else day_text(proof.on),
        proof.text,
        "" if proof.amount_minor is None else f"{signed(proof.amount_minor, proof.currency)} {proof.currency}",
        proof.reference,
    )
    return "  ".join(part for part in parts if part)
