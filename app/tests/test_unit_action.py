"""When the role systemd_unit restarts or reloads a service, with a clock that was set meanwhile."""

import json
import os
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

CLONE = Path(__file__).parents[2]
AGE = 60
STEP = 8 * 3600
CASES = {
    "written before": (0, -AGE - 5, "none"),
    "written after": (0, -AGE + 5, "restart"),
    "written before, then set back": (-STEP, STEP - AGE - 5, "none"),
    "written after, then set back": (-STEP, STEP - AGE + 5, "restart"),
    "set back, then written": (-STEP, -5, "restart"),
    "written before, then set forward": (STEP, -STEP - AGE - 5, "none"),
    "written after, then set forward": (STEP, -STEP - AGE + 5, "restart"),
    "set forward, then written": (STEP, -5, "restart"),
    "reloadable, written before": (0, -AGE - 5, "none"),
    "reloadable, set back, then written": (-STEP, -5, "reload"),
}
"""Seconds that the clock was set forward since the process started, and from now to the file's time; what is done."""
PLAY = """
- hosts: localhost
  connection: local
  gather_facts: false
  vars: {decided: [], ansible_python_interpreter: "{{ ansible_playbook_python }}"}
  tasks:
    - ansible.builtin.command:
        argv: [python3, -c, "import time; print((time.time_ns() - time.monotonic_ns()) // 1000)"]
      register: __systemd_unit_boot
    - ansible.builtin.include_tasks: case.yml
      loop: "{{ cases }}"
      loop_control: {loop_var: case}
    - ansible.builtin.copy: {content: "{{ decided | to_json }}", dest: "{{ answer }}"}
"""
CASE = """
- ansible.builtin.include_role: {name: systemd_unit, tasks_from: unit_action}
  vars:
    __systemd_unit_shown: {stdout: "{{ case.shown }}"}
    __systemd_unit_index: 0
    __systemd_unit_watched: ["{{ case.restart }}"]
    systemd_unit_reload_paths: ["{{ case.reload }}"]
- ansible.builtin.set_fact: {decided: "{{ decided + [systemd_unit_action] }}"}
"""


def test_what_is_newer_than_the_process_restarts_it_whatever_was_done_to_the_clock(tmp_path: Path) -> None:
    now, running = time.time_ns() / 1e9, time.monotonic()
    old = tmp_path / "old"
    old.touch()
    os.utime(old, (0, 0))
    cases = []
    for name, (step, written, _) in CASES.items():
        file = tmp_path / name
        file.touch()
        os.utime(file, (now + written, now + written))
        began = datetime.fromtimestamp(now - AGE - step, UTC).strftime("%a %Y-%m-%d %H:%M:%S.%f UTC")
        shown = "ActiveState=active\n"
        for moment in ("ExecMainStart", "StateChange"):
            shown += f"{moment}Timestamp={began}\n{moment}TimestampMonotonic={int((running - AGE) * 1e6)}\n"
        restart, reload = (old, file) if name.startswith("reloadable") else (file, old)
        cases.append({"shown": shown, "restart": str(restart), "reload": str(reload)})
    answer = tmp_path / "answer.json"
    (tmp_path / "play.yml").write_text(PLAY)
    (tmp_path / "case.yml").write_text(CASE)
    (tmp_path / "given.json").write_text(json.dumps({"cases": cases, "answer": str(answer)}))
    environ = {**os.environ, "ANSIBLE_CONFIG": str(CLONE / "ansible.cfg"), "ANSIBLE_ROLES_PATH": str(CLONE / "roles")}
    command = ["ansible-playbook", "-i", "localhost,", f"{tmp_path}/play.yml", "-e", f"@{tmp_path}/given.json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
    assert done.returncode == 0, done.stdout + done.stderr
    decided = dict(zip(CASES, json.loads(answer.read_text()), strict=True))
    assert decided == {name: action for name, (_, _, action) in CASES.items()}
