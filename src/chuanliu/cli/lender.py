"""`chuanliu lender`: lenders and their products, from files and back into files."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from chuanliu.cli.installation import Data, DatabaseUrl, Failed, Json, command, run
from chuanliu.errors import ChuanliuError
from chuanliu.gateway import Services
from chuanliu.gateway import lender as lender_api
from chuanliu.lenders import (
    PRODUCT,
    ApplyLender,
    ChangeLender,
    LenderFile,
    Problem,
    SuspendProduct,
    find_lender,
    lender_yaml,
    lenders,
    problems_across,
    product_by_code,
    read_lender_file,
    spec_of,
)
from chuanliu.parties import ReadReference
from chuanliu.runtime import CannotStart

app = typer.Typer(no_args_is_help=True, help="Lenders and their products.")

Code = Annotated[str, typer.Argument(help="The lender's code, such as yunhe-bank.", metavar="CODE")]
ProductCode = Annotated[str | None, typer.Option("--product", help="Only this product of it.", metavar="CODE")]
_SUFFIXES = (".yaml", ".yml")


def _files(paths: list[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(each for each in path.iterdir() if each.suffix in _SUFFIXES)
            if not inside:
                raise CannotStart(f"no {' or '.join(_SUFFIXES)} files are in {path}")
            found += inside
        else:
            found.append(path)
    return found


def _read(file: Path) -> LenderFile:
    try:
        return read_lender_file(file.read_text("utf-8"))
    except OSError as failure:
        raise CannotStart(f"cannot read {file}: {failure.strerror}") from failure
    except UnicodeDecodeError:
        return LenderFile(None, [Problem(None, None, "", "not UTF-8")])


def _place(file: Path, problem: Problem) -> str:
    at = f"{file}:{problem.line}:{problem.column}" if problem.line is not None else str(file)
    return f"{at}: {problem.path}: {problem.message}" if problem.path else f"{at}: {problem.message}"


def _report(
    applied: list[dict[str, Any]], problems: list[tuple[Path, Problem]], *, checked: bool, as_json: bool
) -> None:
    if as_json:
        listed = [{"file": str(file), **problem._asdict()} for file, problem in problems]
        typer.echo(json.dumps({"lenders": applied, "problems": listed}, ensure_ascii=False))
    else:
        for each in applied:
            done = [f"{len(each[name])} {name}" for name in ("added", "changed") if each[name]]
            typer.echo(f"{each['file']}: {each['code']}: {'sound' if checked else ', '.join(done) or 'unchanged'}")
        for file, problem in problems:
            sys.stderr.write(f"{_place(file, problem)}\n")
    if problems:
        raise typer.Exit(1)


@app.command("apply")
def apply_files(
    paths: Annotated[list[Path], typer.Argument(help="Files, or folders of .yaml files.", metavar="FILE|FOLDER…")],
    check: Annotated[bool, typer.Option("--check", help="Only read the files: nothing needs to run.")] = False,
    data: Data = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Make lenders and products what files say. With anything wrong in any file, nothing is applied; status 1.

    Each problem is a line FILE:LINE:COLUMN: path: message on standard error. What files do not name stays as it is.
    """
    files = _files(paths)
    read = [_read(file) for file in files]
    problems = [(file, problem) for file, each in zip(files, read, strict=True) for problem in each.problems]
    problems += [(files[number], problem) for number, problem in problems_across(read)]
    if problems or check:
        sound = [
            {"file": str(file), "code": each.spec.code, "added": [], "changed": []}
            for file, each in zip(files, read, strict=True)
            if each.spec is not None and file not in {file for file, _ in problems}
        ]
        _report(sound if check else [], problems, checked=True, as_json=as_json)
        return

    async def act(services: Services) -> tuple[list[dict[str, Any]], list[tuple[Path, Problem]]]:
        applied: list[dict[str, Any]] = []
        for file, each in zip(files, read, strict=True):
            if each.spec is None or each.marked is None:
                continue
            try:
                done = await services.engine.submit(ApplyLender(each.spec))
            except ChuanliuError as error:
                # The first one ends it: what comes behind may rest on it.
                message = error.message.removeprefix(f"{error.field}: ")
                return applied, [(file, each.marked.problem(error.field or "", message))]
            applied.append(
                {
                    "file": str(file),
                    "code": each.spec.code,
                    "lender_id": str(done.lender.lender_id),
                    "added": list(done.added),
                    "changed": list(done.changed),
                }
            )
        return applied, []

    applied, refused = run(data, database_url, act)
    _report(applied, refused, checked=False, as_json=as_json)


