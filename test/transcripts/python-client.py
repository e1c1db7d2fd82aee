"""The stock Socket.IO client for Python against a Threadwire server in anonymous mode.

Usage: python-client.py URL

Prints one line of JSON for each step: what was asked and what came back. Ids and times, which differ from run to run,
are replaced by names: <id1>, <id2> ... as they first appear (keys in alphabetical order), and <time>.
"""

import json
import re
import sys
import threading
import uuid

import socketio

TIMEOUT_S = 10
USER = "python-user"
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
ID_KEYS = {"id", "thread_id", "stream_id", "message_id", "client_id", "server_id", "created_by"}

# What this program chose itself.
FIXED = {USER, "unknown-1", "ping-1", "history-1", "error-1"}

names = {}


def normalised(value, key=None):
    """The value with what differs from run to run replaced."""
    if isinstance(value, dict):
        return {name: normalised(value[name], name) for name in sorted(value)}
    if isinstance(value, list):
        return [normalised(inner) for inner in value]
    if isinstance(value, str) and TIME.match(value):
        return "<time>"
    if key in ID_KEYS and value not in FIXED:
        return names.setdefault(value, f"<id{len(names) + 1}>")
    return value


def error_of(error, *more):
    """What the protocol fixes of an error: its text is for people and may change."""
    kept = {name: error[name] for name in ("code", "retry", "fatal", *more) if name in error}
    issues = error.get("details", {}).get("issues")
    if issues is not None:
        kept["issue_paths"] = [issue["path"] for issue in issues]
    return kept


def show(step, **what):
    print(json.dumps({"step": step, **normalised(what)}, sort_keys=True, ensure_ascii=False), flush=True)


class Inbox:
    """Events by name. The client hands each packet to a thread of its own, so that only order within a step is certain."""

    def __init__(self):
        self.events = []
        self.changed = threading.Condition()

    def put(self, name, *args):
        with self.changed:
            self.events.append((name, args))
            self.changed.notify_all()

    def take(self, name):
        def index():
            return next((at for at, event in enumerate(self.events) if event[0] == name), None)

        with self.changed:
            if not self.changed.wait_for(lambda: index() is not None, TIMEOUT_S):
                raise TimeoutError(f"no {name} within {TIMEOUT_S} s; untaken: {self.events}")
            args = self.events.pop(index())[1]
        if len(args) != 1:
            raise ValueError(f"{name} came with {len(args)} arguments, not with one object")
        return args[0]

    def untaken(self):
        with self.changed:
            return sorted(name for name, _ in self.events)


def main(url):
    client = socketio.Client(reconnection=False)
    inbox = Inbox()
    client.on("*", inbox.put)
    closed = threading.Event()
    client.on("disconnect", lambda *_: closed.set())

    def request(event, payload):
        answer = client.call(event, payload, timeout=TIMEOUT_S)
        if not answer["ok"]:
            return {**answer, "error": error_of(answer["error"])}
        return answer

    client.connect(
        url,
        auth={"user": USER, "client": {"name": "python-socketio", "version": "5"}, "protocol_version": 1},
        transports=["websocket"],
        socketio_path="/api/ws",
        wait_timeout=TIMEOUT_S,
    )
    show("connect", event=inbox.take("session"))

    answer = request("create_thread", {"title": "Füchse & Hasen", "metadata": {"from": "python"}})
    show("create_thread", answer=answer)
    thread = answer["data"]["thread"]["id"]

    show("subscribe_thread", answer=request("subscribe_thread", {"thread_id": thread}))

    message_id = str(uuid.uuid4())
    send = {"thread_id": thread, "content": "hello from Python 🐍", "message_id": message_id}
    answer = request("send_message", send)
    show("send_message", answer=answer)
    message = answer["data"]["message"]["id"]
    show("thread_message", event=inbox.take("thread_message"))

    show("send_message again", answer=request("send_message", send))

    edit = {"thread_id": thread, "id": message, "content": "edited", "if_seq": 1}
    show("edit_message", answer=request("edit_message", edit))
    show("message_updated", event=inbox.take("message_updated"))

    show("delete_message", answer=request("delete_message", {"thread_id": thread, "id": message}))
    show("message_updated again", event=inbox.take("message_updated"))

    show("fetch_history", answer=request("fetch_history", {"thread_id": thread, "after_seq": 0}))

    answer = request("list_threads", {"limit": 10})
    for listed in answer["data"]["threads"]:
        # It may lag in lists.
        listed["head_seq"] = "<head_seq>"
    show("list_threads", answer=answer)

    show("an unknown event", answer=request("no_such_event", {"message_id": "unknown-1"}))

    show("an invalid payload", answer=request("send_message", {"thread_id": thread, "content": 42}))

    show("bytes in a payload", answer=request("send_message", {"thread_id": thread, "content": b"\x00\xff"}))

    client.emit("ping", {"message_id": "ping-1"})
    show("ping without an ack", event=inbox.take("pong"))

    client.emit("fetch_history", {"thread_id": thread, "limit": 0, "message_id": "history-1"})
    show("fetch_history without an ack", event=inbox.take("thread_history"))

    client.emit("subscribe_thread", {"thread_id": "no-such-thread", "message_id": "error-1"})
    show("a failure without an ack", event=error_of(inbox.take("error"), "message_id"))

    show("unsubscribe_thread", answer=request("unsubscribe_thread", {"thread_id": thread}))
    show("send_message after it", answer=request("send_message", {**send, "message_id": str(uuid.uuid4())}))
    # Its answer comes after whatever the message above would have caused.
    show("ping", answer=request("ping", {}))
    show("untaken events", names=inbox.untaken())

    client.disconnect()
    show("disconnect", closed=closed.wait(TIMEOUT_S), connected=client.connected)


if __name__ == "__main__":
    main(sys.argv[1])
