"""What another process asks of a running simulator: which clusters it has, and which faults to switch on."""

from __future__ import annotations

import http.client
import json
import ssl
from pathlib import Path
from typing import Any

TIMEOUT_SECONDS = 10


class NotRunning(Exception):
    """No simulator answers for the folder."""


class Refused(Exception):
    """The simulator refused a request; the message says why."""


class Remote:
    """Talks to the simulator that was started with `--dir folder`."""

    def __init__(self, folder: Path) -> None:
        try:
            known = json.loads((folder / "control.json").read_text())
        except (OSError, ValueError):
            raise NotRunning(f"no simulator has been started in {folder}") from None
        self.port, self._token = int(known["port"]), str(known["token"])
        self._context = ssl.create_default_context(cadata=known["certificate"])

    def clusters(self) -> list[str]:
        return list(self._ask("GET", "clusters"))

    def fault(self, cluster: str, kind: str | None, **options: Any) -> None:
        """Switch a cluster's fault on (faults.py), or off with None."""
        if cluster not in self.clusters():
            raise Refused(f"there is no cluster {cluster}; there are {', '.join(self.clusters())}")
        self._ask("PUT", f"clusters/{cluster}/fault", {"kind": kind, **options} if kind else None)

    def fail_pods(self, cluster: str, namespace: str, prefix: str) -> list[str]:
        """Make the Pods whose names begin with `prefix` fail their readiness probe from now on; return their names."""
        return list(self._ask("PUT", f"clusters/{cluster}/unready", {"namespace": namespace, "prefix": prefix}))

    def policies(self, cluster: str, *policies: dict[str, Any]) -> None:
        """Have a cluster change what is written to it from now on: the fields of a Policy each (policies.py)."""
        self._ask("PUT", f"clusters/{cluster}/policies", list(policies))

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=TIMEOUT_SECONDS, context=self._context)
        try:
            connection.request(
                method, f"/_control/{path}", json.dumps(body), {"Authorization": f"Bearer {self._token}"}
            )
            response = connection.getresponse()
            said = json.loads(response.read() or b"null")
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise NotRunning(f"the simulator does not answer on port {self.port} ({type(error).__name__})") from None
        finally:
            connection.close()
        if response.status >= 400:
            raise Refused(str(said.get("message", response.status)))
        return said
