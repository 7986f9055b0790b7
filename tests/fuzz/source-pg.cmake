hp_fuzz(pgoutput SOURCES ${CMAKE_CURRENT_LIST_DIR}/pgoutput_fuzz.c LIBRARIES source_pg_parts)
