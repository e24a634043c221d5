# SPDX-License-Identifier: GPL-2.0-or-later
"""Linux machines as ordinary processes: libring3(3) for Python.

    import ring3
    with ring3.start("--mem", "256M", "--net", "none") as m:
        m.put("/tmp/x.py", b"print(6 * 7)")
        print(m.run(["python3", "/tmp/x.py"], timeout=10).out)

Times are seconds, None is without bound. What fails raises Error, whose text is the sentence
that the command line would print. Objects may be used by several threads.
"""
from __future__ import annotations

import ctypes as c
import errno as _errno
import json
import os
import threading
from typing import Any, NamedTuple, Optional, Sequence, Union

__all__ = ["Error", "NotRunning", "Timeout", "TooMuch", "NotStarted", "Result", "Machine", "Command", "Events", "start", "open", "machines", "version"]

_lib = c.CDLL(os.environ.get("RING3_LIBRARY") or "libring3.so.0")


class _Error(c.Structure):
    _fields_ = [("code", c.c_int), ("text", c.c_char * 1024)]


class _Start(c.Structure):
    _fields_ = [("size", c.c_size_t), ("options", c.POINTER(c.c_char_p)), ("command", c.POINTER(c.c_char_p)), ("timeout_ms", c.c_int)]


class _Exec(c.Structure):
    _fields_ = [("size", c.c_size_t), ("argv", c.POINTER(c.c_char_p)), ("env", c.POINTER(c.c_char_p)), ("cwd", c.c_char_p),
                ("flags", c.c_uint), ("uid", c.c_uint), ("gid", c.c_uint)]


class _Result(c.Structure):
    _fields_ = [("status", c.c_int), ("out", c.c_void_p), ("err", c.c_void_p), ("out_len", c.c_size_t), ("err_len", c.c_size_t)]


_P, _E = c.c_void_p, c.POINTER(_Error)


def _declare(name: str, *args: Any, result: Any = c.c_int) -> Any:
    fn = getattr(_lib, "ring3_" + name)
    fn.argtypes, fn.restype = list(args), result
    return fn


_version = _declare("version", result=c.c_char_p)
_free = _declare("free", _P, result=None)
_start = _declare("start", c.POINTER(_Start), c.POINTER(_P), _E)
_open = _declare("open", c.c_char_p, c.POINTER(_P), _E)
_close = _declare("close", _P, result=None)
_name = _declare("name", _P, result=c.c_char_p)
_list = _declare("list", c.POINTER(c.POINTER(c.c_char_p)), _E)
_list_free = _declare("list_free", c.POINTER(c.c_char_p), result=None)
_request = _declare("request", _P, c.c_char_p, c.c_int, c.POINTER(_P), _E)
_info = _declare("info", _P, c.POINTER(_P), _E)
_stats = _declare("stats", _P, c.POINTER(_P), _E)
_pause = _declare("pause", _P, _E)
_resume = _declare("resume", _P, _E)
_stop = _declare("stop", _P, c.c_int, _E)
_kill = _declare("kill", _P, _E)
_signal = _declare("signal", _P, c.c_int, _E)
_wait = _declare("wait", _P, c.c_int, c.POINTER(c.c_int), _E)
_attach = _declare("attach", _P, c.c_char_p, c.c_char_p, c.c_int, c.c_char_p, c.c_char_p, _E)
_detach = _declare("detach", _P, c.c_char_p, c.c_uint, c.c_int, _E)
_exec = _declare("exec", _P, c.POINTER(_Exec), c.POINTER(_P), _E)
_read = _declare("read", _P, c.POINTER(c.c_int), c.c_char_p, c.c_size_t, c.c_int, _E, result=c.c_ssize_t)
_write = _declare("write", _P, c.c_char_p, c.c_size_t, c.c_int, _E, result=c.c_ssize_t)
_close_stdin = _declare("close_stdin", _P, _E)
_command_signal = _declare("command_signal", _P, c.c_int, _E)
_command_wait = _declare("command_wait", _P, c.c_int, c.POINTER(c.c_int), _E)
_command_close = _declare("command_close", _P, result=None)
_run = _declare("run", _P, c.POINTER(_Exec), c.c_char_p, c.c_size_t, c.c_size_t, c.c_int, c.POINTER(_Result), _E)
_result_free = _declare("result_free", c.POINTER(_Result), result=None)
_copy_in = _declare("copy_in", _P, c.c_char_p, c.c_char_p, c.c_uint, c.c_int, _E)
_copy_out = _declare("copy_out", _P, c.c_char_p, c.c_char_p, c.c_uint, c.c_int, _E)
_put = _declare("put", _P, c.c_char_p, c.c_char_p, c.c_size_t, c.c_uint, c.c_int, _E)
_get = _declare("get", _P, c.c_char_p, c.c_size_t, c.POINTER(_P), c.POINTER(c.c_size_t), c.c_int, _E)
_events_open = _declare("events_open", _P, c.POINTER(_P), _E)
_events_next = _declare("events_next", _P, c.c_int, c.POINTER(_P), _E)
_events_close = _declare("events_close", _P, result=None)

