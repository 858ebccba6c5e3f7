// Table: rows of cells with aligned columns.
//
// Widths are counted in code points. One thread per object.
#pragma once

#include <string>
#include <vector>

namespace tessera::cli {

class Table {
 public:
  // A heading that begins with '>' makes its column right-aligned.
  explicit Table(std::vector<std::string> headings);
  void AddRow(std::vector<std::string> cells);
  bool empty() const { return rows_.empty(); }
  // Two spaces between columns; the last one is not padded.
  std::string ToText() const;

 private:
  std::vector<std::string> headings_;
  std::vector<bool> is_right_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace tessera::cli
