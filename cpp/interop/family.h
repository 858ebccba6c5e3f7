// Family: what is known of one family of published models, read from a file of families/.
//
// The directory is the registry; no family has code. A file holds, as JSON:
//   extends        another family; objects are merged field by field (null removes), lists replace,
//                  "more_tensors" and "more_ignore" are put before those of the base
//   format         "huggingface" (usual) or "gguf"
//   model_type     what config.json calls it; abstract families, to be extended, have none
//   architectures  written on export
//   fields         where each field stands and its default (field_table.h)
//   must_be        {"field": [values]}: a config with another value is refused; absence is fine
//   ignore         places of the config that change nothing here
//   model          our model, with places for the fields (config_template.h)
//   tensors        which tensor is which parameter (tensor_map.h)
//   prefix         names of the file may all begin with it, or none ("transformer.")
//   ignore_tensors patterns of tensors that hold no parameter (masks, tables of angles)
//   copies         {"lm_head.weight": "model.embed_tokens.weight"}: where the model has no tensor
//                  of the first name, the file may hold a copy of the second under it
//   unsaid         names of fields of ours that config.json does not say (weights' beginnings,
//                  losses), which do not count when two models are compared
// Thread-safe when const.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "cpp/interop/field_table.h"
#include "cpp/interop/name_pattern.h"
#include "cpp/interop/tensor_map.h"

namespace tessera {

struct Family {
  std::string name, format, model_type;
  std::vector<std::string> architectures;
  FieldTable fields;
  std::map<std::string, ConfigValue::List> must_be;
  std::vector<std::string> ignore;
  ConfigValue model;
  ConfigValue tensors;
  std::string prefix;
  std::vector<NamePattern> ignore_tensors;
  std::map<std::string, std::string> copies;
  std::vector<std::string> unsaid;

  // A family by name. NOT_FOUND with the nearest; INTERNAL when its file is none of the kind.
  static absl::StatusOr<Family> Named(std::string_view name);
  // The one that says `model_type` for itself, of that format. UNIMPLEMENTED listing all.
  static absl::StatusOr<Family> OfModelType(std::string_view format, std::string_view model_type);
  // Names of all that are not abstract, of that format.
  static std::vector<std::string> Names(std::string_view format);

  // Values of all fields. INVALID_ARGUMENT, UNIMPLEMENTED (must_be). Names of what the family does
  // not know are added to `unknown`.
  absl::StatusOr<FieldValues> ReadFields(const ConfigValue& config, std::string_view where,
                                         std::vector<std::string>* unknown) const;
  absl::StatusOr<TensorMap> MapTensors(const FieldValues& values) const;
};

}  // namespace tessera
