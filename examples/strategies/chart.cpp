#include "chart.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <functional>

namespace strategies {
namespace {

constexpr int kRow = 22;
constexpr int kNames = 90;
constexpr int kBar = 150;
constexpr int kPanel = 210;

struct Figure {
    const char* title;
    const char* format;
    std::function<double(const Cost&)> of;
};

std::string text(int x, int y, const std::string& what, const char* style = "") {
    return "<text x=\"" + std::to_string(x) + "\" y=\"" + std::to_string(y) + "\"" + style + ">" +
           what + "</text>\n";
}

std::string panel(const Figure& figure, const std::vector<Cost>& costs, int left) {
    double most = 0;
    for (const Cost& cost : costs) {
        most = std::max(most, figure.of(cost));
    }
    std::string svg = text(left, 18, figure.title, " font-weight=\"bold\"");
    int y = 30;
    for (const Cost& cost : costs) {
        const double value = figure.of(cost);
        const int width = most > 0 ? static_cast<int>(value / most * kBar) : 0;
        svg += "<rect x=\"" + std::to_string(left) + "\" y=\"" + std::to_string(y) + "\" width=\"" +
               std::to_string(std::max(width, 1)) + "\" height=\"16\" fill=\"#00897b\"/>\n";
        std::array<char, 32> number{};
        std::snprintf(number.data(), number.size(), figure.format, value);
        svg += text(left + width + 5, y + 13, number.data());
        y += kRow;
    }
    return svg;
}

}  // namespace

std::string chart(const std::vector<Cost>& costs) {
    const std::array<Figure, 4> figures = {
        {{"wall time, ms", "%.0f", [](const Cost& cost) { return cost.wall * 1000; }},
         {"CPU, ms", "%.0f", [](const Cost& cost) { return cost.cpu * 1000; }},
         {"memory, MiB", "%.0f", [](const Cost& cost) { return cost.memory; }},
         {"threads", "%.0f", [](const Cost& cost) { return static_cast<double>(cost.threads); }}}};
    const int width = kNames + kPanel * static_cast<int>(figures.size());
    const int height = 40 + kRow * static_cast<int>(costs.size());
    const std::string size =
        "width=\"" + std::to_string(width) + "\" height=\"" + std::to_string(height) + "\"";
    std::string svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" " + size +
                      " font-family=\"sans-serif\" font-size=\"12\" fill=\"#263238\">\n<rect " +
                      size + " fill=\"#ffffff\"/>\n";
    int y = 43;
    for (const Cost& cost : costs) {
        svg += text(8, y, cost.name);
        y += kRow;
    }
    int left = kNames;
    for (const Figure& figure : figures) {
        svg += panel(figure, costs, left);
        left += kPanel;
    }
    return svg + "</svg>\n";
}

}  // namespace strategies
