"""server.py PORT [FILE [N]]: greet N callers (1 unless said) on 127.0.0.1; FILE takes the port."""
import socket
import sys

listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen()
if len(sys.argv) > 2:
    with open(sys.argv[2], "w") as f:
        print(listener.getsockname()[1], file=f)
for _ in range(int(sys.argv[3]) if len(sys.argv) > 3 else 1):
    caller, _ = listener.accept()
    caller.sendall(b"served on loopback\n")
    caller.close()
