#include "edge/core/pages.h"

/* Paths are relative, so that any route prefix fits. */
static const char html[] =
    "<!DOCTYPE html>\n"
    "<html lang=\"en\">\n"
    "<head>\n"
    "<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width\">\n"
    "<title>tocsin-edge</title>\n"
    "</head>\n"
    "<body>\n"
    "<h1>Alerts</h1>\n"
    "<p id=\"state\">Loading&hellip;</p>\n"
    "<table border=\"1\" cellpadding=\"4\">\n"
    "<thead><tr><th>State</th><th>Since</th><th>Labels</th><th>Annotations</th></tr></thead>\n"
    "<tbody id=\"alerts\"></tbody>\n"
    "</table>\n"
    "<p><a href=\"api/v2/alerts\">alerts</a> &middot; <a href=\"api/v2/alerts/groups\">groups</a>"
    " &middot; <a href=\"api/v2/silences\">silences</a> &middot; <a href=\"api/v2/status\">status"
    "</a> &middot; <a href=\"metrics\">metrics</a></p>\n"
    "<noscript>Without scripts: see the links.</noscript>\n"
    "<script src=\"script.js\"></script>\n"
    "</body>\n"
    "</html>\n";

/* Whatever comes from an alert becomes a text node: nothing of it is ever parsed. */
static const char script[] =
    "\"use strict\";\n"
    "const SHOWN = 500;\n"
    "const state = document.getElementById(\"state\");\n"
    "function cell(row, text) {\n"
    "  const td = document.createElement(\"td\");\n"
    "  td.textContent = text;\n"
    "  row.appendChild(td);\n"
    "}\n"
    "function pairs(map) {\n"
    "  return Object.keys(map).sort().map(k => k + \"=\" + JSON.stringify(map[k])).join(\", \");\n"
    "}\n"
    "function show(alerts) {\n"
    "  const body = document.getElementById(\"alerts\");\n"
    "  body.textContent = \"\";\n"
    "  for (const a of alerts.slice(0, SHOWN)) {\n"
    "    const row = document.createElement(\"tr\");\n"
    "    cell(row, a.status.state);\n"
    "    cell(row, a.startsAt);\n"
    "    cell(row, pairs(a.labels));\n"
    "    cell(row, pairs(a.annotations));\n"
    "    body.appendChild(row);\n"
    "  }\n"
    "  state.textContent = alerts.length + \" alerts\" +\n"
    "    (alerts.length > SHOWN ? \", the first \" + SHOWN + \" of them shown\" : \"\");\n"
    "}\n"
    "fetch(\"api/v2/alerts\")\n"
    "  .then(r => r.ok ? r.json() : Promise.reject(new Error(\"HTTP \" + r.status)))\n"
    "  .then(show)\n"
    "  .catch(e => { state.textContent = \"The alerts could not be read: \" + e.message; });\n";

struct page {
    const char *path, *type, *body;
};

static const struct page pages[] = {
    {"/", "text/html; charset=utf-8", html},
    {"/script.js", "text/javascript; charset=utf-8", script},
};

const struct page *page_find(struct str path)
{
    for (size_t i = 0; i < ARRAY_SIZE(pages); i++) {
        if (str_eq_c(path, pages[i].path))
            return &pages[i];
    }
    return NULL;
}

void page_reply(const struct page *p, const struct engine_request *r, struct out *out)
{
    out_reply(out, &(struct engine_reply){
                       .request_id = r->id,
                       .status = 200,
                       .content_type = p->type,
                       .headers = {{"Cache-Control", STR("no-cache, no-store, must-revalidate")},
                                   {"Content-Security-Policy",
                                    STR("default-src 'none'; script-src 'self'; connect-src "
                                        "'self'; base-uri 'none'; frame-ancestors 'none'")},
                                   {"X-Content-Type-Options", STR("nosniff")}},
                       .body = str_from(p->body)});
}
