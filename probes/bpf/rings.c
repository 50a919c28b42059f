/* io_uring: requests from their submission to their completion, and who copied for them. */

#ifdef HAVE_RING
BPF_TABLE("hash", u64, struct request, requests, REQUESTS);
BPF_TABLE("lru_hash", u64, u64, multishots, REQUESTS); /* by multishot_key: that of a request, and its doubts */

enum { ACCEPT_REQUEST = 13, POLL_ADD = 6, READV = 1, READ_FIXED = 4, RECVMSG = 10, READ = 22, RECV = 27 };
enum { READ_MULTISHOT = 49, MORE = 2 };

/* A request lies at a multiple of 8: there is room for doubts in what names it. */
enum { OTHER_FD = 1, OTHER_OPCODE = 2, DOUBTS = 3 };

/*
 * All completions of a multishot request but the last name no request, only the ring and the user data that
 * the program gave (io_uring/io_uring.c, io_req_post_cqe).
 */
static inline u64 multishot_key(u64 ctx, u64 user_data)
{
    return ctx ^ user_data * 0x9e3779b97f4a7c15ULL;
}

static inline void remember_multishot(struct request *request, u64 key)
{
    u64 mark = multishot_key(request->ctx, request->user_data), named = key, former, *known;
    u8 op = request->opcode;
    struct request *other;

    if (op != ACCEPT_REQUEST && op != RECV && op != RECVMSG && op != POLL_ADD && op != READ_MULTISHOT)
        return;
    known = multishots.lookup(&mark);
    if (known) {
        former = *known & ~(u64)DOUBTS;
        other = requests.lookup(&former);
        if (other && former != key) /* two requests in flight with the same user data */
            named |= (*known & DOUBTS) | OTHER_FD | (other->opcode == op ? 0 : OTHER_OPCODE);
    }
    multishots.update(&mark, &named);
}

/* A request can take several receives (MSG_WAITALL): its copy begins with the first and ends with the last. */
static inline void attach_receive(struct request *request, struct receive *receive, struct task *task)
{
    struct receive *all = &request->receive;

    if (!all->done_ns) {
        *all = *receive;
    } else {
        if (!all->copy_ns)
            all->copy_ns = receive->copy_ns;
        if (!all->ready_ns)
            all->ready_ns = receive->ready_ns;
        all->done_ns = receive->done_ns;
        all->ret += receive->ret;
        all->copied += receive->copied;
        all->copies += receive->copies;
    }
    request->copier = task->call.tid;
    request->by_worker = task->worker;
}
#endif

#ifdef HAVE_DONE
static inline void receive_outside(struct task *task, u64 sk, s64 ret, u64 ready, u64 now)
{
    struct receive *receive = &task->now;
    struct event row = {};

    receive->sk = sk;
    receive->ready_ns = ready;
    receive->done_ns = now;
    receive->ret = ret;
    row.kind = COPY;
    row.enter_ns = receive->copy_ns ? receive->copy_ns : now;
    row.exit_ns = now;
    row.ret = ret;
    row.ready_ns = ready;
    row.copy_ns = receive->copy_ns;
    row.done_ns = now;
    row.sk = sk;
    row.fd = -1;
    row.tid = task->call.tid;
    row.tgid = task->call.tgid;
    row.copied = receive->copied;
    row.copies = receive->copies;
    row.flags = task->worker ? BY_WORKER : 0;
#ifdef HAVE_RING
    struct request *request = requests.lookup(&task->request);
    if (request) {
        row.fd = request->fd;
        attach_receive(request, receive, task);
    } else {
        task->receives[task->receive_head & (RECEIVES - 1)] = *receive;
        task->receive_head++;
    }
#endif
    emit(&row);
}
#endif

#ifdef HAVE_RING
int on_io_uring_submit(struct io_uring_submit_fields *args)
{
    u32 tid = current_tid();
    struct task *task = find_task(tid);
    struct request request = {};
    u64 key = (u64)args->req;

    if (!task || !task->armed)
        return 0;
    request.submit_ns = bpf_ktime_get_ns();
    request.ctx = (u64)args->ctx;
    request.user_data = args->user_data;
    request.opcode = args->opcode;
    request.fd = -1;
    request.tid = tid;
    request.tgid = task->call.tgid;
    remember_multishot(&request, key);
    requests.update(&key, &request);
    task->request = 0;
    return 0;
}

