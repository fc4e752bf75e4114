# The libraries that marline stands on. Also installed: find_package(marline) runs it, and reports
# what is missing as find_package() does.
include(CMakeFindDependencyMacro)

find_dependency(OpenSSL 3.0)
find_dependency(PkgConfig)
find_dependency(spdlog)
find_dependency(Threads)

macro(marline_find_with_pkg_config name module)
    if(NOT TARGET PkgConfig::${name})
        pkg_check_modules(${name} IMPORTED_TARGET ${module})
        if(NOT ${name}_FOUND)
            set(marline_FOUND FALSE)
            set(marline_NOT_FOUND_MESSAGE "marline needs ${module}, which pkg-config does not find")
            if(marline_FIND_REQUIRED)
                message(FATAL_ERROR "${marline_NOT_FOUND_MESSAGE}")
            endif()
            return()
        endif()
    endif()
endmacro()

marline_find_with_pkg_config(LIBEVENT_CORE "libevent_core>=2.1")
marline_find_with_pkg_config(CARES "libcares>=1.18")
marline_find_with_pkg_config(URIPARSER "liburiparser>=0.9")
marline_find_with_pkg_config(ZLIB "zlib>=1.2")
marline_find_with_pkg_config(BROTLI "libbrotlidec>=1.0")
marline_find_with_pkg_config(ZSTD "libzstd>=1.5")
