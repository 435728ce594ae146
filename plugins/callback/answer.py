"""Ansible stdout callback: what one command printed, and nothing else."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: answer
type: stdout
short_description: what one command printed
description:
  - Writes a command's standard output and standard error to our own, byte for byte, so that JSON stays JSON.
  - Everything that is not the command's goes to standard error.
  - Its exit code goes to the file that ANSWER_STATUS_FILE names, as ansible itself ends with 2 whatever it was.
"""


class CallbackModule(CallbackBase):
    """Passes a command's output through."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "answer"

    def v2_runner_on_ok(self, result: Any) -> None:
        """Pass the output of a command that succeeded."""
        self._pass(result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """Pass the output of a command that failed; say why where it did not run at all."""
        self._pass(result)
        if "rc" not in result._result or (not result._result.get("stdout") and not result._result.get("stderr")):
            self._say(result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """Say which host does not answer."""
        self._say(result)

    @staticmethod
    def _pass(result: Any) -> None:
        for stream, key in ((sys.stdout, "stdout"), (sys.stderr, "stderr")):
            text = str(result._result.get(key) or "")
            if text:
                stream.write(text if text.endswith("\n") else text + "\n")
                stream.flush()
        status = os.environ.get("ANSWER_STATUS_FILE")
        if status and "cmd" in result._result:  # the command ran
            Path(status).write_text(str(result._result["rc"]), encoding="ascii")

    @staticmethod
    def _say(result: Any) -> None:
        reason = result._result.get("msg", "it gave no reason")
        sys.stderr.write(f"{result._host.get_name()}: {str(reason).strip()}\n")
        sys.stderr.flush()
