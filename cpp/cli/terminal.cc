#include "cpp/cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "cpp/cli/text.h"

namespace tessera::cli {

bool IsTerminal(int descriptor) {
  if (isatty(descriptor) == 0) return false;
  const char* kind = std::getenv("TERM");
  return kind == nullptr || std::strcmp(kind, "dumb") != 0;
}

size_t TerminalColumns() {
  for (const int descriptor : {STDERR_FILENO, STDOUT_FILENO}) {
    struct winsize size = {};
    if (ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  }
  return 80;
}

ProgressBar::ProgressBar() : is_shown_(IsTerminal(STDERR_FILENO)) {}

void ProgressBar::Draw(double share, std::string_view text, bool now) {
  if (!is_shown_) return;
  const auto time = std::chrono::steady_clock::now();
  if (is_drawn_ && !now && time - last_ < std::chrono::milliseconds(100)) return;
  last_ = time;
  is_drawn_ = true;
  static const char* const kEighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  constexpr int kCells = 20;
  const double clamped = std::isfinite(share) ? std::clamp(share, 0.0, 1.0) : 0.0;
  const int eighths = static_cast<int>(clamped * kCells * 8);
  std::string line = Format("%3d%% ▕", static_cast<int>(clamped * 100));
  for (int i = 0; i < eighths / 8; ++i) line += "█";
  line += kEighths[eighths % 8];
  const int filled = eighths / 8 + (eighths % 8 != 0 ? 1 : 0);
  line.append(static_cast<size_t>(kCells - filled), ' ');
  line += "▏ ";
  line += text;
  // The last column stays free: a full line would wrap, and \r no longer reach its beginning.
  const size_t columns = TerminalColumns();
  const std::string_view cut = CutColumns(line, columns > 1 ? columns - 1 : 1);
  std::fprintf(stderr, "\r%.*s\x1b[K", static_cast<int>(cut.size()), cut.data());
  std::fflush(stderr);
}

void ProgressBar::Clear() {
  if (!is_drawn_) return;
  std::fputs("\r\x1b[K", stderr);
  std::fflush(stderr);
  is_drawn_ = false;
}

}  // namespace tessera::cli
