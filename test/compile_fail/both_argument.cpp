// A function for either outcome that takes the value only.
// Says: a function given to addBoth on Deferred<T> takes a Result<T>
#include <marline/deferred/deferred.hpp>

struct Page {
    int size = 0;
};
struct Size {
    explicit Size(Page) {}
};

int main() {
    marline::Deferred<Page> d;
#ifdef RIGHT
    d.addBoth([](const marline::Result<Page>&) {});
#else
    d.addBoth([](Size) {});
#endif
}
