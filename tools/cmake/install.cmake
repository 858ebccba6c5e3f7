# What `cmake --install` lays down for users of C and C++: the library, its headers, a package for
# find_package(Tessera) and a file for pkg-config. All of it can be moved as a whole.
include(CMakePackageConfigHelpers)
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/Tessera)

install(TARGETS tessera EXPORT TesseraTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
        INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
file(GLOB headers CONFIGURE_DEPENDS capi/include/*.h capi/include/*.hpp)
install(FILES ${headers} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

install(EXPORT TesseraTargets NAMESPACE Tessera:: DESTINATION ${package_folder})
configure_package_config_file(${PROJECT_SOURCE_DIR}/tools/cmake/TesseraConfig.cmake.in
                              ${PROJECT_BINARY_DIR}/gen/TesseraConfig.cmake
                              INSTALL_DESTINATION ${package_folder})
# Before 1.0 a new minor version may change anything.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/gen/TesseraConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/gen/TesseraConfig.cmake
        ${PROJECT_BINARY_DIR}/gen/TesseraConfigVersion.cmake DESTINATION ${package_folder})

# The file finds its prefix from where it is.
string(REGEX REPLACE "[^/]+" ".." to_prefix ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
configure_file(${PROJECT_SOURCE_DIR}/tools/cmake/tessera.pc.in
               ${PROJECT_BINARY_DIR}/gen/tessera.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/gen/tessera.pc
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
