// Waiting for a job that reports: a progress bar, and a stop by signal.
//
// One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "cpp/cli/error.h"
#include "cpp/cli/handles.h"
#include "cpp/cli/json.h"

namespace tessera::cli {

// What the bar says at `step` of `total`; "" for no bar yet.
using ProgressText = std::function<std::string(int64_t step, int64_t total)>;

// The job's report once it has ended well. SIGINT and SIGTERM cancel the job.
Error WaitForReport(const Job& job, const ProgressText& text, Json* report);

// The same for an import or export: bytes in the bar, notes of the report on stderr.
Error WaitForExchange(std::string_view command, const Job& job, Json* report);

}  // namespace tessera::cli