Text = Union[str, bytes, "os.PathLike[str]"]


class Error(Exception):
    """Something failed. errno: what, as a positive number."""

    def __init__(self, errno: int, text: str, result: Optional["Result"] = None) -> None:
        super().__init__(text)
        self.errno = errno
        self.result = result
        """Of run(): what there was until then."""


class NotRunning(Error):
    """There is no such machine, or it ended meanwhile."""


class Timeout(Error):
    """The time is up."""


class TooMuch(Error):
    """More output, or a larger file, than was asked for."""


class NotStarted(Error):
    """The command was not found or cannot be executed; or a machine did not start."""


_KINDS = {_errno.ENOENT: NotRunning, _errno.ECONNRESET: NotRunning, _errno.ESTALE: NotRunning, _errno.ETIMEDOUT: Timeout,
          _errno.EOVERFLOW: TooMuch, _errno.EFBIG: TooMuch, _errno.ENOEXEC: NotStarted, _errno.ECANCELED: NotStarted}


def _error(e: _Error) -> Error:
    return _KINDS.get(-e.code, Error)(-e.code, e.text.decode("utf-8", "replace"))


def _call(fn: Any, *args: Any) -> int:
    e = _Error()
    ret = fn(*args, c.byref(e))
    if ret < 0:
        raise _error(e)
    return ret


def _bytes(text: Text) -> bytes:
    data = os.fsencode(text)
    if b"\0" in data:
        raise ValueError("text with a 0 in it")
    return data


def _ms(seconds: Optional[float]) -> int:
    return -1 if seconds is None else max(0, min(int(seconds * 1000), 2 ** 31 - 1))


def _words(words: Optional[Sequence[Text]]) -> Any:
    if words is None:
        return None
    if isinstance(words, (str, bytes)):
        raise TypeError("a list of words, not one text")
    return (c.c_char_p * (len(words) + 1))(*[_bytes(w) for w in words], None)


def _take(p: c.c_void_p, size: int = -1) -> bytes:
    try:
        return c.string_at(p.value, size) if size >= 0 else c.string_at(p.value)
    finally:
        _free(p)


def _spec(argv: Optional[Sequence[Text]], env: Optional[dict], cwd: Optional[Text], user: Optional[tuple]) -> _Exec:
    pairs = None if env is None else [_bytes(k) + b"=" + _bytes(v) for k, v in env.items()]
    uid, gid = user or (0, 0)
    return _Exec(c.sizeof(_Exec), _words(argv), _words(pairs), None if cwd is None else _bytes(cwd), 1 if user else 0, uid, gid)


class Result(NamedTuple):
    """What came of a command."""
    status: int
    """Exit status as a shell has it."""
    stdout: bytes
    stderr: bytes

    @property
    def out(self) -> str:
        """stdout as text."""
        return self.stdout.decode("utf-8", "replace")

    @property
    def err(self) -> str:
        """stderr as text."""
        return self.stderr.decode("utf-8", "replace")


