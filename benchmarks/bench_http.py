"""Measures how fast the server answers and accepts, beside a bare Litestar handler in the same run.

Run it as ``make bench-http``. Every figure is the median of ``--rounds`` rounds; in each round the bare
handler and the product are asked one after the other, so that what else the machine does meets both.
"""

import argparse
import asyncio
import statistics
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TypeAlias

import httpx

from benchmarks.load import Generator, Order, Result, request
from benchmarks.report import keep, machine, processor_s
from benchmarks.servers import NO_LIMIT, data_folder, postgres, process, seed, serve
from webapp.settings import Settings

Figures: TypeAlias = dict[str, dict[str, float]]

CONNECTIONS = (1, 16, 64)
QUEUED = 100
USERS = 8
PUBLIC = ("/queue-status", "/status", "/api/queue")
JOB = "/job/{id}"
SUBMIT = {"prompt": "calm rain", "duration": 8, "model": "music"}


def main() -> None:
    arguments = argparse.ArgumentParser(description="Measure the server.")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--seconds", type=float, default=1.0, help="length of one measurement")
    options = arguments.parse_args()
    where = machine()
    print(" ".join(f"{name}={value}" for name, value in where.items()))
    generator = Generator()
    figures: dict[str, Figures] = {}
    try:
        figures["reads_sqlite"] = measure_reads(generator, options.rounds, options.seconds)
        with postgres() as url:
            figures["reads_postgres"] = measure_reads(generator, options.rounds, options.seconds, url)
        figures["accepts"] = measure_accepts(generator, options.rounds, options.seconds)
    finally:
        generator.end()
    keep("http", where, figures)
    print(last_line(figures))


def measure_reads(generator: Generator, rounds: int, seconds: float, url: str = "") -> Figures:
    """Each address at each number of connections, with the queue full and no worker."""
    with ExitStack() as stack:
        settings = Settings(
            data_dir=str(stack.enter_context(data_folder())), database_url=url, port=0, workers=0
        )
        tokens, job_ids = asyncio.run(seed(settings, users=USERS, jobs=QUEUED))
        server, port = stack.enter_context(serve(settings))
        addresses = {name: name for name in PUBLIC} | {JOB: f"/job/{job_ids[-1]}"}
        owner = tokens[(QUEUED - 1) % USERS]
        asked = {name: request("GET", path, owner) for name, path in addresses.items()}
        sizes = {name: answer_bytes(port, path, owner) for name, path in addresses.items()}
        bare_names = {name: name.strip("/").replace("/", "-") for name in addresses}
        pairs = [f"{bare_names[name]}={size}" for name, size in sizes.items()]
        bare, bare_port = stack.enter_context(
            process("benchmarks.bare", *pairs, log=settings.data_path / "bare.log")
        )
        figures: Figures = {}
        title = "PostgreSQL" if url else "SQLite"
        columns = "bare/s      /s  ratio   p50 ms   p99 ms  cpu us  (bare) load"
        print(f"\n{title}, {QUEUED} jobs queued{'':10}{columns}")
        for connections in CONNECTIONS:
            for name, text in asked.items():
                bare_text = request("GET", f"/{bare_names[name]}")
                pair = (
                    (bare.pid, Order(bare_port, connections, seconds, [bare_text])),
                    (server.pid, Order(port, connections, seconds, [text])),
                )
                row = compared(*side_by_side(generator, pair, rounds))
                figures[f"{name} {connections}"] = {"bytes": sizes[name], **row}
                print(
                    f"{name:16}{sizes[name]:7} B {connections:3} conn {row['bare_per_second']:9.0f}"
                    f"{row['per_second']:9.0f}{row['ratio']:7.2f}{row['p50_ms']:9.2f}{row['p99_ms']:9.2f}"
                    f"{row['cpu_us']:8.0f}{row['bare_cpu_us']:7.0f}{row['generator_cpu']:6.0%}"
                )
        assert server.poll() is None
        assert bare.poll() is None
        return figures


