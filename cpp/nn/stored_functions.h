// Stored functions of a model: what a checkpoint carries, and when a reader may use it.
//
// A model is traced once per mode; its functions go into the checkpoint under the mode's name and
// a tracing key. A reader whose config gives the same key runs the stored functions, whether or not
// it has the modules' code; one with another config (an adapter added by a modifier) traces anew.
// Pure functions; thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "cpp/ir/serializer.h"
#include "cpp/nn/tracer.h"

namespace tessera {

// "train", "evaluate", "decode".
std::string_view Name(Mode mode);

// What a trace depends on: type and fingerprint of the resolved config, dtype.
std::string TracingKey(const ConfigNode& model, DType dtype);

// Traces a language model's main for every mode. A mode that the model refuses is left out, but
// at least one must succeed: otherwise the status of the first.
absl::StatusOr<FunctionArchive> TraceAllModes(const OpTable& ops, const ModuleTable& modules,
                                              const ConfigNode& model, DType dtype);

// The stored main of that mode where the tracing key matches, else nullptr.
FunctionRef FindStored(const FunctionArchive& stored, const ConfigNode& model, DType dtype,
                       Mode mode);

}  // namespace tessera
