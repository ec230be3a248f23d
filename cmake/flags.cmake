# Flags of everything we compile. Asserts stay on in every build type.
add_library(tocsin_flags INTERFACE)
target_include_directories(tocsin_flags INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_definitions(tocsin_flags INTERFACE _GNU_SOURCE TOCSIN_VERSION="${PROJECT_VERSION}")
string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_RELEASE "${CMAKE_C_FLAGS_RELEASE}")
string(REPLACE "-DNDEBUG" "" CMAKE_CXX_FLAGS_RELEASE "${CMAKE_CXX_FLAGS_RELEASE}")

set(warnings
    -Wall -Wextra -Wshadow -Wundef -Wvla -Wformat=2 -Wpointer-arith -Wcast-qual -Wwrite-strings -Wimplicit-fallthrough
    -Wconversion -Wno-sign-conversion -Wno-missing-field-initializers)
set(c_warnings -Wstrict-prototypes -Wold-style-definition -Wmissing-prototypes)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    list(APPEND warnings -Wduplicated-cond -Wlogical-op -Wno-format-truncation)
endif()
if(TOCSIN_WERROR)
    list(APPEND warnings -Werror)
endif()
target_compile_options(tocsin_flags INTERFACE ${warnings}
    "$<$<COMPILE_LANGUAGE:C>:${c_warnings}>"
    "$<$<COMPILE_LANGUAGE:C>:SHELL:-include ${CMAKE_SOURCE_DIR}/common/base/banned.h>"
    -fno-strict-aliasing -ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)
if(TOCSIN_SANITIZE)
    target_compile_options(tocsin_flags INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(tocsin_flags INTERFACE -fsanitize=address,undefined)
endif()
if(TOCSIN_FUZZ)
    target_compile_options(tocsin_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(TOCSIN_BUGS)
    target_compile_definitions(tocsin_flags INTERFACE TOCSIN_BUGS=1)
else()
    target_compile_definitions(tocsin_flags INTERFACE TOCSIN_BUGS=0)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Release")
    target_compile_options(tocsin_flags INTERFACE -g -fPIE -fstack-protector-strong -fstack-clash-protection
        -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
    target_link_options(tocsin_flags INTERFACE -pie -Wl,-z,relro,-z,now)
endif()
