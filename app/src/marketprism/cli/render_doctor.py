"""The doctor's verdict for people: one line, the chain, a table of findings, and what to type."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from marketprism.cli.render import console
from marketprism.ops.doctor import report
from marketprism.ops.doctor.catalogue import PROBLEMS
from marketprism.ops.doctor.chain import Passage
from marketprism.ops.doctor.findings import Finding
from marketprism.ops.doctor.texts.languages import PHRASES, WORDS, Language
from marketprism.ops.doctor.verdict import Diagnosis, State

_STATES = {
    State.HEALTHY: "bold green",
    State.ABSENT: "bold green",
    State.DEGRADED: "bold yellow",
    State.BROKEN: "bold red",
    State.UNKNOWN: "bold red",
    State.UNSEEN: "bold yellow",
}
_PASSAGES = {
    Passage.OK: ("✔", "green"),
    Passage.SILENT: ("…", "yellow"),
    Passage.BROKEN: ("✘", "red"),
    Passage.UNKNOWN: ("?", "dim"),
}


def show(diagnosis: Diagnosis, language: Language) -> None:
    """Print the verdict."""
    out, phrases = console(), PHRASES[language]
    out.print(Text(report.summary(diagnosis, language), style=_STATES[diagnosis.state]))
    if diagnosis.chain:
        _chain(out, diagnosis, language)
    if diagnosis.roots or diagnosis.consequences:
        _findings(out, diagnosis, language)
    if diagnosis.unexplained is not None:
        station = diagnosis.unexplained
        out.print(f"[red]{phrases.unexplained}[/red] {phrases.hops[station.hop]}: {escape(station.detail)}")
    for name, reason in diagnosis.unseen.items():
        out.print(f"[yellow]{phrases.unseen}[/yellow] {name}: {escape(reason)}", soft_wrap=True)
    for problem in dict.fromkeys(finding.problem for finding in diagnosis.roots):
        _repair(out, problem, language)


def _chain(out: Console, diagnosis: Diagnosis, language: Language) -> None:
    phrases = PHRASES[language]
    line = Text(f"{phrases.chain}  ")
    for number, station in enumerate(diagnosis.chain):
        sign, style = _PASSAGES[station.passage]
        line.append(" → " if number else "").append(f"{sign} {phrases.hops[station.hop]}", style=style)
    out.print(line)
    for station in diagnosis.chain:
        if station.passage is not Passage.OK:
            sign, style = _PASSAGES[station.passage]
            out.print(Text(f"  {sign} {phrases.hops[station.hop]}: {station.detail}", style=style), soft_wrap=True)


def _findings(out: Console, diagnosis: Diagnosis, language: Language) -> None:
    phrases = PHRASES[language]
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in phrases.columns:
        table.add_column(column, overflow="fold")
    for finding in diagnosis.roots:
        _row(table, finding, f"[bold red]{phrases.root}[/bold red]", language)
    for finding, causes in diagnosis.consequences:
        _row(table, finding, f"[dim]{phrases.consequence.format(causes=', '.join(causes))}[/dim]", language)
    out.print(table)


def _row(table: Table, finding: Finding, role: str, language: Language) -> None:
    words, certainty = WORDS[language][finding.problem], PHRASES[language].certainties[finding.certainty]
    table.add_row(
        f"[bold]{finding.problem}[/bold]\n{words.title}\n{role}", certainty, escape("\n".join(finding.evidence))
    )


def _repair(out: Console, problem: str, language: Language) -> None:
    phrases, words = PHRASES[language], WORDS[language][problem]
    command = report.fix_command(problem)
    if command:
        out.print(f"{phrases.fix}  [bold]{command}[/bold]   {phrases.from_host}: {report.host_command(problem)}")
        out.print(f"  {phrases.does}: {words.remedy}", soft_wrap=True)
    else:
        out.print(f"{phrases.fix}  [bold]{escape(words.remedy)}[/bold]", soft_wrap=True)
    out.print(f"  {phrases.read}: {PROBLEMS[problem].runbook}")
