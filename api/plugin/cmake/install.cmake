# What `cmake --install` puts below the prefix beside the binary and the plugins: the SDK and the documentation. All
# paths are found from where the files lie, so the prefix may be chosen at install time and moved later.
configure_file(${CMAKE_CURRENT_LIST_DIR}/homeport.pc.in ${CMAKE_BINARY_DIR}/homeport.pc @ONLY)
configure_file(${CMAKE_CURRENT_LIST_DIR}/HomeportConfig.cmake.in ${CMAKE_BINARY_DIR}/HomeportConfig.cmake @ONLY)
include(CMakePackageConfigHelpers)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/HomeportConfigVersion.cmake COMPATIBILITY SameMinorVersion)

install(DIRECTORY ${CMAKE_SOURCE_DIR}/api/plugin/homeport DESTINATION include FILES_MATCHING PATTERN "*.h")
install(FILES ${CMAKE_BINARY_DIR}/homeport.pc DESTINATION lib/pkgconfig)
install(FILES ${CMAKE_BINARY_DIR}/HomeportConfig.cmake ${CMAKE_BINARY_DIR}/HomeportConfigVersion.cmake
  DESTINATION lib/cmake/Homeport)
install(FILES ${CMAKE_CURRENT_LIST_DIR}/homeport-plugin.map DESTINATION share/homeport)

# An empty folder for plugins of others, also if none of ours is built.
install(DIRECTORY DESTINATION lib/homeport/plugins)

foreach(document README.md ARCHITECTURE.md api/rest/openapi.yaml)
  if(EXISTS ${CMAKE_SOURCE_DIR}/${document})
    install(FILES ${CMAKE_SOURCE_DIR}/${document} DESTINATION share/doc/homeport)
  endif()
endforeach()
file(GLOB plugin_readmes CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR}/plugins ${CMAKE_SOURCE_DIR}/plugins/*/README.md)
foreach(readme ${plugin_readmes})
  get_filename_component(plugin ${readme} DIRECTORY)
  install(FILES ${CMAKE_SOURCE_DIR}/plugins/${readme} DESTINATION share/doc/homeport/plugins RENAME ${plugin}.md)
endforeach()
install(DIRECTORY ${CMAKE_SOURCE_DIR}/examples DESTINATION share/doc/homeport
  FILES_MATCHING PATTERN "*.c" PATTERN "Makefile" PATTERN "*.md" PATTERN "*.properties")
