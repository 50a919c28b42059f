/*
 * The exit of select, poll and epoll: which descriptors were asked for, and which were ready.
 *
 * The verifier walks every turn of a loop, so a loop over 1024 descriptors would take it longer than
 * the rest together. One pass of exit_sets does a slice, keeps its place in scratch (whose content
 * the verifier does not track: its paths converge) and calls itself again as a tail call, of which
 * the kernel allows 33.
 */

enum { SLICE = 64, WATCH_READY = 64, WATCH_IDLE = 70, WATCH_MOST = 140 };
/* Of a longer pollfd array the rest is not looked at: one tail call must be left, to write the row. */
enum { POLL_SLICE = 48, POLL_MOST = 30 * POLL_SLICE };

static inline void keep(struct scratch *scratch, u64 value)
{
    u32 count = scratch->count;

    if (count < WATCH_MOST) {
        scratch->values[count] = value;
        scratch->count = count + 1;
    }
}

static inline void keep_idle(struct scratch *scratch, u64 value)
{
    u32 count = scratch->idle_count;

    if (count < WATCH_IDLE)
        scratch->idle[count] = value;
    scratch->idle_count = count + 1;
}

static inline void keep_sorted(struct event *call, struct scratch *scratch, u64 value)
{
    if (value >> 48) {
        if (scratch->count < WATCH_READY)
            keep(scratch, value);
        else
            call->flags |= WATCH_CUT;
    } else {
        keep_idle(scratch, value);
    }
}

/* Write values in records of 14. `most` is a multiple of 14, known when compiling. */
static inline void emit_values(struct event *call, struct scratch *scratch, u64 *values, u32 have, u32 most)
{
    u32 i;

#pragma clang loop unroll(disable)
    for (i = 0; i < most / AUX_VALUES; i++) {
        if (have <= i * AUX_VALUES)
            break;
        __builtin_memcpy(scratch->aux.values, &values[i * AUX_VALUES], AUX_BYTES);
        emit_aux(call, &scratch->aux, WATCH, at_most(have - i * AUX_VALUES, AUX_VALUES));
    }
}

/* What is ready goes first, then what is not, as far as there is room. */
static inline void emit_watch(struct event *call, struct scratch *scratch)
{
    if (scratch->idle_count > WATCH_IDLE)
        call->flags |= WATCH_CUT;
    emit_values(call, scratch, scratch->values, scratch->count, WATCH_MOST);
    emit_values(call, scratch, scratch->idle, scratch->idle_count, WATCH_IDLE);
}

/* The number of zeros below the lowest bit set. No branches: each would double the verifier's paths. */
static inline u32 lowest_bit(u64 bits)
{
    u64 below = (bits & -bits) - 1;

    below -= below >> 1 & 0x5555555555555555ULL;
    below = (below & 0x3333333333333333ULL) + (below >> 2 & 0x3333333333333333ULL);
    below = below + (below >> 4) & 0x0f0f0f0f0f0f0f0fULL;
    return below * 0x0101010101010101ULL >> 56;
}

/* select's three sets as bits of poll(2): POLLIN 1, POLLOUT 4, POLLPRI 2. */
static inline u64 poll_bits(u64 set[3][16], u32 word, u32 at)
{
    word &= 15;
    at &= 63;
    return (set[0][word] >> at & 1) | (set[1][word] >> at & 1) << 2 | (set[2][word] >> at & 1) << 1;
}

/* Read select's sets: what was asked for from the entry, what is ready from the process. */
static inline void begin_select(struct task *task, struct scratch *scratch)
{
    u32 slot = task->slot;
    struct event *call = &task->call;
    struct saved *saved = saves.lookup(&slot);
    u64 bytes = ((call->a & 0xffffffff) + 63) / 64 * 8;
    int i;

    __builtin_memset(scratch->set, 0, sizeof(scratch->set));
    __builtin_memset(scratch->out, 0, sizeof(scratch->out));
    if ((call->a & 0xffffffff) > 1024)
        call->flags |= WATCH_CUT;
    bytes = at_most(bytes, 128);
    if (!saved) {
        call->flags |= WATCH_UNSEEN;
        return;
    }
    if (saved->cut)
        call->flags |= WATCH_UNSEEN;
    __builtin_memcpy(scratch->set, saved->words, sizeof(scratch->set));
#pragma clang loop unroll(disable)
    for (i = 0; i < 3; i++) {
        u64 address = task->args[1 + i];
        if (!address || !bytes)
            __builtin_memset(scratch->set[i], 0, 128);
        else if (call->ret > 0 && read_user(scratch->out[i], bytes, (void *)address))
            call->flags |= WATCH_UNSEEN;
    }
}

