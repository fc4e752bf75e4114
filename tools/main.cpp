// The marline command.
#include <exception>
#include <iostream>

#include <CLI/CLI.hpp>

#include "fetch.hpp"
#include "get.hpp"
#include "serve.hpp"

int main(int argc, char** argv) {
    CLI::App app{"marline: an event-driven framework's own tools"};
    app.require_subcommand(1);
    int status = 0;
    tools::addGet(app, status);
    tools::addFetch(app, status);
    tools::addServe(app, status);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 2;
    } catch (const std::exception& error) {
        std::cerr << "marline: " << error.what() << '\n';
        return 2;
    }
    return status;
}