@command(app, "list", rows="lenders")
async def list_lenders(services: Services, /) -> list[dict[str, Any]]:
    """List all lenders with their products."""
    reference = await services.engine.ask(ReadReference())
    return [
        {
            "code": lender.code,
            "name": lender.name,
            "name_zh": lender.name_zh,
            "kind": lender.kind,
            "status": lender.status,
            "products": " ".join(
                product.code if product.status == "active" else f"({product.code})"
                for product in reference.find(PRODUCT, "lender_id", lender.lender_id)
            ),
        }
        for lender in lenders(reference)
    ]


@command(app, "show")
async def show_lender(services: Services, /, code: Code) -> dict[str, Any]:
    """Show a lender with the terms of its products."""
    from chuanliu.gateway.admin import lender_view  # noqa: PLC0415 - only this command needs it

    reference = await services.engine.ask(ReadReference())
    return lender_view(reference, find_lender(reference, code))


@app.command("export")
def export_lenders(
    codes: Annotated[list[str] | None, typer.Argument(help="Codes of lenders; all without.", metavar="[CODE…]")] = None,
    to: Annotated[Path | None, typer.Option("--to", help="A folder to write CODE.yaml files into.")] = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Write lenders as files that `chuanliu lender apply` takes: into a folder, or to standard output."""

    async def act(services: Services) -> dict[str, str]:
        reference = await services.engine.ask(ReadReference())
        wanted = [find_lender(reference, code) for code in codes] if codes else lenders(reference)
        texts = {}
        for lender in wanted:
            products = sorted(
                reference.find(PRODUCT, "lender_id", lender.lender_id), key=lambda product: product.product_id
            )
            texts[lender.code] = lender_yaml(spec_of(lender, tuple(products)))
        return texts

    texts = run(data, database_url, act)
    if to is None:
        typer.echo("---\n".join(texts.values()), nl=False)
        return
    try:
        to.mkdir(parents=True, exist_ok=True)
        for code, text in texts.items():
            (to / f"{code}.yaml").write_text(text, "utf-8")
    except OSError as failure:
        raise CannotStart(f"cannot write into {to}: {failure.strerror}") from failure
    typer.echo(f"{len(texts)} files in {to}")


async def _set_suspended(services: Services, code: str, product: str | None, *, suspended: bool) -> dict[str, Any]:
    reference = await services.engine.ask(ReadReference())
    lender = find_lender(reference, code)
    if product is None:
        changed = await services.engine.submit(ChangeLender(lender.lender_id, suspended=suspended))
        return {"code": changed.code, "status": changed.status}
    found = product_by_code(reference, product)
    if found.lender_id != lender.lender_id:
        raise CannotStart(f"{product} is not a product of {code}")
    of_it = await services.engine.submit(SuspendProduct(found.product_id, suspended))
    return {"code": lender.code, "product": of_it.code, "status": of_it.status}


@command(app, "suspend")
async def suspend_lender(services: Services, /, code: Code, product: ProductCode = None) -> dict[str, Any]:
    """Offer a lender's products, or one of them, to nobody; refunds go on."""
    return await _set_suspended(services, code, product, suspended=True)


@command(app, "resume")
async def resume_lender(services: Services, /, code: Code, product: ProductCode = None) -> dict[str, Any]:
    """Offer what was suspended again."""
    return await _set_suspended(services, code, product, suspended=False)


@command(app, "feed")
async def feed_lines(
    services: Services,
    /,
    code: Code,
    file: Annotated[Path, typer.Argument(help="JSON with lines, or one JSON object a line.", metavar="FILE")],
) -> Any:
    """Take a bank's lines of bills that it makes itself. What was taken before stays; refused lines are shown.

    The status is 1 where a line was refused.
    """
    lender = find_lender(await services.engine.ask(ReadReference()), code)
    lines = lender_api.read_lines(file.read_text("utf-8"))
    told: list[dict[str, Any]] = []
    for start in range(0, len(lines), lender_api.LINES_MAX):
        told += await lender_api.take_feed(services, lender.lender_id, lines[start : start + lender_api.LINES_MAX])
    members = {status: sum(each["status"] == status for each in told) for status in ("taken", "known", "refused")}
    refused = [each | {"line": number} for number, each in enumerate(told, 1) if each["status"] == "refused"]
    return Failed({**members, "lines": refused}) if refused else {**members, "lines": []}
