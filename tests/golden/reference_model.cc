#include "tests/golden/reference_model.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "absl/strings/substitute.h"
#include "cpp/base/file.h"
#include "cpp/base/status_macros.h"

namespace tessera {
namespace {

// The scalar fields of a flat JSON text, one "name": value a line as transformers writes them.
// Nested objects give their fields too; names do not clash in these files.
std::map<std::string, std::string> ReadFields(std::string_view text) {
  std::map<std::string, std::string> fields;
  size_t at = 0;
  while (at < text.size()) {
    const size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = absl::StripAsciiWhitespace(text.substr(at, end - at));
    at = end + 1;
    const size_t colon = line.find("\": ");
    if (line.empty() || line[0] != '"' || colon == std::string_view::npos) continue;
    std::string_view value = line.substr(colon + 3);
    absl::ConsumeSuffix(&value, ",");
    absl::ConsumePrefix(&value, "\"");
    absl::ConsumeSuffix(&value, "\"");
    fields[std::string(line.substr(1, colon - 1))] = std::string(value);
  }
  return fields;
}

class Importer {
 public:
  explicit Importer(std::map<std::string, std::string> fields) : fields_(std::move(fields)) {}

  absl::Status Run(ReferenceModel& model) {
    const std::string type = Text("model_type");
    if (type == "llama") {
      ReadLlama(model);
    } else if (type == "gpt2") {
      ReadGpt2(model);
    } else if (type == "mixtral") {
      ReadMixtral(model);
    } else {
      return absl::UnimplementedError(
          absl::StrCat("model_type: expected llama, gpt2 or mixtral, got '", type, "'"));
    }
    model.vocab = Number("vocab_size");
    return missing_.empty() ? absl::OkStatus()
                            : absl::InvalidArgumentError(
                                  absl::StrCat("config.json: no field '", missing_, "'"));
  }

 private:
  std::string Text(const std::string& name) {
    const auto it = fields_.find(name);
    if (it != fields_.end()) return it->second;
    missing_ = name;
    return "";
  }
  int64_t Number(const std::string& name) {
    int64_t value = 0;
    if (!absl::SimpleAtoi(Text(name), &value)) missing_ = name;
    return value;
  }

  void ReadLlama(ReferenceModel& model) {
    const bool tied = Text("tie_word_embeddings") == "true";
    model.json = absl::Substitute(
        R"({"type": "LanguageModel", "vocab_size": $0, "model_dim": $1,
            "decoder": {"num_layers": $2,
              "position": {"type": "RotaryPosition", "theta": $3},
              "layer": {
                "norm": {"type": "RmsNorm", "epsilon": $4},
                "attention": {"num_heads": $5, "num_kv_heads": $6, "head_dim": $7},
                "feed_forward": {"hidden_dim": $8, "activation": "silu", "gated": true}},
              "norm": {"type": "RmsNorm", "epsilon": $4}},
            "head": {"tied": $9}})",
        Text("vocab_size"), Text("hidden_size"), Text("num_hidden_layers"), Text("rope_theta"),
        Text("rms_norm_eps"), Text("num_attention_heads"), Text("num_key_value_heads"),
        Text("head_dim"), Text("intermediate_size"), tied ? "true" : "false");
    auto& sources = model.sources;
    sources.push_back({"embedding/weight", "model.embed_tokens.weight"});
    for (int64_t i = 0; i < Number("num_hidden_layers"); ++i) {
      const auto [ours, theirs] = AddAttention(i, sources);
      for (const char* name : {"gate_proj", "up_proj", "down_proj"}) {
        sources.push_back({absl::StrCat(ours, "feed_forward/", name, "/weight"),
                           absl::StrCat(theirs, "mlp.", name, ".weight"), true});
      }
    }
    sources.push_back({"decoder/final_norm/scale", "model.norm.weight"});
    if (!tied) sources.push_back({"head/weight", "lm_head.weight", true});
  }

  // Norms and attention of a layer, which these families name alike; where the layer stands, in
  // our names and in theirs.
  template <typename Sources>
  static std::pair<std::string, std::string> AddAttention(int64_t layer, Sources& sources) {
    const std::string ours = absl::StrCat("decoder/layers/", layer, "/");
    const std::string theirs = absl::StrCat("model.layers.", layer, ".");
    sources.push_back({ours + "norm_1/scale", theirs + "input_layernorm.weight"});
    sources.push_back({ours + "norm_2/scale", theirs + "post_attention_layernorm.weight"});
    for (const char* name : {"q_proj", "k_proj", "v_proj", "o_proj"}) {
      sources.push_back({absl::StrCat(ours, "attention/", name, "/weight"),
                         absl::StrCat(theirs, "self_attn.", name, ".weight"), true});
    }
    return {ours, theirs};
  }

