/* Who is followed: the target and whatever it starts, from before it runs until it has ended. */

enum { CLONE_VM_ = 0x100, CLONE_THREAD_ = 0x10000, CLONE_UNTRACED_ = 0x800000, CLONE_IO_ = 0x80000000 };

static inline void count_tasks(s64 more)
{
    u32 zero = 0;
    struct run *run = runs.lookup(&zero);

    if (run)
        __sync_fetch_and_add(&run->tasks, more);
}

static inline void set_place(u32 tid, u32 slot)
{
    u32 at = tid >> 2;
    struct places *four = places.lookup(&at);

    if (four)
        four->slot[tid & 3] = slot;
}

/* Take a slot of `tasks` for tid; tids are given out in a row, so the first try mostly finds one. */
static inline struct task *add_task(u32 tid)
{
    u32 slot, i;

#pragma clang loop unroll(disable)
    for (i = 0; i < 16; i++) {
        slot = 1 + (tid + i * 1021) % (TASKS - 1);
        if (!owners.insert(&slot, &tid)) {
            struct task *task = tasks.lookup(&slot);
            if (task)
                task->slot = slot;
            set_place(tid, slot);
            return task;
        }
    }
    return 0;
}

static inline void remove_task(u32 tid, struct task *task)
{
    u32 slot = task->slot;

    set_place(tid, 0);
    task->armed = 0;
    task->call.enter_ns = 0;
    task->call.tid = 0;
    owners.delete(&slot);
}

static inline int begun(u32 tid, u64 flags)
{
    u32 parent_tid = current_tid(), zero = 0;
    u64 worker = CLONE_UNTRACED_ | CLONE_THREAD_ | CLONE_VM_ | CLONE_IO_;
    struct task *parent = find_task(parent_tid), *task = find_task(tid);
    struct event row = {};
    u32 tgid;

    if (task) { /* another had this number, and its exit was passed over */
        remove_task(tid, task);
        count_tasks(-1);
    }
    if (!parent)
        return 0;
    tgid = flags & CLONE_THREAD_ ? parent->call.tgid : tid;
    if (flags & CLONE_THREAD_)
        parent->threaded = 1;
    task = add_task(tid);
    if (task) {
        task->call.tid = tid;
        task->call.tgid = tgid;
        task->args[NO_FD] = -1;
        task->call.enter_ns = 0;
        task->armed = parent->armed;
        task->worker = (flags & worker) == worker;
        task->threaded = flags & CLONE_THREAD_ ? 1 : 0;
        task->status = -1;
        task->request = 0;
        __builtin_memset(&task->now, 0, sizeof(task->now));
        count_tasks(1);
    } else {
        struct run *run = runs.lookup(&zero);
        if (run)
            __sync_fetch_and_add(&run->refused, 1);
    }
    row.kind = TASK_NEW;
    row.enter_ns = bpf_ktime_get_ns();
    row.fd = -1;
    row.tid = tid;
    row.tgid = tgid;
    row.a = parent_tid;
    row.b = flags;
    row.waker = parent->call.tgid;
    row.flags = (flags & worker) == worker ? BY_WORKER : 0;
    emit(&row);
    return 0;
}

#ifdef TASK_PID
int on_task_newtask(struct bpf_raw_tracepoint_args *ctx)
{
    return begun(pid_of(ctx->args[0]), ctx->args[1]);
}
#else
int on_task_newtask(struct task_newtask_fields *args)
{
    return begun(args->pid, args->clone_flags);
}
#endif

/*
 * The target's own exec starts the recording, and stops it until the probe's run() lets it go; execs
 * after that are rows. A thread that execs takes over its leader's tid (fs/exec.c, de_thread).
 */
static inline int replaced(u32 old, char *name)
{
    u32 tid = current_tid(), zero = 0;
    struct task *task, *leader;
    struct scratch *scratch;
    struct event row = {};
    int length;

    if (old != tid) {
        task = find_task(old);
        if (!task)
            return 0;
        leader = find_task(tid);
        if (leader) { /* its exit was not seen */
            remove_task(tid, leader);
            count_tasks(-1);
        }
        task->call.tid = tid;
        set_place(tid, task->slot);
        set_place(old, 0);
    } else {
        task = find_task(tid);
        if (!task)
            return 0;
    }
    task->threaded = 0;
    task->status = -1;
    row.kind = TASK_EXEC;
    row.enter_ns = bpf_ktime_get_ns();
    row.fd = -1;
    row.tid = tid;
    row.tgid = task->call.tgid;
    row.a = old != tid ? old : 0;
    scratch = scratches.lookup(&zero);
    if (scratch) {
        length = bpf_probe_read_kernel_str(scratch->aux.values, 112, name);
        if (length > 0)
            emit_aux(&row, &scratch->aux, BLOB, length - 1);
    }
    emit(&row);
    if (!task->armed) {
        task->armed = 1;
        bpf_send_signal(19);
    }
    return 0;
}

#ifdef TASK_PID
int on_sched_process_exec(struct bpf_raw_tracepoint_args *ctx) /* task, old tid, struct linux_binprm */
{
    char *name = 0;

    bpf_probe_read_kernel(&name, sizeof(name), (void *)(ctx->args[2] + BINPRM_FILENAME));
    return replaced(ctx->args[1], name);
}
#else
int on_sched_process_exec(struct sched_process_exec_fields *args)
{
    return replaced(args->old_pid, (char *)args + (args->filename & 0xffff));
}
#endif

static inline int ended(int group_dead)
{
    u32 tid = current_tid();
    struct task *task = find_task(tid);
    struct event row = {};

    if (!task)
        return 0;
    row.kind = TASK_EXIT;
    row.enter_ns = bpf_ktime_get_ns();
    row.fd = -1;
    row.tid = tid;
    row.tgid = task->call.tgid;
    row.a = group_dead < 0 ? tid == task->call.tgid : group_dead;
    row.ret = task->threaded ? -1 : task->status;
    if (task->armed) {
        if (task->call.enter_ns) {
            /* it ends inside a call: killed there, or a call that never returns */
            task->call.kind = PENDING;
            task->call.exit_ns = 0;
            emit(&task->call);
        }
        emit(&row);
    }
    remove_task(tid, task);
    count_tasks(-1);
    return 0;
}

#ifndef HAVE_GROUP_DEAD
int on_sched_process_exit(void *ctx)
{
    return ended(-1);
}
#elif defined(TASK_PID)
int on_sched_process_exit(struct bpf_raw_tracepoint_args *ctx)
{
    return ended(!!ctx->args[1]);
}
#else
int on_sched_process_exit(struct sched_process_exit_fields *args)
{
    return ended(!!args->group_dead);
}
#endif
