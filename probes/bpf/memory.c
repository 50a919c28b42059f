/* The exit of calls with an address, a path, a pair, a word or a vector of messages. */

static inline void emit_bytes(struct event *call, struct scratch *scratch, u64 address, u32 bytes)
{
    u64 length = at_most(bytes, AUX_BYTES);

    if (bytes > AUX_BYTES)
        call->flags |= BLOB_CUT;
    if (!length)
        return;
    if (bpf_probe_read_user(scratch->aux.values, length, (void *)address)) {
        call->flags |= WATCH_UNSEEN;
        return;
    }
    emit_aux(call, &scratch->aux, BLOB, length);
}

/* The bytes over the messages done: mmsghdr is 64 bytes, its msg_len at 56. */
static inline s64 message_bytes(u64 address, s64 done)
{
    s64 total = 0;
    int i;

    for (i = 0; i < 1024; i++) {
        u32 length = 0;
        if (i >= done)
            break;
        bpf_probe_read_user(&length, sizeof(length), (void *)(address + 64 * i + 56));
        total += length;
    }
    return total;
}

static inline void emit_path(struct task *task, struct scratch *scratch, u32 tid)
{
    struct saved *saved = saves.lookup(&tid);
    struct event *call = &task->call;
    u64 address = task->args[task->decode_argument & 7];

    if (saved) {
        __builtin_memcpy(scratch->aux.values, saved->words, 96);
        if (saved->cut)
            call->flags |= BLOB_CUT;
        emit_aux(call, &scratch->aux, BLOB, saved->bytes);
        saves.delete(&tid);
        return;
    }
    /* at the entry its page was not in memory yet; by now the kernel has read it */
    int length = bpf_probe_read_user_str(scratch->aux.values, 96, (void *)address);
    if (length <= 0) {
        call->flags |= WATCH_UNSEEN;
        return;
    }
    if (length == 96)
        call->flags |= BLOB_CUT;
    emit_aux(call, &scratch->aux, BLOB, length - 1);
}

static inline void emit_address_out(struct task *task, struct scratch *scratch)
{
    struct event *call = &task->call;
    int from = task->role == ACCEPT ? 1 : 4;
    u64 address = task->args[from], length_at = task->args[from + 1];
    u32 length = 0;

    if (call->ret < 0 || !address || !length_at)
        return;
    if (bpf_probe_read_user(&length, sizeof(length), (void *)length_at))
        return;
    emit_bytes(call, scratch, address, length);
}

int exit_memory(struct bpf_raw_tracepoint_args *ctx)
{
    u32 tid = current_tid(), zero = 0;
    struct task *task = tasks.lookup(&tid);
    struct scratch *scratch = scratches.lookup(&zero);
    struct event *call;
    u64 address;
    u8 decode;

    if (!task || !scratch)
        return 0;
    call = &task->call;
    decode = task->decode;
    address = task->args[task->decode_argument & 7];
    if (decode == ADDRESS_OUT) {
        emit_address_out(task, scratch);
    } else if (decode == ADDRESS_IN) {
        int from = task->decode_argument; /* 1, or 4 for sendto */
        address = task->args[from & 7];
        if (address)
            emit_bytes(call, scratch, address, task->args[(from + 1) & 7]);
    } else if (decode == PATH) {
        emit_path(task, scratch, tid);
    } else if (decode == PAIR) {
        if (call->ret >= 0 && bpf_probe_read_user(&call->c, 8, (void *)address))
            call->flags |= WATCH_UNSEEN;
    } else if (decode == WORD) {
        s32 word = 0; /* FIONBIO and FIOASYNC of asm-generic/ioctls.h */
        if (call->a == 0x5421 || call->a == 0x5452) {
            if (bpf_probe_read_user(&word, sizeof(word), (void *)address))
                call->flags |= WATCH_UNSEEN;
            call->b = word;
        }
    } else if (decode == MMSG) {
        call->c = message_bytes(task->args[1], call->ret);
    } else if (decode == RING_PARAMS) {
        u32 flags = 0; /* struct io_uring_params: sq_entries, cq_entries, flags */
        if (bpf_probe_read_user(&flags, sizeof(flags), (void *)(task->args[1] + 8)))
            call->flags |= WATCH_UNSEEN;
        call->b = flags;
    }
    finish_call(task);
    return 0;
}
