/* Where the torture keeps its files: a folder of its own, in memory where there is one. */
#ifndef TORTURE_PLACE_H
#define TORTURE_PLACE_H

#define PLACE_PATH 300
extern char place_base[PLACE_PATH];

void place_make(void);    /* also a key file, and a log that nobody reads */
void place_remove(void);
/* An empty folder `name` with a folder journal in it. */
void place_fresh(const char *name, char out[PLACE_PATH + 64]);
void place_clear(const char *path);
/* Keeps what a failed check saw, and says where. */
void place_keep(const char *path);

#endif