  void ReadMixtral(ReferenceModel& model) {
    const auto json = [&](const std::string& balance) {
      return absl::Substitute(
          R"({"type": "LanguageModel", "vocab_size": $0, "model_dim": $1,
              "decoder": {"num_layers": $2,
                "position": {"type": "RotaryPosition", "theta": $3},
                "layer": {
                  "norm": {"type": "RmsNorm", "epsilon": $4},
                  "attention": {"num_heads": $5, "num_kv_heads": $6},
                  "feed_forward": {"type": "MixtureOfExperts", $7}},
                "norm": {"type": "RmsNorm", "epsilon": $4}},
              "head": {"tied": false}})",
          Text("vocab_size"), Text("hidden_size"), Text("num_hidden_layers"), Text("rope_theta"),
          Text("rms_norm_eps"), Text("num_attention_heads"), Text("num_key_value_heads"),
          absl::Substitute(R"("num_experts": $0, "top_k": $1,
                              "expert": {"hidden_dim": $2, "activation": "silu", "gated": true},
                              "balance": [$3])",
                           Text("num_local_experts"), Text("num_experts_per_tok"),
                           Text("intermediate_size"), balance));
    };
    model.json = json("");
    model.total_json = json(absl::StrCat(R"({"type": "LoadBalance", "per_choice": false, )",
                                         R"("weight": )", Text("router_aux_loss_coef"), "}"));
    auto& sources = model.sources;
    sources.push_back({"embedding/weight", "model.embed_tokens.weight"});
    for (int64_t i = 0; i < Number("num_hidden_layers"); ++i) {
      const auto [ours, theirs] = AddAttention(i, sources);
      const std::string moe = theirs + "block_sparse_moe.";
      sources.push_back({ours + "feed_forward/gate/weight", moe + "gate.weight", true});
      const std::pair<const char*, const char*> products[] = {
          {"gate_proj", "w1"}, {"up_proj", "w3"}, {"down_proj", "w2"}};
      for (const auto& [name, number] : products) {
        sources.push_back({absl::StrCat(ours, "feed_forward/experts/", name, "/weight"),
                           absl::StrCat(moe, "experts.*.", number, ".weight"), true, 0, 0,
                           Number("num_local_experts")});
      }
    }
    sources.push_back({"decoder/final_norm/scale", "model.norm.weight"});
    sources.push_back({"head/weight", "lm_head.weight", true});
  }

  void ReadGpt2(ReferenceModel& model) {
    const int64_t width = Number("n_embd");
    model.json = absl::Substitute(
        R"({"type": "LanguageModel", "vocab_size": $0, "model_dim": $1,
            "decoder": {"num_layers": $2,
              "position": {"type": "LearnedPosition", "max_positions": $3},
              "layer": {
                "norm": {"type": "LayerNorm", "epsilon": $4},
                "attention": {"num_heads": $5, "bias": true},
                "feed_forward": {"hidden_dim": $6, "activation": "gelu_tanh", "gated": false,
                                 "bias": true}},
              "norm": {"type": "LayerNorm", "epsilon": $4}},
            "head": {"tied": true}})",
        Text("vocab_size"), width, Text("n_layer"), Text("n_positions"),
        Text("layer_norm_epsilon"), Text("n_head"), 4 * width);
    auto& sources = model.sources;
    sources.push_back({"embedding/weight", "transformer.wte.weight"});
    sources.push_back({"decoder/position/weight", "transformer.wpe.weight"});
    for (int64_t i = 0; i < Number("n_layer"); ++i) {
      const std::string ours = absl::StrCat("decoder/layers/", i, "/");
      const std::string theirs = absl::StrCat("transformer.h.", i, ".");
      AddNorm(ours + "norm_1", theirs + "ln_1", sources);
      AddNorm(ours + "norm_2", theirs + "ln_2", sources);
      const char* const parts[] = {"q_proj", "k_proj", "v_proj"};
      for (int64_t k = 0; k < 3; ++k) {
        for (const char* kind : {"weight", "bias"}) {
          sources.push_back({absl::StrCat(ours, "attention/", parts[k], "/", kind),
                             absl::StrCat(theirs, "attn.c_attn.", kind), false, k * width, width});
        }
      }
      AddLinear(ours + "attention/o_proj", theirs + "attn.c_proj", sources);
      AddLinear(ours + "feed_forward/up_proj", theirs + "mlp.c_fc", sources);
      AddLinear(ours + "feed_forward/down_proj", theirs + "mlp.c_proj", sources);
    }
    AddNorm("decoder/final_norm", "transformer.ln_f", sources);
  }

  static void AddNorm(const std::string& ours, const std::string& theirs,
                      std::vector<ParamSource>& sources) {
    sources.push_back({ours + "/scale", theirs + ".weight"});
    sources.push_back({ours + "/bias", theirs + ".bias"});
  }
  static void AddLinear(const std::string& ours, const std::string& theirs,
                        std::vector<ParamSource>& sources) {
    sources.push_back({ours + "/weight", theirs + ".weight"});
    sources.push_back({ours + "/bias", theirs + ".bias"});
  }

  std::map<std::string, std::string> fields_;
  std::string missing_;
};

}  // namespace

