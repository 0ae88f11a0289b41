/* A status reply as metric families. Every family has HELP and TYPE, counters end in _total, times are
 * seconds, as the format's conventions ask. A label never holds a message id or anything of a person: only
 * names from the configuration and words of our own lists. Must never invent: a figure that is missing is
 * left out. */
#include "metrics.h"

#include <inttypes.h>
#include <stdio.h>

#include "reply.h"

static void
begin_family(FILE *out, const char *name, const char *type, const char *help)
{
    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void
write_label(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\\' || *text == '"')
            putc('\\', out);
        if (*text == '\n')
            fputs("\\n", out);
        else
            putc(*text, out);
    }
}

static void
write_labelled(FILE *out, const char *name, const char *label, const char *value, int64_t number)
{
    fprintf(out, "%s{%s=\"", name, label);
    write_label(out, value);
    fprintf(out, "\"} %" PRId64 "\n", number);
}

static int64_t
number_of(struct json_object *object, const char *key)
{
    struct json_object *value = reply_member(object, key);
    return value == NULL ? 0 : json_object_get_int64(value); /* true is 1 */
}

/* --- one number --- */

struct plain_family {
    const char *name, *type, *key, *help;
};

static const struct plain_family plain_families[] = {
    {"fep_unknown_open", "gauge", "open_unknown",
     "Updates whose outcome is not known or that are being reversed."},
    {"fep_queries_pending", "gauge", "pending_queries", "Queries that wait for their answer."},
    {"fep_queued_bytes", "gauge", "queued_bytes", "Bytes of bodies held for open exchanges."},
    {"fep_prompts_open", "gauge", "open_prompts", "Fee lines that no local code was found for."},
    {"fep_resolving", "gauge", "resolving",
     "Peers and instances that are not resolved yet since the store was put back from a backup."},
    {"fep_disk_room", "gauge", "room", "1 while the disk has room for new updates."},
    {"fep_commit_lag", "gauge", "commit_lag", "Writes given to the store that are not on disk yet."},
    {"fep_commits_total", "counter", "commit_sequence", "Writes that are on disk, over all runs."},
    {"fep_log_lines_dropped_total", "counter", "log_dropped", "Log lines that syslog did not take."},
    {"fep_frames_refused_total", "counter", "frames_refused", "Malformed frames from peers and hosts."},
    {"fep_keys_refused_total", "counter", "keys_refused", "Connections with a key that is not registered."},
};

static void
write_plain(FILE *out, struct json_object *status)
{
    for (size_t i = 0; i < sizeof plain_families / sizeof *plain_families; i++) {
        const struct plain_family *family = &plain_families[i];
        if (reply_member(status, family->key) == NULL)
            continue;
        begin_family(out, family->name, family->type, family->help);
        fprintf(out, "%s %" PRId64 "\n", family->name, number_of(status, family->key));
    }
}

/* --- one number per peer or instance --- */

struct list_family {
    const char *name, *type, *key, *help;
};

static const struct list_family peer_families[] = {
    {"fep_peer_up", "gauge", "up", "1 while the link to the peer is up."},
    {"fep_peer_unacknowledged", "gauge", "unacknowledged", "Frames the peer has not said it has committed."},
    {"fep_peer_waiting", "gauge", "waiting", "Frames that wait for the link."},
    {"fep_peer_resent_total", "counter", "resent", "Frames sent again to the peer."},
    {"fep_peer_sent_total", "counter", "sent", "Frames sent to the peer."},
    {"fep_peer_received_total", "counter", "received", "Frames received from the peer."},
};

static const struct list_family instance_families[] = {
    {"fep_instance_up", "gauge", "up", "1 while the adapter host runs."},
    {"fep_instance_ready", "gauge", "ready", "1 while the adapter host takes work."},
    {"fep_instance_epoch", "gauge", "epoch", "Number of the host's run; it grows with every start."},
};

static void
write_list(FILE *out, struct json_object *list, const char *label, const struct list_family *families,
           size_t count)
{
    if (list == NULL || !json_object_is_type(list, json_type_array) || json_object_array_length(list) == 0)
        return;
    for (size_t i = 0; i < count; i++) {
        begin_family(out, families[i].name, families[i].type, families[i].help);
        for (size_t at = 0; at < json_object_array_length(list); at++) {
            struct json_object *entry = json_object_array_get_idx(list, at);
            write_labelled(out, families[i].name, label, reply_text(entry, "name"),
                           number_of(entry, families[i].key));
        }
    }
}

