/* Maps, and how a row leaves the kernel. */

BPF_RINGBUF_OUTPUT(events, RING_PAGES);
BPF_F_TABLE("array", u32, struct call_meta, calls, CALL_NUMBERS, BPF_F_MMAPABLE);
BPF_F_TABLE("array", u32, struct account, accounts, CPUS, BPF_F_MMAPABLE);
BPF_F_TABLE("array", u32, struct run, runs, 1, BPF_F_MMAPABLE);
BPF_F_TABLE("array", u32, struct places, places, PIDS / 4 + 1, BPF_F_MMAPABLE);
BPF_F_TABLE("array", u32, struct task, tasks, TASKS, BPF_F_MMAPABLE);
BPF_TABLE("hash", u32, u32, owners, TASKS); /* slot of tasks to tid: who came first has the slot */
BPF_TABLE("array", u32, struct sock_set, sockets, SOCKETS / 2);
BPF_TABLE("array", u32, struct saved, saves, TASKS); /* by slot of tasks */
BPF_TABLE("percpu_array", u32, struct scratch, scratches, 1);

/*
 * The kernel's helpers under names of our own: where bcc 0.26 meets a call of bpf_probe_read_user, it
 * reads all of /proc/kallsyms to see whether the kernel has it, 50 ms for every call in the source.
 */
static int (*read_user)(void *, u32, const void *) = (void *)BPF_FUNC_probe_read_user;
static int (*read_user_string)(void *, u32, const void *) = (void *)BPF_FUNC_probe_read_user_str;

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

#ifdef TASK_PID
/* The tid of a task_struct; its place in there is what the kernel's type information says. */
static inline u32 pid_of(u64 task)
{
    u32 pid = 0;

    bpf_probe_read_kernel(&pid, sizeof(pid), (void *)(task + TASK_PID));
    return pid;
}
#endif

/*
 * Every system call, switch and copy of the whole machine asks whether its task is followed. A tid
 * is a small number, so the answer is an array away: array look-ups are compiled in, where a hash
 * map costs a call. User space maps both arrays and needs no system call to read them either.
 */
static inline struct task *find_task(u32 tid)
{
    u32 at = tid >> 2, slot;
    struct places *four = places.lookup(&at);

    if (!four)
        return 0;
    slot = four->slot[tid & 3];
    return slot ? tasks.lookup(&slot) : 0;
}

/*
 * Put a record of a row's size into the ring buffer, or count it as lost. Interrupts can nest another
 * program in here, so the counts are atomic; produced = stored + lost holds for every CPU.
 */
static inline int put(struct account *account, void *row)
{
    if (events.ringbuf_output(row, sizeof(struct event), BPF_RB_NO_WAKEUP)) {
        u64 now = bpf_ktime_get_ns();
        __sync_fetch_and_add(&account->lost, 1);
        __sync_fetch_and_add(&account->gap_rows, 1);
        if (!account->gap_first_ns)
            account->gap_first_ns = now;
        account->gap_last_ns = now;
        return -1;
    }
    return 0;
}

/* Write one record that is not the row of a call that returns. */
static inline int write_row(void *row, u32 cpu)
{
    struct account *account = accounts.lookup(&cpu);

    if (!account || account->closed)
        return -1;
    __sync_fetch_and_add(&account->produced, 1);
    return put(account, row);
}

static inline int emit(struct event *row)
{
    u32 cpu = bpf_get_smp_processor_id();

    row->cpu = cpu;
    return write_row(row, cpu);
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