int on_io_uring_file_get(struct io_uring_file_get_fields *args)
{
    u64 key = (u64)args->req;
    struct request *request = requests.lookup(&key);
    u32 tid = current_tid();
    struct task *task;

    if (!request)
        return 0;
    request->fd = args->fd;
    task = find_task(tid);
    if (task)
        task->request = key;
    return 0;
}

/* The request left this task's hands: what is copied next here is not for it. */
static inline void let_go(u64 key)
{
    u32 tid = current_tid();
    struct task *task = find_task(tid);

    if (task && task->request == key)
        task->request = 0;
}

int on_io_uring_poll_arm(struct io_uring_poll_arm_fields *args)
{
    let_go((u64)args->req);
    return 0;
}

int on_io_uring_queue_async_work(struct io_uring_queue_async_work_fields *args)
{
    let_go((u64)args->req);
    return 0;
}

/*
 * Task work makes the receives of several requests, and then completes them in the same order. The
 * one that brought as many bytes is this request's, or else the first few that did so together.
 */
static inline void find_receives(struct request *request, struct task *task, s64 res)
{
    s64 missing = res - request->receive.ret, sum = 0;
    u32 head = task->receive_head, take = 0, i, upto = 0;

#pragma clang loop unroll(disable)
    for (i = 0; i < RECEIVES; i++) {
        struct receive *receive = &task->receives[(head + i) & (RECEIVES - 1)];
        if (receive->done_ns < request->submit_ns) /* empty, or of a request that never completed */
            continue;
        sum += receive->ret;
        if (receive->ret == missing) {
            take = 1 << i;
            break;
        }
        upto |= 1 << i;
        if (sum == missing)
            take = upto;
    }
#pragma clang loop unroll(disable)
    for (i = 0; i < RECEIVES; i++) {
        struct receive *receive = &task->receives[(head + i) & (RECEIVES - 1)];
        if (!(take & 1 << i))
            continue;
        attach_receive(request, receive, task);
        receive->done_ns = 0;
    }
}

int on_io_uring_complete(struct io_uring_complete_fields *args)
{
    u64 key = (u64)args->req, mark = multishot_key((u64)args->ctx, args->user_data), doubts = 0;
    u64 *named = multishots.lookup(&mark);
    struct request *request;
    u32 tid = current_tid();
    struct task *task;
    struct event row = {};
    u8 op;

    if (!key && named) {
        doubts = *named & DOUBTS;
        key = *named & ~(u64)DOUBTS;
    }
    request = requests.lookup(&key);
    if (!request || doubts & OTHER_OPCODE)
        return 0;
    op = request->opcode;
    task = find_task(tid);
    if (task) {
        if (task->request == key)
            task->request = 0;
        if (args->res >= 0 && (!request->receive.done_ns || request->receive.ret != args->res) &&
            (op == RECV || op == RECVMSG || op == READ || op == READV || op == READ_FIXED || op == READ_MULTISHOT))
            find_receives(request, task, args->res);
    }
    row.kind = RING_REQUEST;
    row.enter_ns = request->submit_ns;
    row.exit_ns = bpf_ktime_get_ns();
    row.ret = args->res;
    row.a = op;
    row.b = request->user_data;
    row.c = request->ctx;
    row.fd = doubts ? -1 : request->fd;
    row.tid = request->tid;
    row.tgid = request->tgid;
    row.sk = request->receive.sk;
    row.ready_ns = request->receive.ready_ns;
    row.copy_ns = request->receive.copy_ns;
    row.done_ns = request->receive.done_ns;
    row.copied = request->receive.copied;
    row.copies = request->receive.copies;
    row.waker = request->copier;
    row.flags = request->by_worker ? BY_WORKER : 0;
    emit(&row);
    if (args->cflags & MORE)
        __builtin_memset(&request->receive, 0, sizeof(request->receive));
    else
        requests.delete(&key);
    if (!(args->cflags & MORE) && named && (*named & ~(u64)DOUBTS) == key)
        multishots.delete(&mark);
    return 0;
}
#endif
