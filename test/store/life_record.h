/* What the exchanges of a life look like: everything follows from the number and the version. */
#ifndef TORTURE_LIFE_RECORD_H
#define TORTURE_LIFE_RECORD_H

#include "store.h"

void life_make_record(struct exchange_record *record, unsigned n, uint32_t version);
struct slice life_make_body(unsigned n);
struct slice life_make_answer(unsigned n, uint32_t version);
/* Which version brought the answer that this version holds; 0 = none. */
uint32_t life_answer_version(uint32_t version);
void life_make_prompt(struct store_prompt *prompt, unsigned line);

#endif
