// Waiting for an import or export: a progress bar, notes on stderr, and a stop by signal.
//
// One thread.
#pragma once

#include <string_view>

#include "cpp/cli/error.h"
#include "cpp/cli/handles.h"
#include "cpp/cli/json.h"

namespace tessera::cli {

// The job's report once it has ended well. SIGINT and SIGTERM cancel the job.
Error WaitForExchange(std::string_view command, const Job& job, Json* report);

}  // namespace tessera::cli
