"""proxy.py: a TCP line to a server that can be cut, stalled or slowed, at the byte that is asked for."""
import select
import socket
import struct
import threading
import time


class Proxy:
    """`with Proxy(port) as line: ... line.port ...`; what is set holds for all connections, also those that are open."""

    def __init__(self, target_port):
        self.target_port = target_port
        self.slice = 65536        # bytes passed at a time, ...
        self.pause = 0.0          # ... and the pause after each
        self.cut_after = None     # bytes from the server after which all connections are reset, once
        self.cuts = 0
        self.passed = 0           # bytes from the server
        self._flows = threading.Event()
        self._flows.set()
        self._open = set()
        self._closed = False
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._closed = True
        self._listener.close()
        self.cut()
        self.stalled = False      # lets the threads see it

    @property
    def stalled(self):
        """Nothing passes, an end of the connection neither, and nobody is told."""
        return not self._flows.is_set()

    @stalled.setter
    def stalled(self, on):
        if on:
            self._flows.clear()
        else:
            self._flows.set()

    def cut(self):
        """Reset all connections, in mid-message as it may be."""
        with self._lock:
            gone, self._open = self._open, set()
        for pair in gone:
            for s in pair:
                try:
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    s.shutdown(socket.SHUT_RDWR)
                    s.close()
                except OSError:
                    pass
        self.cuts += 1

    def _accept(self):
        while not self._closed:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.target_port))
            except OSError:
                client.close()
                continue
            with self._lock:
                self._open.add((client, server))
            threading.Thread(target=self._pass, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self._pass, args=(server, client, False), daemon=True).start()

    def _pass(self, source, sink, from_client):
        try:
            while True:
                self._flows.wait()
                if not select.select([source], [], [], 0.05)[0]:
                    if source.fileno() < 0:
                        return
                    continue
                data = source.recv(self.slice)
                self._flows.wait()  # what was read just now waits, too, and so does an end
                if not data:
                    sink.shutdown(socket.SHUT_WR)
                    return
                if not from_client:
                    self.passed += len(data)
                    if self.cut_after is not None and self.passed >= self.cut_after:
                        keep = len(data) - (self.passed - self.cut_after)
                        sink.sendall(data[:max(keep, 0)])
                        self.cut_after = None
                        self.cut()
                        return
                sink.sendall(data)
                if self.pause:
                    time.sleep(self.pause)
        except (OSError, ValueError):
            self._flows.wait()
            try:
                sink.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
