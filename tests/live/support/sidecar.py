"""One request with mutual TLS; runs inside a network namespace, so it needs nothing but the standard library.

usage: sidecar.py FOLDER HOST PORT SNI   (FOLDER holds certificate, key and root as PEM); prints the answer's body
"""

from __future__ import annotations

import socket
import ssl
import sys

folder, host, port, sni = sys.argv[1:]
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
tls.check_hostname = False  # identities are SPIFFE URIs; the chain is what is checked
tls.load_verify_locations(f"{folder}/root")
tls.load_cert_chain(f"{folder}/certificate", f"{folder}/key")
tls.set_alpn_protocols(["istio"])

with socket.create_connection((host, int(port)), 3) as raw, tls.wrap_socket(raw, server_hostname=sni) as connection:
    connection.sendall(b"GET /observer HTTP/1.0\r\nHost: echo.shop:8080\r\n\r\n")
    answer = b""
    while part := connection.recv(65536):
        answer += part

head, _, body = answer.partition(b"\r\n\r\n")
if b" 200 " not in head.split(b"\r\n")[0]:
    sys.exit(f"the answer is {head[:100]!r}")
sys.stdout.write(body.decode())
