// Text of functions and programs: stable, readable, the same for equal inputs. For people, golden
// files and diffs; functions read back (ir/text_parser.h), the stored form is FlatBuffers
// (ir/serializer.h). Names that are no plain words are quoted, as C quotes text.
#pragma once

#include <functional>
#include <string>

#include "cpp/ir/function.h"
#include "cpp/ir/program.h"

namespace tessera {

// func NAME(inputs) -> (outputs) with one node a line. Called functions are named, not printed.
std::string ToText(const Function& function);

// The same with other names for functions.
std::string ToText(const Function& function,
                   const std::function<std::string(const Function&)>& name);

// The function and every function it calls, callees first, each once. Functions of equal name and
// different content get a suffix (_2, _3).
std::string ToTextWithCallees(const Function& function);

// Functions, parameters, then the schedule, one action a line.
std::string ToText(const Program& program);

std::string_view Name(InputKind kind);
std::string_view Name(SlotKind kind);
std::string_view Name(ActionKind kind);

}  // namespace tessera
