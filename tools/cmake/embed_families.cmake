# Writes OUTPUT, a C++ file that defines the families of cpp/interop/family_table.h: the bytes of
# every FOLDER/*.json, comments and all, sorted by name. Run by the build (families.cmake).
include(${CMAKE_CURRENT_LIST_DIR}/bytes.cmake)
file(GLOB files ${FOLDER}/*.json)
list(SORT files)
set(arrays "")
set(rows "")
set(index 0)
foreach(file ${files})
  get_filename_component(name ${file} NAME_WE)
  tessera_bytes(${file} kBytes${index} array size)
  string(APPEND arrays "${array}")
  string(APPEND rows "      Text(\"${name}\", kBytes${index}, ${size}),\n")
  math(EXPR index "${index} + 1")
endforeach()
file(WRITE ${OUTPUT} "// Written by the build from cpp/interop/families.
#include \"cpp/interop/family_table.h\"

#include <cstddef>

namespace tessera {
namespace {

${arrays}
FamilyText Text(std::string_view name, const unsigned char* bytes, size_t size) {
  return {name, std::string_view(reinterpret_cast<const char*>(bytes), size)};
}

}  // namespace

absl::Span<const FamilyText> EmbeddedFamilies() {
  static const FamilyText kTable[] = {
${rows}  };
  return kTable;
}

}  // namespace tessera
")
