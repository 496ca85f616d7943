"""An echo server for one client after the other. Usage: echo_server.py PORT [forget]

With `forget` it keeps each connection in a list and never closes it.
"""
import socket
import sys

kept = []
listener = socket.create_server(("", int(sys.argv[1])), reuse_port=False)
while True:
    conn, peer = listener.accept()
    print("client", peer[0], flush=True)
    while data := conn.recv(512):
        conn.sendall(data)
    if "forget" in sys.argv:
        kept.append(conn)
    else:
        conn.close()
