/* System calls: the entry opens task.call, the exit completes it and writes it. */

BPF_PROG_ARRAY(parts, 8); /* programs that go on where sys_enter and sys_exit leave off */

enum { EXIT_MEMORY = 1, EXIT_SETS = 2, EXIT_WATCH = 3, ENTER_MEMORY = 4 };

/* The words of pt_regs that matter (arch/x86/include/asm/ptrace.h, arch/arm64/include/asm/ptrace.h). */
#if defined(__TARGET_ARCH_x86)
struct registers {
    u64 r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip, cs;
};
#define REGISTERS_AT 56
#define USER32_CS 0x23
#define INT_80 0x80cd

/*
 * int $0x80 makes a 32-bit call from 64-bit code too: the instruction before ip tells. It is looked at only where it
 * may be one: `syscall` leaves ip in rcx, but on processors with FRED.
 */
static inline int is_foreign(struct registers *registers)
{
    u16 instruction = 0;

    if (registers->cs == USER32_CS)
        return 1;
    if (registers->cx == registers->ip)
        return 0;
    read_user(&instruction, sizeof(instruction), (void *)(registers->ip - 2));
    return instruction == INT_80;
}
#elif defined(__TARGET_ARCH_arm64)
struct registers {
    u64 x[31], sp, pc, pstate;
};
#define REGISTERS_AT 0

static inline int is_foreign(struct registers *registers)
{
    return (registers->pstate & 0x10) != 0;
}
#endif

int on_sys_enter(struct bpf_raw_tracepoint_args *ctx)
{
    u32 nr = ctx->args[1], tid;
    struct call_meta *meta = calls.lookup(&nr);
    struct registers registers;
    struct task *task;
    struct event *call;
    u64 now;

    if (!meta || !meta->known)
        return 0;
    tid = current_tid();
    task = find_task(tid);
    if (!task || !task->armed)
        return 0;
    now = bpf_ktime_get_ns();
    bpf_probe_read_kernel(&registers, sizeof(registers), (void *)(ctx->args[0] + REGISTERS_AT));
    task->armed = 2;
    task->receive_head = 0;
    call = &task->call;
    __builtin_memset(call, 0, offsetof(struct event, tid));
    call->waker = 0;
    call->copied = 0;
    call->code = meta->code;
    call->flags = 0;
    call->sleeps = 0;
    call->copies = 0;
    call->kind = CALL;
    call->parts = 0;
    task->off_ns = 0;
    task->early_ns = 0;
    task->last_copy_ns = 0;
    task->own_sk = 0;
    task->role = meta->role;
    task->decode = meta->decode;
    task->at_exit = meta->at_exit;
#if defined(__TARGET_ARCH_x86)
    task->args[0] = registers.di;
    task->args[1] = registers.si;
    task->args[2] = registers.dx;
    task->args[3] = registers.r10;
    task->args[4] = registers.r8;
    task->args[5] = registers.r9;
#else
    task->args[0] = registers.x[0];
    task->args[1] = registers.x[1];
    task->args[2] = registers.x[2];
    task->args[3] = registers.x[3];
    task->args[4] = registers.x[4];
    task->args[5] = registers.x[5];
#endif
    if (is_foreign(&registers)) {
        task->role = 0;
        task->at_exit = 0;
        call->code = 0xffff;
        call->flags = FOREIGN;
        call->fd = -1;
        call->a = nr;
        call->enter_ns = now;
        return 0;
    }
    if (meta->known == 2) {
        task->status = (task->args[0] & 0xff) << 8;
        return 0;
    }
    call->fd = task->args[meta->fd & 7];
    call->a = task->args[meta->a & 7];
    call->b = task->args[meta->b & 7];
    call->c = task->args[meta->c & 7];
    call->enter_ns = now;
    if (meta->at_exit) {
        task->decode_argument = meta->decode_argument;
        /* send and recv are sendto and recvfrom without an address: nothing to read, and no time to lose */
        if ((meta->decode == ADDRESS_IN || meta->decode == ADDRESS_OUT) && !task->args[meta->decode_argument & 7])
            task->at_exit = 0;
    }
    if (meta->at_entry) {
        task->slice = 0;
        parts.call(ctx, ENTER_MEMORY);
        call->flags |= WATCH_UNSEEN; /* reached only where the other program is missing */
    }
    return 0;
}

/* What is known of the socket does not hold for a call that had nothing to do with one. */
static inline void settle_ready(struct task *task)
{
    struct event *call = &task->call;

    if (!(call->flags & READY_BY_WAKER))
        return;
#ifdef HAVE_DONE
    if (task->role == RECEIVE && !task->own_sk)
        goto drop;
#endif
    if (call->ret >= 0 && (task->role != WAIT || call->ret > 0))
        return;
drop:
    call->flags &= ~READY_BY_WAKER;
    call->ready_ns = 0;
    call->sk = 0;
}

/*
 * Write the row of a gap that has ended: there is room again on this CPU. Rows that an interrupt
 * loses meanwhile stay in the account.
 */
static inline void close_gap(struct account *account)
{
    struct event row = {};

    row.kind = GAP;
    row.fd = -1;
    row.enter_ns = account->gap_first_ns;
    row.exit_ns = account->gap_last_ns;
    row.a = account->gap_rows;
    if (emit(&row))
        return;
    account->gap_first_ns = 0;
    __sync_fetch_and_add(&account->gap_rows, -row.a);
}

static inline void finish_call(struct task *task)
{
    u32 cpu = bpf_get_smp_processor_id();
    struct account *account = accounts.lookup(&cpu);

    task->call.cpu = cpu;
    if (account && !account->closed) {
        account->calls++;
        if (!put(account, &task->call) && account->gap_rows)
            close_gap(account);
    }
    task->call.enter_ns = 0;
}

int on_sys_exit(struct bpf_raw_tracepoint_args *ctx)
{
    u32 tid = current_tid();
    struct task *task = find_task(tid);

    if (!task || !task->call.enter_ns)
        return 0;
    task->call.exit_ns = bpf_ktime_get_ns();
    task->call.ret = ctx->args[1];
    settle_ready(task);
#ifdef HAVE_SLEEP
    if (task->off_ns) { /* it left the CPU, and nobody saw it come back */
        come_back(task, task->call.exit_ns);
        task->call.flags |= SLEEP_BOUNDED;
    }
#endif
    /* a waker on another CPU may have stored its time after the task was back already */
    if (task->call.waking_ns > task->call.running_ns && task->call.running_ns)
        task->call.waking_ns = task->call.running_ns;
    if (task->role == RING_CALL)
        task->request = 0;
    if (task->at_exit) {
        /* a tail call to a place known when loading is compiled to a jump, others to an indirect one */
        if (task->at_exit == EXIT_MEMORY)
            parts.call(ctx, EXIT_MEMORY);
        else
            parts.call(ctx, EXIT_SETS);
        task->call.flags |= WATCH_UNSEEN; /* reached only where the other program is missing */
    }
    finish_call(task);
    return 0;
}
