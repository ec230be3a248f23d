#include "edge/core/duty.h"

#include <assert.h>

static void name_set(char *ret, struct str name)
{
    size_t n = name.n < IDENTITY_NAME_MAX ? name.n : IDENTITY_NAME_MAX;

    if (n > 0)
        memcpy(ret, name.p, n);
    ret[n] = '\0';
}

void edge_duty_init(struct edge_duty *d, int64_t lease_ms)
{
    *d = (struct edge_duty){.lease_ms = lease_ms};
}

void edge_duty_set_nodes(struct edge_duty *d, const struct str *names, size_t n)
{
    struct edge_duty_node old[DUTY_NODES_MAX];
    size_t old_n = d->nodes_n;

    assert(n <= DUTY_NODES_MAX);
    memcpy(old, d->nodes, sizeof(old));
    d->nodes_n = n;
    for (size_t i = 0; i < n; i++) {
        d->nodes[i] = (struct edge_duty_node){0};
        name_set(d->nodes[i].name, names[i]);
        for (size_t j = 0; j < old_n; j++) {
            if (strcmp(old[j].name, d->nodes[i].name) == 0)
                d->nodes[i] = old[j];
        }
    }
}

void edge_duty_start(struct edge_duty *d, bool known, struct str granted, int64_t now_ms)
{
    name_set(d->granted, known ? granted : STR_EMPTY);
    name_set(d->persisted, known ? granted : STR_EMPTY);
    d->persist = DUTY_PERSIST_DONE;
    d->until_ms = known && granted.n == 0 ? now_ms : now_ms + edge_duty_term_ms(d->lease_ms);
    d->until_before_ms = d->until_ms;
    d->unanswered = d->echoed = false;
}

static bool is_granted(const struct edge_duty *d, size_t i)
{
    return d->granted[0] != '\0' && strcmp(d->nodes[i].name, d->granted) == 0;
}

void edge_duty_answered(struct edge_duty *d, size_t i, const struct edge_duty_token *token,
                        bool released, int64_t now_ms)
{
    struct edge_duty_node *node = &d->nodes[i];

    assert(i < d->nodes_n);
    if (!node->has_token || now_ms - node->token_at_ms > DUTY_TOKEN_AGE_MAX_MS)
        node->answers_since_ms = now_ms; /* one lost heartbeat is no absence */
    node->answers = true;
    node->released = released;
    node->has_token = true;
    node->token = *token;
    node->token_at_ms = now_ms;
    if (!is_granted(d, i))
        return;
    d->unanswered = false;
    if (released)
        d->until_ms = now_ms;
}

void edge_duty_failed(struct edge_duty *d, size_t i)
{
    assert(i < d->nodes_n);
    d->nodes[i].answers = false;
}

void edge_duty_echo_not_sent(struct edge_duty *d)
{
    if (!d->unanswered)
        return;
    d->unanswered = false;
    d->until_ms = d->until_before_ms;
}

void edge_duty_set_others(struct edge_duty *d, const struct edge_duty_other *lowest)
{
    d->lowest = lowest != NULL ? *lowest : (struct edge_duty_other){0};
}

static bool usable(const struct edge_duty *d, size_t i)
{
    return d->nodes[i].answers && !d->nodes[i].released;
}

static size_t find_usable(const struct edge_duty *d, const char *name)
{
    for (size_t i = 0; i < d->nodes_n; i++) {
        if (name[0] != '\0' && usable(d, i) && strcmp(d->nodes[i].name, name) == 0)
            return i;
    }
    return d->nodes_n;
}

/* From when on node i, which was not granted last, may get the duty for want of that one. */
static int64_t stands_in_at(const struct edge_duty *d, size_t i)
{
    for (size_t j = 0; j < d->nodes_n; j++) {
        if (is_granted(d, j) && !d->nodes[j].released)
            return d->nodes[i].answers_since_ms + DUTY_PATIENCE_MS;
    }
    return d->nodes[i].answers_since_ms; /* there is nobody to wait for */
}

