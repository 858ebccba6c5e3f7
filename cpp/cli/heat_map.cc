#include "cpp/cli/heat_map.h"

#include <algorithm>
#include <cmath>

#include "cpp/cli/text.h"

namespace tessera::cli {
namespace {

constexpr double kLeft = 70, kTop = 46, kWidth = 720, kGap = 58, kRight = 120;

// `load` in even shares: blue at 0, white at 1, red at `most` and above, by its logarithm.
std::string Colour(double load, double most) {
  const auto mixed = [](double share, int end) {
    return static_cast<int>(std::lround(255 + std::clamp(share, 0.0, 1.0) * (end - 255)));
  };
  if (!(load >= 0)) return "#888888";
  const double share = load < 1 ? 1 - load : std::log(load) / std::log(most);
  return load < 1 ? Format("#%02x%02x%02x", mixed(share, 33), mixed(share, 102), mixed(share, 172))
                  : Format("#%02x%02x%02x", mixed(share, 178), mixed(share, 24), mixed(share, 43));
}

double RowHeight(size_t experts) {
  return std::clamp(160.0 / static_cast<double>(experts), 1.0, 14.0);
}

// Cells, and the load that is drawn as red.
std::string Map(const ExpertLoads& layer, const std::string& time_name, double top) {
  const double row = RowHeight(layer.experts);
  const double height = row * static_cast<double>(layer.experts);
  const double column = kWidth / static_cast<double>(layer.columns.size());
  const double experts = static_cast<double>(layer.experts);
  double most = 2;
  for (const auto& shares : layer.columns) {
    for (const double share : shares) most = std::max(most, share * experts);
  }
  std::string svg = Format("<text x=\"%.1f\" y=\"%.1f\" font-weight=\"bold\">%s</text>\n", kLeft,
                           top - 8, XmlEscaped(layer.name).c_str());
  for (size_t c = 0; c < layer.columns.size(); ++c) {
    for (size_t e = 0; e < layer.experts; ++e) {
      svg += Format("<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" fill=\"%s\"/>\n",
                    kLeft + column * static_cast<double>(c),
                    top + row * static_cast<double>(e), column + 0.05, row + 0.05,
                    Colour(layer.columns[c][e] * experts, most).c_str());
    }
  }
  svg += Format("<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"none\" "
                "stroke=\"#444\"/>\n", kLeft, top, kWidth, height);
  svg += Format("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">expert 0</text>\n", kLeft - 6,
                top + 10);
  svg += Format("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%zu</text>\n", kLeft - 6,
                top + std::max(height, 22.0), layer.experts - 1);
  svg += Format("<text x=\"%.1f\" y=\"%.1f\">%s %.0f</text>\n", kLeft, top + height + 14,
                time_name.c_str(), layer.times.front());
  svg += Format("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%.0f</text>\n", kLeft + kWidth,
                top + height + 14, layer.times.back());
  const std::pair<double, const char*> marks[] = {{0, "none"}, {1, "even"}, {most, ""}};
  for (int i = 0; i < 3; ++i) {
    const double y = top + 15.0 * i;
    const std::string label =
        marks[i].second[0] != '\0' ? marks[i].second : Format("%.1f times even", most);
    svg += Format("<rect x=\"%.1f\" y=\"%.1f\" width=\"10\" height=\"10\" stroke=\"#444\" "
                  "fill=\"%s\"/>\n<text x=\"%.1f\" y=\"%.1f\">%s</text>\n", kLeft + kWidth + 10, y,
                  Colour(marks[i].first, most).c_str(), kLeft + kWidth + 25, y + 9, label.c_str());
  }
  return svg;
}

}  // namespace

std::string HeatMapSvg(const LoadsOfFile& loads, const std::string& title) {
  std::string maps;
  double top = kTop + 14;
  for (const ExpertLoads& layer : loads.layers) {
    maps += Map(layer, loads.time_name, top);
    top += std::max(RowHeight(layer.experts) * static_cast<double>(layer.experts), 45.0) + kGap;
  }
  const double width = kLeft + kWidth + kRight;
  return Format("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" "
                "viewBox=\"0 0 %.0f %.0f\" font-family=\"sans-serif\" font-size=\"11\">\n"
                "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n"
                "<text x=\"%.1f\" y=\"22\" font-size=\"15\">%s</text>\n",
                width, top, width, top, kLeft, XmlEscaped(title).c_str()) +
         maps + "</svg>\n";
}

}  // namespace tessera::cli
