"""Streams what comes on its standard input, line by line a string in JSON, into a message.

Usage: stream-body.py URL

Prints one line of JSON: the status of the answer, and its body.
"""

import json
import sys

import requests

HEADERS = {"Content-Type": "text/plain; charset=utf-8", "X-Threadwire-User": "bot"}


def pieces():
    for line in sys.stdin:
        yield json.loads(line).encode()


answer = requests.post(sys.argv[1], data=pieces(), headers=HEADERS, timeout=20)
print(json.dumps({"status": answer.status_code, "body": answer.json()}))
