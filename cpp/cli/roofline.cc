#include "cpp/cli/roofline.h"

#include <algorithm>
#include <cmath>

#include "cpp/cli/text.h"

namespace tessera::cli {
namespace {

constexpr double kWidth = 860, kHeight = 520;
constexpr double kLeft = 70, kRight = 30, kTop = 46, kBottom = 60;
constexpr double kLargestRadius = 26;
constexpr double kSmallestRadius = 3;
constexpr size_t kMostLabels = 12;

// Both axes are logarithms to the base of 10.
struct Axes {
  double x_low, x_high, y_low, y_high;

  double X(double flops_per_byte) const {
    return kLeft + (std::log10(flops_per_byte) - x_low) / (x_high - x_low) *
                       (kWidth - kLeft - kRight);
  }
  double Y(double gflops) const {
    return kHeight - kBottom -
           (std::log10(gflops) - y_low) / (y_high - y_low) * (kHeight - kTop - kBottom);
  }
};

double Intensity(const RooflinePoint& point) { return point.flops / point.bytes; }
double Rate(const RooflinePoint& point) { return point.flops / point.seconds / 1e9; }

Axes Around(const std::vector<RooflinePoint>& points, const MachinePeak& peak) {
  // The corner of the roof is always in the picture.
  double x_low = peak.gflops_per_s / peak.gbytes_per_s, x_high = x_low;
  double y_low = peak.gflops_per_s, y_high = y_low;
  for (const RooflinePoint& point : points) {
    x_low = std::min(x_low, Intensity(point));
    x_high = std::max(x_high, Intensity(point));
    y_low = std::min(y_low, Rate(point));
    y_high = std::max(y_high, Rate(point));
  }
  return {std::floor(std::log10(x_low)), std::floor(std::log10(x_high)) + 1,
          std::floor(std::log10(y_low)), std::floor(std::log10(y_high)) + 1};
}

std::string Label(double x, double y, const char* anchor, const std::string& text) {
  return Format("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>\n", x, y, anchor,
                XmlEscaped(text).c_str());
}

std::string Line(double x1, double y1, double x2, double y2, const char* style) {
  return Format("<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" %s/>\n", x1, y1, x2, y2,
                style);
}

std::string Grid(const Axes& axes) {
  constexpr char kStyle[] = "stroke=\"#ddd\"";
  std::string svg;
  for (double power = axes.x_low; power <= axes.x_high; ++power) {
    const double x = axes.X(std::pow(10, power));
    svg += Line(x, kTop, x, kHeight - kBottom, kStyle);
    svg += Label(x, kHeight - kBottom + 18, "middle", Format("%g", std::pow(10, power)));
  }
  for (double power = axes.y_low; power <= axes.y_high; ++power) {
    const double y = axes.Y(std::pow(10, power));
    svg += Line(kLeft, y, kWidth - kRight, y, kStyle);
    svg += Label(kLeft - 8, y + 4, "end", Format("%g", std::pow(10, power)));
  }
  svg += Label((kLeft + kWidth - kRight) / 2, kHeight - 18, "middle", "flops per byte");
  svg += Format("<text transform=\"translate(18 %.1f) rotate(-90)\" text-anchor=\"middle\">GFLOP/s"
                "</text>\n", (kTop + kHeight - kBottom) / 2);
  return svg;
}

std::string Roof(const Axes& axes, const MachinePeak& peak) {
  constexpr char kStyle[] = "stroke=\"#b33\" stroke-width=\"2\"";
  const double corner = peak.gflops_per_s / peak.gbytes_per_s;
  // The slope begins where it enters the picture, at the left or from below.
  const double lowest = std::max(std::pow(10, axes.x_low),
                                 std::pow(10, axes.y_low) / peak.gbytes_per_s);
  std::string svg = Line(axes.X(lowest), axes.Y(lowest * peak.gbytes_per_s), axes.X(corner),
                         axes.Y(peak.gflops_per_s), kStyle);
  svg += Line(axes.X(corner), axes.Y(peak.gflops_per_s), kWidth - kRight,
              axes.Y(peak.gflops_per_s), kStyle);
  svg += Label(kWidth - kRight, axes.Y(peak.gflops_per_s) - 8, "end",
               Format("%.0f GFLOP/s, %s", peak.gflops_per_s, peak.instructions.c_str()));
  svg += Label(axes.X(lowest) + 12, axes.Y(lowest * peak.gbytes_per_s) - 12, "start",
               Format("%.1f GB/s copied", peak.gbytes_per_s));
  return svg;
}

std::string Dots(const std::vector<RooflinePoint>& points, const Axes& axes) {
  double total = 0;
  for (const RooflinePoint& point : points) total += point.seconds;
  std::string svg;
  for (const RooflinePoint& point : points) {
    const double radius =
        std::max(kSmallestRadius, kLargestRadius * std::sqrt(point.seconds / total));
    svg += Format("<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\" fill=\"#36c\" fill-opacity=\"0.45\">"
                  "<title>%s: %.1f ms, %.1f GFLOP/s, %.2f flops per byte</title></circle>\n",
                  axes.X(Intensity(point)), axes.Y(Rate(point)), radius,
                  XmlEscaped(point.name).c_str(), point.seconds * 1e3, Rate(point),
                  Intensity(point));
  }
  for (size_t i = 0; i < std::min(points.size(), kMostLabels); ++i) {
    svg += Label(axes.X(Intensity(points[i])) + 8, axes.Y(Rate(points[i])) + 4, "start",
                 Format("%s %.0f %%", points[i].name.c_str(), 100 * points[i].seconds / total));
  }
  return svg;
}

}  // namespace

std::string RooflineSvg(std::vector<RooflinePoint> points, const MachinePeak& peak) {
  std::string svg = Format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" "
      "font-family=\"sans-serif\" font-size=\"12\">\n"
      "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n", kWidth, kHeight);
  svg += Label(kLeft, 26, "start", "What each op reaches of the machine; the area is its time");
  points.erase(std::remove_if(points.begin(), points.end(),
                              [](const RooflinePoint& point) {
                                return !(point.flops > 0 && point.bytes > 0 && point.seconds > 0);
                              }),
               points.end());
  if (!(peak.gflops_per_s > 0 && peak.gbytes_per_s > 0)) points.clear();
  if (points.empty()) {
    return svg + Label(kLeft, kTop + 30, "start", "no op with flops and bytes was measured") +
           "</svg>\n";
  }
  std::stable_sort(points.begin(), points.end(), [](const auto& a, const auto& b) {
    return a.seconds > b.seconds;
  });
  const Axes axes = Around(points, peak);
  return svg + Grid(axes) + Roof(axes, peak) + Dots(points, axes) + "</svg>\n";
}

}  // namespace tessera::cli
