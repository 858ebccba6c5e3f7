# Tables: the directory is the registry.
#
# tessera_table(NAME n HEADER h FUNCTION f PATTERN p ENTRY e (ENTRY_TYPE t | SINK s)
#               [NAMESPACE ns] [EXCLUDE regex] [SCHEMAS folder]
#               LAYERS l... USED_BY u... FOLDERS d...)
#
# For every file foo_bar.cc directly in a folder of FOLDERS (helpers live in a sub-folder, or match
# EXCLUDE; with SCHEMAS only files with a schema schemas/<folder>/foo_bar.fbs count), <Camel> is
# FooBar and <stem> is foo_bar: in PATTERN, which declares the file's function, and in ENTRY, its
# row.
# The table, declared in HEADER, is `absl::Span<const t> f()`, or with SINK a function `void f(s)`
# whose body is the rows. It becomes the library tessera_table_<n>, linked to the layers LAYERS that
# define the rows; the layers USED_BY, which read the table, link it. A HEADER that does not exist
# makes no table: its layer is not there.
# Not static initialisers: an object that registers itself in a static library is dropped by the
# linker of whoever embeds us.

function(tessera_camel name out)
  string(REPLACE "_" ";" words ${name})
  set(camel "")
  foreach(word ${words})
    string(SUBSTRING ${word} 0 1 first)
    string(SUBSTRING ${word} 1 -1 rest)
    string(TOUPPER ${first} first)
    string(APPEND camel "${first}${rest}")
  endforeach()
  set(${out} ${camel} PARENT_SCOPE)
endfunction()

# The files that have a row: sorted by name.
function(tessera_table_files exclude schemas out)
  set(found "")
  foreach(folder ${ARGN})
    file(GLOB files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${folder}/*.cc)
    list(APPEND found ${files})
  endforeach()
  if(exclude)
    list(FILTER found EXCLUDE REGEX "${exclude}")
  endif()
  if(schemas)
    file(GLOB schema_files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/schemas/${schemas}/*.fbs)
    list(TRANSFORM schema_files REPLACE "^.*/([^/]+)[.]fbs$" "\\1")
    set(with_schema "")
    foreach(file ${found})
      get_filename_component(stem ${file} NAME_WE)
      if(stem IN_LIST schema_files)
        list(APPEND with_schema ${file})
      endif()
    endforeach()
    set(found ${with_schema})
  endif()
  list(SORT found)
  set(${out} "${found}" PARENT_SCOPE)
endfunction()

function(tessera_table)
  set(single NAME HEADER NAMESPACE FUNCTION ENTRY_TYPE PATTERN ENTRY SINK EXCLUDE SCHEMAS)
  cmake_parse_arguments(T "" "${single}" "FOLDERS;LAYERS;USED_BY" ${ARGN})
  if(NOT EXISTS ${PROJECT_SOURCE_DIR}/${T_HEADER})
    return()
  endif()
  if(NOT T_NAMESPACE)
    set(T_NAMESPACE tessera)
  endif()
  tessera_table_files("${T_EXCLUDE}" "${T_SCHEMAS}" files ${T_FOLDERS})
  set(declarations "")
  set(entries "")
  foreach(file ${files})
    get_filename_component(stem ${file} NAME_WE)
    tessera_camel(${stem} camel)
    string(REPLACE "<Camel>" "${camel}" declaration "${T_PATTERN}")
    string(REPLACE "<Camel>" "${camel}" entry "${T_ENTRY}")
    string(REPLACE "<stem>" "${stem}" entry "${entry}")
    if(T_SINK)
      string(APPEND entry ";")
    else()
      string(APPEND entry ",")
    endif()
    string(APPEND declarations "${declaration};\n")
    string(APPEND entries "    ${entry}\n")
  endforeach()
  set(text "// Written by the build from the file names of: ${T_FOLDERS}\n")
  string(APPEND text "#include \"${T_HEADER}\"\n\n")
  string(APPEND text "namespace ${T_NAMESPACE} {\n\n${declarations}\n")
  if(T_SINK)
    string(APPEND text "void ${T_FUNCTION}([[maybe_unused]] ${T_SINK} sink) {\n${entries}}\n")
  elseif(files)
    string(APPEND text "absl::Span<const ${T_ENTRY_TYPE}> ${T_FUNCTION}() {\n"
           "  static constexpr ${T_ENTRY_TYPE} kTable[] = {\n${entries}  };\n  return kTable;\n}\n")
  else()
    string(APPEND text "absl::Span<const ${T_ENTRY_TYPE}> ${T_FUNCTION}() { return {}; }\n")
  endif()
  string(APPEND text "\n}  // namespace ${T_NAMESPACE}\n")
  set(path ${PROJECT_BINARY_DIR}/gen/tables/${T_NAME}.cc)
  file(CONFIGURE OUTPUT ${path} CONTENT "${text}" @ONLY)

  add_library(tessera_table_${T_NAME} STATIC ${path})
  target_link_libraries(tessera_table_${T_NAME} PUBLIC tessera_flags)
  add_dependencies(tessera_table_${T_NAME} tessera_generated)
  foreach(layer ${T_LAYERS})
    if(TARGET tessera_${layer})
      target_link_libraries(tessera_table_${T_NAME} PUBLIC tessera_${layer})
    endif()
  endforeach()
  foreach(layer ${T_USED_BY})
    if(TARGET tessera_${layer})
      target_link_libraries(tessera_${layer} PUBLIC tessera_table_${T_NAME})
      # Reader, table and rows are a cycle of static libraries: the reader pulls in the table, it
      # the rows, and they more of the reader. The linker must come by a third time for that.
      set_target_properties(tessera_${layer} PROPERTIES LINK_INTERFACE_MULTIPLICITY 3)
    endif()
  endforeach()
endfunction()
