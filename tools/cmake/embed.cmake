# Writes OUTPUT, a C++ file that holds the bytes of ROOT/<name>.bfbs for every name of NAMES.
include(${CMAKE_CURRENT_LIST_DIR}/bytes.cmake)
set(arrays "")
set(rows "")
set(index 0)
foreach(name ${NAMES})
  tessera_bytes(${ROOT}/${name}.bfbs kBytes${index} array size)
  string(APPEND arrays "alignas(16) ${array}")
  string(APPEND rows "    Entry(\"${name}\", kBytes${index}, ${size}),\n")
  math(EXPR index "${index} + 1")
endforeach()
set(body "  return {};\n")
if(NAMES)
  set(body "  static const EmbeddedSchema kTable[] = {\n${rows}  };\n  return kTable;\n")
endif()
file(WRITE ${OUTPUT} "// Written by the build from the binary schemas.
#include \"gen/schemas/embedded.h\"

#include <cstddef>

namespace tessera {
namespace {

${arrays}
[[maybe_unused]] EmbeddedSchema Entry(std::string_view name, const unsigned char* bytes,
                                      size_t size) {
  return {name, std::string_view(reinterpret_cast<const char*>(bytes), size)};
}

}  // namespace

absl::Span<const EmbeddedSchema> EmbeddedSchemas() {
${body}}

}  // namespace tessera
")