class _Handle:
    """What the library gave, until close(). A thread that is in a call keeps it until that returns."""

    _end: Any

    def __init__(self, handle: c.c_void_p) -> None:
        self._handle: Optional[c.c_void_p] = handle
        self._last = handle
        self._lock = threading.Lock()
        self._users = 1

    def _leave(self) -> None:
        with self._lock:
            self._users -= 1
            last = not self._users
        if last:
            self._end(self._last)

    def _use(self, fn: Any, *args: Any) -> int:
        """_call(), with the handle first."""
        with self._lock:
            if not self._handle:
                raise ValueError("it was closed")
            self._users += 1
        try:
            return _call(fn, self._last, *args)
        finally:
            self._leave()

    def close(self) -> None:
        """Gives it back. What was closed can only be closed again; a call in another thread comes to its end first."""
        with self._lock:
            handle, self._handle = self._handle, None
        if handle:
            self._leave()

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *args: Any) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()


class Command(_Handle):
    """A command that runs in a machine. At the end of "with" it is hung up on: if it runs still it gets SIGHUP."""

    _end = staticmethod(_command_close)

    def read(self, size: int = 65536, timeout: Optional[float] = None) -> tuple:
        """(1 or 2, bytes): some of its stdout or stderr; (0, b""): it has ended and all was read."""
        stream, data = c.c_int(), c.create_string_buffer(size)
        n = self._use(_read, c.byref(stream), data, size, _ms(timeout))
        return (stream.value, data.raw[:n]) if n else (0, b"")

    def write(self, data: bytes, timeout: Optional[float] = None) -> int:
        """Writes to its stdin. Returns how much, which may be less."""
        return self._use(_write, data, len(data), _ms(timeout))

    def close_stdin(self) -> None:
        """The end of its stdin."""
        self._use(_close_stdin)

    def signal(self, number: int) -> None:
        """A signal for its process group."""
        self._use(_command_signal, number)

    def wait(self, timeout: Optional[float] = None) -> int:
        """Its exit status, when it has ended. Who does not read what it writes may let it wait."""
        status = c.c_int()
        self._use(_command_wait, _ms(timeout), c.byref(status))
        return status.value


class Events(_Handle):
    """Events of a machine, to be iterated over."""

    _end = staticmethod(_events_close)

    def __init__(self, handle: c.c_void_p, timeout: Optional[float]) -> None:
        super().__init__(handle)
        self._timeout = timeout
        self._over = False

    def __iter__(self) -> "Events":
        return self

    def __next__(self) -> dict:
        line = c.c_void_p()
        if self._over:
            raise StopIteration
        if not self._use(_events_next, _ms(self._timeout), c.byref(line)):
            self._over = True
            self.close()
            raise StopIteration
        return json.loads(_take(line))


