"""Runs a program on an image's files as SageMaker runs a container; `unshare --net --mount` starts it.

The files are read-only but for /opt/ml and an empty /tmp, the network is a loopback of its own, and the user is nobody.
The one argument is JSON: root, ml, user, folder, environment, command.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
from typing import Any

_SET_FLAGS, _UP = 0x8914, 0x1
"""SIOCSIFFLAGS and IFF_UP of <linux/sockios.h> and <linux/if.h>."""


def main(told: dict[str, Any]) -> None:
    """Become the program."""
    root, user = told["root"], told["user"]
    mount("--make-rprivate", "/")
    mount("--rbind", root, root)
    mount("--options", "remount,bind,ro", root)
    mount("--bind", told["ml"], f"{root}/opt/ml")
    mount("--types", "tmpfs", "--options", "mode=1777", "tmpfs", f"{root}/tmp")
    mount("--types", "proc", "proc", f"{root}/proc")
    mount("--rbind", "/dev", f"{root}/dev")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sh", b"lo", _UP))
    os.chroot(root)
    os.chdir(told["folder"])
    os.setgroups([])
    os.setgid(user)
    os.setuid(user)
    os.execvpe(told["command"][0], told["command"], told["environment"])  # noqa: S606 - a program of the image, and no shell


def mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
