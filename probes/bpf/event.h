/* The row that every program writes. Keep in step with EVENT in probes/events.py (a test compares them). */

struct event {
    u64 enter_ns;
    u64 exit_ns;
    s64 ret;
    u64 sleep_ns;
    u64 ready_ns;
    u64 waking_ns;
    u64 running_ns;
    u64 copy_ns;
    u64 done_ns;
    u64 asleep_ns;
    u64 queued_ns;
    u64 sk;
    s64 a;
    s64 b;
    s64 c;
    s32 fd;
    u32 tid;
    u32 tgid;
    u32 waker;
    u32 copied;
    u16 code;
    u16 flags;
    u16 sleeps;
    u16 copies;
    u16 cpu;
    u8 kind;
    u8 parts;
};

/* A piece of a set or of bytes that belongs to the row with the same tid and enter_ns, written just before it. */
struct aux {
    u64 enter_ns;
    u64 values[14];
    s32 part;
    u32 tid;
    u32 tgid;
    u32 list;  /* WATCH or BLOB */
    u32 count; /* of values, or of bytes */
    u16 unused[4];
    u16 cpu;
    u8 kind;
    u8 parts;
};

enum { AUX_VALUES = 14, AUX_BYTES = 112, PATH_BYTES = 96, WATCH = 0, BLOB = 1 };

/* probes.events.Kind, and AUX, which never leaves the transport */
enum {
    CALL = 1,
    PENDING,
    TASK_NEW,
    TASK_EXEC,
    TASK_EXIT,
    SIGNAL,
    RING_REQUEST,
    COPY,
    READY,
    CONNECTION,
    GAP,
    AUX = 255
};

/* probes.events.Flag */
enum {
    WATCH_CUT = 4,
    WATCH_UNSEEN = 8,
    BY_WORKER = 16,
    DISK = 32,
    FOREIGN = 128,
    BLOB_CUT = 256,
    READY_BY_WAKER = 512,
    SLEEP_BOUNDED = 1024
};

/* probes.table.Role, as far as programs distinguish them */
enum { RECEIVE = 1, ACCEPT = 3, WAIT = 5, SETUP = 6, RING_CALL = 9 };

/* probes.table.Decode */
enum {
    NONE,
    ADDRESS_IN,
    ADDRESS_OUT,
    PATH,
    PAIR,
    WORD,
    MMSG,
    SELECT,
    POLL,
    EPOLL,
    EPOLL_CTL,
    RING_PARAMS,
    RIGHTS
};

/* How an argument becomes a value: probes.table.Source.how; of futex a timespec only if its operation has one */
enum { PLAIN, VLEN, MSG, MILLISECONDS, TIMEVAL, TIMESPEC, FUTEX_TIMESPEC };

/* One system call of the table; the map `calls` is indexed by the call's number. Written by user space. */
struct call_meta {
    u8 known; /* 1: a call of the table; 2: exit or exit_group, whose status is kept */
    u8 role;
    u8 decode;
    u8 decode_argument;
    u8 fd, a, b, c; /* index in task.args */
    u8 a_how, c_how;
    u8 at_entry; /* memory has to be read at the entry */
    u8 at_exit;  /* ... at the exit: 1 with exit_memory, 2 with exit_sets */
    u16 code;
    u16 unused;
};

enum { NO_ARGUMENT = 6, NO_FD = 7 };

/* A receive that the kernel made for a followed task outside any receiving call (io_uring). */
struct receive {
    u64 sk;
    u64 ready_ns;
    u64 copy_ns;
    u64 done_ns; /* 0: this slot is empty */
    s64 ret;
    u32 copied;
    u32 copies;
};

enum { RECEIVES = 4 };

/* All that is known of one followed task. Having a place in `tasks` is what "followed" means. */
struct task {
    struct event call; /* the call under way; call.enter_ns is 0 outside of calls */
    u64 args[8];       /* [NO_ARGUMENT] is 0, [NO_FD] is -1 */
    u64 off_ns;        /* left the CPU during this call; 0: is on a CPU */
    u64 woken_ns;      /* was woken since; 0: not yet */
    u64 early_ns;      /* was woken while not (yet) off the CPU */
    u64 request;       /* the io_uring request that it issues */
    u64 last_copy_ns;  /* the latest copy of this call, or of the receive outside of calls */
    struct receive now;
    struct receive receives[RECEIVES];
    u32 early_waker;
    s32 status; /* wait status, as far as known; -1: not */
    u8 armed;   /* 0: before its first exec, 1: exec'ed, 2: made a call of the table */
    u8 worker;  /* a kernel thread of io_uring */
    u8 asleep;  /* why it is off the CPU: prev_state & 3 */
    u8 role;
    u8 decode;
    u8 decode_argument;
    u8 at_exit;
    u8 own_sk; /* call.sk is from the socket layer in this task, not from its waker */
    u8 receive_head;
    u8 threaded;
    u16 slot; /* its own place in `tasks` */
    u32 slice; /* how far an array in the process's memory has been read */
};

/* Where in `tasks` four tids in a row are; 0: not followed. */
struct places {
    u16 slot[4];
};

/* What the kernel tells of a socket of ours. */
struct sock_state {
    u64 sk;        /* whose this is; 0: nobody's */
    u64 ready_ns;  /* the first data-ready since its last receive */
    u64 recent[8]; /* the latest, by `arrivals & 7` */
    u64 touched_ns;
    u32 arrivals;
    u32 tgid;
    u8 listening;
    u8 unused[7];
};

/* Two sockets whose addresses fall into the same place. A third takes over that of the less recently ready. */
struct sock_set {
    struct sock_state way[2];
};

/* Per CPU: exact accounts of rows, and the last data-ready. Indexed by CPU; mapped by user space. */
struct account {
    u64 produced;
    u64 calls; /* produced by sys_exit: it never interrupts itself on a CPU, so this needs no atomic addition */
    u64 lost;
    u64 gap_first_ns;
    u64 gap_last_ns;
    u64 gap_rows;
    u64 ready_sk;
    u64 ready_ns;
    u32 ready_tid;
    u32 closed; /* the run is over: no more rows */
    u64 unused[7];
};

/* The run as a whole; mapped by user space. */
struct run {
    u64 tasks;   /* followed now */
    u64 refused; /* tasks that found no room */
    u64 unused[14];
};

/* An io_uring request under way. */
struct request {
    u64 submit_ns;
    u64 ctx;
    u64 user_data;
    struct receive receive;
    s32 fd;
    u32 tid;
    u32 tgid;
    u32 copier;
    u8 opcode;
    u8 by_worker;
    u8 unused[6];
};

/* A signal on its way. */
struct signal_sent {
    u64 sent_ns;
    s64 code;
    u32 sender;
    u32 unused;
};

/* CONNECTION.blob: ADDRESSES in probes/events.py */
struct addresses {
    u16 family;
    u16 local_port;
    u16 remote_port;
    u16 old_state;
    u8 local[16];
    u8 remote[16];
};

/* Room to work in, one per CPU. Only sys_enter and sys_exit use it: they never interrupt each other on a CPU. */
struct scratch {
    struct aux aux;
    u64 set[3][16];
    u64 out[3][16];
    u64 values[142];
    u64 idle[72];
    u64 bits;
    u32 count;
    u32 idle_count;
    u32 index;
    u32 pass;
};

/* Memory saved at the entry for the exit; `bytes` of a path: what bpf_probe_read_user_str said. */
struct saved {
    u64 words[48];
    u32 bytes;
    u32 cut;
};
