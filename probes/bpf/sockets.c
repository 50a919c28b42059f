/* Sockets: when data became ready, when they were copied, when the receive was complete. */

static inline struct sock_set *set_of(u64 sk)
{
    u32 at = (sk >> 6) * 0x9e3779b97f4a7c15ULL >> 40 & (SOCKETS / 2 - 1);

    return sockets.lookup(&at);
}

static inline struct sock_state *find_socket(u64 sk)
{
    struct sock_set *set = set_of(sk);

    if (!set)
        return 0;
    if (set->way[0].sk == sk)
        return &set->way[0];
    if (set->way[1].sk == sk)
        return &set->way[1];
    return 0;
}

/* Begin to know a socket, or forget what was known of it. */
static inline struct sock_state *add_socket(u64 sk, u32 tgid)
{
    struct sock_state *state = find_socket(sk);
    struct sock_set *set = set_of(sk);

    if (!set)
        return 0;
    if (!state)
        state = set->way[0].sk && (!set->way[1].sk || set->way[1].touched_ns < set->way[0].touched_ns)
                    ? &set->way[1] : &set->way[0];
    __builtin_memset(state, 0, sizeof(*state));
    state->sk = sk;
    state->touched_ns = bpf_ktime_get_ns();
    state->tgid = tgid;
    return state;
}

#ifdef HAVE_READY
int on_sk_data_ready(struct bpf_raw_tracepoint_args *ctx)
{
    u64 sk = ctx->args[0], now = bpf_ktime_get_ns();
    u32 cpu = bpf_get_smp_processor_id();
    struct account *account = accounts.lookup(&cpu);
    struct sock_state *state = find_socket(sk);

    if (account) {
        account->ready_sk = sk;
        account->ready_ns = now;
        account->ready_tid = current_tid();
    }
    if (!state)
        return 0;
    if (!state->ready_ns)
        state->ready_ns = now;
    state->touched_ns = now;
    state->recent[state->arrivals & 7] = now;
    state->arrivals++;
    if (state->listening) {
        struct event row = {};
        row.kind = READY;
        row.enter_ns = now;
        row.fd = -1;
        row.sk = sk;
        row.tgid = state->tgid;
        emit(&row);
    }
    return 0;
}
#endif

#ifdef HAVE_COPY
int on_skb_copy_datagram_iovec(struct bpf_raw_tracepoint_args *ctx)
{
    u32 tid = current_tid();
    struct task *task = find_task(tid);
    u64 now;

    if (!task || !task->armed)
        return 0;
    now = bpf_ktime_get_ns();
    task->last_copy_ns = now;
    if (task->call.enter_ns && task->role == RECEIVE) {
        struct event *call = &task->call;
        if (!call->copy_ns)
            call->copy_ns = now;
        call->copied += (u32)ctx->args[1];
        if (call->copies != 0xffff)
            call->copies++;
        return 0;
    }
    if (!task->now.copy_ns)
        task->now.copy_ns = now;
    task->now.copied += (u32)ctx->args[1];
    task->now.copies++;
    return 0;
}
#endif

#ifdef HAVE_DONE
enum { PEEK = 2 };

/* The first data-ready after `time` that is still known; 0: none. */
static inline u64 first_after(struct sock_state *state, u64 time)
{
    u64 first = 0, ready;
    int i;

    if (state->recent[(state->arrivals - 1) & 7] <= time)
        return 0; /* mostly: what came last had come before */
#pragma clang loop unroll(disable)
    for (i = 0; i < 8; i++) {
        ready = state->recent[i];
        if (ready > time && (!first || ready < first))
            first = ready;
    }
    return first;
}

/*
 * Which data-ready a receive took, and which is left for the next one.
 *
 * TCP takes what arrives while it copies, as long as there is room (net/ipv4/tcp.c, tcp_recvmsg_locked);
 * what becomes ready after the start of the last copy is for the next receive, and so is, where the
 * buffer was filled, perhaps some of what came after the first. A receive that slept, or found
 * nothing, shows that all earlier data had been taken.
 */
static inline u64 take_ready(struct sock_state *state, u64 slept, u64 copy, u64 last, int peek)
{
    u64 ready = state->ready_ns;

    if (slept && ready < slept)
        ready = first_after(state, slept);
    if (ready > copy)
        ready = 0;
    if (!peek)
        state->ready_ns = first_after(state, last);
    return ready;
}

static inline void receive_outside(struct task *task, u64 sk, s64 ret, u64 ready, u64 now);

