"""A backend for the hooks of Holdfast in plain Python: a vote, without an app and any dependency.

    export HOLDFAST_HOOK_SECRET="$(openssl rand -hex 32)"
    PORT=3000 python3 examples/hooks/python/backend.py &
    npx holdfast start --hook-url http://127.0.0.1:3000/ \
      --hook-calls connect,event,join,disconnect

docs/HOOKS.md says what is asked and what may be answered. What you would change is `answer_to`;
the rest is what a backend needs so that nobody but its own node can speak to it.
"""

import hashlib
import hmac
import json
import os
import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRET = os.environ.get("HOLDFAST_HOOK_SECRET", "").encode()
PORT = int(os.environ.get("PORT", "3000"))
# How far a timestamp may be from our clock.
FRESH_MS = 5 * 60_000
# More than the largest event, whose text may grow as JSON.
BODY_BYTES_MAX = 8_000_000

# Requests are answered in threads of their own.
lock = threading.Lock()
# Votes by choice.
votes = {}
# Signatures that came, and answers by id, until they are too old to come again.
seen = {}
answers = {}


def answer_to(call):
    """Decides. Whatever it returns is the answer; what it raises is a failure (500)."""
    kind = call["call"]
    if kind == "connect":
        # A real backend would look its session up, by call["headers"]["cookie"] for example.
        name = call.get("user") or call["auth"].get("name")
        if not isinstance(name, str) or name == "":
            return {"allow": False, "message": "say your name"}
        return {"allow": True, "user": name, "rooms": ["hall"]}
    if kind == "join":
        return {"allow": all(room == f"user:{call['user']}" for room in call["join"])}
    if kind == "event":
        if call["event"] != "vote":
            return {"error": f"nobody knows the event {call['event']}"}
        choice = call["args"][0] if call["args"] else None
        if choice not in ("home", "guests"):
            return {"error": "vote for home or guests"}
        votes[choice] = votes.get(choice, 0) + 1
        return {"ack": [choice, votes[choice]]}
    if kind == "disconnect":
        print(f"{call.get('user')} was here for {call['seconds']} s: {call['reason']}", flush=True)
        return {}
    raise ValueError(f"unknown call {kind}")


def is_of_our_node(headers, body):
    """Whether a request was signed with our secret a short while ago, and is new."""
    timestamp = headers.get("Holdfast-Timestamp", "")
    signature = headers.get("Holdfast-Signature", "")
    signed = timestamp.encode() + b"." + body
    expected = "sha256=" + hmac.new(SECRET, signed, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(signature.encode(), expected.encode()):
        return False
    now_ms = time.time() * 1000
    if not re.fullmatch(r"[0-9]{1,16}", timestamp) or abs(now_ms - int(timestamp)) > FRESH_MS:
        return False
    forget_old(seen, now_ms)
    forget_old(answers, now_ms)
    if expected in seen:
        return False
    # A clock that is behind ours lets its timestamps live for longer.
    seen[expected] = (now_ms + 2 * FRESH_MS, None)
    return True


def forget_old(entries, now_ms):
    """Entries stand in the order in which they came, and that is the order in which they go."""
    while entries:
        key = next(iter(entries))
        if entries[key][0] > now_ms:
            return
        del entries[key]


class Backend(BaseHTTPRequestHandler):
    # Keeps connections open for the next call.
    protocol_version = "HTTP/1.1"
    # Without it an answer in two pieces waits for 40 ms.
    disable_nagle_algorithm = True

    def do_POST(self):
        length = self.headers.get("Content-Length", "")
        if not re.fullmatch(r"[0-9]{1,9}", length) or int(length) > BODY_BYTES_MAX:
            self.close_connection = True
            self.reply(413, {"error": "too long, or without its length"})
            return
        body = self.rfile.read(int(length))
        try:
            with lock:
                if not is_of_our_node(self.headers, body):
                    self.reply(401, {"error": "who are you?"})
                    return
                call = json.loads(body)
                # A second try of a call that was answered gets the same answer: it is not done
                # twice.
                if call["id"] in answers:
                    answer = answers[call["id"]][1]
                else:
                    answer = answer_to(call)
                    answers[call["id"]] = (time.time() * 1000 + FRESH_MS, answer)
            self.reply(200, answer)
        except Exception as error:
            print(repr(error), file=sys.stderr, flush=True)
            self.reply(500, {"error": "something is wrong here"})

    def reply(self, status, answer):
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class Server(ThreadingHTTPServer):
    # As many as a node may have under way at the most.
    request_queue_size = 200
    daemon_threads = True


if __name__ == "__main__":
    if len(SECRET) < 32:
        sys.exit("Set HOLDFAST_HOOK_SECRET to what the node has as hookSecret.")
    server = Server(("127.0.0.1", PORT), Backend)
    print(f"listens on http://127.0.0.1:{server.server_address[1]}/", flush=True)
    server.serve_forever()
