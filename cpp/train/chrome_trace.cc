#include "cpp/train/chrome_trace.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "cpp/ir/printer.h"
#include "cpp/train/json_text.h"

namespace tessera {
namespace {

// To the nanosecond, which is what the clock gives.
double Microseconds(double seconds) { return std::round(seconds * 1e9) / 1e3; }

constexpr size_t kBytesOfSpan = 256;  // about, to reserve

void WriteName(std::string_view kind, int rank, int thread, std::string_view name,
               JsonText& json) {
  json.BeginObject().Text("name", kind).Text("ph", "M").Integer("pid", rank).Integer("tid", thread);
  json.Name("args").BeginObject().Text("name", name).EndObject().EndObject();
}

void WriteSpan(const TracedSpan& span, int rank, JsonText& json) {
  const double seconds = span.end_s - span.begin_s;
  json.BeginObject()
      .Text("name", span.op)
      .Text("cat", Name(span.kind))
      .Text("ph", "X")
      .Integer("pid", rank)
      .Integer("tid", span.thread)
      .Number("ts", Microseconds(span.begin_s))
      .Number("dur", Microseconds(seconds));
  json.Name("args").BeginObject().Text("phase", Name(span.kind));
  if (!span.kernel.empty()) {
    json.Text("kernel", span.kernel)
        .Text("at", span.at)
        .Number("flops", span.flops)
        .Number("bytes", span.bytes);
  }
  json.EndObject().EndObject();
}

}  // namespace

std::string ChromeTrace(const std::vector<TracedSpan>& spans, int rank) {
  JsonText json(kBytesOfSpan * (spans.size() + 1));
  json.BeginObject().Text("displayTimeUnit", "ms").Name("traceEvents").BeginList();
  WriteName("process_name", rank, 0, absl::StrCat("rank ", rank), json);
  int threads = 0;
  for (const TracedSpan& span : spans) threads = std::max(threads, span.thread + 1);
  for (int t = 0; t < threads; ++t) {
    const std::string name = t == 0 ? "runs the step" : absl::StrCat("worker ", t);
    WriteName("thread_name", rank, t, name, json);
  }
  for (const TracedSpan& span : spans) WriteSpan(span, rank, json);
  json.EndList().EndObject();
  return json.text();
}

std::string TracePathOf(const std::string& path, int rank) {
  return rank == 0 ? path : absl::StrCat(path, ".rank", rank);
}

}  // namespace tessera
