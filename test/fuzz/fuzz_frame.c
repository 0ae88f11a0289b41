/* Fuzzes what a peer or a host can send: the frame decoder and, behind it, sessions. Built twice: with
 * clang's libFuzzer (meson -Dfuzzers=true, CC=clang), and as a plain program that needs nothing:
 *
 *   fuzz_frame                 samples of every kind, changed at random (a fixed seed) some 200,000 times;
 * TAP fuzz_frame FILE|DIRECTORY  these inputs, for instance what libFuzzer found fuzz_frame --seeds DIR
 * writes one file for each sample: the corpus to begin with
 *
 * What is checked beside the sanitizers: a frame that was taken can be written again and is taken again as
 * the same.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "frame_layout.h"
#include "sample_frames.h"
#include "session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "fuzz_frame: %s\n", what);
    abort();
}

static void
send_nowhere(void *arg, const unsigned char *data, size_t size)
{
    (void)arg;
    must(size >= PREAMBLE_SIZE && load_32(data + AT_SIZE) == size,
         "a session sends something that is no frame");
}

/* A session that is up takes the frame, with its own tag and with the one that came. */
static void
give_to_sessions(const struct frame *frame)
{
    static struct peer *peers[2];
    static struct session *sessions[2];
    static int64_t now_ms;

    now_ms += 10;
    for (int dials = 0; dials < 2; dials++) {
        if (sessions[dials] == NULL) {
            struct peer_config peer_config = {.name = "450900", .window = 8};
            struct session_config config = {.node = "450100", .dials = dials, .first_tag = 1};
            peers[dials] = peer_create(&peer_config, send_nowhere, NULL);
            must(peers[dials] != NULL, "no memory");
            sessions[dials] = session_create(&config, peers[dials], send_nowhere, NULL);
            must(sessions[dials] != NULL, "no memory");
        }
        if (!peer_is_up(peers[dials])) {
            struct frame hello = {.kind = dials ? FRAME_WELCOME : FRAME_HELLO, .sections = FRAME_HAS_HELLO};
            hello.hello = (struct frame_hello){.node = "450900", .incarnation = UINT64_MAX, .version_max = 9};
            hello.hello.commit_sequence = UINT64_MAX;
            hello.epoch = dials ? frame->epoch : 0;
            (void)session_receive(sessions[dials], &hello, now_ms, 0, NULL, NULL, NULL);
        }
        struct frame copy = *frame;
        int happened = session_receive(sessions[dials], &copy, now_ms, 0, NULL, NULL, NULL);
        if (happened & SESSION_IS_FOR_CORE)
            peer_settle(peers[dials], copy.sequence);
        peer_flush(peers[dials]);
        (void)session_tick(sessions[dials], now_ms, 0);
    }
}

static void
write_and_read_again(const struct frame *frame)
{
    size_t size = frame_size(frame);
    struct buffer *buffer = buffer_create(size);
    struct slice whole = slice_of(buffer);
    struct frame again;

    must(buffer != NULL, "no memory");
    must(frame_encode(frame, buffer_data(buffer), size, NULL) == size, "what was read cannot be written");
    must(frame_decode(&again, whole, NULL) == 0, "what was read and written cannot be read");
    must(again.kind == frame->kind && again.sections == frame->sections &&
             again.sequence == frame->sequence && again.call_count == frame->call_count &&
             strcmp(again.text, frame->text) == 0 && again.body.size == frame->body.size &&
             again.answer.size == frame->answer.size && again.seal.size == frame->seal.size &&
             memcmp(&again.result, &frame->result, sizeof again.result) == 0 &&
             memcmp(&again.index, &frame->index, sizeof again.index) == 0,
         "read, written and read is not the same");
    must(again.body.size == 0 || memcmp(again.body.data, frame->body.data, again.body.size) == 0,
         "the body is not the same");
    frame_release(&again);
    slice_release(&whole);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer *buffer = buffer_create(size); /* of exactly this size, so that one byte too far is seen */
    struct slice whole = slice_of(buffer);
    struct fep_error error = {0};
    struct frame frame;

    if (buffer == NULL)
        return 0;
    if (size > 0)
        memcpy(buffer_data(buffer), data, size);
    if (frame_decode(&frame, whole, &error) == 0) {
        write_and_read_again(&frame);
        give_to_sessions(&frame);
        frame_release(&frame);
    } else {
        must(error.code != 0 && error.text[0] != '\0', "refused without saying why");
    }
    slice_release(&whole);
    return 0;
}

#ifndef FEP_LIBFUZZER