int on_sock_recv_length(struct bpf_raw_tracepoint_args *ctx)
{
    u64 sk = ctx->args[0], now, ready = 0, copy, last;
    s64 ret = (s32)ctx->args[1];
    u32 tid = current_tid();
    struct task *task = find_task(tid);
    struct sock_state *state;
    int inside;

    if (!task || !task->armed)
        return 0;
    now = bpf_ktime_get_ns();
    inside = task->call.enter_ns && task->role == RECEIVE;
    state = find_socket(sk);
    if (!state)
        state = add_socket(sk, task->call.tgid);
    copy = inside ? task->call.copy_ns : task->now.copy_ns;
    if (!copy)
        copy = now;
    last = task->last_copy_ns ? task->last_copy_ns : now;
    if (inside && task->call.a == ret) /* its room was filled */
        last = copy;
    if (state && ret >= 0)
        ready = take_ready(state, inside ? task->call.sleep_ns : 0, copy, last, ctx->args[2] & PEEK);
    else if (state && inside)
        state->ready_ns = first_after(state, task->call.enter_ns);
    if (inside) {
        struct event *call = &task->call;
        u64 waker_sk = call->sk;
        call->sk = sk;
        task->own_sk = 1;
        if (call->flags & READY_BY_WAKER) {
            /* what woke it is the first that came after it went to sleep, if it is this socket's */
            call->flags &= ~READY_BY_WAKER;
            if (waker_sk != sk)
                call->ready_ns = 0;
        }
        if (ready && !call->ready_ns)
            call->ready_ns = ready;
        if (ret >= 0)
            call->done_ns = now;
        task->last_copy_ns = 0;
        return 0;
    }
    if (ret >= 0)
        receive_outside(task, sk, ret, ready, now);
    __builtin_memset(&task->now, 0, sizeof(task->now));
    task->last_copy_ns = 0;
    return 0;
}
#endif

#ifdef HAVE_CONNECTION
BPF_TABLE("hash", u16, u32, ports, 1024); /* local ports on which processes of ours listen */
BPF_TABLE("percpu_array", u32, struct aux, connection_rooms, 1);

enum { ESTABLISHED = 1, SYN_SENT = 2, CLOSED = 7, LISTENING = 10 };

static inline void emit_connection(struct inet_sock_set_state_fields *args, struct task *task,
                                   u32 tgid, u64 sk)
{
    u32 zero = 0;
    struct event row = {};
    struct aux *aux = connection_rooms.lookup(&zero);
    struct addresses *addresses;

    if (!aux)
        return;
    __builtin_memset(aux, 0, sizeof(*aux));
    addresses = (struct addresses *)aux->values;
    row.kind = CONNECTION;
    row.enter_ns = bpf_ktime_get_ns();
    row.sk = sk;
    row.a = args->newstate;
    row.tgid = tgid;
    row.fd = -1;
    if (task) {
        row.tid = task->call.tid;
        if (task->call.enter_ns)
            row.fd = task->call.fd;
    }
    addresses->family = args->family;
    addresses->local_port = args->sport;
    addresses->remote_port = args->dport;
    addresses->old_state = args->oldstate;
    if (args->family == 2) {
        __builtin_memcpy(addresses->local, args->saddr, 4);
        __builtin_memcpy(addresses->remote, args->daddr, 4);
    } else {
        __builtin_memcpy(addresses->local, args->saddr_v6, 16);
        __builtin_memcpy(addresses->remote, args->daddr_v6, 16);
    }
    emit_aux(&row, aux, BLOB, sizeof(struct addresses));
    emit(&row);
}

int on_inet_sock_set_state(struct inet_sock_set_state_fields *args)
{
    u64 sk = (u64)args->skaddr;
    u32 tid = current_tid(), *owner;
    u16 port = args->sport;
    struct task *task = find_task(tid);
    struct sock_state *state = find_socket(sk);
    int is = args->newstate;
    u32 tgid = task ? task->call.tgid : 0;

    if (task && !task->armed)
        return 0;
    /* softirq runs in anybody's context: only these two are the current task's own doing */
    if (task && (is == LISTENING || is == SYN_SENT)) {
        state = add_socket(sk, tgid);
        if (task->call.enter_ns)
            task->call.sk = sk; /* listen and connect: the socket of their descriptor */
        if (is == LISTENING) {
            if (state)
                state->listening = 1;
            ports.update(&port, &tgid);
        }
    } else if (!state && is == ESTABLISHED) {
        owner = ports.lookup(&port);
        if (!owner)
            return 0;
        tgid = *owner;
        state = add_socket(sk, tgid);
    }
    if (!state || (is != LISTENING && is != ESTABLISHED && is != CLOSED))
        return 0;
    if (is == LISTENING)
        emit_connection(args, task, tgid, sk);
    else
        emit_connection(args, 0, state->tgid, sk);
    if (is == CLOSED) {
        if (state->listening)
            ports.delete(&port);
        state->sk = 0;
    }
    return 0;
}
#endif
