# Model families: every cpp/interop/families/*.json is part of the library (family_table.h). The
# directory is the registry; a new family is a new file.
file(GLOB family_files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/cpp/interop/families/*.json)
set(family_output ${PROJECT_BINARY_DIR}/gen/tables/families.cc)
add_custom_command(
  OUTPUT ${family_output}
  COMMAND ${CMAKE_COMMAND} -D FOLDER=${PROJECT_SOURCE_DIR}/cpp/interop/families
          -D OUTPUT=${family_output} -P ${PROJECT_SOURCE_DIR}/tools/cmake/embed_families.cmake
  DEPENDS ${family_files} ${PROJECT_SOURCE_DIR}/tools/cmake/embed_families.cmake
          ${PROJECT_SOURCE_DIR}/tools/cmake/bytes.cmake
  COMMENT "Embedding model families" VERBATIM)
add_library(tessera_table_families STATIC ${family_output})
target_link_libraries(tessera_table_families PUBLIC tessera_flags)
target_link_libraries(tessera_interop PUBLIC tessera_table_families)