absl::StatusOr<std::vector<double>> ReferenceModel::Tokens() const {
  ASSIGN_OR_RETURN(const Tensor ids, io->Read("input_ids"));
  std::vector<double> tokens;
  for (int64_t i = 0; i < ids.count(); ++i) tokens.push_back(ids.At(i));
  return tokens;
}

absl::StatusOr<std::vector<double>> ReferenceModel::Targets() const {
  ASSIGN_OR_RETURN(const Tensor labels, io->Read("labels"));
  std::vector<double> targets;
  for (int64_t i = 0; i < labels.count(); ++i) {
    targets.push_back(i % length == length - 1 ? -100 : labels.At(i + 1));
  }
  return targets;
}

absl::StatusOr<ReferenceModel> LoadReferenceModel(const std::string& folder) {
  ReferenceModel model;
  ASSIGN_OR_RETURN(const std::string text, ReadFile(folder + "/config.json"));
  RETURN_IF_ERROR(Importer(ReadFields(text)).Run(model));
  ASSIGN_OR_RETURN(model.weights, SafetensorsReader::Open(folder + "/model.safetensors"));
  ASSIGN_OR_RETURN(model.io, SafetensorsReader::Open(folder + "/io.safetensors"));
  const SafetensorsEntry* ids = model.io->Find("input_ids");
  RET_CHECK(ids != nullptr && ids->dims.size() == 2);
  model.rows = ids->dims[0];
  model.length = ids->dims[1];
  return model;
}

namespace {

absl::StatusOr<Tensor> TakeOne(const ParamSource& source, const Tensor& theirs) {
  const bool is_matrix = theirs.dims.size() == 2;
  const int64_t rows = is_matrix ? theirs.dims[0] : 1;
  const int64_t columns = theirs.dims.back();
  const int64_t width = source.width > 0 ? source.width : columns;
  std::vector<int64_t> dims = {width};
  if (is_matrix) {
    dims = source.transposed ? std::vector<int64_t>{width, rows}
                             : std::vector<int64_t>{rows, width};
  }
  ASSIGN_OR_RETURN(Tensor ours, Tensor::Zeros(theirs.dtype, dims));
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < width; ++c) {
      ours.Put(source.transposed ? c * rows + r : r * width + c,
               theirs.At(r * columns + source.begin + c));
    }
  }
  return ours;
}

double Largest(const Tensor& tensor) {
  double largest = 0;
  for (int64_t i = 0; i < tensor.count(); ++i) largest = std::max(largest, std::abs(tensor.At(i)));
  return largest;
}

}  // namespace

absl::StatusOr<Tensor> TakeParam(const ParamSource& source, SafetensorsReader& reader,
                                 const std::string& prefix, double* whole) {
  double largest = 0;
  Tensor ours;
  for (int64_t i = 0; i < std::max<int64_t>(1, source.copies); ++i) {
    const std::string name =
        absl::StrCat(prefix, absl::StrReplaceAll(source.name, {{"*", absl::StrCat(i)}}));
    ASSIGN_OR_RETURN(const Tensor theirs, reader.Read(name));
    largest = std::max(largest, Largest(theirs));
    ASSIGN_OR_RETURN(const Tensor one, TakeOne(source, theirs));
    if (i == 0) {
      std::vector<int64_t> dims = one.dims;
      if (source.copies > 0) dims.insert(dims.begin(), source.copies);
      ASSIGN_OR_RETURN(ours, Tensor::Zeros(one.dtype, dims));
    }
    for (int64_t k = 0; k < one.count(); ++k) ours.Put(i * one.count() + k, one.At(k));
  }
  if (whole != nullptr) *whole = largest;
  return ours;
}

}  // namespace tessera
