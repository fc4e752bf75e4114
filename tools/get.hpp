// `marline get`: one request, as curl makes it.
#pragma once

namespace CLI {
class App;
}

namespace tools {

/// Adds the verb; running it sets `status` to what the program shall exit with.
void addGet(CLI::App& app, int& status);

}  // namespace tools
