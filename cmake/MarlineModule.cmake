# What every folder's CMakeLists.txt is written with.
include_guard()
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set_property(GLOBAL PROPERTY marline_modules "")

# marline_add_module(NAME n [SOURCES …] HEADERS … [DEPENDS module…] [PRIVATE_LIBS target…])
#
# Makes the library marline::n from the folder it is called in; NAME is that folder's path, and its
# last part names the library (reactor/testing is marline::testing). HEADERS are the installed ones,
# seen as <marline/n/x.hpp> through an include root of its own, build/include-roots/n, so that a
# header of a folder that is not linked is not found. DEPENDS must name modules that exist already:
# that keeps the folders in one order. Without SOURCES it is a library of headers.
function(marline_add_module)
    cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME" "SOURCES;HEADERS;DEPENDS;PRIVATE_LIBS")
    cmake_path(GET arg_NAME FILENAME module)
    cmake_path(GET arg_NAME PARENT_PATH parent)
    foreach(dependency IN LISTS arg_DEPENDS)
        if(NOT TARGET marline_${dependency})
            message(FATAL_ERROR "marline: module '${arg_NAME}' may not depend on '${dependency}': "
                                "it does not exist yet, so it is not to its left")
        endif()
    endforeach()

    set(root ${PROJECT_BINARY_DIR}/include-roots/${module})
    file(MAKE_DIRECTORY ${root}/marline/${parent})
    file(CREATE_LINK ${CMAKE_CURRENT_SOURCE_DIR} ${root}/marline/${arg_NAME} SYMBOLIC)
    list(TRANSFORM arg_HEADERS PREPEND ${root}/marline/${arg_NAME}/)
    list(TRANSFORM arg_DEPENDS PREPEND marline_)
    # Messages name deferred/x.hpp, whichever module, test or program compiled that header.
    target_compile_options(marline_options INTERFACE -ffile-prefix-map=${root}/marline/=)

    set(target marline_${module})
    if(arg_SOURCES)
        add_library(${target} ${arg_SOURCES})
        set(scope PUBLIC)
        target_link_libraries(${target} PRIVATE ${arg_PRIVATE_LIBS} $<BUILD_INTERFACE:marline_options>)
        target_compile_options(${target} PRIVATE ${marline_FUZZ_OPTIONS})
        set_target_properties(
            ${target}
            PROPERTIES CXX_VISIBILITY_PRESET hidden
                       VISIBILITY_INLINES_HIDDEN ON
                       POSITION_INDEPENDENT_CODE ON
                       VERSION ${PROJECT_VERSION}
                       SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
    else()
        add_library(${target} INTERFACE)
        set(scope INTERFACE)
    endif()
    add_library(marline::${module} ALIAS ${target})
    target_sources(${target} ${scope} FILE_SET HEADERS BASE_DIRS ${root} FILES ${arg_HEADERS})
    target_compile_features(${target} ${scope} cxx_std_20)
    target_link_libraries(${target} ${scope} ${arg_DEPENDS})
    set_target_properties(${target} PROPERTIES EXPORT_NAME ${module})
    set_property(GLOBAL APPEND PROPERTY marline_modules ${target})
endfunction()

# marline::marline, everything a program needs, with <marline/marline.hpp>.
function(marline_add_umbrella)
    set(root ${PROJECT_BINARY_DIR}/include-roots/umbrella)
    # A copy, because installing a link to a file installs the link.
    configure_file(${PROJECT_SOURCE_DIR}/agent/marline.hpp ${root}/marline/marline.hpp COPYONLY)
    add_library(marline INTERFACE)
    add_library(marline::marline ALIAS marline)
    target_sources(marline INTERFACE FILE_SET HEADERS BASE_DIRS ${root} FILES ${root}/marline/marline.hpp)
    target_link_libraries(marline INTERFACE marline_agent)
    set_property(GLOBAL APPEND PROPERTY marline_modules marline)
endfunction()

# Installs every module, find_package(marline) and marline.pc.
function(marline_install)
    get_property(modules GLOBAL PROPERTY marline_modules)
    set(package ${CMAKE_INSTALL_LIBDIR}/cmake/marline)
    install(
        TARGETS ${modules}
        EXPORT marlineTargets
        FILE_SET HEADERS)
    install(EXPORT marlineTargets NAMESPACE marline:: DESTINATION ${package})
    configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/marlineConfig.cmake.in
                                  ${PROJECT_BINARY_DIR}/marlineConfig.cmake INSTALL_DESTINATION ${package})
    write_basic_package_version_file(${PROJECT_BINARY_DIR}/marlineConfigVersion.cmake
                                     COMPATIBILITY SameMinorVersion)
    install(FILES ${PROJECT_BINARY_DIR}/marlineConfig.cmake ${PROJECT_BINARY_DIR}/marlineConfigVersion.cmake
                  ${PROJECT_SOURCE_DIR}/cmake/MarlineDependencies.cmake DESTINATION ${package})

    set(marline_PC_LIBS "")
    foreach(module IN LISTS modules)
        get_target_property(type ${module} TYPE)
        if(NOT type STREQUAL INTERFACE_LIBRARY)
            string(PREPEND marline_PC_LIBS " -l${module}")  # users before what they use
        endif()
    endforeach()
    # Archives do not know what they need, so whoever links them needs it all.
    set(marline_PC_REQUIRES Requires)
    if(BUILD_SHARED_LIBS)
        set(marline_PC_REQUIRES Requires.private)
    endif()
    file(RELATIVE_PATH marline_PREFIX /p/${CMAKE_INSTALL_LIBDIR}/pkgconfig /p)
    configure_file(${PROJECT_SOURCE_DIR}/cmake/marline.pc.in ${PROJECT_BINARY_DIR}/marline.pc @ONLY)
    install(FILES ${PROJECT_BINARY_DIR}/marline.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endfunction()

# marline_add_test(NAME n SOURCES … LINK target… [LABELS label…] [TIMEOUT seconds])
#
# One binary of GoogleTests; each test is known to CTest by its own name and stopped after TIMEOUT.
function(marline_add_test)
    cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME;TIMEOUT" "SOURCES;LINK;LABELS")
    if(NOT arg_TIMEOUT)
        set(arg_TIMEOUT 60)
    endif()
    add_executable(${arg_NAME} ${arg_SOURCES})
    target_link_libraries(${arg_NAME} PRIVATE ${arg_LINK} GTest::gmock_main marline_options)
    gtest_discover_tests(
        ${arg_NAME}
        NO_PRETTY_VALUES  # parameters have names, which is not how their bytes look
        DISCOVERY_TIMEOUT 60
        PROPERTIES TIMEOUT ${arg_TIMEOUT} LABELS "${arg_LABELS}")
endfunction()

# marline_add_program(NAME n SOURCES … LINK target… [RUN [argument…]])
#
# A program of tools, examples or bench. With RUN, a CTest runs it with these arguments and expects
# it to succeed.
function(marline_add_program)
    cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME" "SOURCES;LINK;RUN")
    add_executable(${arg_NAME} ${arg_SOURCES})
    target_link_libraries(${arg_NAME} PRIVATE ${arg_LINK} marline_options)
    if(marline_BUILD_TESTS AND (DEFINED arg_RUN OR "RUN" IN_LIST arg_KEYWORDS_MISSING_VALUES))
        add_test(NAME program.${arg_NAME} COMMAND ${arg_NAME} ${arg_RUN})
        set_tests_properties(program.${arg_NAME} PROPERTIES TIMEOUT 60 LABELS program)
    endif()
endfunction()
