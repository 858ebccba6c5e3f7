# What is shipped: lib/libtessera.so with the C ABI alone, and bin/tessera, which uses nothing else.
add_library(tessera_all INTERFACE)
get_property(layers GLOBAL PROPERTY TESSERA_LAYERS)
foreach(layer ${layers})
  target_link_libraries(tessera_all INTERFACE tessera_${layer})
endforeach()

if(TARGET tessera_capi AND EXISTS ${PROJECT_SOURCE_DIR}/capi/symbols.txt)
  set(version_script ${PROJECT_BINARY_DIR}/gen/tessera.map)
  file(STRINGS ${PROJECT_SOURCE_DIR}/capi/symbols.txt symbols REGEX "^tsr_")
  list(TRANSFORM symbols STRIP)
  set(symbol_text "")
  foreach(symbol ${symbols})
    string(APPEND symbol_text "    ${symbol};\n")
  endforeach()
  file(CONFIGURE OUTPUT ${version_script} @ONLY
       CONTENT "TESSERA_0.1 {\n  global:\n${symbol_text}  local:\n    *;\n};\n")
  set_property(DIRECTORY ${PROJECT_SOURCE_DIR} APPEND PROPERTY
               CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/capi/symbols.txt)

  # The objects of capi are the roots; the linker takes what they need from the other layers.
  add_library(tessera SHARED $<TARGET_OBJECTS:tessera_capi>)
  set_target_properties(tessera PROPERTIES LINKER_LANGUAGE CXX VERSION ${PROJECT_VERSION}
                        SOVERSION 0 LINK_DEPENDS ${version_script})
  target_include_directories(tessera INTERFACE
                             $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/capi/include>)
  target_link_libraries(tessera PRIVATE tessera_all)
  target_link_options(tessera PRIVATE -Wl,--version-script=${version_script} -Wl,--exclude-libs,ALL
                      -Wl,-Bsymbolic-functions -static-libgcc -static-libstdc++)
  if(NOT TESSERA_SANITIZE)
    target_link_options(tessera PRIVATE -Wl,-z,defs)
  endif()

  file(GLOB cli_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/cpp/cli/*.cc)
  if(cli_sources)
    add_executable(tessera_cli ${cli_sources})
    set_target_properties(tessera_cli PROPERTIES OUTPUT_NAME tessera
                          BUILD_WITH_INSTALL_RPATH ON INSTALL_RPATH "$ORIGIN/../lib")
    target_include_directories(tessera_cli PRIVATE ${PROJECT_SOURCE_DIR})
    target_compile_options(tessera_cli PRIVATE -Wall -Wextra ${TESSERA_SANITIZE_FLAGS})
    target_link_options(tessera_cli PRIVATE -static-libgcc -static-libstdc++
                        ${TESSERA_SANITIZE_FLAGS})
    target_link_libraries(tessera_cli PRIVATE tessera tessera_rapidjson Threads::Threads)
  endif()

  include(GNUInstallDirs)
  include(install)
  if(cli_sources)
    install(TARGETS tessera_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  endif()
endif()