class Machine(_Handle):
    """A machine that runs. At the end of "with" one of start() is killed, one of open() runs on."""

    _end = staticmethod(_close)

    def __init__(self, handle: c.c_void_p, ours: bool) -> None:
        super().__init__(handle)
        self._ours = ours
        self._name = _name(handle)

    @property
    def name(self) -> str:
        """Its name."""
        return os.fsdecode(self._name)

    def request(self, op: str, timeout: Optional[float] = 5, **more: Any) -> dict:
        """Any request of the control protocol that has one answer."""
        p = c.c_void_p()
        self._use(_request, json.dumps({"op": op, **more}).encode(), _ms(timeout), c.byref(p))
        return json.loads(_take(p))

    def _json(self, fn: Any) -> dict:
        p = c.c_void_p()
        self._use(fn, c.byref(p))
        return json.loads(_take(p))

    def info(self) -> dict:
        """What it is: docs/control.md."""
        return self._json(_info)

    def stats(self) -> dict:
        """What it has used."""
        return self._json(_stats)

    def pause(self) -> None:
        """Holds it: no CPU time, and its own time stands still."""
        self._use(_pause)

    def resume(self) -> None:
        """Lets it go on."""
        self._use(_resume)

    def stop(self, timeout: Optional[float] = 90) -> None:
        """Asks it to power off, and waits; then ends it."""
        self._use(_stop, _ms(timeout))

    def kill(self) -> None:
        """Ends it at once."""
        self._use(_kill)

    def signal(self, number: int) -> None:
        """A signal for its own command."""
        self._use(_signal, number)

    def wait(self, timeout: Optional[float] = None) -> int:
        """The exit status of "ring3 run", when it has ended."""
        status = c.c_int()
        self._use(_wait, _ms(timeout), c.byref(status))
        return status.value

    def attach(self, kind: str, text: Text, timeout: Optional[float] = 10) -> tuple:
        """A device: ("disk", "/srv/a.img,ro"), ("net", "switch:lan") or ("share", "/srv/www:/www:ro"). (Its name, what the guest calls it)."""
        device, guest = c.create_string_buffer(64), c.create_string_buffer(64)
        self._use(_attach, kind.encode(), _bytes(text), _ms(timeout), device, guest)
        return device.value.decode(), guest.value.decode()

    def detach(self, device: str, force: bool = False, timeout: Optional[float] = 30) -> None:
        """Takes a device of attach() away."""
        self._use(_detach, device.encode(), 1 if force else 0, _ms(timeout))

    def exec(self, argv: Optional[Sequence[Text]], env: Optional[dict] = None, cwd: Optional[Text] = None, user: Optional[tuple] = None) -> Command:
        """Starts a command; user: (uid, gid), else root."""
        p = c.c_void_p()
        self._use(_exec, c.byref(_spec(argv, env, cwd, user)), c.byref(p))
        return Command(p)

    def run(self, argv: Optional[Sequence[Text]], input: bytes = b"", timeout: Optional[float] = None, max_output: int = 1 << 20,
            env: Optional[dict] = None, cwd: Optional[Text] = None, user: Optional[tuple] = None) -> Result:
        """A command from its start to its end. Timeout and TooMuch have what there was as .result, and it was killed."""
        r = _Result()
        error = None
        try:
            try:
                self._use(_run, c.byref(_spec(argv, env, cwd, user)), input, len(input), max_output, _ms(timeout), c.byref(r))
            except Error as e:
                error = e
            result = Result(r.status, c.string_at(r.out, r.out_len) if r.out else b"", c.string_at(r.err, r.err_len) if r.err else b"")
        finally:
            _result_free(c.byref(r))
        if error:
            error.result = result
            raise error
        return result

    def copy_in(self, local: Text, path: Text, archive: bool = False, follow: bool = False, timeout: Optional[float] = None) -> None:
        """A file or a directory of this host into the guest."""
        self._use(_copy_in, _bytes(local), _bytes(path), archive | follow << 1, _ms(timeout))

    def copy_out(self, path: Text, local: Text, archive: bool = False, follow: bool = False, timeout: Optional[float] = None) -> None:
        """A file or a directory of the guest to this host; nothing is written outside of the target."""
        self._use(_copy_out, _bytes(path), _bytes(local), archive | follow << 1, _ms(timeout))

    def put(self, path: Text, data: bytes, mode: int = 0o644, timeout: Optional[float] = 30) -> None:
        """Makes a file of the guest."""
        self._use(_put, _bytes(path), data, len(data), mode, _ms(timeout))

    def get(self, path: Text, max_size: int = 1 << 24, timeout: Optional[float] = 30) -> bytes:
        """The contents of a plain file of the guest."""
        p, n = c.c_void_p(), c.c_size_t()
        self._use(_get, _bytes(path), max_size, c.byref(p), c.byref(n), _ms(timeout))
        return _take(p, n.value)

    def events(self, timeout: Optional[float] = None) -> "Events":
        """What happens from this call on, until it has ended; timeout: for each."""
        p = c.c_void_p()
        self._use(_events_open, c.byref(p))
        return Events(p, timeout)

    def __exit__(self, *args: Any) -> None:
        try:
            if self._ours:
                self.kill()
        except NotRunning:
            pass
        finally:
            self.close()


def start(*options: Text, command: Optional[Sequence[Text]] = None, timeout: Optional[float] = None) -> Machine:
    """Starts a machine with options of "ring3 run"; without a command it is there for exec() and run()."""
    p = c.c_void_p()
    _call(_start, c.byref(_Start(c.sizeof(_Start), _words(options), _words(command), _ms(timeout) or 1)), c.byref(p))
    return Machine(p, True)


def open(name: str) -> Machine:
    """A machine that runs, by its name."""
    p = c.c_void_p()
    _call(_open, _bytes(name), c.byref(p))
    return Machine(p, False)


def machines() -> list:
    """Names of all machines that run."""
    p = c.POINTER(c.c_char_p)()
    n = _call(_list, c.byref(p))
    try:
        return [os.fsdecode(p[i]) for i in range(n)]
    finally:
        _list_free(p)


def version() -> str:
    """The library's version."""
    return _version().decode()
