# Fuzz targets of host/plugin and host/worker.
hp_fuzz(elf_note SOURCES fuzz/elf_note_fuzz.c LIBRARIES plugin_find)
hp_fuzz(config SOURCES fuzz/config_fuzz.c LIBRARIES plugin)
hp_fuzz(control SOURCES fuzz/control_fuzz.c LIBRARIES control)
