// Runs code on a thread whose stack is too small for anything that recurses.
#pragma once

#include <cstddef>

#include <pthread.h>

#include <gtest/gtest.h>

namespace marline::test {

/// What a call gets. A million nested calls need 16 MB at the very least. It is enough under
/// AddressSanitizer too: its red zones make frames larger, not more, and malloc and free, which
/// walk the stack there and keep the walk on it, take a few KiB whatever the depth.
inline constexpr std::size_t kSmallStack = std::size_t{64} * 1024;

/// Runs `call` to its end on a thread with a stack of kSmallStack bytes.
inline void onSmallStack(void (*call)()) {
    pthread_attr_t attributes;
    ASSERT_EQ(pthread_attr_init(&attributes), 0);
    ASSERT_EQ(pthread_attr_setstacksize(&attributes, kSmallStack), 0);
    const auto run = [](void* f) -> void* {
        (*static_cast<void (**)()>(f))();
        return nullptr;
    };
    pthread_t thread{};
    ASSERT_EQ(pthread_create(&thread, &attributes, run, &call), 0);
    ASSERT_EQ(pthread_join(thread, nullptr), 0);
    ASSERT_EQ(pthread_attr_destroy(&attributes), 0);
}

}  // namespace marline::test
