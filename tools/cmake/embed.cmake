# Writes OUTPUT, a C++ file that holds the bytes of ROOT/<name>.bfbs for every name of NAMES.
set(arrays "")
set(rows "")
set(index 0)
foreach(name ${NAMES})
  file(READ ${ROOT}/${name}.bfbs hex HEX)
  string(LENGTH "${hex}" digits)
  math(EXPR size "${digits} / 2")
  string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
  string(APPEND arrays "alignas(16) constexpr unsigned char kBytes${index}[] = {\n${hex}};\n")
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
