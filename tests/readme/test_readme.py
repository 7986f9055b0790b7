"""The README's walk through, run word by word: ./quickstart in one process, all ```bash blocks in one shell in another."""
import os
import re
import signal
import subprocess

from waiting import wait_until

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def blocks():
    with open(os.path.join(REPO, "README.md"), encoding="utf-8") as readme:
        return re.findall(r"^```bash\n(.*?)^```$", readme.read(), re.M | re.S)


def test_walk_through(work):
    env_file = os.path.join(REPO, "build", "quickstart.env")
    with open(os.path.join(work, "quickstart.log"), "wb") as log:
        quickstart = subprocess.Popen([os.path.join(REPO, "quickstart")], cwd=REPO, stdin=subprocess.DEVNULL, stdout=log,
                                      stderr=subprocess.STDOUT, start_new_session=True,
                                      # bash cannot trap what was ignored when it started, as it is in background jobs
                                      preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
                                      env={**os.environ, "QUICKSTART_SECONDS": "2"})
    try:
        wait_until(lambda: os.path.exists(env_file) or quickstart.poll() is not None, "quickstart to be ready", 900)
        assert quickstart.poll() is None, f"quickstart ended: see {log.name}"
        text = blocks()
        assert len(text) >= 6
        # -e: every step must succeed; pipefail: so must what it is made of. A loop that waits ends by the time limit.
        shell = subprocess.run(["bash", "-ec", "".join(text)], cwd=REPO, capture_output=True, text=True, timeout=180, check=False)
        assert shell.returncode == 0, shell.stdout + shell.stderr
        out = shell.stdout
        assert '"error_code"' not in out, out
        assert " 1 | changed" in out
        assert out.rstrip().endswith("\n0"), "the slot should be gone:\n" + out[-400:]
        assert out.count('"op":"') >= 3, "homeport tail shows the changes:\n" + out
    finally:
        quickstart.send_signal(signal.SIGINT)
        assert quickstart.wait(60) == 0
    assert not os.path.exists(env_file)
