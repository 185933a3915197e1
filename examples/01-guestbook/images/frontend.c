/* The guestbook's frontend: a web server that says which pod answers, and counts its visitors in redis.
 *
 *   GET /healthz   ok
 *   GET anything   pod: NAME, and the count from the redis that the Service's environment variables point to
 *
 * One connection at a time, each with a deadline, is plenty for a demonstration. Built static, it needs no library. */
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static void end(int number) {
    (void)number;
    _exit(0);
}

static void set_deadline(int connection) {
    struct timeval deadline = {.tv_sec = 2};
    setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof deadline);
    setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &deadline, sizeof deadline);
}

/* Counts one visit; -1 where redis does not answer. */
static long count_visit(void) {
    const char *host = getenv("REDIS_SLAVE_SERVICE_HOST"), *port = getenv("REDIS_SLAVE_SERVICE_PORT");
    struct sockaddr_in address = {.sin_family = AF_INET};
    static const char command[] = "INCR visits\r\n";
    char answer[64] = {0};
    long count = -1;
    int connection = socket(AF_INET, SOCK_STREAM, 0);
    set_deadline(connection);
    if (host && port && inet_pton(AF_INET, host, &address.sin_addr) == 1) {
        address.sin_port = htons(atoi(port));
        if (connect(connection, (struct sockaddr *)&address, sizeof address) == 0 &&
            write(connection, command, sizeof command - 1) > 0 &&
            read(connection, answer, sizeof answer - 1) > 0 && answer[0] == ':')
            count = atol(answer + 1);
    }
    close(connection);
    return count;
}

static void answer(int connection, const char *pod) {
    char request[2048] = {0}, body[512], head[256];
    int length;
    if (read(connection, request, sizeof request - 1) <= 0)
        return;
    if (!strncmp(request, "GET /healthz", 12)) {
        length = snprintf(body, sizeof body, "ok\n");
    } else {
        long visits = count_visit();
        if (visits < 0)
            length = snprintf(body, sizeof body, "pod: %s\nvisits: redis does not answer\n", pod);
        else
            length = snprintf(body, sizeof body, "pod: %s\nvisits: %ld\n", pod, visits);
    }
    int size = snprintf(head, sizeof head,
                        "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nConnection: close\r\n\r\n", length);
    if (write(connection, head, size) < 0 || write(connection, body, length) < 0)
        perror("answer");
}

int main(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(80)};
    char pod[256] = "unknown";
    int listener = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
    signal(SIGTERM, end);
    signal(SIGINT, end);
    signal(SIGPIPE, SIG_IGN);
    gethostname(pod, sizeof pod - 1);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 64) < 0) {
        perror("frontend: port 80");
        return 1;
    }
    printf("frontend %s listens on port 80\n", pod);
    fflush(stdout);
    for (;;) {
        int connection = accept(listener, NULL, NULL);
        if (connection < 0)
            continue;
        set_deadline(connection);
        answer(connection, pod);
        close(connection);
    }
}
