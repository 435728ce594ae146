"""The gate of every verb: it opens when rows arrive, and names what is wrong where they do not."""

import json
import os
import subprocess
from pathlib import Path

import pytest

CLONE = Path(__file__).parents[2]
PLAY = """
- hosts: localhost
  connection: local
  gather_facts: false
  vars:
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
    marketprism_health_timeout: 4
    marketprism_inventory: lab
    marketprism_units: [marketprism-collector]
  tasks:
    - ansible.builtin.include_tasks: wait_for_rows.yml
    - ansible.builtin.debug: {msg: the gate is open}
"""
PROGRAM = """#!/bin/sh
rows=$(cat ROWS); echo $((rows + STEP)) >ROWS
sed "s/COUNT/$rows/" SAID
exit CODE
"""
COLD = "storage cold is not well: http://127.0.0.1:8086/health says different_rows"


@pytest.mark.parametrize(
    ("problems", "step", "said"),
    [
        ([], 1, "the gate is open"),
        ([COLD], 1, "the gate is open"),
        ([], 0, "No new rows in: trades"),
        (["collector is not well", COLD], 1, "collector is not well"),
    ],
)
def test_rows_open_the_gate_and_nothing_else(problems: list[str], step: int, said: str, tmp_path: Path) -> None:
    status = {"problems": problems, "tables": {"trades": {"rows": "COUNT", "limit_seconds": 45}}}
    (tmp_path / "said").write_text(json.dumps(status).replace('"COUNT"', "COUNT"))
    (tmp_path / "rows").write_text("5")
    program = tmp_path / "marketprism"
    words = {"ROWS": tmp_path / "rows", "SAID": tmp_path / "said", "STEP": step, "CODE": int(bool(problems))}
    text = PROGRAM
    for word, value in words.items():
        text = text.replace(word, str(value))
    program.write_text(text)
    program.chmod(0o755)
    tasks = (CLONE / "playbooks/tasks/wait_for_rows.yml").read_text(encoding="utf-8")
    (tmp_path / "wait_for_rows.yml").write_text(tasks.replace("/usr/local/bin/marketprism", str(program)))
    (tmp_path / "play.yml").write_text(PLAY)
    (tmp_path / "hosts").write_text("[storage]\nlocalhost\n")
    command = ["ansible-playbook", "-i", str(tmp_path / "hosts"), str(tmp_path / "play.yml")]
    environ = {**os.environ, "ANSIBLE_CONFIG": str(CLONE / "ansible.cfg")}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
    assert said in done.stdout, done.stdout + done.stderr
    assert done.returncode == (0 if said == "the gate is open" else 2)
