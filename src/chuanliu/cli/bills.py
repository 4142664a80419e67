"""`chuanliu bills`: make statements, look at them, take them away, repay them."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated, Any

import psycopg
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from chuanliu.bills import (
    FindStatement,
    FindStatements,
    Statement,
    generation_store,
    statement_csv,
    statement_pdf,
    statement_store,
)
from chuanliu.cli.bill_questions import ask_bills
from chuanliu.cli.bill_repayment import collect_bills, repay_bill, reschedule, set_auto_repay
from chuanliu.cli.installation import Data, DatabaseUrl, Json, command, installation, number
from chuanliu.cli.installation import run as run_action
from chuanliu.clock import Micros, parse_wall
from chuanliu.errors import Invalid
from chuanliu.gateway import Services
from chuanliu.lenders import Product, find_product, lender_of, product_by_code, serviced_products
from chuanliu.money import format_amount
from chuanliu.parties import ReadReference

app = typer.Typer(no_args_is_help=True, help="Statements of lines in our books.")

UserId = Annotated[str, typer.Argument(help="The consumer's number (2088…).", metavar="USER_ID")]
ProductCode = Annotated[str | None, typer.Option("--product", help="Only this product's.")]


@app.command("run")
def run_bills(
    product: ProductCode = None,
    until: Annotated[
        str | None, typer.Option("--until", help="Cycles that ended before then: yyyy-mm-dd hh:mm, Asia/Shanghai.")
    ] = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Make all statements whose cycle has ended. May be stopped at any time and started again.

    Works in short transactions beside running traffic. What was made is never made again.
    """
    end = time.time_ns() // 1000 if until is None else parse_wall(until, field="until")
    chosen = run_action(data, database_url, lambda services: _serviced(services, product))
    settings = installation(data, database_url)
    rows = []
    with psycopg.connect(settings.database_url or "", autocommit=True, application_name="chuanliu bills") as connection:
        generation_store.prepare(connection)
        for each in chosen:
            made = _bill(connection, each, end)
            rows.append(
                {
                    "product": each.code,
                    "lines": made.lines,
                    "statements": made.statements,
                    "chunks": made.chunks,
                    "longest_chunk_ms": round(made.longest_s * 1000, 1),
                }
            )
    if as_json:
        typer.echo(json.dumps({"products": rows}))
        return
    for row in rows:
        typer.echo(f"{row['product']:<30}{row['statements']:>10,} statements of {row['lines']:,} lines")


command(app, "repay")(repay_bill)
command(app, "auto-repay")(set_auto_repay)
command(app, "collect")(collect_bills)
command(app, "hardship")(reschedule)
command(app, "ask")(ask_bills)


async def _serviced(services: Services, code: str | None) -> list[Product]:
    reference = await services.engine.ask(ReadReference())
    if code is not None:
        found = [product_by_code(reference, code)]
        if found[0].funding != "own":
            raise Invalid("invalid_parameter", "the lender bills this product itself", field="product")
        return found
    return serviced_products(reference)


def _bill(connection: psycopg.Connection[Any], product: Product, end: Micros) -> generation_store.Progress:
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        console=Console(stderr=True), transient=True,
    )  # fmt: skip
    total = generation_store.lines_to_do(connection, product, end)
    with bar:
        task = bar.add_task(product.code, total=total)

        def report(progress: generation_store.Progress) -> None:
            bar.update(task, completed=progress.lines, description=f"{product.code} {progress.cycle}")

        return generation_store.bill_product(connection, product, end, report=report)


def _row(services: Services, statement: Statement) -> dict[str, Any]:
    product = find_product(services.engine.reference, statement.product_id)
    money = {
        name.removesuffix("_minor"): format_amount(getattr(statement, name), statement.currency)
        for name in ("due_minor", "minimum_minor", "closing_minor", "later_minor")
    }
    return {
        "cycle": statement.cycle,
        "product": product.code if product is not None else str(statement.product_id),
        "statement_on": statement.statement_on,
        "due_on": statement.due_on,
        **money,
        "currency": statement.currency,
        "entries": f"{statement.first_seq}-{statement.last_seq}",
    }


@command(app, "show", rows="statements")
async def show_bills(services: Services, /, user_id: UserId, product: ProductCode = None) -> list[dict[str, Any]]:
    """Show a consumer's statements, oldest first."""
    reference = await services.engine.ask(ReadReference())
    product_id = None if product is None else product_by_code(reference, product).product_id
    found = await services.engine.ask(FindStatements(number(user_id, "user_id"), product_id))
    return [_row(services, each) for each in found]


@command(app, "export")
async def export_bill(
    services: Services,
    /,
    user_id: UserId,
    product: Annotated[str, typer.Argument(help="The product's code.", metavar="PRODUCT")],
    cycle: Annotated[int, typer.Argument(help="Year and month of the statement day: yyyymm.", metavar="CYCLE")],
    file: Annotated[Path, typer.Argument(help="Where to write it: .csv or .pdf.", metavar="FILE")],
    language: Annotated[str, typer.Option("--language", help="zh or en.")] = "zh",
) -> dict[str, Any]:
    """Write one statement with its postings to a file, as CSV or PDF by the file's ending."""
    if file.suffix not in (".csv", ".pdf"):
        raise Invalid("invalid_parameter", "the file must end in .csv or .pdf", field="file")
    reference = await services.engine.ask(ReadReference())
    found = product_by_code(reference, product)
    statement = (await services.engine.ask(FindStatement(number(user_id, "user_id"), found.product_id, cycle)))[-1]
    async with services.reads.connection() as connection:
        lines = await statement_store.read_lines(connection, statement)
    if file.suffix == ".csv":
        content = statement_csv(statement, lines)
    else:
        lender = lender_of(reference, found)
        names = (found.name, lender.name) if language == "en" else (found.name_zh, lender.name_zh)
        content = statement_pdf(statement, lines, *names, "en" if language == "en" else "zh")
    size = file.write_bytes(content)
    return {"file": str(file), "bytes": size, "postings": len(lines)}
