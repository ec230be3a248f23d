/* silence import: posts many silences, several at the same time, and tells of each in the order of
 * the file. */
#include "common/base/vec.h"
#include "common/cli/silences.h"
#include "common/io/files.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>

#define IMPORT_BYTES_MAX MIB(64)
#define WORKERS_MAX 64

struct job {
    char *body, *body_without_id;
    char *id; /* as in the file */
    struct arena *arena;
    struct str new_id;
    struct err err;
    int rc;
    bool done;
};

struct import {
    const struct am *am;
    struct job *jobs;
    size_t n;
    size_t next; /* not yet taken */
    pthread_mutex_t mutex;
    pthread_cond_t progress;
};

static int post(const struct am *am, struct job *j)
{
    long status;
    int rc = silences_post(am, j->body, j->arena, &j->new_id, &status, &j->err);

    if (rc < 0 && status == 404) /* the server does not know the id: it becomes a new one */
        rc = silences_post(am, j->body_without_id, j->arena, &j->new_id, &status, &j->err);
    return rc;
}

static void *work(void *arg)
{
    struct import *im = arg;

    pthread_mutex_lock(&im->mutex);
    while (im->next < im->n) {
        struct job *j = &im->jobs[im->next++];

        pthread_mutex_unlock(&im->mutex);
        j->rc = post(im->am, j);
        pthread_mutex_lock(&im->mutex);
        j->done = true;
        pthread_cond_signal(&im->progress);
    }
    pthread_mutex_unlock(&im->mutex);
    return NULL;
}

/* The number of those that failed. */
static size_t tell(struct import *im)
{
    size_t failed = 0;

    for (size_t i = 0; i < im->n; i++) {
        const struct job *j = &im->jobs[i];

        pthread_mutex_lock(&im->mutex);
        while (!j->done)
            pthread_cond_wait(&im->progress, &im->mutex);
        pthread_mutex_unlock(&im->mutex);
        if (j->rc == 0) {
            printf(STR_FMT "\n", STR_ARG(j->new_id));
            continue;
        }
        failed++;
        fprintf(stderr, "Error adding silence id='%s': %s\n", j->id, j->err.text);
    }
    return failed;
}

static size_t run(const struct am *am, struct job *jobs, size_t n, size_t workers)
{
    struct import im = {.am = am, .jobs = jobs, .n = n};
    pthread_t threads[WORKERS_MAX];
    size_t started = 0, failed;

    pthread_mutex_init(&im.mutex, NULL);
    pthread_cond_init(&im.progress, NULL);
    curl_global_init(CURL_GLOBAL_DEFAULT); /* before there are threads */
    while (started < workers && started < n &&
           pthread_create(&threads[started], NULL, work, &im) == 0)
        started++;
    if (started == 0)
        (void)work(&im);
    failed = tell(&im);
    for (size_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    pthread_cond_destroy(&im.progress);
    pthread_mutex_destroy(&im.mutex);
    return failed;
}

static char *make_body(struct json_object *silence, const char *id)
{
    struct json_writer w;
    struct buf b;
    char *body;

    buf_init(&b, 0);
    json_writer_init(&w, &b);
    silences_put_postable(&w, silence, id);
    body = xstrndup(b.p, b.n);
    buf_clear(&b);
    return body;
}

static void fill_job(struct job *j, struct json_object *silence, bool force)
{
    struct str id = force ? STR_EMPTY : am_text_of(silence, "id");

    j->id = xstrndup(id.p, id.n);
    j->body = make_body(silence, id.n > 0 ? j->id : NULL);
    j->body_without_id = make_body(silence, NULL);
    j->arena = arena_new(256);
}

static int read_silences(const char *path, struct json_object **ret, struct err *err)
{
    struct buf text;
    int rc;

    *ret = NULL;
    buf_init(&text, 0);
    rc = file_read(path != NULL ? path : "/dev/stdin", IMPORT_BYTES_MAX, &text, err);
    if (rc == 0) {
        rc = json_parse(buf_str(&text), (struct json_opt){.repair_utf8 = true}, ret, err);
        if (rc == 0 && !json_object_is_type(*ret, json_type_array))
            rc = err_set(err, -EINVAL, "it is no array");
        for (size_t i = 0; rc == 0 && i < json_object_array_length(*ret); i++)
            if (!json_object_is_type(json_object_array_get_idx(*ret, i), json_type_object))
                rc = err_set(err, -EINVAL, "element %zu is no object", i);
        if (rc < 0)
            rc = err_wrap(err, "couldn't unmarshal input data, is it JSON?");
    }
    buf_clear(&text);
    return rc;
}

static int import(const struct cli_args *a, const struct am *am, struct json_object *silences,
                  size_t workers)
{
    size_t n = json_object_array_length(silences), failed;
    struct job *jobs = xcalloc(n + 1, sizeof(*jobs));

    for (size_t i = 0; i < n; i++)
        fill_job(&jobs[i], json_object_array_get_idx(silences, i), cli_on(a, "force"));
    failed = run(am, jobs, n, workers);
    for (size_t i = 0; i < n; i++) {
        arena_free(jobs[i].arena);
        free(jobs[i].id);
        free(jobs[i].body);
        free(jobs[i].body_without_id);
    }
    free(jobs);
    return failed > 0 ? cli_fail("couldn't import %zu out of %zu silences", failed, n) : 0;
}

int silences_run_import(const struct cli_args *a)
{
    const char *worker = cli_get(a, "worker");
    struct json_object *silences = NULL;
    uint64_t workers;
    struct err err;
    struct am am;
    int status;

    if (!str_to_u64(str_from(worker), &workers) || workers < 1 || workers > WORKERS_MAX)
        return cli_fail("--worker %s: is no number from 1 to %d", worker, WORKERS_MAX);
    if (am_open(a, &am, &err) < 0)
        return cli_fail("%s", err.text);
    if (read_silences(a->args_n > 0 ? a->args[0] : NULL, &silences, &err) < 0 ||
        am_connect(a, &am, true, &err) < 0)
        status = cli_fail("%s", err.text);
    else
        status = import(a, &am, silences, (size_t)workers);
    json_object_put(silences);
    am_close(&am);
    return status;
}
