# The libraries that marline stands on. Also installed, for those who link it.
include(CMakeFindDependencyMacro)

find_dependency(OpenSSL 3.0)
find_dependency(PkgConfig)
find_dependency(spdlog)
find_dependency(Threads)

macro(marline_find_with_pkg_config name module)
    if(NOT TARGET PkgConfig::${name})
        pkg_check_modules(${name} REQUIRED IMPORTED_TARGET ${module})
    endif()
endmacro()

marline_find_with_pkg_config(LIBEVENT_CORE "libevent_core>=2.1")
marline_find_with_pkg_config(CARES "libcares>=1.18")
marline_find_with_pkg_config(URIPARSER "liburiparser>=0.9")
