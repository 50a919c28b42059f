/* Signals: from their generation to their delivery. */

#ifdef HAVE_SIGNAL
BPF_TABLE("lru_hash", u64, struct signal_sent, signals, 4096); /* by signal_key */

static inline u64 signal_key(u32 id, int group, u32 number)
{
    return (u64)id << 16 | (group ? 0x100 : 0) | (number & 0xff);
}

int on_signal_generate(struct signal_generate_fields *args)
{
    u32 tid = args->pid;
    struct task *task = find_task(tid);
    struct signal_sent sent = {};
    u64 key;

    if (!task || task->armed != 2 || args->result > 0) /* TRACE_SIGNAL_IGNORED and what follows */
        return 0;
    sent.sent_ns = bpf_ktime_get_ns();
    sent.code = args->code;
    sent.sender = current_tid();
    key = signal_key(args->group ? task->call.tgid : tid, args->group, args->sig);
    signals.update(&key, &sent);
    return 0;
}

int on_signal_deliver(struct signal_deliver_fields *args)
{
    u32 tid = current_tid();
    struct task *task = find_task(tid);
    struct signal_sent *sent;
    struct event row = {};
    u64 key;

    if (!task || task->armed != 2)
        return 0;
    key = signal_key(tid, 0, args->sig);
    sent = signals.lookup(&key);
    if (!sent) {
        key = signal_key(task->call.tgid, 1, args->sig);
        sent = signals.lookup(&key);
    }
    if (!args->sa_handler)
        task->status = args->sig & 0x7f;
    if (!sent && args->sig == 9)
        return 0; /* how the other threads of an ending process are told */
    row.kind = SIGNAL;
    row.exit_ns = bpf_ktime_get_ns();
    row.fd = -1;
    row.tid = tid;
    row.tgid = task->call.tgid;
    row.a = args->sig;
    row.b = args->code;
    if (sent) {
        row.enter_ns = sent->sent_ns;
        row.waker = sent->sender;
        signals.delete(&key);
    }
    emit(&row);
    return 0;
}
#endif
