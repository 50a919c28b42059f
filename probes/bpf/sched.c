/* Leaving the CPU, being woken, coming back: where the time of a call went. */

#ifdef HAVE_SLEEP
static inline void leave(struct task *task, u64 state, u64 now)
{
    struct event *call = &task->call;

    task->off_ns = now;
    task->woken_ns = 0;
    task->asleep = state & 3; /* TASK_INTERRUPTIBLE 1, TASK_UNINTERRUPTIBLE 2; otherwise preempted */
    if (!task->asleep)
        return;
    if (!call->sleep_ns)
        call->sleep_ns = now;
    if (call->sleeps != 0xffff)
        call->sleeps++;
    if (task->asleep & 2)
        call->flags |= DISK;
}

/*
 * A program on a tracepoint's record is passed over while its CPU is inside a bpf(2) of anybody's, and
 * whatever interrupts that: of a switch or a waking nothing is known then but the moments around it.
 *
 * Here it came back, and nobody saw it leave. If it was woken since, it slept until then at the most.
 */
static inline void left_unseen(struct task *task, u64 now)
{
    struct event *call = &task->call;
    u64 since = call->running_ns > call->enter_ns ? call->running_ns : call->enter_ns;

    call->flags |= SLEEP_BOUNDED;
#ifdef HAVE_WAKER
    if (task->early_ns > since && task->early_ns <= now) {
        if (!call->sleep_ns)
            call->sleep_ns = since;
        if (call->sleeps != 0xffff)
            call->sleeps++;
        call->asleep_ns += task->early_ns - since;
        call->queued_ns += now - task->early_ns;
        call->waking_ns = task->early_ns;
        call->waker = task->early_waker;
        call->running_ns = now;
    }
    task->early_ns = 0;
#endif
}

static inline void come_back(struct task *task, u64 now)
{
    struct event *call = &task->call;
    u64 off = task->off_ns;

    task->off_ns = 0;
    if (!off) {
        left_unseen(task, now);
        return;
    }
    if (!task->asleep) {
#ifdef HAVE_WAKER
        call->queued_ns += now - off;
#endif
        return;
    }
    call->running_ns = now;
#ifdef HAVE_WAKER
    if (!task->woken_ns && task->early_ns) {
        /* the wake-up overtook the switch: it slept for no time at all */
        task->woken_ns = off;
        call->waking_ns = off;
        call->waker = task->early_waker;
    }
    if (task->woken_ns) {
        u64 woken = task->woken_ns;
        /*
         * The waker's program runs on another CPU beside ours: it may have read its clock before we read
         * ours as the task went to sleep, or after we read it just now, and stored it in between.
         */
        if (woken < off)
            woken = off;
        if (woken > now)
            woken = now;
        call->waking_ns = woken;
        call->asleep_ns += woken - off;
        call->queued_ns += now - woken;
        task->early_ns = 0;
        return;
    }
#endif
    /* nobody saw it woken: it slept until now at the most */
    call->asleep_ns += now - off;
    call->waking_ns = 0;
    call->flags |= SLEEP_BOUNDED;
}

static inline int switched(u32 previous, u64 state, u32 next)
{
    struct task *task = find_task(previous);

    if (task && task->call.enter_ns)
        leave(task, state, bpf_ktime_get_ns());
    task = find_task(next);
    if (task && task->call.enter_ns)
        come_back(task, bpf_ktime_get_ns());
    return 0;
}

#ifdef TASK_PID
int on_sched_switch(struct bpf_raw_tracepoint_args *ctx) /* preempted, previous, next, state */
{
    return switched(current_tid(), ctx->args[0] ? 0 : ctx->args[3], pid_of(ctx->args[2]));
}
#else
int on_sched_switch(struct sched_switch_fields *args)
{
    return switched(args->prev_pid, args->prev_state, args->next_pid);
}
#endif
#endif

#ifdef HAVE_WAKER
#ifdef HAVE_READY
/*
 * A data-ready wakes whoever waits for it at once, in the same context: what was ready last on this
 * CPU, a moment ago, is why this task is woken. Not so if the waker began another call since.
 */
enum { READY_TO_WAKING_NS = 20000 };

static inline void name_socket(struct task *task, u64 now, u32 waker)
{
    u32 cpu = bpf_get_smp_processor_id();
    struct account *account = accounts.lookup(&cpu);
    struct event *call = &task->call;
    struct task *other;

    if (task->role != RECEIVE && task->role != WAIT && task->role != ACCEPT)
        return;
    if (!account || !account->ready_ns || account->ready_tid != waker)
        return;
    if (now - account->ready_ns > READY_TO_WAKING_NS)
        return;
    other = find_task(waker);
    if (other && other->call.enter_ns > account->ready_ns)
        return;
    if (task->role == RECEIVE && call->sk == account->ready_sk && call->ready_ns)
        return; /* what counts is the first data that came */
    call->ready_ns = account->ready_ns;
    call->sk = account->ready_sk;
    call->flags |= READY_BY_WAKER;
}
#endif

static inline int woken(u32 tid)
{
    u32 waker;
    struct task *task = find_task(tid);
    u64 now;

    if (!task || !task->call.enter_ns)
        return 0;
    now = bpf_ktime_get_ns();
    waker = current_tid();
    if (task->off_ns && task->asleep) {
        if (task->woken_ns)
            return 0;
        task->woken_ns = now;
        task->call.waking_ns = now;
        task->call.waker = waker;
    } else {
        task->early_ns = now;
        task->early_waker = waker;
    }
#ifdef HAVE_READY
    name_socket(task, now, waker);
#endif
    return 0;
}

#ifdef TASK_PID
int on_sched_waking(struct bpf_raw_tracepoint_args *ctx)
{
    return woken(pid_of(ctx->args[0]));
}
#else
int on_sched_waking(struct sched_waking_fields *args)
{
    return woken(args->pid);
}
#endif
#endif
