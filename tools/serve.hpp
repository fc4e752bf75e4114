// `marline serve`: a folder as a web site.
#pragma once

namespace CLI {
class App;
}

namespace tools {

/// Adds the verb, which stores its exit status in `status`.
void addServe(CLI::App& app, int& status);

}  // namespace tools
