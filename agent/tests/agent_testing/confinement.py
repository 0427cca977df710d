"""Runs a command under the seccomp filters that systemd makes of a unit: ``python confinement.py UNIT COMMAND…``.

There is no systemd in the tests; the unit's own lines are read, its sets of system calls are those that the installed
systemd knows, and libseccomp, which systemd uses as well, puts them into the kernel.
"""

import ctypes
import errno
import os
import subprocess
import sys
from pathlib import Path

ALLOW = 0x7FFF0000
REFUSE = 0x00050000
EQUAL = 4
MAX_FAMILY = 46


class _Condition(ctypes.Structure):
    _fields_ = (("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64))


class Filter:
    """One seccomp filter; what no rule names gets ``default``."""

    def __init__(self, default):
        self._library = ctypes.CDLL("libseccomp.so.2", use_errno=True)
        self._library.seccomp_init.restype = ctypes.c_void_p
        self._handle = ctypes.c_void_p(self._library.seccomp_init(ctypes.c_uint32(default)))
        assert self._handle

    def add(self, action, call, *conditions):
        """Add a rule; names that this kernel's architecture does not have are left out."""
        number = self._library.seccomp_syscall_resolve_name(call.encode())
        if number < 0:
            return False
        rules = (_Condition * len(conditions))(*conditions)
        code = self._library.seccomp_rule_add_array(
            self._handle, ctypes.c_uint32(action), number, len(conditions), rules if conditions else None
        )
        assert code == 0, (call, os.strerror(-code))
        return True

    def load(self):
        code = self._library.seccomp_load(self._handle)
        assert code == 0, os.strerror(-code)


def read_unit(*paths):
    """Return what stands in [Service], a list of values by key; an empty value forgets those before."""
    found = {}
    for path in paths:
        section = ""
        for line in Path(path).read_text().splitlines():
            if line.startswith("["):
                section = line
            elif section == "[Service]" and "=" in line and not line.startswith("#"):
                key, value = line.split("=", 1)
                found[key] = [*found.get(key, []), value] if value else []
    return found


def expand(name, seen=()):
    """Return the system calls of a set such as ``@system-service``; of a name itself."""
    if not name.startswith("@"):
        return {name}
    assert name not in seen
    text = subprocess.run(
        ["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, check=True
    ).stdout
    members = [line.split("#")[0].strip() for line in text.splitlines()[1:]]
    return set().union(*(expand(member, (*seen, name)) for member in members if member))


def allowed_calls(unit):
    """Return the system calls that a unit's filter lets through."""
    calls = expand("@default")
    for line in unit["SystemCallFilter"]:
        named = set().union(*map(expand, line.removeprefix("~").split()))
        calls = calls - named if line.startswith("~") else calls | named
    return calls


def confine(unit):
    """Put this process under the unit's filters; they hold for all that it becomes."""
    calls = Filter(REFUSE | errno.EPERM)
    assert sum(calls.add(ALLOW, call) for call in sorted(allowed_calls(unit))) > 100
    rules = Filter(ALLOW)
    families = [getattr(__import__("socket"), name) for name in unit["RestrictAddressFamilies"][0].split()]
    for family in range(MAX_FAMILY):
        if family not in families:
            rules.add(REFUSE | errno.EAFNOSUPPORT, "socket", _Condition(0, EQUAL, family))
    rules.load()
    calls.load()


def own_proc(unit):
    """Return what runs a command in a /proc of its own that shows what the unit leaves of it; needs ``unshare``."""
    options = [f"hidepid={unit['ProtectProc'][0]}"]
    if unit["ProcSubset"] == ["pid"]:
        options.append("subset=pid")
    mount = f'mount -t proc -o {",".join(options)} proc /proc && exec "$@"'
    return ["unshare", "--map-root-user", "--mount", "--pid", "--fork", "sh", "-c", mount, "sh"]


if __name__ == "__main__":
    confine(read_unit(sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])
