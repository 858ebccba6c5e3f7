# The toolchain of a package: GCC for TESSERA_TARGET (x86_64 or aarch64), linked against the C
# library as glibc 2.28 had it (tools/targets/floor.py), whatever this machine has.
#
#   cmake -DCMAKE_TOOLCHAIN_FILE=tools/cmake/target.cmake -DTESSERA_TARGET=aarch64 ...
#
# For another machine than this one, programs are run by qemu-user where it is installed.
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES TESSERA_TARGET)
if(NOT TESSERA_TARGET MATCHES "^(x86_64|aarch64)$")
  message(FATAL_ERROR "TESSERA_TARGET: expected x86_64 or aarch64, got '${TESSERA_TARGET}'")
endif()
execute_process(COMMAND ${CMAKE_CURRENT_LIST_DIR}/../targets/floor.py ${TESSERA_TARGET}
                OUTPUT_VARIABLE TESSERA_FLOOR OUTPUT_STRIP_TRAILING_WHITESPACE
                RESULT_VARIABLE floor_result)
if(NOT floor_result EQUAL 0)
  message(FATAL_ERROR "tools/targets/floor.py could not make the C library; its message is above")
endif()
execute_process(COMMAND uname -m OUTPUT_VARIABLE this_machine OUTPUT_STRIP_TRAILING_WHITESPACE)
if(NOT TESSERA_TARGET STREQUAL this_machine)
  set(CMAKE_SYSTEM_NAME Linux)
  set(CMAKE_SYSTEM_PROCESSOR ${TESSERA_TARGET})
  set(CMAKE_C_COMPILER ${TESSERA_TARGET}-linux-gnu-gcc)
  set(CMAKE_CXX_COMPILER ${TESSERA_TARGET}-linux-gnu-g++)
  set(CMAKE_FIND_USE_CMAKE_SYSTEM_PATH OFF)  # /usr has this machine's libraries
  find_program(TESSERA_QEMU NAMES qemu-${TESSERA_TARGET}-static qemu-${TESSERA_TARGET}
               PATHS /usr/bin /usr/local/bin)
  if(TESSERA_QEMU)
    set(CMAKE_CROSSCOMPILING_EMULATOR ${TESSERA_QEMU} -L /usr/${TESSERA_TARGET}-linux-gnu)
  endif()
endif()
# The compiler's own shared libraries ask for this machine's C library.
set(link_flags "-L${TESSERA_FLOOR} -static-libgcc -static-libstdc++")
string(APPEND CMAKE_EXE_LINKER_FLAGS_INIT " ${link_flags}")
string(APPEND CMAKE_SHARED_LINKER_FLAGS_INIT " ${link_flags}")
