# What sink-pg reads from outside: connection URLs, and binary values whose type OIDs are replaced.
hp_fuzz(jdbc_url SOURCES ${CMAKE_SOURCE_DIR}/tests/fuzz/jdbc_url_fuzz.c LIBRARIES sink_pg_parts)
hp_fuzz(pg_rebind SOURCES ${CMAKE_SOURCE_DIR}/tests/fuzz/pg_rebind_fuzz.c LIBRARIES sink_pg_parts)
