"""The report in English."""

from marketprism.ops.doctor.texts.words import Phrases, Words

PHRASES = Phrases(
    verdicts={
        "healthy": "healthy: every hop carries data",
        "absent": "nothing is installed here, and nothing keeps a deployment from starting",
        "degraded": "degraded: {roots}",
        "broken": "broken: {roots}",
        "unknown": "unknown: something is wrong that no rule names; the evidence is below",
        "unseen": "unknown: nothing wrong was found, but not everything could be looked at",
    },
    hops={
        "exchange": "exchange",
        "socket": "socket",
        "published": "published",
        "stream": "stream",
        "consumer": "consumer",
        "inserted": "inserted",
        "fresh": "fresh",
    },
    certainties={"sure": "sure", "likely": "likely"},
    chain="chain",
    root="root cause",
    consequence="follows from {causes}",
    fix="repair",
    from_host="on the host",
    does="what it does",
    read="read",
    unexplained="no rule explains",
    unseen="not looked at",
    columns=("problem", "how sure", "evidence"),
)

WORDS: dict[str, Words] = {
    "script-not-executable": Words(
        "Scripts cannot be executed",
        "Permission denied: ./scripts/one_click_deploy.sh",
        "chmod +x scripts/*.sh; on a file system mounted noexec: bash scripts/one_click_deploy.sh",
    ),
    "missing-sudo": Words(
        "No root rights",
        "sudo: command not found, or the user is not in the sudoers file",
        "become root with su - and run the script again, or: apt-get install sudo && usermod -aG sudo USER",
    ),
    "python-too-old": Words(
        "Python is too old",
        "Python 3.11, 3.12 or 3.13 is needed and was not found",
        "Debian, Ubuntu: apt-get install python3 python3-venv; RHEL: dnf install python3.11;"
        " macOS: brew install python@3.11",
    ),
    "nats-down": Words(
        "NATS is down",
        "ports 4222 and 8222 do not answer, or it refuses messages since a write failed",
        "tests the configuration, gives the store back to the server, starts it again, applies the streams",
    ),
    "clickhouse-down": Words(
        "ClickHouse is down",
        "ports 8123 and 9000 do not answer",
        "installs a damaged program again in its pinned version, tests the configuration, repairs permissions,"
        " lets the server detach broken parts, starts it again",
    ),
    "storage-down": Words(
        "The storage service is down",
        "port 8085 does not answer",
        "checks the virtual environment against the lock, rebuilds it where it differs, starts the service again",
    ),
    "collector-down": Words(
        "The collector is down",
        "its process is missing, or port 8087 does not answer",
        "checks the virtual environment against the lock, rebuilds it where it differs, starts the service again",
    ),
    "no-data": Words(
        "There is no data in ClickHouse",
        "every table is empty",
        "walks the chain from exchange to table and restarts the first service that holds it up",
    ),
    "stale-data": Words(
        "Data is stale",
        "the newest rows are older than their limit",
        "renews the connections whose feeds are silent by restarting the collector",
    ),
    "orderbooks-empty": Words(
        "There are no order books",
        "table orderbooks gets no rows while trades arrive",
        "applies stream and consumer of the books, then lets the collector synchronise the books again",
    ),
    "memory-pressure": Words(
        "Memory is short",
        "tasks wait for memory, or a service was killed by the OOM killer",
        "names the eater, takes away limits that were not deployed, switches swap on, starts the service again",
    ),
    "cpu-saturated": Words(
        "The processors are saturated",
        "no idle time, tasks wait for a processor",
        "names the worst queries, ends those of readers that take more than half a minute,"
        " publishes books less often and less deep by a reversible profile",
    ),
    "exchange-blocked": Words(
        "An exchange refuses this address",
        "HTTP 451 or 403",
        "configures the proxy that is given, or disables the venue until told otherwise",
    ),
    "websocket-flapping": Words(
        "WebSockets break again and again",
        "the collector connects again and again",
        "raises the reconnect delay by a reversible profile",
    ),
    "disk-full": Words(
        "A disk is full",
        "writes fail, or soon will",
        "removes old journal, cached packages and unused releases, starts what it stopped; never data",
    ),
    "port-taken": Words(
        "A port is taken",
        "a service cannot listen because another process does",
        "stops the process only if it is a stale one of our own; otherwise says whose it is",
    ),
    "clock-skew": Words(
        "The clock is wrong",
        "our clock differs from the exchanges'",
        "starts time synchronisation and waits until the clock agrees",
    ),
    "jetstream-corrupt": Words(
        "The JetStream store is damaged",
        "NATS cannot recover a stream or a consumer",
        "moves the damaged stream aside, makes it anew from the contract, puts its messages and consumers back",
    ),
    "stream-full": Words(
        "A stream is full",
        "JetStream refuses new messages",
        "removes nothing, as only what is not stored fills a stream; says what gives it more room",
    ),
    "stream-drift": Words(
        "Streams differ from the contract",
        "a stream or a consumer is missing or configured otherwise",
        "runs 'marketprism streams apply'; nothing is deleted",
    ),
    "schema-drift": Words(
        "Tables differ from the contract",
        "a table or a column is missing or defined otherwise",
        "runs 'marketprism schema apply'; nothing is deleted",
    ),
    "dead-letters": Words(
        "Messages were laid aside",
        "the stream DEAD_LETTERS holds messages that could not be stored",
        "shows their reasons, and stores again what can be stored now",
    ),
    "sequence-gaps": Words(
        "Sequences have holes",
        "the ledger of gaps has holes that were not healed",
        "asks the exchange for what is missing; what it no longer has is written off in the ledger",
    ),
    "consumer-stuck": Words(
        "A consumer is stuck",
        "messages wait and nothing is acknowledged",
        "keeps the stack of the storage service, then restarts it; the consumer is never deleted",
    ),
    "clickhouse-readonly": Words(
        "ClickHouse takes no writes",
        "inserts are refused: the disk or the user may only read",
        "mounts the disk for writing again or restores the user's profile",
    ),
    "too-many-parts": Words(
        "Too many parts",
        "merges do not keep up with inserts",
        "starts merges that were stopped, and makes the batches larger by a reversible profile",
    ),
    "backup-too-old": Words(
        "The backup is too old",
        "no backup was made for more than 26 hours",
        "makes a backup now",
    ),
    "dns-failure": Words(
        "Names are not resolved",
        "the host names of exchanges have no address",
        "brings back the name servers that worked when all was well",
    ),
    "config-invalid": Words(
        "The configuration is invalid",
        "a service refuses its settings",
        "keeps the file, brings back the one that worked when all was well, starts the services again",
    ),
}
"""Texts by problem."""
