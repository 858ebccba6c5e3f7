# tessera_bytes(FILE NAME OUT_TEXT OUT_SIZE): the bytes of a file as the initialiser of a C++ array
# NAME, and how many they are.
function(tessera_bytes file name out_text out_size)
  file(READ ${file} hex HEX)
  string(LENGTH "${hex}" digits)
  math(EXPR size "${digits} / 2")
  string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
  set(${out_text} "constexpr unsigned char ${name}[] = {\n${hex}};\n" PARENT_SCOPE)
  set(${out_size} ${size} PARENT_SCOPE)
endfunction()
