// Chart: a curve of loss over steps, drawn with braille dots for a terminal.
//
// Keeps a bounded number of points however long the run: when full, neighbours are averaged. The
// second series (evaluations) is drawn as circles. One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace tessera::cli {

class Chart {
 public:
  void AddLine(double x, double y);
  void AddMark(double x, double y);

  // Can anything be drawn: at least two points of the line?
  bool is_drawable() const;
  // `columns` x `rows` cells, without axis labels, which are added at the left and below.
  std::string Draw(size_t columns, size_t rows) const;

 private:
  struct Point {
    double x = 0;
    double y = 0;
  };
  static constexpr size_t kMost = 4096;

  static void Add(Point point, std::vector<Point>& points, size_t& stride, size_t& pending,
                  Point& sum);

  std::vector<Point> line_, marks_;
  size_t line_stride_ = 1, line_pending_ = 0, mark_stride_ = 1, mark_pending_ = 0;
  Point line_sum_, mark_sum_;
};

}  // namespace tessera::cli
