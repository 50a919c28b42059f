/* The entry of calls with a timeout, a path, sets or a vector in the process's memory. */

/* FUTEX_WAIT, LOCK_PI, WAIT_BITSET, WAIT_REQUEUE_PI, LOCK_PI2: to other operations it is a number, or nothing. */
static inline int has_timeout(u64 operation)
{
    u64 command = operation & 0x7f;

    return command < 16 && ((1 << 0 | 1 << 6 | 1 << 9 | 1 << 11 | 1 << 13) >> command & 1);
}

/* A timeout in nanoseconds; -1: for ever. */
static inline s64 timeout_ns(struct task *task, u8 how, u64 value)
{
    s64 time[2];

    if (how == MILLISECONDS)
        return (s32)value < 0 ? -1 : (s64)(s32)value * 1000000;
    if (!value || (how == FUTEX_TIMESPEC && !has_timeout(task->call.a)))
        return -1;
    if (read_user(time, sizeof(time), (void *)value)) {
        task->call.flags |= WATCH_UNSEEN;
        return -1;
    }
    return time[0] * 1000000000 + time[1] * (how == TIMEVAL ? 1000 : 1);
}

enum { VECTOR_SLICE = 64 }; /* iovecs a pass; 1024, the kernel's own limit, are 16 tail calls */

/* Add up iov_len of a slice of an array of iovec into call->a; return whether there is more. */
static inline int sum_slice(struct task *task, u64 address, u64 length)
{
    u64 pairs[16];
    u64 start = task->slice;
    s64 total = start ? task->call.a : 0;
    int block, i;

#pragma clang loop unroll(disable)
    for (block = 0; block < VECTOR_SLICE / 8; block++) {
        u64 at = start + block * 8;
        if (at >= length)
            break;
        __builtin_memset(pairs, 0, sizeof(pairs));
        if (read_user(pairs, at_most(length - at, 8) * 16, (void *)(address + at * 16))) {
            task->call.flags |= WATCH_UNSEEN;
            break;
        }
#pragma unroll
        for (i = 0; i < 8; i++)
            total += pairs[2 * i + 1]; /* zero beyond what was read */
    }
    task->call.a = total;
    task->slice = start + VECTOR_SLICE;
    return block == VECTOR_SLICE / 8 && start + VECTOR_SLICE < length;
}

/* Keep what the kernel overwrites (select's sets) or replaces (execve's path) during the call. */
static inline void save_memory(struct task *task, struct call_meta *meta)
{
    u32 slot = task->slot;
    struct saved *saved = saves.lookup(&slot);
    int i;

    if (!saved)
        return;
    saved->cut = 0;
    if (meta->decode == PATH) {
        saved->bytes = read_user_string(saved->words, PATH_BYTES,
                                        (void *)task->args[meta->decode_argument & 7]);
    } else {
        u64 bytes = ((task->args[0] & 0xffffffff) + 63) / 64 * 8;
        bytes = at_most(bytes, 128);
        saved->bytes = bytes;
#pragma clang loop unroll(disable)
        for (i = 0; i < 3; i++) {
            u64 address = task->args[1 + i];
            if (address && bytes && read_user(&saved->words[16 * i], bytes, (void *)address))
                saved->cut = 1;
        }
    }
}

int enter_memory(struct bpf_raw_tracepoint_args *ctx)
{
    u32 nr = ctx->args[1];
    struct call_meta *meta = calls.lookup(&nr);
    struct task *task = find_task(current_tid());
    u64 header[6]; /* of msghdr: name, its length, vector, its length, control data, their length */
    u64 address, length;

    if (!task || !meta)
        return 0;
    if (!task->slice) {
        if (meta->c_how)
            task->call.c = timeout_ns(task, meta->c_how, task->call.c);
        if (meta->decode == SELECT || meta->decode == PATH)
            save_memory(task, meta);
    }
    if (!meta->a_how)
        return 0;
    address = task->args[meta->a & 7];
    length = task->args[(meta->a + 1) & 7];
    if (meta->a_how == MSG) {
        if (read_user(header, sizeof(header), (void *)address)) {
            task->call.a = 0;
            task->call.flags |= WATCH_UNSEEN;
            return 0;
        }
        address = header[2];
        length = header[3];
        if (!header[5])
            task->at_exit = 0; /* no room for control data, or none given: no descriptor is passed */
    }
    if (sum_slice(task, address, length))
        parts.call(ctx, ENTER_MEMORY);
    return 0;
}