static void
write_clocks(FILE *out, struct json_object *peers)
{
    if (peers == NULL || !json_object_is_type(peers, json_type_array) || json_object_array_length(peers) == 0)
        return;
    begin_family(out, "fep_peer_clock_offset_seconds", "gauge", "How far the peer's clock is ahead of ours.");
    for (size_t at = 0; at < json_object_array_length(peers); at++) {
        struct json_object *peer = json_object_array_get_idx(peers, at);
        fputs("fep_peer_clock_offset_seconds{peer=\"", out);
        write_label(out, reply_text(peer, "name"));
        fprintf(out, "\"} %.3f\n", (double)number_of(peer, "clock_offset_ms") / 1000);
    }
}

/* --- exchanges --- */

static void
write_open(FILE *out, struct json_object *open)
{
    if (open == NULL || !json_object_is_type(open, json_type_object))
        return;
    begin_family(out, "fep_exchanges_open", "gauge", "Exchanges that have no ending yet, by state.");
    json_object_object_foreach(open, state, number)
    {
        write_labelled(out, "fep_exchanges_open", "state", state, json_object_get_int64(number));
    }
}

static void
write_ended(FILE *out, struct json_object *ended)
{
    if (ended == NULL)
        return;
    begin_family(out, "fep_exchanges_ended_total", "counter",
                 "Exchanges ended since the start, by our part in them and their ending.");
    json_object_object_foreach(ended, role, endings)
    {
        json_object_object_foreach(endings, ending, number)
        {
            fprintf(out, "fep_exchanges_ended_total{role=\"%s\",ending=\"%s\"} %" PRId64 "\n", role, ending,
                    json_object_get_int64(number));
        }
    }
}

static void
write_reasons(FILE *out, struct json_object *reasons)
{
    if (reasons == NULL)
        return;
    begin_family(out, "fep_exchange_reasons_total", "counter",
                 "Exchanges ended since the start for a reason that is told, by reason.");
    json_object_object_foreach(reasons, reason, number)
    {
        write_labelled(out, "fep_exchange_reasons_total", "reason", reason, json_object_get_int64(number));
    }
}

static void
write_histogram(FILE *out, const char *part, struct json_object *bounds, struct json_object *entry)
{
    static const char name[] = "fep_exchange_duration_seconds";
    struct json_object *buckets = reply_member(entry, "buckets");
    int64_t sum = 0;
    if (buckets == NULL || json_object_array_length(buckets) != json_object_array_length(bounds) + 1)
        return;
    for (size_t i = 0; i < json_object_array_length(buckets); i++) {
        sum += json_object_get_int64(json_object_array_get_idx(buckets, i));
        fprintf(out, "%s_bucket{part=\"%s\",le=\"", name, part);
        if (i < json_object_array_length(bounds))
            fprintf(out, "%g", (double)json_object_get_int64(json_object_array_get_idx(bounds, i)) / 1000);
        else
            fputs("+Inf", out);
        fprintf(out, "\"} %" PRId64 "\n", sum);
    }
    fprintf(out, "%s_sum{part=\"%s\"} %.3f\n", name, part, (double)number_of(entry, "sum_ms") / 1000);
    fprintf(out, "%s_count{part=\"%s\"} %" PRId64 "\n", name, part, sum);
}

static void
write_durations(FILE *out, struct json_object *figures)
{
    struct json_object *bounds = reply_member(figures, "bounds_ms"), *parts = reply_member(figures, "parts");
    if (bounds == NULL || parts == NULL || !json_object_is_type(bounds, json_type_array))
        return;
    begin_family(out, "fep_exchange_duration_seconds", "histogram",
                 "How long the parts of an exchange took, of those ended since the start.");
    json_object_object_foreach(parts, part, entry)
    {
        write_histogram(out, part, bounds, entry);
    }
}

void
metrics_write_status(FILE *out, struct json_object *status)
{
    struct json_object *figures = reply_member(status, "figures"), *peers = reply_member(status, "peers");
    write_plain(out, status);
    write_open(out, reply_member(status, "open"));
    write_list(out, peers, "peer", peer_families, sizeof peer_families / sizeof *peer_families);
    write_clocks(out, peers);
    write_list(out, reply_member(status, "instances"), "instance", instance_families,
               sizeof instance_families / sizeof *instance_families);
    if (reply_member(status, "uptime_ms") != NULL) {
        begin_family(out, "fep_uptime_seconds", "gauge", "How long the router runs.");
        fprintf(out, "fep_uptime_seconds %.3f\n", (double)number_of(status, "uptime_ms") / 1000);
    }
    if (figures == NULL)
        return;
    write_ended(out, reply_member(figures, "ended"));
    write_reasons(out, reply_member(figures, "reasons"));
    write_durations(out, figures);
}
