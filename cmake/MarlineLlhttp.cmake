# The target llhttp, where there is Debian's package node-llhttp: from the C source in it. Only fuzz
# targets and benchmarks use it, to compare with.
include_guard(GLOBAL)

find_path(LLHTTP_SOURCES llhttp.c PATHS /usr/share/llhttp NO_DEFAULT_PATH)
if(LLHTTP_SOURCES)
    enable_language(C)
    add_library(llhttp STATIC ${LLHTTP_SOURCES}/api.c ${LLHTTP_SOURCES}/http.c
                              ${LLHTTP_SOURCES}/llhttp.c)
    target_compile_definitions(llhttp PUBLIC LLHTTP_STRICT_MODE=1)
    target_include_directories(llhttp SYSTEM PUBLIC /usr/share/include /usr/share/include/llhttp)
endif()
