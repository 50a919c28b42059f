/* The exit of calls with an address, a path, a pair, a word or a vector of messages. */

/* Each reads into scratch->aux and returns how many bytes there are to write. */

static inline u64 read_bytes(struct event *call, struct scratch *scratch, u64 address, u32 bytes)
{
    u64 length = at_most(bytes, AUX_BYTES);

    if (bytes > AUX_BYTES)
        call->flags |= BLOB_CUT;
    if (!length)
        return 0;
    if (read_user(scratch->aux.values, length, (void *)address)) {
        call->flags |= WATCH_UNSEEN;
        return 0;
    }
    return length;
}

static inline u64 read_path(struct task *task, struct scratch *scratch)
{
    u32 slot = task->slot;
    struct saved *saved = saves.lookup(&slot);
    struct event *call = &task->call;
    u64 address = task->args[task->decode_argument & 7];
    int length = saved ? saved->bytes : 0;

    if (saved && length > 0) {
        __builtin_memcpy(scratch->aux.values, saved->words, PATH_BYTES);
    } else {
        /* at the entry its page was not in memory yet; by now the kernel has read it */
        length = read_user_string(scratch->aux.values, PATH_BYTES, (void *)address);
    }
    if (length <= 0)
        call->flags |= WATCH_UNSEEN;
    if (length == PATH_BYTES)
        call->flags |= BLOB_CUT;
    return length > 0 ? length - 1 : 0;
}

/* The bytes over the messages done: mmsghdr is 64 bytes, its msg_len at 56. */
static inline s64 message_bytes(u64 address, s64 done)
{
    s64 total = 0;
    int i;

#pragma clang loop unroll(disable)
    for (i = 0; i < 1024; i++) {
        u32 length = 0;
        if (i >= done)
            break;
        read_user(&length, sizeof(length), (void *)(address + 64 * i + 56));
        total += length;
    }
    return total;
}

/*
 * The descriptors that a message passes (unix(7), SCM_RIGHTS): returns how many. A msghdr has its control
 * data at 32 and their length at 40; each piece begins with its length (u64), level and type (s32 each).
 */
static inline u64 read_rights(struct event *call, struct scratch *scratch, u64 message)
{
    u64 control[2], header[2] = {}, at, count;
    s32 passed[AUX_VALUES];
    int i;

    if (call->ret < 0 || read_user(control, sizeof(control), (void *)(message + 32)))
        return 0;
    at = control[0];
#pragma clang loop unroll(disable)
    for (i = 0; i < 4; i++) {
        if (at + sizeof(header) > control[0] + control[1] || read_user(header, sizeof(header), (void *)at))
            return 0;
        if (header[1] == (1ULL << 32 | 1) || header[0] < sizeof(header))
            break;
        at += (header[0] + 7) & ~7ULL;
    }
    if (header[1] != (1ULL << 32 | 1) || header[0] < sizeof(header))
        return 0;
    count = (header[0] - sizeof(header)) / 4;
    if (count > AUX_VALUES)
        call->flags |= WATCH_CUT;
    count = at_most(count, AUX_VALUES);
    if (!count || read_user(passed, count * 4, (void *)(at + sizeof(header))))
        return 0;
#pragma clang loop unroll(disable)
    for (i = 0; i < AUX_VALUES; i++) {
        if (i >= count)
            break;
        scratch->aux.values[i] = (u32)passed[i];
    }
    return count;
}

int exit_memory(struct bpf_raw_tracepoint_args *ctx)
{
    u32 zero = 0;
    struct task *task = find_task(current_tid());
    struct scratch *scratch = scratches.lookup(&zero);
    u64 address = 0, word = 0, bytes = 0;
    u32 size = 0;
    struct event *call;
    u8 decode;

    if (!task || !scratch)
        return 0;
    call = &task->call;
    decode = task->decode;
    address = task->args[task->decode_argument & 7];
    if (decode == MMSG) {
        call->c = message_bytes(address, call->ret);
    } else if (decode == PATH) {
        bytes = read_path(task, scratch);
    } else if (decode == ADDRESS_IN || decode == ADDRESS_OUT) {
        word = task->args[(task->decode_argument + 1) & 7]; /* the length, or where it is */
        size = word;
        if (decode == ADDRESS_OUT && (call->ret < 0 || read_user(&size, 4, (void *)word)))
            size = 0;
        bytes = read_bytes(call, scratch, address, size);
    } else if (decode == PAIR) {
        if (call->ret >= 0 && read_user(&call->c, 8, (void *)address))
            call->flags |= WATCH_UNSEEN;
    } else if (decode == RIGHTS) {
        word = read_rights(call, scratch, address);
        if (word)
            emit_aux(call, &scratch->aux, WATCH, word);
    } else if (decode == RING_PARAMS || call->a == 0x5421 || call->a == 0x5452) {
        /* flags of struct io_uring_params; the int of ioctl's FIONBIO and FIOASYNC */
        if (read_user(&size, 4, (void *)(address + (decode == RING_PARAMS ? 8 : 0))))
            call->flags |= WATCH_UNSEEN;
        call->b = size;
    }
    if (bytes)
        emit_aux(call, &scratch->aux, BLOB, bytes);
    finish_call(task);
    return 0;
}
