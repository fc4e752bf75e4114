// System calls that fail when a test wants it: the binary's own definitions come before the C
// library's.
#pragma once

namespace marline::testing {

/// What is to fail; all of it works while everything is 0.
struct Faults {
    int pipe2Succeeds = 0;  // so many calls, then pipe2 fails, when pipe2Error is set
    int pipe2Error = 0;
    int cloneError = 0;
    int pidfdOpenError = 0;
    int closeRangeError = 0;
    int getdentsError = 0;
    int epollCtlError = 0;
    int inotifyInitError = 0;
    int inotifyAddSucceeds = 0;  // as with pipe2
    int inotifyAddError = 0;
};

Faults& faults() noexcept;

/// Everything works again when a test is over.
class FaultsEnd {
public:
    FaultsEnd() = default;
    FaultsEnd(const FaultsEnd&) = delete;
    FaultsEnd& operator=(const FaultsEnd&) = delete;
    ~FaultsEnd() { faults() = {}; }
};

}  // namespace marline::testing
