/* plan_cells.c: which cell stands for a column of an entry, and which columns an entry has; see plan.h. */
#include "plan.h"

const struct hp_cell *plan_old_cell(const struct entry *e, const struct shape_col *c)
{
    return e->before && c->before_src != NO_SRC && cell_here(&e->before[c->before_src]) ? &e->before[c->before_src]
                                                                                        : NULL;
}

const struct hp_cell *plan_cell(const struct plan *p, const struct entry *e, const struct shape_col *c, char half,
                                const struct hp_record **out_rec)
{
    *out_rec = e->rec;
    if (half == 'b') {
        return plan_old_cell(e, c);
    }
    for (;; e = &p->entries[e->older]) {
        const struct hp_cell *cell = e->after && c->after_src != NO_SRC ? &e->after[c->after_src] : NULL;
        *out_rec = e->rec;
        if (cell && (cell_here(cell) || !(cell->flags & HP_CELL_UNCHANGED))) {
            return cell_here(cell) ? cell : NULL;
        }
        cell = plan_old_cell(e, c); /* a whole old row, or a plain record's key */
        if (cell || e->older == NO_ENTRY) {
            return cell;
        }
    }
}

static uint8_t form_of(const struct shape_col *c, const struct hp_cell *cell)
{
    bool text = cell->type == HP_NATIVE && ((cell->flags & HP_CELL_TEXT) || wire_needs_text(c->source, cell));
    return text ? FORM_TEXT : FORM_BINARY;
}

hp_status plan_find_set(struct plan *p, const struct typemap *types, struct shape *s, struct entry *e, bool new_row,
                        int old, struct hp_error *err)
{
    size_t n = s->n;
    uint8_t *forms;
    if (!p->forms || p->cap_forms < n * 2) {
        free(p->forms);
        p->cap_forms = n * 2;
        p->forms = malloc(p->cap_forms + 1);
        if (!p->forms) {
            p->cap_forms = 0;
            return out_of_memory(err);
        }
    }
    forms = p->forms;
    memset(forms, FORM_ABSENT, n * 2);
    for (size_t i = 0; new_row && i < n; i++) {
        const struct shape_col *c = &s->cols[i];
        const struct hp_cell *cell = e->after && c->after_src != NO_SRC ? &e->after[c->after_src] : NULL;
        if (cell && cell_here(cell)) {
            forms[i] = form_of(c, cell);
        } else if (!cell || (cell->flags & HP_CELL_UNCHANGED)) {
            const struct hp_cell *other = plan_old_cell(e, c);
            forms[i] = other                  ? form_of(c, other)
                       : e->older != NO_ENTRY ? p->entries[e->older].set->forms[i]
                       : cell                 ? FORM_UNCHANGED
                                              : FORM_ABSENT;
        }
    }
    for (size_t i = 0; old != OLD_NONE && i < n; i++) {
        const struct hp_cell *cell = old == OLD_ALL || s->cols[i].key ? plan_old_cell(e, &s->cols[i]) : NULL;
        if (cell) {
            forms[n + i] = form_of(&s->cols[i], cell);
        }
    }
    if (s->sets && memcmp(s->sets->forms, forms, n * 2) == 0) {
        e->set = s->sets;
        return HP_OK;
    }
    e->set = shape_set(s, types, forms, err);
    return e->set ? HP_OK : HP_ERROR;
}
