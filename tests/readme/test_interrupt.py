"""./quickstart at a terminal, and Ctrl-C: it ends at once, takes everything down that it started, and keeps the build."""
import glob
import os
import pty
import re
import time

import pytest

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(REPO, "build")


class Terminal:
    """A program on a terminal of its own, whose Ctrl-C reaches all of its foreground processes."""

    def __init__(self, *argv, **env):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(REPO)
            os.execvpe(argv[0], argv, {**os.environ, **env})
        self.text = b""

    def read(self):
        try:
            more = os.read(self.fd, 65536)
        except OSError:  # the other side is closed
            more = b""
        self.text += more
        return more

    def read_until(self, words):
        while words.encode() not in self.text:
            assert self.read(), f"ended before it said {words!r}: {self.text.decode(errors='replace')[-2000:]}"

    def interrupt(self):
        os.write(self.fd, b"\x03")
        while self.read():
            pass
        os.close(self.fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def processes_naming(folder):
    found = []
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path, "rb") as f:
                line = f.read().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if folder in line:
            found.append(line)
    return found


@pytest.mark.parametrize("words,more", [("packages: all there", 1.0), ("lag bytes", 0.1)])
def test_interrupt(words, more):
    """In the midst of the build, and while a line of the live view is put together: `more` seconds after these words."""
    if words.startswith("packages"):  # something to build
        for path in glob.glob(os.path.join(BUILD, "host", "supervisor", "**", "*.o"), recursive=True):
            os.remove(path)
    terminal = Terminal("./quickstart", QUICKSTART_SECONDS="60")
    terminal.read_until(words)
    time.sleep(more)
    status = terminal.interrupt()
    text = terminal.text.decode(errors="replace")
    assert status == 0, text
    assert "comparison" not in text and "matching" not in text, "the interrupt was lost: " + text[-2000:]
    assert os.path.exists(os.path.join(BUILD, "CMakeCache.txt")), "the build is gone"
    for folder in set(re.findall(r"/tmp/homeport-quickstart\.\w+", text)):
        assert not os.path.exists(folder) and not processes_naming(folder)