/* Return whether there is more to do after this slice. */
static inline int slice_select(struct task *task, struct scratch *scratch)
{
    struct event *call = &task->call;
    u32 nfds = call->a;
    int step;

#pragma clang loop unroll(disable)
    for (step = 0; step < SLICE; step++) {
        FORGET;
        u64 bits = scratch->bits;
        u32 word = scratch->index;
        if (!bits) {
            if (scratch->pass) /* the last word is done */
                word = scratch->index = scratch->index + 1;
            scratch->pass = 1;
            if (word >= 16)
                return 0;
            scratch->bits = scratch->set[0][word & 15] | scratch->set[1][word & 15] | scratch->set[2][word & 15];
        } else {
            u32 at = lowest_bit(bits);
            u32 fd = word * 64 + at;
            scratch->bits = bits & (bits - 1);
            if (fd < nfds)
                keep_sorted(call, scratch,
                            fd | poll_bits(scratch->set, word, at) << 32 |
                                poll_bits(scratch->out, word, at) << 48);
        }
    }
    return 1;
}

/* A pollfd is what watch stores, as it is. */
static inline int slice_poll(struct task *task, struct scratch *scratch)
{
    struct event *call = &task->call;
    u64 *chunk = &scratch->set[0][0];
    u32 start = scratch->index;
    u64 left;
    int i;

    if ((u32)call->a <= start)
        return 0;
    left = at_most((u32)call->a - start, POLL_SLICE);
    if (read_user(chunk, left * 8, (void *)(task->args[0] + 8 * (u64)start))) {
        call->flags |= WATCH_UNSEEN;
        return 0;
    }
#pragma clang loop unroll(disable)
    for (i = 0; i < POLL_SLICE; i++) {
        FORGET;
        if (i >= left)
            break;
        u64 value = chunk[i];
        if (call->ret <= 0)
            value &= 0xffffffffffffULL;
        keep_sorted(call, scratch, value);
    }
    scratch->index = start + left;
    return (u32)call->a > start + left;
}

/* epoll_event is packed on x86-64 only. */
#if defined(__TARGET_ARCH_x86)
enum { EPOLL_EVENT_BYTES = 12, EPOLL_DATA_AT = 4 };
#else
enum { EPOLL_EVENT_BYTES = 16, EPOLL_DATA_AT = 8 };
#endif

static inline void keep_epoll(struct event *call, struct scratch *scratch, u64 address)
{
    u8 event[16];
    u32 events;
    u64 data;

    if (read_user(event, EPOLL_EVENT_BYTES, (void *)address)) {
        call->flags |= WATCH_UNSEEN;
        return;
    }
    __builtin_memcpy(&events, event, 4);
    __builtin_memcpy(&data, event + EPOLL_DATA_AT, 8);
    keep(scratch, data);
    keep(scratch, events);
}

static inline void slice_epoll(struct task *task, struct scratch *scratch)
{
    struct event *call = &task->call;
    int i;

    if (task->decode == EPOLL_CTL) {
        if (task->args[3] && call->a != 2) /* EPOLL_CTL_DEL has none */
            keep_epoll(call, scratch, task->args[3]);
        return;
    }
    if (call->ret > WATCH_MOST / 2)
        call->flags |= WATCH_CUT;
#pragma clang loop unroll(disable)
    for (i = 0; i < WATCH_MOST / 2; i++) {
        if (i >= call->ret)
            break;
        keep_epoll(call, scratch, task->args[1] + i * EPOLL_EVENT_BYTES);
    }
}

int exit_sets(struct bpf_raw_tracepoint_args *ctx)
{
    u32 tid = current_tid(), zero = 0;
    struct task *task = find_task(tid);
    struct scratch *scratch = scratches.lookup(&zero);
    int more = 0;

    if (!task || !scratch)
        return 0;
    if (task->at_exit == EXIT_SETS) { /* the first slice */
        scratch->count = 0;
        scratch->idle_count = 0;
        scratch->index = 0;
        scratch->pass = 0;
        scratch->bits = 0;
        task->at_exit = EXIT_SETS + 1;
        if (task->decode == SELECT)
            begin_select(task, scratch);
    }
    if (task->decode == SELECT)
        more = slice_select(task, scratch);
    else if (task->decode == POLL)
        more = slice_poll(task, scratch);
    else
        slice_epoll(task, scratch);
    if (more && scratch->index < POLL_MOST)
        parts.call(ctx, EXIT_SETS);
    if (more)
        task->call.flags |= WATCH_CUT;
    parts.call(ctx, EXIT_WATCH);
    return 0;
}

int exit_watch(struct bpf_raw_tracepoint_args *ctx)
{
    u32 tid = current_tid(), zero = 0;
    struct task *task = find_task(tid);
    struct scratch *scratch = scratches.lookup(&zero);

    if (!task || !scratch)
        return 0;
    emit_watch(&task->call, scratch);
    finish_call(task);
    return 0;
}
