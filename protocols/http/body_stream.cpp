#include <marline/protocols/http/body_stream.hpp>

namespace marline::http {
namespace {

class FunctionStream final : public BodyStream {
public:
    explicit FunctionStream(UniqueFunction<Deferred<std::string>()> next)
        : next_(std::move(next)) {}

    Deferred<std::string> next() override { return next_(); }

private:
    UniqueFunction<Deferred<std::string>()> next_;
};

}  // namespace

Ref<BodyStream> streamOf(UniqueFunction<Deferred<std::string>()> next) {
    return makeRef<FunctionStream>(std::move(next));
}

}  // namespace marline::http
