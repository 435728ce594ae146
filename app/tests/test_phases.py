"""What an operator sees of a playbook that fails: the failure's own words, and not what a rescue takes back."""

import os
import subprocess
from pathlib import Path

import pytest

CLONE = Path(__file__).parents[2]
PLAY = """
- hosts: localhost
  connection: local
  gather_facts: false
  vars: {ansible_python_interpreter: "{{ ansible_playbook_python }}"}
  tasks:
    - block:
        - ansible.builtin.fail: {msg: the fault}
        - ansible.builtin.debug: {msg: never reached}
      rescue:
        - ansible.builtin.debug: {msg: the way back}
    - block:
        - ansible.builtin.KIND_tasks: explained.yml
      rescue:
        - ansible.builtin.debug: {msg: around it}
    - ansible.builtin.KIND_tasks: explained.yml
"""
EXPLAINED = """
- block:
    - ansible.builtin.command: {argv: ["false"]}
      loop: [the symptom]
  rescue:
    - ansible.builtin.fail: {msg: "the remedy of {{ item }}"}
      loop: [one, two]
  always:
    - ansible.builtin.debug: {msg: tidied}
"""


@pytest.mark.parametrize("kind", ["include", "import"])
def test_a_rescue_s_own_failure_is_printed_and_what_it_caught_is_not(tmp_path: Path, kind: str) -> None:
    (tmp_path / "play.yml").write_text(PLAY.replace("KIND", kind))
    (tmp_path / "explained.yml").write_text(EXPLAINED)
    # As the scripts have it.
    callback = {"ANSIBLE_CALLBACK_PLUGINS": str(CLONE / "plugins/callback"), "ANSIBLE_STDOUT_CALLBACK": "phases"}
    environ = {**os.environ, "ANSIBLE_CONFIG": str(CLONE / "ansible.cfg"), **callback}
    command: list[str | Path] = ["ansible-playbook", "-i", "localhost,", tmp_path / "play.yml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
    assert done.returncode == 2, done.stderr
    said = [line.strip() for line in done.stdout.splitlines() if not line.startswith(("[", "localhost:"))]
    assert said == ["the way back", "tidied", "around it", "the remedy of one", "the remedy of two", "tidied"]