#define ROUNDS 200000

static uint64_t state = 0x9e3779b97f4a7c15u;

static uint32_t
draw(uint32_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)((state >> 16) % below);
}

/* One to four changes: a byte, a field of four bytes, a cut, a piece put in twice; the length told is often
 * put right. */
static size_t
change(unsigned char *bytes, size_t size, size_t room)
{
    static const uint32_t numbers[] = {0,    1,   7, 8, 0x7fffffff, 0x80000000, 0xffffffff, FRAME_MAX_BODY,
                                       1024, 4096};

    for (uint32_t i = draw(4) + 1; i > 0 && size > 0; i--) {
        size_t at = draw((uint32_t)(draw(2) ? (size < 80 ? size : 80) : size));
        switch (draw(5)) {
        case 0:
            bytes[at] = (unsigned char)draw(256);
            break;
        case 1:
            bytes[at] ^= (unsigned char)(1u << draw(8));
            break;
        case 2:
            if (at + 4 <= size)
                save_32(bytes + at, numbers[draw(sizeof numbers / sizeof numbers[0])]);
            break;
        case 3:
            size = at;
            break;
        default:
            if (size + 16 <= room && at + 16 <= size) {
                memmove(bytes + at + 16, bytes + at, size - at);
                size += 16;
            }
        }
    }
    if (size >= PREAMBLE_SIZE && draw(4) != 0)
        save_32(bytes + AT_SIZE, (uint32_t)size);
    return size;
}

static void
run_changed_samples(void)
{
    unsigned char bytes[8192];

    for (int round = 0; round < ROUNDS; round++) {
        size_t size;
        unsigned char *sample = sample_bytes(draw((uint32_t)sample_count()), &size);
        must(size + 128 <= sizeof bytes, "a sample is too large");
        memcpy(bytes, sample, size);
        free(sample);
        size = change(bytes, size, sizeof bytes);
        (void)LLVMFuzzerTestOneInput(bytes, size);
    }
}

static int
run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    unsigned char *bytes = malloc(FRAME_MAX_SIZE + 1);
    int status = 1;

    if (file != NULL && bytes != NULL) {
        size_t size = fread(bytes, 1, FRAME_MAX_SIZE + 1, file);
        (void)LLVMFuzzerTestOneInput(bytes, size);
        status = 0;
    } else {
        perror(path);
    }
    if (file != NULL)
        fclose(file);
    free(bytes);
    return status;
}

static int
run_path(const char *path)
{
    struct stat info;
    struct dirent *entry;
    DIR *directory;
    int status = 0;

    if (stat(path, &info) == 0 && !S_ISDIR(info.st_mode))
        return run_file(path);
    directory = opendir(path);
    if (directory == NULL) {
        perror(path);
        return 1;
    }
    while ((entry = readdir(directory)) != NULL) {
        char inside[4096];
        if (entry->d_name[0] == '.')
            continue;
        if (snprintf(inside, sizeof inside, "%s/%s", path, entry->d_name) < (int)sizeof inside)
            status |= run_file(inside);
    }
    closedir(directory);
    return status;
}

static int
write_seeds(const char *directory)
{
    for (size_t i = 0; i < sample_count(); i++) {
        char path[4096];
        struct frame frame;
        size_t size, put;
        unsigned char *bytes = sample_bytes(i, &size);
        FILE *file;

        sample_frame(i, &frame);
        snprintf(path, sizeof path, "%s/%s-%s", directory, frame_kind_name(frame.kind),
                 i % 2 ? "least" : "most");
        file = fopen(path, "wb");
        put = file != NULL ? fwrite(bytes, 1, size, file) : 0;
        free(bytes);
        if (file == NULL || fclose(file) != 0 || put != size) {
            perror(path);
            return 1;
        }
    }
    return 0;
}

int
main(int count, char **arguments)
{
    int status = 0;

    if (count == 3 && strcmp(arguments[1], "--seeds") == 0)
        return write_seeds(arguments[2]);
    for (int i = 1; i < count; i++)
        status |= run_path(arguments[i]);
    if (count > 1)
        return status;
    printf("1..2\n");
    for (size_t i = 0; i < sample_count(); i++) {
        size_t size;
        unsigned char *bytes = sample_bytes(i, &size);
        (void)LLVMFuzzerTestOneInput(bytes, size);
        free(bytes);
    }
    printf("ok 1 - samples of every kind\n");
    run_changed_samples();
    printf("ok 2 - %d changed samples\n", ROUNDS);
    return 0;
}
#endif