size_t edge_duty_choice(const struct edge_duty *d, int64_t now_ms)
{
    size_t followed = find_usable(d, d->lowest.holder);
    size_t held = find_usable(d, d->granted);

    if (followed < d->nodes_n && d->self[0] != '\0' && strcmp(d->lowest.node, d->self) < 0)
        return followed;
    if (held < d->nodes_n && (now_ms < d->until_ms || followed == d->nodes_n))
        return held;
    if (followed < d->nodes_n)
        return followed;
    for (size_t i = 0; i < d->nodes_n; i++) {
        if (usable(d, i) && now_ms >= stands_in_at(d, i))
            return i;
    }
    return d->nodes_n;
}

int64_t edge_duty_next_ms(const struct edge_duty *d, int64_t now_ms)
{
    int64_t next = TIME_NEVER,
            times[2 + 2 * DUTY_NODES_MAX] = {d->until_ms, d->until_ms + DUTY_GATE_WAIT_MS};
    size_t n = 2;

    for (size_t i = 0; i < d->nodes_n; i++) {
        if (!usable(d, i))
            continue;
        times[n++] = stands_in_at(d, i);
        times[n++] = d->nodes[i].answers_since_ms + DUTY_GATE_WAIT_MS;
    }
    for (size_t i = 0; i < n; i++) {
        if (times[i] > now_ms)
            next = min_i64(next, times[i]);
    }
    return next;
}

/* May node i be granted, as far as other holders and the state of its mirrors go? */
static bool is_free_for(const struct edge_duty *d, size_t i, int64_t now_ms)
{
    int64_t gate_ms;

    if (edge_duty_choice(d, now_ms) != i || (d->unanswered && now_ms < d->until_ms))
        return false;
    if (now_ms < d->until_ms && (!is_granted(d, i) || d->echoed))
        return is_granted(d, i); /* a term of ours that goes on, or another node's */
    /* Another node may have decided in between, by grant of the site's other edges: also the one
     * that we granted last has to know of it before it pages again. After a restart it has been
     * waited for by the end of the term that we count. */
    gate_ms = is_granted(d, i) && !d->echoed ? d->until_ms : d->until_ms + DUTY_GATE_WAIT_MS;
    /* Nor does the wait begin before the node is there to be told. */
    gate_ms = max_i64(gate_ms, d->nodes[i].answers_since_ms + DUTY_GATE_WAIT_MS);
    return !d->nodes[i].mirrors_lacking || now_ms >= gate_ms;
}

static bool is_persisted(const struct edge_duty *d, size_t i)
{
    return strcmp(d->persisted, d->nodes[i].name) == 0;
}

bool edge_duty_wants_persist(const struct edge_duty *d, size_t i, int64_t now_ms)
{
    return is_free_for(d, i, now_ms) && !is_persisted(d, i) && d->persist != DUTY_PERSIST_UNDER_WAY;
}

void edge_duty_persisting(struct edge_duty *d, size_t i)
{
    name_set(d->persisted, str_from(d->nodes[i].name));
    d->persist = DUTY_PERSIST_UNDER_WAY;
}

void edge_duty_persisted(struct edge_duty *d)
{
    d->persist = DUTY_PERSIST_DONE;
}

bool edge_duty_may_echo(const struct edge_duty *d, size_t i, int64_t now_ms)
{
    const struct edge_duty_node *node = &d->nodes[i];

    return is_free_for(d, i, now_ms) && is_persisted(d, i) && d->persist == DUTY_PERSIST_DONE &&
           node->has_token && now_ms - node->token_at_ms <= DUTY_TOKEN_AGE_MAX_MS;
}

void edge_duty_echo_sent(struct edge_duty *d, size_t i, int64_t now_ms)
{
    assert(edge_duty_may_echo(d, i, now_ms));
    d->until_before_ms = is_granted(d, i) ? d->until_ms : now_ms;
    name_set(d->granted, str_from(d->nodes[i].name));
    d->until_ms = max_i64(d->until_ms, now_ms + edge_duty_term_ms(d->lease_ms));
    d->unanswered = d->echoed = true;
}

const char *edge_duty_holder(const struct edge_duty *d, int64_t now_ms)
{
    return now_ms < d->until_ms ? d->granted : "";
}
