# hp_add_plugin(NAME SOURCES ... LIBRARIES ...): a plugin of the tree: one module NAME.so that exports one symbol,
# and a static library NAME_parts of the same sources for tests.
function(hp_add_plugin name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBRARIES" ${ARGN})
  string(REPLACE "-" "_" parts "${name}_parts")
  add_library(${parts} STATIC ${ARG_SOURCES})
  target_include_directories(${parts} PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
  target_link_libraries(${parts} PUBLIC homeport_sdk ${ARG_LIBRARIES} PRIVATE homeport_flags)
  target_compile_options(${parts} PRIVATE -fvisibility=hidden)
  add_library(${name} MODULE ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  target_compile_options(${name} PRIVATE -fvisibility=hidden)
  target_link_libraries(${name} PRIVATE homeport_sdk homeport_flags ${ARG_LIBRARIES})
  target_link_options(${name} PRIVATE
    -Wl,--version-script=${CMAKE_SOURCE_DIR}/api/plugin/cmake/homeport-plugin.map
    -Wl,--exclude-libs,ALL)
  if(NOT HOMEPORT_SANITIZE) # a sanitizer's symbols come from the program
    target_link_options(${name} PRIVATE -Wl,-z,defs)
  endif()
  set_target_properties(${name} PROPERTIES PREFIX "" LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/plugins)
  install(TARGETS ${name} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/homeport/plugins)
endfunction()
