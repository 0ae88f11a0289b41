/* What the files of the world share. */
#ifndef CORE_WORLD_PARTS_H
#define CORE_WORLD_PARTS_H

#include "world.h"

enum { WORLD_CALM_MS = 240000, WORLD_END_MS = 4 * 3600 * 1000 };

/* world.c */
uint64_t world_draw(struct world *world);
unsigned world_upto(struct world *world, unsigned limit);
int world_chance(struct world *world, unsigned per_cent); /* of a fault; never when it is calm */
struct happening *world_plan(struct world *world, enum happening_type type, int gate, int64_t after_ms);
void world_plan_packet(struct world *world, int gate, const char *from, const struct core_event *event,
                       int64_t after_ms);
void world_plan_commit(struct world *world, int gate);
void world_step(struct world *world, int gate, struct core_event *event);

/* world_host.c: host lb, beside the local system */
void host_submit(struct world *world, const struct core_command *command);
void host_acked(struct world *world, uint64_t id);
void host_crash(struct world *world);
void host_hello(struct world *world);
void host_on_arrival(struct world *world, const struct happening *happening);
void host_on_reply(struct world *world, const struct happening *happening);

/* world_caller.c: the caller at A */
void caller_plan(struct world *world);
void caller_plan_ask(struct world *world, size_t number, enum transaction_class transaction_class, int fresh,
                     int64_t after_ms);
void caller_ask(struct world *world, size_t number, enum transaction_class transaction_class, int fresh);
void caller_on_tell(struct world *world, const struct core_command *told);
void caller_looks(struct world *world, size_t number, uint64_t ticket);

#endif
