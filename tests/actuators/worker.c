/* worker: what contract tests run in containers: `worker exit CODE`, `worker wait` (ends on TERM with 143),
 * `worker stubborn` (ignores TERM), `worker say TEXT` (prints and waits), `worker files PATH…` (prints their contents),
 * `worker env NAME…`, `worker eat` (allocates until it is killed), `worker note PATH TEXT CODE` (leaves a text and ends), `worker serve PORT` (accepts and closes). */
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void end(int number) {
    (void)number;
    _exit(143);
}

static void print_file(const char *path) {
    char buffer[4096];
    size_t count;
    FILE *file = fopen(path, "r");
    if (!file) {
        printf("%s: missing\n", path);
        return;
    }
    while ((count = fread(buffer, 1, sizeof buffer, file)) > 0)
        fwrite(buffer, 1, count, stdout);
    fclose(file);
    putchar('\n');
}

static void serve(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int listener = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 16) < 0)
        _exit(1);
    for (;;) {
        static const char answer[] = "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nok\n";
        char request[1024];
        int connection = accept(listener, NULL, NULL);
        if (connection < 0)
            continue;
        if (read(connection, request, sizeof request) > 0 && write(connection, answer, sizeof answer - 1) < 0)
            _exit(1);
        close(connection);
    }
}

int main(int count, char **words) {
    const char *verb = count > 1 ? words[1] : "wait";
    int stubborn = !strcmp(verb, "stubborn");
    signal(SIGTERM, stubborn ? SIG_IGN : end);
    if (!strcmp(verb, "exit"))
        return atoi(words[2]);
    if (!strcmp(verb, "note")) {
        FILE *file = fopen(words[2], "w");
        if (!file || fputs(words[3], file) < 0 || fclose(file) != 0)
            return 99;
        return atoi(words[4]);
    }
    if (!strcmp(verb, "say"))
        for (int i = 2; i < count; i++)
            puts(words[i]);
    if (!strcmp(verb, "files"))
        for (int i = 2; i < count; i++)
            print_file(words[i]);
    if (!strcmp(verb, "env"))
        for (int i = 2; i < count; i++)
            printf("%s=%s\n", words[i], getenv(words[i]) ? getenv(words[i]) : "(unset)");
    fflush(stdout);
    if (!strcmp(verb, "eat"))
        for (;;)
            memset(malloc(1 << 20), 1, 1 << 20);
    if (!strcmp(verb, "serve"))
        serve(atoi(words[2]));
    for (;;)
        pause();
}
