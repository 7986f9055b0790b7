hp_fuzz(rest_head SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/rest_head_fuzz.c LIBRARIES rest)
hp_fuzz(rest_body SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/rest_body_fuzz.c LIBRARIES rest)
hp_fuzz(worker_words SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/worker_words_fuzz.c LIBRARIES supervisor)
