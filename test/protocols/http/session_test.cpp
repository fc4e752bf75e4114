// Sessions: who gets which, and when they end.
#include <marline/protocols/http/session.hpp>

#include <marline/protocols/http/http_error.hpp>
#include <marline/protocols/http/resource.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>

#include "server_wire.hpp"

namespace marline::http {
namespace {

using namespace std::chrono_literals;
using test::ServerWire;

class SessionTest : public test::ServerTest {
protected:
    /// Answers with the session's name and how often it was asked for.
    static Rendered count(Request& request) {
        const Ref<Session> session = request.getSession();
        EXPECT_EQ(request.getSession(), session) << "Z-12: the same within one request";
        return session->uid() + " " + std::to_string(++session->data<int>());
    }

    static std::string get(ServerWire& wire, const std::string& cookie = "") {
        return wire.exchange("GET / HTTP/1.1\r\nHost: t\r\n" +
                             (cookie.empty() ? "" : "Cookie: " + cookie + "\r\n") + "\r\n");
    }

    static std::string uidOf(const std::string& answer) {
        return answer.substr(answer.find("\r\n\r\n") + 4, 64);
    }
};

// Z-11: the name is 32 random bytes in hexadecimal, and the cookie is for the whole site.
TEST_F(SessionTest, setsACookie) {
    ServerWire wire(count);
    const std::string answer = get(wire);
    const std::string uid = uidOf(answer);
    EXPECT_EQ(uid.find_first_not_of("0123456789abcdef"), std::string::npos);
    EXPECT_EQ(answer,
              "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 66\r\n"
              "Content-Type: text/html\r\nSet-Cookie: MARLINE_SESSION=" +
                  uid + "; Path=/; HttpOnly; SameSite=Lax\r\n\r\n" + uid + " 1");
    wire.clock().advance(900s);
}

// Z-12: a browser that brings its cookie has its session, and none is set again.
TEST_F(SessionTest, findsTheSessionAgain) {
    ServerWire wire(count);
    const std::string uid = uidOf(get(wire));
    EXPECT_EQ(
        get(wire, "MARLINE_SESSION=" + uid),
        "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 66\r\nContent-Type: text/html\r\n\r\n" +
            uid + " 2");
    EXPECT_EQ(wire.site().sessions().size(), 1U);
    wire.clock().advance(900s);
}

// Z-12: a cookie that nobody knows gives a new session, not one of that name.
TEST_F(SessionTest, doesNotTakeNamesFromClients) {
    ServerWire wire(count);
    const std::string made(64, 'a');
    EXPECT_NE(uidOf(get(wire, "MARLINE_SESSION=" + made)), made);
    EXPECT_NE(uidOf(get(wire, "MARLINE_SESSION=")), "");
    EXPECT_EQ(wire.site().sessions().size(), 2U);
    wire.clock().advance(900s);
}

// Z-11: names do not repeat.
TEST_F(SessionTest, namesAreUnique) {
    testing::Clock clock;
    Sessions sessions(clock, {});
    std::set<std::string> names;
    for (int i = 0; i < 1000; ++i) {
        names.insert(sessions.make()->uid());
    }
    EXPECT_EQ(names.size(), 1000U);
}

// Z-11: a session ends when it was not used for its time, and tells once.
TEST_F(SessionTest, endsWhenItIsNotUsed) {
    testing::Clock clock;
    Sessions sessions(clock, {.timeout = 10s});
    const Ref<Session> session = sessions.make();
    int told = 0;
    session->notifyOnExpire().addCallback([&told] { ++told; });
    clock.advance(9s);
    session->touch();
    clock.advance(9s);
    EXPECT_FALSE(session->expired());
    EXPECT_EQ(sessions.find(session->uid()), session);
    clock.advance(1s);
    EXPECT_TRUE(session->expired());
    EXPECT_EQ(told, 1);
    EXPECT_FALSE(sessions.find(session->uid()));
    session->expire();
    session->touch();
    EXPECT_EQ(told, 1);
    session->notifyOnExpire().addCallback([&told] { ++told; });
    EXPECT_EQ(told, 2) << "at once for who asks later";
}

// A session that a request ended is followed by a new one, within the request and after it.
TEST_F(SessionTest, mayBeEndedByHand) {
    ServerWire wire([](Request& request) -> Rendered {
        const Ref<Session> old = request.getSession();
        old->expire();
        return old->uid() + (request.getSession() == old ? " same" : " new");
    });
    EXPECT_TRUE(get(wire).ends_with(" new"));
    EXPECT_EQ(wire.site().sessions().size(), 1U);
    wire.clock().advance(900s);
}

// SessionOptions::maxSessions: a request that needs one more is a 503.
TEST_F(SessionTest, hasABound) {
    SiteOptions options;
    options.sessions.maxSessions = 1;
    ServerWire wire(count, options);
    const std::string uid = uidOf(get(wire));
    const std::string answer = get(wire);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 503 ")) << answer;
    EXPECT_NE(answer.find("SessionOptions::maxSessions"), std::string::npos);
    EXPECT_TRUE(get(wire, "MARLINE_SESSION=" + uid).starts_with("HTTP/1.1 200 "));
    wire.clock().advance(900s);
    EXPECT_EQ(wire.site().sessions().size(), 0U);
}

// What is kept in a session is one object of each type, and goes with it.
TEST_F(SessionTest, keepsDataByType) {
    struct Cart {
        std::shared_ptr<int> item = std::make_shared<int>(1);
    };
    testing::Clock clock;
    Sessions sessions(clock, {});
    Ref<Session> session = sessions.make();
    const std::weak_ptr<int> item = session->data<Cart>().item;
    session->data<int>() = 5;
    EXPECT_EQ(session->data<Cart>().item, item.lock());
    session->expire();
    session.reset();
    EXPECT_TRUE(item.expired());
}

// A site that goes leaves no call behind, and sessions that somebody keeps are over.
TEST_F(SessionTest, endWithTheSite) {
    testing::Clock clock;
    Ref<Session> kept;
    {
        Sessions sessions(clock, {});
        kept = sessions.make();
    }
    EXPECT_TRUE(kept->expired());
    EXPECT_EQ(clock.pendingCalls(), 0U);
    kept->expire();
}

}  // namespace
}  // namespace marline::http
