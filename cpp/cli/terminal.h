// The terminal: is there one, how wide is it, and a progress bar on it.
//
// The bar stands on stderr, and only when that is a terminal; logs go elsewhere. One thread at a
// time.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace tessera::cli {

bool IsTerminal(int descriptor);
// Columns of the terminal on stdout or stderr; 80 when there is none.
size_t TerminalColumns();

class ProgressBar {
 public:
  ProgressBar();   // is_shown() when stderr is a terminal
  ~ProgressBar() { Clear(); }
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  bool is_shown() const { return is_shown_; }
  // Draws `share` (0 to 1) and a text beside it, at most ten times a second unless `now`.
  void Draw(double share, std::string_view text, bool now = false);
  // Takes the bar away; the next Draw shows it again below whatever was printed.
  void Clear();

 private:
  bool is_shown_;
  bool is_drawn_ = false;
  std::chrono::steady_clock::time_point last_;
};

}  // namespace tessera::cli
