// A traced step as a file that chrome://tracing and Perfetto (ui.perfetto.dev) read: one row per
// thread, one bar per use of a kernel, with its kernel, module and rate. Format: the "Trace Event
// Format" of Chromium, complete events.
#pragma once

#include <string>
#include <vector>

#include "cpp/exec/executor.h"

namespace tessera {

// JSON. `rank` is its process.
std::string ChromeTrace(const std::vector<TracedSpan>& spans, int rank);

// Where a rank writes: the first to `path`, the others beside it with ".rank1" and so on.
std::string TracePathOf(const std::string& path, int rank);

}  // namespace tessera
