// The tables of data sources and tokenizers that the build writes from the folders data/sources
// and data/tokenizers. Nothing but declarations: the definitions are generated.
#pragma once

#include <memory>

#include "absl/types/span.h"
#include "cpp/data/source.h"
#include "cpp/data/tokenizer.h"

namespace tessera {

using SourceFactory = std::unique_ptr<DataSource> (*)();
using TokenizerFactory = std::unique_ptr<Tokenizer> (*)();

// In the order of the file names.
absl::Span<const SourceFactory> SourceTable();
absl::Span<const TokenizerFactory> TokenizerTable();

}  // namespace tessera
