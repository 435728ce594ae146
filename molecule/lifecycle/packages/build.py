"""Build packages of ClickHouse around the embedded engine, and a signed apt repository of all their versions.

They carry the official names, dependencies, users, files and unit, so that what apt and the role do to them is what
they do to the official ones; the program in them is the embedded engine. Nobody can reach the official repository from
a test, and the licence of the engine is the server's.

    python3 build.py TARGET VERSION=LIBRARY…

Needs dpkg-deb, apt-ftparchive and gpg.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

HERE = Path(__file__).parent
SUITE = "lts"
CONFIG = """<clickhouse>
  <logger><level>trace</level></logger>
  <http_port>8123</http_port>
  <tcp_port>9000</tcp_port>
  <mysql_port>9004</mysql_port>
  <postgresql_port>9005</postgresql_port>
  <path>/var/lib/clickhouse/</path>
  <users_config>/etc/clickhouse-server/users.xml</users_config>
</clickhouse>
"""
USERS = """<clickhouse>
  <profiles><default/></profiles>
  <users><default>
    <password></password><networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota>
  </default></users>
  <quotas><default/></quotas>
</clickhouse>
"""
ENGINE_USER = """<clickhouse>
  <users><default>
    <password></password><networks><ip>127.0.0.1</ip><ip>::1</ip></networks><profile>default</profile>
    <quota>default</quota><grants><query>GRANT SYSTEM LISTEN ON *.*</query></grants>
  </default></users>
</clickhouse>
"""
"""The engine's own session, which the role takes away and the engine cannot do without."""
INSTALLED = """#!/bin/sh
set -e
getent passwd clickhouse >/dev/null || useradd --system --user-group --home-dir /nonexistent --shell /bin/false \\
  clickhouse
install -d -o clickhouse -g clickhouse -m 0750 /var/lib/clickhouse /var/log/clickhouse-server
systemctl daemon-reload
systemctl enable clickhouse-server
"""


def main(target: Path, engines: Mapping[str, Path]) -> None:
    pool = target / "pool"
    pool.mkdir(parents=True)
    for version, library in engines.items():
        for name, files in contents(library).items():
            needs = "" if name == "clickhouse-common-static" else f"clickhouse-common-static (= {version})"
            package(pool, name, version, needs, files)
    repository(target)


def contents(library: Path) -> dict[str, dict[str, Path | str]]:
    """Return the files of every package, each a file to take or a text to write."""
    return {
        "clickhouse-common-static": {
            "usr/lib/clickhouse/libchdb.so": library,
            "usr/lib/clickhouse/clickhouse_embedded.py": HERE / "clickhouse_embedded.py",
            "usr/bin/clickhouse": HERE / "clickhouse",
        },
        "clickhouse-server": {
            "usr/bin/clickhouse-server": HERE / "clickhouse",
            "lib/systemd/system/clickhouse-server.service": HERE / "clickhouse-server.service",
            "etc/clickhouse-server/config.xml": CONFIG,
            "etc/clickhouse-server/users.xml": USERS,
            "etc/clickhouse-server/config.d/.keep": "",
            "etc/clickhouse-server/users.d/99-embedded.xml": ENGINE_USER,
        },
        "clickhouse-client": {"usr/share/doc/clickhouse-client/README": "The embedded engine has no client.\n"},
    }


def package(pool: Path, name: str, version: str, needs: str, files: Mapping[str, Path | str]) -> None:
    """Build one package. Uncompressed: it is unpacked once, from the same disk."""
    tree = pool / f"{name}_{version}"
    for place, source in files.items():
        path = tree / place
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(source, str):
            path.write_text(source)
        else:
            shutil.copyfile(source, path)
        path.chmod(0o755 if place.startswith("usr/bin/") else 0o644)
    control = tree / "DEBIAN"
    control.mkdir()
    sums = []
    for place in files:
        with (tree / place).open("rb") as file:
            sums.append(f"{hashlib.file_digest(file, 'md5').hexdigest()}  {place}\n")
    (control / "md5sums").write_text("".join(sums))
    (control / "conffiles").write_text("".join(f"/{place}\n" for place in files if place.startswith("etc/")))
    (control / "control").write_text(
        f"Package: {name}\nVersion: {version}\nArchitecture: amd64\nMaintainer: nobody <nobody@localhost>\n"
        + (f"Depends: {needs}\n" if needs else "")
        + "Description: ClickHouse, from its embedded engine\n"
    )
    if name == "clickhouse-server":
        (control / "postinst").write_text(INSTALLED)
        (control / "postinst").chmod(0o755)
    subprocess.run(["dpkg-deb", "-Znone", "--root-owner-group", "--build", tree, pool], check=True)
    shutil.rmtree(tree)


def repository(target: Path) -> None:
    """Index and sign what is in the pool; the key goes beside it."""
    binaries = target / "dists" / SUITE / "main" / "binary-amd64"
    binaries.mkdir(parents=True)
    indexed = subprocess.run(["apt-ftparchive", "packages", "pool"], cwd=target, check=True, capture_output=True)
    (binaries / "Packages").write_bytes(indexed.stdout)
    told = [
        f"-oAPT::FTPArchive::Release::{name}" for name in (f"Suite={SUITE}", f"Codename={SUITE}", "Components=main")
    ]
    released = subprocess.run(
        ["apt-ftparchive", *told, "release", f"dists/{SUITE}"], cwd=target, check=True, capture_output=True
    )
    home = target / "keys"
    home.mkdir(mode=0o700)
    gpg = ["gpg", "--homedir", str(home), "--batch", "--quiet", "--passphrase", ""]
    subprocess.run([*gpg, "--quick-generate-key", "packages@localhost", "default", "sign", "never"], check=True)
    subprocess.run(
        [*gpg, "--clearsign", "--output", binaries.parents[1] / "InRelease"], input=released.stdout, check=True
    )
    subprocess.run([*gpg, "--armor", "--export", "--output", target / "key.asc"], check=True)


if __name__ == "__main__":
    os.umask(0o022)
    main(
        Path(sys.argv[1]),
        {version: Path(library) for version, _, library in (each.partition("=") for each in sys.argv[2:])},
    )
