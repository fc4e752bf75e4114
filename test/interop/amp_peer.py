"""The Twisted side of amp_test: `amp_peer.py client PORT` asks, `amp_peer.py server` answers.

With CERTIFICATE (a PEM file of a key and its certificate) the connection changes to TLS.
"""

import datetime
import sys

from twisted.internet import defer, protocol, reactor, ssl, task
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint, connectProtocol
from twisted.protocols import amp


class Divide(amp.Command):
    arguments = [(b"numerator", amp.Integer()), (b"denominator", amp.Integer())]
    response = [(b"result", amp.Float())]
    errors = {ZeroDivisionError: b"ZERO_DIVISION"}


class Everything(amp.Command):
    arguments = [
        (b"flag", amp.Boolean()),
        (b"text", amp.Unicode()),
        (b"bytes", amp.String()),
        (b"when", amp.DateTime()),
        (b"numbers", amp.ListOf(amp.Integer())),
        (b"rows", amp.AmpList([(b"name", amp.Unicode()), (b"size", amp.Integer(optional=True))])),
        (b"missing", amp.Integer(optional=True)),
    ]
    response = arguments


class Fail(amp.Command):
    arguments = []
    response = []


class Missing(amp.Command):
    arguments = []
    response = []


class Tick(amp.Command):
    arguments = [(b"count", amp.Integer())]
    response = []
    requiresAnswer = False


class Ticks(amp.Command):
    arguments = []
    response = [(b"count", amp.Integer())]


class Peer(amp.AMP):
    ticks = 0

    @Divide.responder
    def divide(self, numerator, denominator):
        return {"result": numerator / denominator}

    @Everything.responder
    def everything(self, **values):
        return values

    @Fail.responder
    def fail(self):
        raise RuntimeError("secret")

    @Tick.responder
    def tick(self, count):
        self.ticks += count
        return {}

    @Ticks.responder
    def counted(self):
        return {"count": self.ticks}

    @amp.StartTLS.responder
    def startTls(self):
        with open(sys.argv[2], "rb") as pem:
            certificate = ssl.PrivateCertificate.loadPEM(pem.read())
        return {"tls_localCertificate": certificate, "tls_verifyAuthorities": None}


EVERYTHING = {
    "flag": True,
    "text": "gr\u00fc\u00df",
    "bytes": b"\0\xff",
    "when": datetime.datetime(2012, 1, 23, 12, 34, 56, 54321, tzinfo=amp.utc),
    "numbers": [1, -2, 300],
    "rows": [{"name": "a", "size": 1}, {"name": "b", "size": None}],
}


@defer.inlineCallbacks
def ask(reactor, port):
    peer = yield connectProtocol(TCP4ClientEndpoint(reactor, "127.0.0.1", int(port)), Peer())
    answers = yield defer.gatherResults(
        [peer.callRemote(Divide, numerator=n, denominator=4) for n in range(100)]
    )
    print("divided", sum(answer["result"] for answer in answers))
    try:
        yield peer.callRemote(Divide, numerator=1, denominator=0)
    except ZeroDivisionError as error:
        print("zero division:", error)
    answer = yield peer.callRemote(Everything, **EVERYTHING)
    print("everything", all(answer[key] == value for key, value in EVERYTHING.items()))
    try:
        yield peer.callRemote(Missing)
    except amp.UnhandledCommand as error:
        print("unhandled:", error)
    peer.callRemote(Tick, count=3)
    answer = yield peer.callRemote(Ticks)
    print("ticks", answer["count"])
    if len(sys.argv) > 3:
        yield peer.callRemote(amp.StartTLS)
        answer = yield peer.callRemote(Divide, numerator=1, denominator=8)
        print("over TLS", answer["result"])
    try:
        yield peer.callRemote(Fail)
    except amp.UnknownRemoteError as error:
        print("unknown error:", error)


@defer.inlineCallbacks
def serve(reactor):
    port = yield TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(
        protocol.Factory.forProtocol(Peer)
    )
    print(port.getHost().port, flush=True)
    yield defer.Deferred()


if sys.argv[1] == "client":
    task.react(ask, sys.argv[2:3])
else:
    task.react(serve)
