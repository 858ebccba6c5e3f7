# Flags of every target of ours, as the interface library tessera_flags, and the precompiled header.
add_library(tessera_flags INTERFACE)
target_include_directories(tessera_flags INTERFACE ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})
# No contraction and no reassociation: equal programs give equal bits (a kernel asks for
# fma itself).
target_compile_options(tessera_flags INTERFACE
  -Wall -Wextra -Wno-unused-parameter -Wno-missing-field-initializers -ffunction-sections
  -fdata-sections -fno-math-errno -ffp-contract=off)
target_compile_definitions(tessera_flags INTERFACE TESSERA_VERSION="${PROJECT_VERSION}")
target_link_libraries(tessera_flags INTERFACE tessera_absl tessera_rapidjson)
target_link_options(tessera_flags INTERFACE -Wl,--gc-sections)
# What is handed out names no folder of this machine, and has the same bytes whatever its name: with
# the compiler cache every path of the tree is relative already.
if(NOT TESSERA_CCACHE)
  target_compile_options(tessera_flags INTERFACE -fmacro-prefix-map=${PROJECT_BINARY_DIR}/=
                         -fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=../)
endif()
if(CMAKE_CROSSCOMPILING)
  # GCC 12 for aarch64 warns of every std::variant that holds a string.
  target_compile_options(tessera_flags INTERFACE -Wno-maybe-uninitialized)
endif()
if(TESSERA_WERROR)
  target_compile_options(tessera_flags INTERFACE -Werror)
endif()

# What a plain program must be compiled and linked with to go with an instrumented library.
set(TESSERA_SANITIZE_FLAGS "")
if(TESSERA_SANITIZE STREQUAL "address")
  # With the checks of null, GCC no longer takes the addresses that Abseil's hash tables compare for
  # constants (its bug 71962); a null pointer that is used stops the program all the same.
  set(TESSERA_SANITIZE_FLAGS -fsanitize=address,undefined -fno-sanitize-recover=undefined
      -fno-sanitize=null,nonnull-attribute,returns-nonnull-attribute -fno-omit-frame-pointer -g1)
elseif(TESSERA_SANITIZE STREQUAL "thread")
  set(TESSERA_SANITIZE_FLAGS -fsanitize=thread -g1)
elseif(TESSERA_SANITIZE)
  message(FATAL_ERROR "TESSERA_SANITIZE: expected address, thread or nothing, got "
                      "'${TESSERA_SANITIZE}'")
endif()
target_compile_options(tessera_flags INTERFACE ${TESSERA_SANITIZE_FLAGS})
if(TESSERA_SANITIZE)
  # GCC 12 warns of every std::variant that holds a string once checks stand between the lines.
  target_compile_options(tessera_flags INTERFACE -Wno-maybe-uninitialized)
endif()
target_link_options(tessera_flags INTERFACE ${TESSERA_SANITIZE_FLAGS})

# Writes the sum by which the compiler cache knows the precompiled header of `target`: what it
# includes and which versions of it. (Its bytes differ from build to build.) Only where the versions
# are known, which the folder of dependencies that we built is named by.
function(tessera_precompiled_sum target)
  if(NOT TESSERA_DEPS STREQUAL "build")
    return()
  endif()
  get_target_property(folder ${target} BINARY_DIR)
  string(SHA256 sum "${ARGN} ${CMAKE_PREFIX_PATH} ${CMAKE_CXX_COMPILER_VERSION}")
  file(CONFIGURE OUTPUT ${folder}/CMakeFiles/${target}.dir/cmake_pch.hxx.gch.sum CONTENT "${sum}"
       @ONLY)
endfunction()

if(TESSERA_PCH)
  set(pch_headers algorithm cstdint functional map memory optional string string_view utility vector
      absl/status/status.h absl/status/statusor.h absl/strings/str_cat.h absl/strings/str_join.h
      absl/types/span.h)
  list(TRANSFORM pch_headers REPLACE "(.+)" "#include <\\1>\n")
  list(JOIN pch_headers "" pch_text)
  file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/gen/pch.h CONTENT "${pch_text}" @ONLY)
  file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/gen/pch.cc CONTENT "" @ONLY)
  add_library(tessera_pch STATIC ${PROJECT_BINARY_DIR}/gen/pch.cc)
  target_link_libraries(tessera_pch PUBLIC tessera_flags)
  target_compile_options(tessera_flags INTERFACE $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)
  target_precompile_headers(tessera_pch PRIVATE ${PROJECT_BINARY_DIR}/gen/pch.h)
  tessera_precompiled_sum(tessera_pch "${pch_text}")
endif()
