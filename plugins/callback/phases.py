"""Ansible stdout callback: one line per phase with its time, and in full what failed or changed a host."""

from __future__ import annotations

import time
from typing import Any

from ansible.plugins.callback.default import CallbackModule as DefaultCallback

DOCUMENTATION = r"""
name: phases
type: stdout
short_description: one line per phase
description:
  - Prints every play as a phase with the seconds it took and how many tasks changed something.
  - Failures and unreachable hosts are printed in full; with -v or --diff everything is, as by the default callback.
extends_documentation_fragment:
  - default_callback
  - result_format_callback
"""


class CallbackModule(DefaultCallback):
    """Prints phases; leaves failures to the default callback."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "phases"

    def __init__(self) -> None:
        super().__init__()
        self._began = self._play_began = time.monotonic()
        self._phase = ""
        self._changed = 0
        self._tasks = 0
        self._failed = False

    @property
    def _quiet(self) -> bool:
        return self._display.verbosity == 0

    def v2_playbook_on_start(self, playbook: Any) -> None:
        """Say nothing: the phases speak for the playbook."""
        if not self._quiet:
            super().v2_playbook_on_start(playbook)

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """Close the phase before and open the next one."""
        self._close()
        self._phase = play.get_name().strip()
        self._play_began = time.monotonic()
        self._changed = self._tasks = 0
        self._play = play
        if not self._quiet:
            super().v2_playbook_on_play_start(play)

    def _close(self) -> None:
        if self._phase and self._tasks and self._quiet:
            now = time.monotonic()
            changes = f", {self._changed} changed" if self._changed else ""
            mark = "failed after" if self._failed else "done in"
            self._display.display(
                f"[{now - self._began:6.1f} s] {self._phase}: {mark} {now - self._play_began:.1f} s{changes}"
            )
        self._phase = ""

    def v2_playbook_on_no_hosts_matched(self) -> None:
        """Leave out plays that concern no host of the inventory."""
        self._phase = ""

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        """Remember the task; a failure prints its name."""
        self._task_start_quietly(task, "TASK")
        if not self._quiet:
            super().v2_playbook_on_task_start(task, is_conditional)

    def _task_start_quietly(self, task: Any, prefix: str) -> None:
        self._task_type_cache[task._uuid] = prefix
        self._last_task_name = task.get_name().strip()

    def v2_runner_on_start(self, host: Any, task: Any) -> None:
        """Print nothing per host."""

    def v2_runner_on_ok(self, result: Any) -> None:
        """Count; show a diff and the word of a debug task."""
        self._tasks += 1
        if result._result.get("changed", False):
            self._changed += 1
        if not self._quiet:
            super().v2_runner_on_ok(result)
        elif result._task.action in ("debug", "ansible.builtin.debug") and "msg" in result._result:
            self._display.display(f"           {result._result['msg']}")

    def v2_runner_on_skipped(self, result: Any) -> None:
        """Print nothing."""
        if not self._quiet:
            super().v2_runner_on_skipped(result)

    def v2_runner_item_on_ok(self, result: Any) -> None:
        """Print nothing."""
        if not self._quiet:
            super().v2_runner_item_on_ok(result)

    def v2_runner_item_on_skipped(self, result: Any) -> None:
        """Print nothing."""
        if not self._quiet:
            super().v2_runner_item_on_skipped(result)

    def v2_playbook_on_include(self, included_file: Any) -> None:
        """Print nothing."""
        if not self._quiet:
            super().v2_playbook_on_include(included_file)

    def v2_on_file_diff(self, result: Any) -> None:
        """Show what changes when --diff asks for it."""
        super().v2_on_file_diff(result)

    def v2_runner_retry(self, result: Any) -> None:
        """Print nothing: waiting is not news."""
        if not self._quiet:
            super().v2_runner_retry(result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """Print the task and its message as text that can be read."""
        if not self._quiet:
            super().v2_runner_on_failed(result, ignore_errors)
            return
        # What a rescue catches is explained by the rescue itself.
        if ignore_errors or _rescued(result._task):
            return
        self._failed = True
        self._report(result, "failed")

    def v2_runner_item_on_failed(self, result: Any) -> None:
        """Print nothing here: the task as a whole reports, unless it was caught."""
        if not self._quiet:
            super().v2_runner_item_on_failed(result)
        elif not _rescued(result._task):
            self._failed = True
            self._report(result, f"failed for {self._get_item_label(result._result)}")

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """Print which host does not answer."""
        self._failed = True
        if self._quiet:
            self._report(result, "unreachable")
        else:
            super().v2_runner_on_unreachable(result)

    def _report(self, result: Any, what: str) -> None:
        values = result._result
        if values.get("msg") in ("All items completed", "One or more items failed") and "results" in values:
            return
        text = "\n".join(
            str(values[key]).strip() for key in ("msg", "stderr", "stdout") if str(values.get(key) or "").strip()
        )
        self._display.display(f"{result._host.get_name()}: {result._task.get_name().strip()}: {what}", color="red")
        self._display.display(text)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Close the last phase and add up."""
        self._close()
        if not self._quiet:
            super().v2_playbook_on_stats(stats)
            return
        hosts = [stats.summarize(host) for host in sorted(stats.processed)]
        changed = sum(host["changed"] for host in hosts)
        failed = sum(host["failures"] + host["unreachable"] for host in hosts)
        self._display.display(f"[{time.monotonic() - self._began:6.1f} s] changed={changed} failed={failed}")


def _rescued(task: Any) -> bool:
    """Tell whether a rescue catches the task; one inside the rescue itself says what nobody else says."""
    below, block = {task._uuid}, task._parent
    while block is not None:
        if getattr(block, "rescue", None) and below & {each._uuid for each in block.block}:
            return True
        below.add(block._uuid)
        block = block._parent
    return False
