# Shared rules of the build: warnings, sanitizers, packages with a sentence for each that is missing, and three verbs
# (leat_library, leat_test, leat_fuzzer) so that a folder's CMakeLists.txt is a list of files.
add_compile_definitions(_GNU_SOURCE)
add_compile_options(-Wall -Wextra -Werror -Wshadow -Wpointer-arith -Wvla -Wno-unused-parameter
  $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes> $<$<COMPILE_LANGUAGE:C>:-Wmissing-prototypes> -fno-omit-frame-pointer)
include_directories(${CMAKE_SOURCE_DIR})
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)

if(LEAT_SANITIZE)
  add_compile_options(-fsanitize=${LEAT_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${LEAT_SANITIZE})
endif()
if(LEAT_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all)
  add_link_options(-fsanitize=address,undefined)
endif()

# leat_package(NAME pkg-config-name debian-package): an imported target PkgConfig::NAME, or a sentence that says what to install.
function(leat_package name module debian)
  pkg_check_modules(${name} QUIET IMPORTED_TARGET GLOBAL ${module})
  if(NOT ${name}_FOUND)
    message(FATAL_ERROR "${module} is missing: apt-get install ${debian} (or run tools/setup.sh)")
  endif()
endfunction()

# leat_header_library(VARIABLE header library debian): for packages without a pkg-config file.
function(leat_plain_library variable header library debian)
  find_path(${variable}_INCLUDE ${header})
  find_library(${variable} ${library})
  if(NOT ${variable} OR NOT ${variable}_INCLUDE)
    message(FATAL_ERROR "${library} is missing: apt-get install ${debian} (or run tools/setup.sh)")
  endif()
endfunction()

# leat_library(NAME SOURCES a.c b.c [USES other ...]): a static library of one folder.
function(leat_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;USES" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC ${ARG_USES} Threads::Threads)
endfunction()

# leat_test(NAME SOURCES test_a.c [USES other ...] [ARGS a b]): a cmocka program, run by ctest.
function(leat_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;USES;ARGS" ${ARGN})
  leat_package(CMOCKA cmocka libcmocka-dev)
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_USES} PkgConfig::CMOCKA)
  add_test(NAME ${name} COMMAND ${name} ${ARG_ARGS})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT})
endfunction()

# leat_fuzzer(NAME SOURCES fuzz_a.c [USES other ...]): a libFuzzer target (LEAT_FUZZ), seeds in the folder seeds/NAME beside it.
function(leat_fuzzer name)
  if(NOT LEAT_FUZZ)
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "SOURCES;USES" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  target_link_libraries(${name} PRIVATE ${ARG_USES})
endfunction()
