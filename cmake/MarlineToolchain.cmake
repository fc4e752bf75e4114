# How everything here is compiled: warnings, sanitizers, and faster tools where there are any.
include_guard()

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_VERIFY_INTERFACE_HEADER_SETS ${PROJECT_IS_TOP_LEVEL})

if(PROJECT_IS_TOP_LEVEL)
    set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
    find_program(CCACHE ccache)
    if(CCACHE)
        # Paths are taken from the checkout's root, so that a second checkout finds what the first built.
        set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR}
                                        CCACHE_NOHASHDIR=1 ${CCACHE})
    endif()
    if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
        # It looks for garbage too often: a tenth of the time of a build.
        add_compile_options("SHELL:--param ggc-min-expand=200" "SHELL:--param ggc-min-heapsize=262144")
    endif()
    find_program(MOLD mold)
    if(MOLD)
        add_link_options(-fuse-ld=mold)
    endif()
endif()

# Linked privately by marline's own targets, so that users get none of it.
add_library(marline_options INTERFACE)
target_compile_options(
    marline_options
    INTERFACE -Wall
              -Wextra
              -Wpedantic
              -Wconversion
              -Wshadow
              -Wold-style-cast
              -Woverloaded-virtual
              -Wnon-virtual-dtor
              $<$<CXX_COMPILER_ID:Clang>:-Wno-sign-conversion>  # g++'s -Wconversion has it not
              $<$<BOOL:${marline_WERROR}>:-Werror>)
if(marline_SANITIZE)
    # The check of dynamic types opens a pipe to look at an object, and calls every object wrong when a
    # test has used up the descriptors.
    target_compile_options(marline_options INTERFACE -fsanitize=${marline_SANITIZE} -fno-omit-frame-pointer
                                                     -fno-sanitize=vptr -fno-sanitize-recover=all)
    target_link_options(marline_options INTERFACE -fsanitize=${marline_SANITIZE})
    if(marline_SANITIZE MATCHES address AND CMAKE_CXX_COMPILER_ID MATCHES Clang)
        # As g++ tells sources of it.
        target_compile_definitions(marline_options INTERFACE __SANITIZE_ADDRESS__=1)
    endif()
endif()
# What fuzz targets reach is compiled with this: they run faster, and see where they have been.
set(marline_FUZZ_OPTIONS $<$<BOOL:${marline_FUZZ}>:-O1;-fsanitize=fuzzer-no-link>)
if(marline_COVERAGE)
    target_compile_options(marline_options INTERFACE --coverage)
    target_link_options(marline_options INTERFACE --coverage)
endif()
