/* pg_rebind_fuzz.c: any bytes as a value of a composite with enum and array inside. Nothing is read or written beyond.
 */
#include "types.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct typemap map;

static void add(uint32_t oid, char kind, uint32_t elem, const uint32_t *attrs, uint32_t n)
{
    struct pgtype t = {.oid = oid,
                       .kind = kind,
                       .elem = elem,
                       .is_array = elem != 0,
                       .has_receive = true,
                       .sql = copy_text("x", 1),
                       .shown = copy_text("x", 1),
                       .n_attrs = n};
    if (n) {
        t.attrs = malloc(n * sizeof *attrs);
        memcpy(t.attrs, attrs, n * sizeof *attrs);
    }
    (void)types_add(&map, &t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint32_t attrs[] = {23, 20001, 20002, 20004};
    uint8_t *in = malloc(size ? size : 1), *out = malloc(size ? size : 1);
    if (!map.n) {
        add(23, 'b', 0, NULL, 0);
        add(20001, 'e', 0, NULL, 0);
        add(20002, 'b', 20001, NULL, 0);
        add(20003, 'c', 0, attrs, 4);
        add(20004, 'b', 20003, NULL, 0); /* arrays of itself */
    }
    if (in && out) {
        memcpy(in, data, size);
        (void)wire_rebind(&map, types_get(&map, 20003), in, size, out);
        (void)wire_rebind(&map, types_get(&map, 20004), in, size, out);
    }
    free(in);
    free(out);
    return 0;
}
