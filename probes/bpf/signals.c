/* Signals: from their generation to their delivery. */

#ifdef HAVE_SIGNAL
BPF_TABLE("lru_hash", u64, struct signal_sent, signals, 4096); /* by signal_key */

static inline u64 signal_key(u32 id, int group, u32 number)
{
    return (u64)id << 16 | (group ? 0x100 : 0) | (number & 0xff);
}

static inline int generated(u32 tid, u32 number, s32 code, int group, int result)
{
    struct task *task = find_task(tid);
    struct signal_sent sent = {};
    u64 key;

    if (!task || task->armed != 2 || result > 0) /* TRACE_SIGNAL_IGNORED and what follows */
        return 0;
    sent.sent_ns = bpf_ktime_get_ns();
    sent.code = code;
    sent.sender = current_tid();
    key = signal_key(group ? task->call.tgid : tid, group, number);
    signals.update(&key, &sent);
    return 0;
}

static inline int delivered(u32 number, s32 code, u64 handler)
{
    u32 tid = current_tid();
    struct task *task = find_task(tid);
    struct signal_sent *sent;
    struct event row = {};
    u64 key;

    if (!task || task->armed != 2)
        return 0;
    key = signal_key(tid, 0, number);
    sent = signals.lookup(&key);
    if (!sent) {
        key = signal_key(task->call.tgid, 1, number);
        sent = signals.lookup(&key);
    }
    if (!handler)
        task->status = number & 0x7f;
    if (!sent && number == 9)
        return 0; /* how the other threads of an ending process are told */
    row.kind = SIGNAL;
    row.exit_ns = bpf_ktime_get_ns();
    row.fd = -1;
    row.tid = tid;
    row.tgid = task->call.tgid;
    row.a = number;
    row.b = code;
    if (sent) {
        row.enter_ns = sent->sent_ns;
        row.waker = sent->sender;
        signals.delete(&key);
    }
    emit(&row);
    return 0;
}

#ifdef TASK_PID
enum { NO_INFO = 0, FROM_KERNEL = 1, SI_USER = 0, SI_KERNEL = 0x80, SI_CODE = 8 };

/* SEND_SIG_NOINFO and SEND_SIG_PRIV are no addresses (include/linux/sched/signal.h); si_code: siginfo(5). */
static inline s32 code_of(u64 info)
{
    s32 code = 0;

    if (info == NO_INFO)
        return SI_USER;
    if (info == FROM_KERNEL)
        return SI_KERNEL;
    bpf_probe_read_kernel(&code, sizeof(code), (void *)(info + SI_CODE));
    return code;
}

int on_signal_generate(struct bpf_raw_tracepoint_args *ctx) /* number, info, task, group, result */
{
    return generated(pid_of(ctx->args[2]), ctx->args[0], code_of(ctx->args[1]), ctx->args[3], ctx->args[4]);
}

int on_signal_deliver(struct bpf_raw_tracepoint_args *ctx) /* number, info, struct k_sigaction */
{
    u64 handler = 0;

    bpf_probe_read_kernel(&handler, sizeof(handler), (void *)(ctx->args[2] + ACTION_HANDLER));
    return delivered(ctx->args[0], code_of(ctx->args[1]), handler);
}
#else
int on_signal_generate(struct signal_generate_fields *args)
{
    return generated(args->pid, args->sig, args->code, args->group, args->result);
}

int on_signal_deliver(struct signal_deliver_fields *args)
{
    return delivered(args->sig, args->code, args->sa_handler);
}
#endif
#endif
