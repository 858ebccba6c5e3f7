"""What the tests of the HTTP services share: a service that was started, requests to it, and the
one course of events that every service goes through.

Method: the service on a port of its own, a small config, a client in this process with threads. A
short run has 40 clients for 3 seconds, a long one 200 for 60.
"""

import http.client
import json
import os
import re
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "bindings"))
import binding_testing  # noqa: E402  (the folder beside this one)

CLIENTS, SECONDS = (200, 60) if binding_testing.IS_LONG else (40, 3)
ENDLESS = 10_000_000
QUEUE_LIMIT = 256
TIMEOUT_S = 120
MOST_GROWTH_BYTES = 64 << 20


class Service:
    """A service that runs until `stop` or `kill`."""

    def __init__(self, command, env):
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env)
        line = self.process.stdout.readline()
        match = re.search(r"listening on http://([\d.]+):(\d+)", line)
        if match is None:
            self.process.kill()
            raise AssertionError(f"expected 'listening on http://...', got '{line}'")
        self.address = (match[1], int(match[2]))

    def request(self, method, path, body=None):
        """(status, text)."""
        connection = http.client.HTTPConnection(*self.address, timeout=TIMEOUT_S)
        try:
            headers = {"Content-Type": "application/json"}
            data = json.dumps(body) if isinstance(body, dict) else body
            connection.request(method, path, data, headers)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def resident_bytes(self):
        with open(f"/proc/{self.process.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * 4096

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(TIMEOUT_S)
        self.process.stdout.close()
        return code

    def kill(self):
        self.process.kill()
        self.process.wait(TIMEOUT_S)
        self.process.stdout.close()


class ServiceTest(binding_testing.BindingTest):
    """`start(folder, config)` of a subclass starts its service."""

    def setUp(self):
        super().setUp()
        config = binding_testing.cli_testing.tiny_config("replaced.txt", steps=1, save_every=20)
        del config["schedule"]
        self.config = self.write("config.json", json.dumps(config))
        self.service = self.start_service()
        self.addCleanup(lambda: self.service.process.poll() is None and self.service.kill())

    def start_service(self):
        return self.start(self.at("models"), self.config)

    def start(self, folder, config):
        raise NotImplementedError

    def ok(self, method, path, body=None, status=200):
        got, text = self.service.request(method, path, body)
        self.assertEqual(got, status, f"{method} {path}: {text}")
        return json.loads(text) if text.lstrip().startswith("{") else text

    def train(self, name, steps):
        with open(self.corpus, encoding="utf-8") as file:
            self.ok("PUT", f"/models/{name}/text", file.read().encode(), 204)
        self.ok("POST", f"/models/{name}/train", {"steps": steps}, 202)

    def wait(self, name, condition):
        deadline = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline:
            state = self.ok("GET", f"/models/{name}")
            if condition(state):
                return state
            time.sleep(0.05)
        raise AssertionError(f"{name}: not within {TIMEOUT_S} s: {state}")

    def test_train_listen_generate_and_go_on(self):
        listener = http.client.HTTPConnection(*self.service.address, timeout=TIMEOUT_S)
        listener.request("GET", "/models/anna/events", headers={"Accept": "text/event-stream"})
        response = listener.getresponse()
        self.train("anna", 20)
        records = []
        while not records or "ended" not in records[-1]:
            line = response.readline().decode()
            self.assertNotEqual(line, "", "the events ended")
            if line.startswith("data:"):
                records.append(json.loads(line[5:]))
        listener.close()
        losses = [record["loss"] for record in records if "loss" in record]
        self.assertEqual(len(losses), 20)
        self.assertLess(losses[-1], losses[0])
        state = self.wait("anna", lambda state: not state["is_training"])
        self.assertEqual((state["step"], state["error"]), (20, None))
        request = {"prompt": "the ", "max_tokens": 16, "temperature": 0}
        text = self.ok("POST", "/models/anna/generate", request)["text"]
        self.assertTrue(text)
        self.assertEqual(self.ok("POST", "/models/anna/generate", request)["text"], text)
        self.train("anna", 5)
        state = self.wait("anna", lambda state: state["step"] == 25 and not state["is_training"])
        self.assertEqual(self.service.stop(), 0)

    def test_bad_requests_are_answered_and_survived(self):
        for method, path, body, status in (
                ("POST", "/models/anna/generate", {"prompt": "a", "max_tokens": 1}, 404),
                ("POST", "/models/anna/generate", {"prompt": "a"}, None),
                ("POST", "/models/anna/generate", b"{", None),
                ("POST", "/models/anna/train", {"steps": 0}, 400),
                ("POST", "/models/anna/train", {"steps": 5, "set": {"trainer.x": 1}}, 400),
                ("GET", "/models/..%2F..%2Fetc", None, 400),
                ("GET", "/models/" + "a" * 41, None, 400),
                ("GET", "/nothing", None, 404)):
            got, text = self.service.request(method, path, body)
            self.assertEqual(got // 100, 4, f"{method} {path}: {got} {text}")
            if status is not None:
                self.assertEqual(got, status, f"{method} {path}: {text}")
        got, text = self.service.request("POST", "/models/anna/train",
                                         {"steps": 5, "set": {"trainer.stepz": 1}})
        self.assertEqual(json.loads(text)["path"], "trainer.stepz")
        self.assertEqual(self.ok("GET", "/models/anna")["is_training"], False)

    def test_many_clients_beside_a_training_and_some_hang_up(self):
        self.train("served", 20)
        self.wait("served", lambda state: state["step"] == 20)
        self.train("trained", ENDLESS)
        self.ok("POST", "/models/trained/train", {"steps": 1}, 409)
        self.load(1.0)  # what is made once
        before = self.service.resident_bytes()
        answers, seconds = self.load(SECONDS)
        grown = self.service.resident_bytes() - before
        self.assertEqual(set(answers) - {200, 429}, set(), "no other answer")
        self.assertGreater(answers.get(200, 0), 0)
        seconds.sort()
        print(f"{CLIENTS} clients for {SECONDS} s: {answers}, p99 of generate "
              f"{seconds[int(len(seconds) * 0.99)]:.3f} s, {grown >> 20} MiB more")
        self.assertLess(grown, MOST_GROWTH_BYTES)
        self.ok("DELETE", "/models/trained/train", None, 202)
        self.wait("trained", lambda state: not state["is_training"] and state["step"] > 0)

    def load(self, seconds_long):
        """{status: count}, and how long each generation took."""
        answers, seconds, lock = {}, [], threading.Lock()
        end = time.monotonic() + seconds_long

        def client(number):
            request = {"prompt": "the ", "max_tokens": 16, "seed": number}
            while time.monotonic() < end:
                if number % 20 == 7:
                    self.hang_up(request)
                    continue
                begun = time.monotonic()
                status, _ = self.service.request("POST", "/models/served/generate", request)
                with lock:
                    answers[status] = answers.get(status, 0) + 1
                    if status == 200:
                        seconds.append(time.monotonic() - begun)
                if status == 429:
                    time.sleep(0.02)

        threads = [threading.Thread(target=client, args=(i,)) for i in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return answers, seconds

    def hang_up(self, request):
        connection = http.client.HTTPConnection(*self.service.address, timeout=TIMEOUT_S)
        body = json.dumps({**request, "max_tokens": 4000})
        connection.request("POST", "/models/served/generate", body,
                           {"Content-Type": "application/json"})
        time.sleep(0.02)
        connection.close()

    def test_a_full_queue_says_so_and_empties_itself(self):
        self.train("served", 20)
        self.wait("served", lambda state: state["step"] == 20)
        status, text, waiting = self.fill_the_queue("served")
        self.assertEqual(status, 429, text)
        self.assertIn(f"{QUEUE_LIMIT} prompts wait already", text)
        self.assertGreaterEqual(len(waiting), QUEUE_LIMIT)
        for connection in waiting:
            connection.close()
        short = {"prompt": "the ", "max_tokens": 1}
        deadline = time.monotonic() + TIMEOUT_S
        while status == 429 and time.monotonic() < deadline:
            time.sleep(0.05)
            status, text = self.service.request("POST", "/models/served/generate", short)
        self.assertEqual(status, 200, text)

    def fill_the_queue(self, name):
        """Long prompts until one is refused: its status and text, and who still waits.

        Nobody waits for an answer here: a request that is answered only when all before it are says
        nothing of how full the queue was."""
        body = json.dumps({"prompt": "the ", "max_tokens": 4000}).encode()
        request = (b"POST /models/%s/generate HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n"
                   b"Content-Type: application/json\r\n\r\n" % (name.encode(), len(body))) + body
        deadline = time.monotonic() + TIMEOUT_S
        with selectors.DefaultSelector() as answered:
            while time.monotonic() < deadline:
                connection = socket.create_connection(self.service.address, TIMEOUT_S)
                self.addCleanup(connection.close)
                connection.sendall(request)
                answered.register(connection, selectors.EVENT_READ)
                is_many = len(answered.get_map()) > QUEUE_LIMIT
                for key, _ in answered.select(0.05 if is_many else 0):
                    answered.unregister(key.fileobj)
                    with http.client.HTTPResponse(key.fileobj) as response:
                        response.begin()
                        status, text = response.status, response.read().decode()
                    if status != 200:
                        waiting = [key.fileobj for key in answered.get_map().values()]
                        return status, text, waiting
        raise AssertionError(f"no prompt was refused within {TIMEOUT_S} s")

    def test_killed_while_it_trains_and_resumed(self):
        self.train("anna", ENDLESS)
        self.wait("anna", lambda state: state["step"] >= 20)
        self.service.kill()
        self.service = self.start_service()
        step = self.ok("GET", "/models/anna")["step"]
        self.assertGreaterEqual(step, 20)
        self.ok("POST", "/models/anna/train", {"steps": 3}, 202)
        state = self.wait("anna", lambda state: not state["is_training"])
        self.assertEqual((state["step"], state["error"]), (step + 3, None))
        # Stopped while it trains: it saves.
        self.ok("POST", "/models/anna/train", {"steps": ENDLESS}, 202)
        time.sleep(0.3)
        self.assertEqual(self.service.stop(), 0)
        self.service = self.start_service()
        self.assertGreater(self.ok("GET", "/models/anna")["step"], step + 3)