def measure_accepts(generator: Generator, rounds: int, seconds: float) -> Figures:
    """Jobs accepted per second by servers that began empty, on both databases in turn."""
    found: dict[str, list[Result]] = {"sqlite": [], "postgres": []}
    with ExitStack() as stack:
        urls = {"sqlite": "", "postgres": stack.enter_context(postgres())}
        orders = {}
        for database, url in urls.items():
            settings = Settings(
                data_dir=str(stack.enter_context(data_folder())), database_url=url, port=0, workers=0,
                queue_limit=NO_LIMIT, creator_at_once=NO_LIMIT, creator_hourly=NO_LIMIT,
            )  # fmt: skip
            tokens, _ = asyncio.run(seed(settings, users=USERS, jobs=0))
            _, port = stack.enter_context(serve(settings))
            submits = [request("POST", "/generate", token, SUBMIT) for token in tokens]
            orders[database] = Order(port, 64, seconds, submits)
        for _ in range(rounds):
            for database, order in orders.items():
                found[database].append(generator.run(order))
    figures: Figures = {}
    print(f"\nAccepted POST /generate, 64 connections, {USERS} accounts      /s   p50 ms   p99 ms  load")
    for database, results in found.items():
        assert all(result.statuses.keys() == {"201"} for result in results), results
        row = medians(results)
        figures[database] = row
        print(
            f"{database:50}{row['per_second']:9.0f}{row['p50_ms']:9.1f}{row['p99_ms']:9.1f}{row['generator_cpu']:6.0%}"
        )
    return figures


def answer_bytes(port: int, path: str, token: str) -> int:
    """The size of an answer's body."""
    answer = httpx.get(f"http://127.0.0.1:{port}{path}", headers={"Authorization": f"Bearer {token}"})
    return len(answer.raise_for_status().content)


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement, with the processor time that the server took for a request."""

    result: Result
    cpu_us: float


def side_by_side(
    generator: Generator, pair: tuple[tuple[int, Order], tuple[int, Order]], rounds: int
) -> tuple[list[Sample], list[Sample]]:
    """Two servers, given by process and order, in turn, round after round."""
    samples = [(sample(generator, *pair[0]), sample(generator, *pair[1])) for _ in range(rounds)]
    return [first for first, _ in samples], [second for _, second in samples]


def sample(generator: Generator, pid: int, order: Order) -> Sample:
    before_s = processor_s(pid)
    result = generator.run(order)
    assert result.statuses.keys() == {"200"}, result
    return Sample(result, 1e6 * (processor_s(pid) - before_s) / sum(result.statuses.values()))


def compared(bare: list[Sample], samples: list[Sample]) -> dict[str, float]:
    """Medians, and the median of the rounds' own ratios."""
    pairs = zip(samples, bare, strict=True)
    return {
        "bare_per_second": statistics.median(one.result.per_second for one in bare),
        "ratio": statistics.median(one.result.per_second / other.result.per_second for one, other in pairs),
        "cpu_us": statistics.median(one.cpu_us for one in samples),
        "bare_cpu_us": statistics.median(one.cpu_us for one in bare),
        **medians([one.result for one in samples]),
    }


def medians(results: list[Result]) -> dict[str, float]:
    return {
        "per_second": statistics.median(result.per_second for result in results),
        "p50_ms": statistics.median(result.p50_ms for result in results),
        "p99_ms": statistics.median(result.p99_ms for result in results),
        "generator_cpu": max(result.cpu for result in results),
    }


def last_line(figures: dict[str, Figures]) -> str:
    """The figures that the product promises, at 64 connections."""
    queue, job = figures["reads_sqlite"]["/queue-status 64"], figures["reads_sqlite"][f"{JOB} 64"]
    accepts = figures["accepts"]
    return (
        f"queue_status_rps={queue['per_second']:.0f} vs_bare={queue['ratio']:.2f}"
        f" job_rps={job['per_second']:.0f}"
        f" accept_sqlite={accepts['sqlite']['per_second']:.0f}"
        f" accept_postgres={accepts['postgres']['per_second']:.0f}"
    )


if __name__ == "__main__":
    main()
