// Checks that functions and programs are well formed: run after every pass and on everything that
// was read from a file. INTERNAL when one of our own passes broke a rule; callers that verify
// foreign data turn it into INVALID_ARGUMENT.
#pragma once

#include "absl/status/status.h"
#include "cpp/ir/function.h"
#include "cpp/ir/program.h"

namespace tessera {

// Definitions before uses, each value defined once, types as the op table infers them, call inputs
// as the callee declares them, inputs and outputs of the same kind named apart, outputs that must
// alias an input doing so with the last use of it.
absl::Status Verify(const Function& function);

// The above for every function; slots in range and of the types that functions declare; no slot
// read before it is written unless its kind is given from outside; parameters, optimizer slots and
// states written by commits (states: by forwards of decoding) only.
absl::Status Verify(const Program& program);

}  // namespace tessera
