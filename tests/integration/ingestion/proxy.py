"""Between a client and a server: connections that are cut, stall, drip or carry a wrong byte."""

import socket
import threading
import time
from dataclasses import dataclass, field

CHUNK = 16_384


@dataclass
class Proxy:
    """Forwards connections to a server on loopback, and does harm to what the server sends.

    Attributes:
        target: Port of the server.
        port: Its own.
        cuts: How many connections more are harmed.
        after: Bytes from the server after which a connection is harmed.
        harm: `cut`, `stall` (nothing more comes, and it stays open), `corrupt` (one bit is another) or `drip` (a
            thousandth of a second a chunk from there on).
        budget: Bytes that the server may still send over all connections; then every one is cut at once.
        sent: Bytes that the server has sent so far.
    """

    target: int
    cuts: int = 0
    after: int = 400_000
    harm: str = "cut"
    budget: int = 10**12
    sent: int = 0
    port: int = field(init=False)

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        try:
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self.target))
                is_harmed = self.cuts > 0
                self.cuts -= 1
                threading.Thread(target=self._forward, args=(client, server), daemon=True).start()
                threading.Thread(target=self._harm, args=(server, client, is_harmed), daemon=True).start()
        except OSError:
            return

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        try:
            while data := client.recv(CHUNK):
                server.sendall(data)
        except OSError:
            pass
        self._shut(client, server)

    def _harm(self, server: socket.socket, client: socket.socket, is_harmed: bool) -> None:
        sent = 0
        try:
            while data := server.recv(CHUNK):
                self.sent, self.budget = self.sent + len(data), self.budget - len(data)
                if self.budget < 0:
                    break
                is_time = is_harmed and sent + len(data) > self.after
                if is_time and self.harm == "corrupt":
                    place = max(self.after - sent, 0)
                    data = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
                    is_harmed = False
                if is_time and self.harm == "drip":
                    time.sleep(0.001)
                if is_time and self.harm == "stall":
                    continue  # until the client gives up
                client.sendall(data)
                sent += len(data)
                if is_time and self.harm == "cut":
                    break
        except OSError:
            pass
        self._shut(client, server)

    @staticmethod
    def _shut(*ends: socket.socket) -> None:
        for end in ends:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def close(self) -> None:
        self._listener.close()
