/* Named points at which a test build ends itself with SIGKILL, so that a test can stop a process at every committed
 * state of schema/lifecycle.md. FEP_KILL_POINT names the point; FEP_KILL_FILE a file that is created (O_EXCL) when
 * the point strikes, so that it strikes once per test and not again after the restart. In other builds: nothing. */
#ifndef FEP_KILL_POINT_H
#define FEP_KILL_POINT_H

#ifdef FEP_KILL_POINTS
void kill_point(const char *name);
#else
#define kill_point(name) ((void)0)
#endif

#endif
