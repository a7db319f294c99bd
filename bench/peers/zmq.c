// The ZeroMQ side of the bench, in C so that nothing stands between libzmq and its user.
//
//   zmq rep|pull BODY
//   zmq req|push BODY ADDRESS WARM MEASURE RATE      (nanoseconds; messages a second, 0 = as fast as possible)
//
// It speaks with its parent as pika.py does, see program.go: "ready ADDRESS", then it reads "go", then
// "tally MESSAGES MEASURED BEGAN ENDED CPU SAMPLES 0" and the samples, 8 bytes each.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <zmq.h>

enum { header = 16, most = 1 << 20, timed_each = 32 };
static const uint64_t last_flag = 1ull << 63;

static uint8_t pattern[256 + most];

static void die(const char *what) {
    fprintf(stderr, "%s: %s\n", what, zmq_strerror(zmq_errno()));
    exit(1);
}

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static double cpu(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return u.ru_utime.tv_sec + u.ru_stime.tv_sec + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

// Bodies are those of body.go.

static void write_body(uint8_t *b, size_t size, uint64_t number, int64_t sent, int last) {
    uint64_t s = (uint64_t)sent | (last ? last_flag : 0);
    memcpy(b, &number, 8);
    memcpy(b + 8, &s, 8);
    memcpy(b + header, pattern + (number & 255), size - header);
}

static uint64_t count; // of messages that were checked

static int64_t check(const uint8_t *b, size_t got, size_t size, int *last) {
    uint64_t number, s;
    if (got != size) {
        fprintf(stderr, "message %llu has %zu bytes, want %zu\n", (unsigned long long)count, got, size);
        exit(1);
    }
    memcpy(&number, b, 8);
    memcpy(&s, b + 8, 8);
    if (number != count || memcmp(b + header, pattern + (number & 255), size - header) != 0) {
        fprintf(stderr, "message %llu came, want %llu: lost, repeated, out of order or damaged\n", (unsigned long long)number, (unsigned long long)count);
        exit(1);
    }
    count++;
    *last = (s & last_flag) != 0;
    return (int64_t)(s & ~last_flag);
}

static int64_t *samples;
static size_t taken, room;

static void sample(int64_t d) {
    if (taken == room) {
        room = room ? 2 * room : 1 << 16;
        samples = realloc(samples, room * sizeof *samples);
        if (!samples) exit(1);
    }
    samples[taken++] = d;
}

static uint64_t messages, measured;
static int64_t began, started, warm, measure;

// tick is called with the time before a message and says whether it is the last.
static int tick(int64_t t) {
    if (!started) started = t;
    if (!began && t - started >= warm) began = t;
    return t - started >= warm + measure;
}

static void sent_one(void) {
    messages++;
    if (began) measured++;
}

static void tell(uint64_t n, double before) {
    int64_t ended = now();
    printf("tally %llu %llu %lld %lld %f %zu 0\n", (unsigned long long)n, (unsigned long long)measured, (long long)began, (long long)ended, cpu() - before, taken);
    fwrite(samples, sizeof *samples, taken, stdout);
    fflush(stdout);
}

static void wait_for_go(void) {
    char line[16];
    if (!fgets(line, sizeof line, stdin)) exit(0);
}

static int64_t due(uint64_t number, double rate) {
    static int64_t first;
    if (!first) first = now();
    int64_t at = first + (int64_t)(number * 1e9 / rate);
    if (now() < at) {
        struct timespec t = {at / 1000000000, at % 1000000000};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
    }
    return at;
}

static void ask(void *s, size_t size, double rate) {
    uint8_t *b = malloc(size), *a = malloc(size);
    int last = 0, flag;
    while (!last) {
        int64_t t = rate > 0 ? due(messages, rate) : now();
        last = tick(t);
        write_body(b, size, messages, 0, last);
        if (rate == 0) t = now();
        if (zmq_send(s, b, size, 0) < 0) die("send");
        int got = zmq_recv(s, a, size, 0);
        if (got < 0) die("receive");
        if (began) sample(now() - t);
        sent_one();
        check(a, got, size, &flag);
    }
}

static void push(void *s, size_t size, double rate) {
    uint8_t *b = malloc(size);
    int last = 0, each = timed_each * 100 / size;
    if (each < 1) each = 1;
    while (!last) {
        int64_t sent = 0, t = rate > 0 ? due(messages, rate) : messages % each == 0 ? now() : 0;
        if (t) {
            last = tick(t);
            if (began) sent = t;
        }
        write_body(b, size, messages, sent, last);
        if (zmq_send(s, b, size, 0) < 0) die("send");
        sent_one();
    }
}

static void pull(void *s, size_t size) {
    zmq_msg_t m;
    zmq_msg_init(&m);
    for (int last = 0; !last;) {
        if (zmq_msg_recv(&m, s, 0) < 0) die("receive");
        int64_t sent = check(zmq_msg_data(&m), zmq_msg_size(&m), size, &last);
        if (sent) sample(now() - sent);
    }
}

static void answer(void *s, size_t size) {
    uint8_t *b = malloc(size);
    for (int last = 0; !last;) {
        int got = zmq_recv(s, b, size, 0);
        if (got < 0) die("receive");
        check(b, got, size, &last);
        if (zmq_send(s, b, size, 0) < 0) die("send");
    }
}

int main(int argc, char **argv) {
    if (argc != 3 && argc != 7) return 2;
    uint32_t x = 1;
    for (size_t i = 0; i < sizeof pattern; i++) pattern[i] = (uint8_t)((x = x * 1664525 + 1013904223) >> 24);
    const char *role = argv[1];
    size_t size = strtoul(argv[2], NULL, 10);
    int serves = argc == 3, asks = role[0] == 'r';
    void *context = zmq_ctx_new();
    void *s = zmq_socket(context, !strcmp(role, "rep") ? ZMQ_REP : !strcmp(role, "req") ? ZMQ_REQ : !strcmp(role, "pull") ? ZMQ_PULL : ZMQ_PUSH);
    if (!s) die("socket");
    int mark = 32 * most / size; // libzmq's own high-water mark is 1,000 messages
    if (mark < 1000 && (zmq_setsockopt(s, ZMQ_SNDHWM, &mark, sizeof mark) < 0 || zmq_setsockopt(s, ZMQ_RCVHWM, &mark, sizeof mark) < 0)) die("high-water mark");
    char address[256] = "";
    if (serves) {
        size_t n = sizeof address;
        if (zmq_bind(s, "tcp://127.0.0.1:*") < 0) die("bind");
        if (zmq_getsockopt(s, ZMQ_LAST_ENDPOINT, address, &n) < 0) die("endpoint");
    } else if (zmq_connect(s, argv[3]) < 0) {
        die("connect");
    }
    printf("ready %s\n", address);
    fflush(stdout);
    wait_for_go();
    double before = cpu();
    if (serves) {
        asks ? answer(s, size) : pull(s, size);
        tell(count, before);
    } else {
        warm = atoll(argv[4]);
        measure = atoll(argv[5]);
        prctl(PR_SET_TIMERSLACK, 1);
        asks ? ask(s, size, atof(argv[6])) : push(s, size, atof(argv[6]));
        tell(messages, before);
    }
    zmq_close(s); // and what was sent goes out
    zmq_ctx_term(context);
    return 0;
}
