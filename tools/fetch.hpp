// `marline fetch`: many requests at once, with the talk's output.
#pragma once

namespace CLI {
class App;
}

namespace tools {

/// Adds the verb; running it sets `status` to what the program shall exit with.
void addFetch(CLI::App& app, int& status);

}  // namespace tools
