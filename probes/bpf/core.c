/* Maps, and how a row leaves the kernel. */

BPF_RINGBUF_OUTPUT(events, RING_PAGES);
BPF_F_TABLE("array", u32, struct call_meta, calls, CALL_NUMBERS, BPF_F_MMAPABLE);
BPF_F_TABLE("array", u32, struct account, accounts, CPUS, BPF_F_MMAPABLE);
BPF_F_TABLE("array", u32, struct run, runs, 1, BPF_F_MMAPABLE);
BPF_TABLE("array", u32, struct task, blank, 1); /* all zero: what a new task starts from */
BPF_TABLE("hash", u32, struct task, tasks, TASKS);
BPF_TABLE("lru_hash", u64, struct sock_state, sockets, SOCKETS);
BPF_TABLE("hash", u32, struct saved, saves, SAVES);
BPF_TABLE("percpu_array", u32, struct scratch, scratches, 1);
BPF_TABLE("percpu_array", u32, struct saved, savings, 1);

/* Make the compiler read memory anew: what it carried in registers, the verifier would follow. */
#define FORGET asm volatile("" ::: "memory")

/* Clamp in one register: the verifier then knows the bound of the very register that is used as a length. */
static inline u64 at_most(u64 value, u64 most)
{
    if (value > most)
        value = most;
    asm volatile("" : "+r"(value));
    return value > most ? most : value;
}

static inline u32 current_tid(void)
{
    return (u32)bpf_get_current_pid_tgid();
}

/* Write the row of a gap that has just ended. Rows that an interrupt loses meanwhile stay in the account. */
static inline void close_gap(struct account *account, u32 cpu)
{
    struct event row = {};
    u64 rows = account->gap_rows;

    row.kind = GAP;
    row.cpu = cpu;
    row.enter_ns = account->gap_first_ns;
    row.exit_ns = account->gap_last_ns;
    row.a = rows;
    __sync_fetch_and_add(&account->produced, 1);
    if (events.ringbuf_output(&row, sizeof(row), BPF_RB_NO_WAKEUP)) {
        __sync_fetch_and_add(&account->lost, 1);
        __sync_fetch_and_add(&account->gap_rows, 1);
        return;
    }
    account->gap_first_ns = 0;
    __sync_fetch_and_add(&account->gap_rows, -rows);
}

/*
 * Write one record of a row's size; count it, or what was lost. Interrupts can nest another program
 * in here, so the counts are atomic; produced = stored + lost holds for every CPU.
 */
static inline int write_row(void *row, u32 cpu)
{
    struct account *account = accounts.lookup(&cpu);

    if (!account)
        return -1;
    __sync_fetch_and_add(&account->produced, 1);
    if (events.ringbuf_output(row, sizeof(struct event), BPF_RB_NO_WAKEUP)) {
        u64 now = bpf_ktime_get_ns();
        __sync_fetch_and_add(&account->lost, 1);
        __sync_fetch_and_add(&account->gap_rows, 1);
        if (!account->gap_first_ns)
            account->gap_first_ns = now;
        account->gap_last_ns = now;
        return -1;
    }
    return account->gap_rows ? 1 : 0;
}

static inline int emit(struct event *row)
{
    u32 cpu = bpf_get_smp_processor_id();
    int gap;

    row->cpu = cpu;
    gap = write_row(row, cpu);
    if (gap > 0) {
        struct account *account = accounts.lookup(&cpu);
        if (account)
            close_gap(account, cpu);
    }
    return gap < 0 ? -1 : 0;
}

/* Write one AUX record for `row`; a record that is lost is marked on the row. */
static inline void emit_aux(struct event *row, struct aux *aux, u32 list, u32 count)
{
    u32 cpu = bpf_get_smp_processor_id();

    aux->enter_ns = row->enter_ns;
    aux->tid = row->tid;
    aux->tgid = row->tgid;
    aux->part = row->parts;
    aux->list = list;
    aux->count = count;
    aux->cpu = cpu;
    aux->kind = AUX;
    if (write_row(aux, cpu) < 0)
        row->flags |= WATCH_UNSEEN;
    else
        row->parts++;
}
