# Fuzz targets of host/base and host/record.
hp_fuzz(record SOURCES fuzz/record_fuzz.c LIBRARIES record)
hp_fuzz(schema SOURCES fuzz/schema_fuzz.c LIBRARIES record)
hp_fuzz(props SOURCES fuzz/props_fuzz.c LIBRARIES base)
hp_fuzz(json SOURCES fuzz/json_fuzz.c LIBRARIES base)
