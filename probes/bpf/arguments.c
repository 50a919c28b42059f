/* The entry of calls with a timeout, a path, sets or a vector in the process's memory. */

/* A timeout in nanoseconds; -1: for ever. */
static inline s64 timeout_ns(struct task *task, u8 how, u64 value)
{
    s64 time[2];

    if (how == MILLISECONDS)
        return (s32)value < 0 ? -1 : (s64)(s32)value * 1000000;
    if (!value)
        return -1;
    if (bpf_probe_read_user(time, sizeof(time), (void *)value)) {
        task->call.flags |= WATCH_UNSEEN;
        return -1;
    }
    return time[0] * 1000000000 + time[1] * (how == TIMEVAL ? 1000 : 1);
}

/*
 * Add up iov_len of an array of iovec into call->a: 1024 is the kernel's own limit. It comes last
 * in its program, because the verifier walks what follows once for every turn.
 */
static inline void sum_vector(struct event *call, u64 address, u64 length)
{
    u64 pairs[16];
    int block, i;

    call->a = 0;
    for (block = 0; block < 128; block++) {
        u64 left;
        FORGET;
        if (block * 8 >= length)
            return;
        left = at_most(length - block * 8, 8);
        __builtin_memset(pairs, 0, sizeof(pairs));
        if (bpf_probe_read_user(pairs, left * 16, (void *)(address + block * 128))) {
            call->flags |= WATCH_UNSEEN;
            return;
        }
#pragma unroll
        for (i = 0; i < 8; i++)
            call->a += pairs[2 * i + 1]; /* zero beyond what was read */
    }
}

/* Keep what the kernel overwrites (select's sets) or replaces (execve's path) during the call. */
static inline void save_memory(struct task *task, struct call_meta *meta, u32 tid)
{
    u32 zero = 0;
    struct saved *saved = savings.lookup(&zero);
    int i;

    if (!saved)
        return;
    saved->cut = 0;
    if (meta->decode == PATH) {
        int length = bpf_probe_read_user_str(saved->words, 96, (void *)task->args[meta->decode_argument & 7]);
        saved->bytes = length > 0 ? length - 1 : 0;
        saved->cut = length == 96;
        if (length <= 0)
            return;
    } else {
        u64 bytes = ((task->args[0] & 0xffffffff) + 63) / 64 * 8;
        bytes = at_most(bytes, 128);
        saved->bytes = bytes;
#pragma unroll
        for (i = 0; i < 3; i++) {
            u64 address = task->args[1 + i];
            if (address && bytes && bpf_probe_read_user(&saved->words[16 * i], bytes, (void *)address))
                saved->cut = 1;
        }
    }
    saves.update(&tid, saved);
}


int enter_memory(struct bpf_raw_tracepoint_args *ctx)
{
    u32 nr = ctx->args[1], tid = current_tid();
    struct call_meta *meta = calls.lookup(&nr);
    struct task *task = tasks.lookup(&tid);
    u64 header[4]; /* of msghdr: name, its length, vector, its length */
    u64 address, length;
    struct event *call;

    if (!task || !meta)
        return 0;
    call = &task->call;
    if (meta->c_how)
        call->c = timeout_ns(task, meta->c_how, call->c);
    if (meta->decode == SELECT || meta->decode == PATH)
        save_memory(task, meta, tid);
    if (!meta->a_how)
        return 0;
    address = call->a;
    length = task->args[(meta->a + 1) & 7];
    if (meta->a_how == MSG) {
        if (bpf_probe_read_user(header, sizeof(header), (void *)address)) {
            call->flags |= WATCH_UNSEEN;
            return 0;
        }
        address = header[2];
        length = header[3];
    }
    sum_vector(call, address, length);
    return 0;
}
