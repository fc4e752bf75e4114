"""The Twisted side of smtp_test: `smtp_peer.py client PORT CA` sends, `smtp_peer.py server PEM` takes.

CA is the certificate of who signed the server's, PEM a key and its certificate.
"""

import io
import sys

from twisted.cred import checkers, credentials, portal
from twisted.internet import defer, reactor, ssl, task
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.mail import imap4, smtp
from zope.interface import implementer


@defer.inlineCallbacks
def send(reactor, port, ca):
    with open(ca) as pem:
        trusted = ssl.Certificate.loadPEM(pem.read())
    done = defer.Deferred()
    factory = smtp.ESMTPSenderFactory(
        b"me",
        b"secret",
        "a@b.test",
        ["c@d.test", "nobody@d.test"],
        io.BytesIO(b"Subject: twisted\n\n.\n..dots\n"),
        done,
        retries=0,
        contextFactory=ssl.optionsForClientTLS("server.test", trusted),
        requireAuthentication=True,
        requireTransportSecurity=True,
    )
    reactor.connectTCP("127.0.0.1", int(port), factory)
    count, answers = yield done
    told = ", ".join("%s %d" % (address.decode(), code) for address, code, _ in answers)
    print("sent %d: %s" % (count, told))


@implementer(smtp.IMessage)
class Message:
    def __init__(self):
        self.lines = []

    def lineReceived(self, line):
        self.lines.append(line.decode())

    def eomReceived(self):
        print("|".join(self.lines + ["end"]), flush=True)
        return defer.succeed(None)

    def connectionLost(self):
        print("lost", flush=True)


@implementer(smtp.IMessageDelivery)
class Delivery:
    def receivedHeader(self, helo, origin, recipients):
        return None

    def validateFrom(self, helo, origin):
        return origin

    def validateTo(self, user):
        if user.dest.local == b"nobody":
            raise smtp.SMTPBadRcpt(user)
        return Message


@implementer(portal.IRealm)
class Realm:
    def requestAvatar(self, avatarId, mind, *interfaces):
        return smtp.IMessageDelivery, Delivery(), lambda: None


class Server(smtp.ESMTP):
    def __init__(self, context):
        super().__init__(
            {b"LOGIN": imap4.LOGINCredentials, b"PLAIN": imap4.PLAINCredentials}, context
        )
        self.host = b"twisted.test"


@defer.inlineCallbacks
def serve(reactor, pem):
    with open(pem) as text:
        certificate = ssl.PrivateCertificate.loadPEM(text.read())
    checker = checkers.InMemoryUsernamePasswordDatabaseDontUse(me=b"secret")

    class Factory(smtp.SMTPFactory):
        def buildProtocol(self, address):
            protocol = Server(certificate.options())
            protocol.portal = self.portal
            protocol.factory = self
            return protocol

    port = yield TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(
        Factory(portal.Portal(Realm(), [checker]))
    )
    print(port.getHost().port, flush=True)
    yield defer.Deferred()


if sys.argv[1] == "client":
    task.react(send, sys.argv[2:4])
else:
    task.react(serve, sys.argv[2:3])
