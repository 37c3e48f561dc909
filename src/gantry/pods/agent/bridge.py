"""Run beside the agent in a living pod: joins a new controller's stream to the agent's socket.

Stdlib only, Python 3.9. Exit 5: no agent listens.
"""

from __future__ import annotations

import os
import selectors
import socket
import sys


def main(home: str) -> int:
    agent = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        agent.connect(home + "/.gantry/agent.sock")
    except OSError as error:
        sys.stderr.write(f"no agent listens: {error}\n")
        return 5
    selector = selectors.DefaultSelector()
    selector.register(0, selectors.EVENT_READ)
    selector.register(agent, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fd == 0:
                data = os.read(0, 1 << 16)
                if not data:
                    return 0
                agent.sendall(data)
            else:
                data = agent.recv(1 << 16)
                if not data:
                    return 0
                view = memoryview(data)
                while view:
                    view = view[os.write(1, view) :]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
