hp_fuzz(policy SOURCES ${CMAKE_CURRENT_LIST_DIR}/policy_fuzz.c LIBRARIES transform_residency_parts)
hp_fuzz(pg_value SOURCES ${CMAKE_CURRENT_LIST_DIR}/pg_value_fuzz.c LIBRARIES view)
