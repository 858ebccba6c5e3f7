#include "cpp/cli/chart.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "cpp/cli/text.h"

namespace tessera::cli {
namespace {

// A braille cell has 2 x 4 dots; the bit of each, from the top left.
constexpr uint8_t kDots[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};

// The UTF-8 of U+2800 + dots.
std::string BrailleCell(uint8_t dots) {
  if (dots == 0) return " ";
  std::string cell = "\xE2";
  cell += static_cast<char>(0xA0 | (dots >> 6));
  cell += static_cast<char>(0x80 | (dots & 0x3F));
  return cell;
}

// A canvas of dots; y 0 is the top.
class Canvas {
 public:
  Canvas(size_t columns, size_t rows)
      : columns_(columns), rows_(rows), dots_(columns * rows, 0), marks_(columns * rows, false) {}

  int width() const { return static_cast<int>(columns_) * 2; }
  int height() const { return static_cast<int>(rows_) * 4; }

  void Set(int x, int y) {
    if (x < 0 || y < 0 || x >= width() || y >= height()) return;
    dots_[Cell(x, y)] |= kDots[y % 4][x % 2];
  }
  void Mark(int x, int y) {
    if (x < 0 || y < 0 || x >= width() || y >= height()) return;
    marks_[Cell(x, y)] = true;
  }
  void Line(int x0, int y0, int x1, int y1) {
    const int steps = std::max({std::abs(x1 - x0), std::abs(y1 - y0), 1});
    for (int i = 0; i <= steps; ++i) {
      Set(x0 + (x1 - x0) * i / steps, y0 + (y1 - y0) * i / steps);
    }
  }
  std::string Row(size_t row) const {
    std::string text;
    for (size_t column = 0; column < columns_; ++column) {
      const size_t cell = row * columns_ + column;
      text += marks_[cell] ? "●" : BrailleCell(dots_[cell]);
    }
    while (!text.empty() && text.back() == ' ') text.pop_back();
    return text;
  }

 private:
  size_t Cell(int x, int y) const {
    return static_cast<size_t>(y / 4) * columns_ + static_cast<size_t>(x / 2);
  }

  size_t columns_, rows_;
  std::vector<uint8_t> dots_;
  std::vector<bool> marks_;
};

}  // namespace

void Chart::Add(Point point, std::vector<Point>& points, size_t& stride, size_t& pending,
                Point& sum) {
  if (!std::isfinite(point.x) || !std::isfinite(point.y)) return;
  sum.x += point.x;
  sum.y += point.y;
  if (++pending < stride) return;
  points.push_back({sum.x / static_cast<double>(stride), sum.y / static_cast<double>(stride)});
  sum = {};
  pending = 0;
  if (points.size() < kMost) return;
  for (size_t i = 0; i < kMost / 2; ++i) {
    const Point& a = points[2 * i];
    const Point& b = points[2 * i + 1];
    points[i] = {(a.x + b.x) / 2, (a.y + b.y) / 2};
  }
  points.resize(kMost / 2);
  stride *= 2;
}

void Chart::AddLine(double x, double y) {
  Add({x, y}, line_, line_stride_, line_pending_, line_sum_);
}

void Chart::AddMark(double x, double y) {
  Add({x, y}, marks_, mark_stride_, mark_pending_, mark_sum_);
}

bool Chart::is_drawable() const { return line_.size() >= 2; }

std::string Chart::Draw(size_t columns, size_t rows) const {
  if (!is_drawable() || columns == 0 || rows == 0) return "";
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  double first = low;
  double last = high;
  for (const auto* points : {&line_, &marks_}) {
    for (const Point& point : *points) {
      low = std::min(low, point.y);
      high = std::max(high, point.y);
      first = std::min(first, point.x);
      last = std::max(last, point.x);
    }
  }
  if (high - low < 1e-12) high = low + 1;
  if (last - first < 1e-12) last = first + 1;

  Canvas canvas(columns, rows);
  const auto column_of = [&](const Point& point) {
    return static_cast<int>(std::lround((point.x - first) / (last - first) * (canvas.width() - 1)));
  };
  const auto row_of = [&](const Point& point) {
    return static_cast<int>(std::lround((high - point.y) / (high - low) * (canvas.height() - 1)));
  };
  for (size_t i = 1; i < line_.size(); ++i) {
    canvas.Line(column_of(line_[i - 1]), row_of(line_[i - 1]), column_of(line_[i]),
                row_of(line_[i]));
  }
  for (const Point& point : marks_) canvas.Mark(column_of(point), row_of(point));

  std::string text;
  for (size_t row = 0; row < rows; ++row) {
    const bool is_labelled = row == 0 || row == rows - 1 || row == rows / 2;
    const double value =
        rows < 2 ? high
                 : high - (high - low) * static_cast<double>(row) / static_cast<double>(rows - 1);
    text += is_labelled ? Format("%8.3f ┤", value) : "         │";
    text += canvas.Row(row);
    text += '\n';
  }
  text += "         └";
  for (size_t i = 0; i < columns; ++i) text += "─";
  const std::string left = Format("%.0f", first);
  const std::string right = Format("%.0f", last);
  text += "\n          " + left;
  const size_t used = left.size() + right.size();
  text.append(columns > used ? columns - used : 1, ' ');
  return text + right + "\n";
}

}  // namespace tessera::cli
