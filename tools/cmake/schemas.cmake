# Schemas: every schemas/**/*.fbs becomes a C++ header and a binary schema embedded in the library.
#
# schemas/modules/attention.fbs gives gen/schemas/modules/attention_generated.h, and in the table
# EmbeddedSchemas() (gen/schemas/embedded.h) the entry "modules/attention". The global property
# TESSERA_BFBS lists the binary schemas for further generators (schemas/CMakeLists.txt, included
# last, may add some: let tessera_generated depend on them). FLATC is the compiler.
add_custom_target(tessera_generated)

set(schema_out ${PROJECT_BINARY_DIR}/gen/schemas)
set(schema_root ${PROJECT_SOURCE_DIR}/schemas)
file(GLOB_RECURSE schema_files CONFIGURE_DEPENDS RELATIVE ${schema_root} ${schema_root}/*.fbs)
list(FILTER schema_files EXCLUDE REGEX "^golden/")
list(SORT schema_files)
set(bfbs_files "")
set(schema_names "")
foreach(schema ${schema_files})
  string(REGEX REPLACE "[.]fbs$" "" name ${schema})
  get_filename_component(folder ${schema_out}/${name} DIRECTORY)
  set(outputs ${schema_out}/${name}.bfbs ${schema_out}/${name}_generated.h)
  # Schemas include each other (attributes stand in one): any change builds all.
  list(TRANSFORM schema_files PREPEND ${schema_root}/ OUTPUT_VARIABLE all_schemas)
  add_custom_command(
    OUTPUT ${outputs}
    COMMAND ${FLATC} --cpp --keep-prefix -b --schema --bfbs-comments --bfbs-builtins
            -I ${schema_root} -o ${folder} ${schema_root}/${schema}
    DEPENDS ${all_schemas} COMMENT "Compiling schemas/${schema}" VERBATIM)
  list(APPEND bfbs_files ${schema_out}/${name}.bfbs)
  list(APPEND schema_names ${name})
endforeach()
set_property(GLOBAL PROPERTY TESSERA_BFBS "${bfbs_files}")

file(CONFIGURE OUTPUT ${schema_out}/embedded.h @ONLY CONTENT
"// The binary schemas of schemas/, in the library itself. Written by the build.
#pragma once

#include <string_view>

#include \"absl/types/span.h\"

namespace tessera {

struct EmbeddedSchema {
  std::string_view name;   // path below schemas/ without suffix: \"modules/attention\"
  std::string_view bytes;  // a reflection::Schema, 16-byte aligned
};

// Sorted by name; lives as long as the program.
absl::Span<const EmbeddedSchema> EmbeddedSchemas();

}  // namespace tessera
")
add_custom_command(
  OUTPUT ${schema_out}/embedded.cc
  COMMAND ${CMAKE_COMMAND} -D "NAMES=${schema_names}" -D "ROOT=${schema_out}"
          -D "OUTPUT=${schema_out}/embedded.cc" -P ${PROJECT_SOURCE_DIR}/tools/cmake/embed.cmake
  DEPENDS ${bfbs_files} ${PROJECT_SOURCE_DIR}/tools/cmake/embed.cmake
          ${PROJECT_SOURCE_DIR}/tools/cmake/bytes.cmake
  COMMENT "Embedding binary schemas" VERBATIM)
add_custom_target(tessera_schemas DEPENDS ${bfbs_files} ${schema_out}/embedded.cc)
add_dependencies(tessera_generated tessera_schemas)
add_library(tessera_table_schemas STATIC ${schema_out}/embedded.cc)
target_link_libraries(tessera_table_schemas PUBLIC tessera_flags)
if(EXISTS ${schema_root}/CMakeLists.txt)
  add_subdirectory(${schema_root})
endif()
