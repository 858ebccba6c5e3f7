#include "cpp/cli/table.h"

#include <algorithm>
#include <utility>

#include "cpp/cli/text.h"

namespace tessera::cli {

Table::Table(std::vector<std::string> headings) : headings_(std::move(headings)) {
  for (std::string& heading : headings_) {
    const bool is_right = !heading.empty() && heading[0] == '>';
    if (is_right) heading.erase(0, 1);
    is_right_.push_back(is_right);
  }
}

void Table::AddRow(std::vector<std::string> cells) {
  cells.resize(headings_.size());
  rows_.push_back(std::move(cells));
}

std::string Table::ToText() const {
  std::vector<size_t> widths;
  for (size_t column = 0; column < headings_.size(); ++column) {
    size_t width = TextColumns(headings_[column]);
    for (const auto& row : rows_) width = std::max(width, TextColumns(row[column]));
    widths.push_back(width);
  }
  std::string text;
  const auto add = [&](const std::vector<std::string>& cells) {
    std::string line;
    for (size_t column = 0; column < cells.size(); ++column) {
      if (column > 0) line += "  ";
      const size_t padding = widths[column] - TextColumns(cells[column]);
      if (is_right_[column]) line.append(padding, ' ');
      line += cells[column];
      if (!is_right_[column]) line.append(padding, ' ');
    }
    while (!line.empty() && line.back() == ' ') line.pop_back();
    text += line + "\n";
  };
  add(headings_);
  for (const auto& row : rows_) add(row);
  return text;
}

}  // namespace tessera::cli
