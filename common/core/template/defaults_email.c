/* The default mail: a page of nested tables with all style on the elements, for that is what mail
 * programs show. Its bytes are Alertmanager's to the last space, and so white space counts: what a
 * control action leaves behind is part of the page. */
#include "common/core/template/defaults.h"

struct line {
    unsigned indent;
    const char *text;
};

#define FONT "font-family: 'Helvetica Neue', Helvetica, Arial, sans-serif; box-sizing: border-box;"
#define BASE "margin: 0; " FONT " font-size: 14px;"
#define STYLE(s) " style=\"" s "\""
#define BASED(more) STYLE(BASE " " more)
#define OPEN(tag) "<" tag STYLE(BASE) ">"
#define BR OPEN("br")
#define TOP " valign=\"top\""
#define WIDE_TABLE "<table width=\"100%\" cellpadding=\"0\" cellspacing=\"0\"" STYLE(BASE) ">"

#define CELL "<td class=\"content-block\"" BASED("vertical-align: top; padding: 0 0 20px;") TOP ">"
#define ROW \
    {16, OPEN("tr")}, \
    { \
        18, CELL \
    }
#define ROW_END \
    {18, "</td>"}, \
    { \
        16, "</tr>" \
    }

/* Whole lines for each alert; what the range's end is indented by is part of every round. */
#define EACH(alerts) \
    { \
        16, "{{ range .Alerts." alerts " }}\n{{ template \"__tocsin_email_alert\" . }}" \
            "                {{ end }}" \
    }

#define SIDE "<td" BASED("vertical-align: top;") TOP "></td>"

#define RULE(text) \
    { \
        4, text " !important;" \
    }
#define RULES_END \
    { \
        2, "}" \
    }

#define BAR_STYLE(color) \
    "margin: 0; " FONT " vertical-align: top; font-size: 16px; color: #fff; font-weight: 500; " \
    "padding: 20px; text-align: center; border-radius: 3px 3px 0 0; background-color: " color ";"
#define BAR(kind, color) \
    "<td class=\"alert alert-" kind "\"" STYLE(BAR_STYLE(color)) TOP \
        " align=\"center\" bgcolor=\"" color "\">"
#define BAR_COUNT \
    "{{ len .Alerts }} alert{{ if gt (len .Alerts) 1 }}s{{ end }} for " \
    "{{ range .GroupLabels.SortedPairs }}"

#define BUTTON_STYLE \
    "text-decoration: none; color: #FFF; background-color: #348eda; border: solid #348eda; " \
    "border-width: 10px 20px; line-height: 2em; font-weight: bold; text-align: center; " \
    "cursor: pointer; display: inline-block; border-radius: 5px; text-transform: capitalize;"
#define BUTTON \
    "<a href=\"{{ template \"__alertmanagerURL\" . }}\" class=\"btn-primary\"" BASED( \
        BUTTON_STYLE) ">View in {{ template \"__alertmanager\" . }}</a>"

#define FOOTER_CELL_STYLE \
    "margin: 0; " FONT " vertical-align: top; padding: 0 0 20px; text-align: center; " \
    "color: #999; font-size: 12px;"
#define FOOTER_LINK_STYLE \
    "margin: 0; " FONT " text-decoration: underline; color: #999; font-size: 12px;"
#define FOOTER_CELL \
    "<td class=\"aligncenter content-block\"" STYLE(FOOTER_CELL_STYLE) TOP \
        " align=\"center\">" \
        "<a href=\"{{ .ExternalURL }}\"" STYLE( \
            FOOTER_LINK_STYLE) ">" \
                               "Sent by {{ template \"__alertmanager\" . }}</a></td>"

#define DOCTYPE \
    "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Transitional//EN\" " \
    "\"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd\">"
#define BODY_STYLE \
    "-webkit-font-smoothing: antialiased; -webkit-text-size-adjust: none; height: 100%; " \
    "line-height: 1.6em; background-color: #f6f6f6; width: 100%;"
#define CONTAINER_STYLE \
    FONT " font-size: 14px; vertical-align: top; display: block; max-width: 600px; " \
         "margin: 0 auto; clear: both;"
#define CONTENT_STYLE \
    FONT " font-size: 14px; max-width: 600px; margin: 0 auto; display: block; padding: 20px;"
#define MAIN_STYLE "background-color: #fff; border: 1px solid #e9e9e9; border-radius: 3px;"

static const struct line head[] = {
    {0, ""},
    {0, ""},
    {0, DOCTYPE},
    {0, "<html xmlns=\"http://www.w3.org/1999/xhtml\"" STYLE(BASE) ">"},
    {0, "<head>"},
    {0, "<meta name=\"viewport\" content=\"width=device-width\">"},
    {0, "<meta http-equiv=\"Content-Type\" content=\"text/html; charset=UTF-8\">"},
    {0, "<title>{{ template \"__subject\" . }}</title>"},
    {0, "<style>"},
    {0, "@media only screen and (max-width: 640px) {"},
    {2, "body {"},
    RULE("padding: 0"),
    RULES_END,
    {0, ""},
    {2, "h1,"},
    {0, "h2,"},
    {0, "h3,"},
    {0, "h4 {"},
    RULE("font-weight: 800"),
    RULE("margin: 20px 0 5px"),
    RULES_END,
    {0, ""},
    {2, "h1 {"},
    RULE("font-size: 22px"),
    RULES_END,
    {0, ""},
    {2, "h2 {"},
    RULE("font-size: 18px"),
    RULES_END,
    {0, ""},
    {2, "h3 {"},
    RULE("font-size: 16px"),
    RULES_END,
    {0, ""},
    {2, ".container {"},
    RULE("padding: 0"),
    RULE("width: 100%"),
    RULES_END,
    {0, ""},
    {2, ".content {"},
    RULE("padding: 0"),
    RULES_END,
    {0, ""},
    {2, ".content-wrap {"},
    RULE("padding: 10px"),
    RULES_END,
    {0, ""},
    {2, ".invoice {"},
    RULE("width: 100%"),
    RULES_END,
    {0, "}"},
    {0, "</style>"},
    {0, "</head>"},
    {0, ""},
};

static const struct line frame[] = {
    {0, "<body itemscope itemtype=\"https://schema.org/EmailMessage\"" BASED(BODY_STYLE) ">"},
    {0, ""},
    {0, "<table class=\"body-wrap\"" BASED(
            "background-color: #f6f6f6; width: 100%;") " width=\"100%\" bgcolor=\"#f6f6f6\">"},
    {2, OPEN("tr")},
    {4, SIDE},
    {4, "<td class=\"container\" width=\"600\"" STYLE(CONTAINER_STYLE) TOP ">"},
    {6, "<div class=\"content\"" STYLE(CONTENT_STYLE) ">"},
    {8, "<table class=\"main\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\"" BASED(
            MAIN_STYLE) " bgcolor=\"#fff\">"},
    {10, OPEN("tr")},
    {12, "{{ if .Alerts.Firing }}"},
    {12, BAR("warning", "#E6522C")},
    {14, BAR_COUNT},
    {16, "{{ .Name }}={{ .Value }}"},
    {14, "{{ end }}"},
    {12, "</td>"},
    {12, "{{ else }}"},
    {12, BAR("good", "#68B90F")},
    {14, BAR_COUNT},
    {16, "{{ .Name }}={{ .Value }} "},
    {14, "{{ end }}"},
    {12, "</td>"},
    {12, "{{ end }}"},
    {10, "</tr>"},
    {10, OPEN("tr")},
    {12, "<td class=\"content-wrap\"" BASED("vertical-align: top; padding: 30px;") TOP ">"},
    {14, WIDE_TABLE},
};

static const struct line content[] = {
    ROW,
    {20, BUTTON},
    ROW_END,
    {16, "{{ if .Alerts.Firing }}"},
    ROW,
    {20, OPEN("strong") "[{{ len .Alerts.Firing }}] Firing</strong>"},
    ROW_END,
    {16, "{{ end }}"},
    EACH("Firing"),
    {0, ""},
    {16, "{{ if .Alerts.Resolved }}"},
    {18, "{{ if .Alerts.Firing }}"},
    ROW,
    {20, BR},
    {20, OPEN("hr")},
    {20, BR},
    ROW_END,
    {18, "{{ end }}"},
    ROW,
    {20, OPEN("strong") "[{{ len .Alerts.Resolved }}] Resolved</strong>"},
    ROW_END,
    {16, "{{ end }}"},
    EACH("Resolved"),
};

static const struct line alert[] = {
    ROW,
    {20, OPEN("strong") "Labels</strong>" BR},
    {20, "{{ range .Labels.SortedPairs }}{{ .Name }} = {{ .Value }}" BR "{{ end }}"},
    {20, "{{ if .Annotations }}" OPEN("strong") "Annotations</strong>" BR "{{ end }}"},
    {20, "{{ range .Annotations.SortedPairs }}{{ .Name }} = {{ .Value }}" BR "{{ end }}"},
    {20, "<a href=\"{{ .GeneratorURL }}\"" BASED(
             "color: #348eda; text-decoration: underline;") ">Source</a>" BR},
    ROW_END,
};

static const struct line foot[] = {
    {14, "</table>"},
    {12, "</td>"},
    {10, "</tr>"},
    {8, "</table>"},
    {0, ""},
    {8, "<div class=\"footer\"" BASED("width: 100%; clear: both; color: #999; padding: 20px;") ">"},
    {10, "<table width=\"100%\"" STYLE(BASE) ">"},
    {12, OPEN("tr")},
    {14, FOOTER_CELL},
    {12, "</tr>"},
    {10, "</table>"},
    {8, "</div></div>"},
    {4, "</td>"},
    {4, SIDE},
    {2, "</tr>"},
    {0, "</table>"},
    {0, ""},
    {0, "</body>"},
    {0, "</html>"},
    {0, ""},
};

static void add_lines(struct buf *b, const struct line *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_add_fmt(b, "%*s%s\n", (int)v[i].indent, "", v[i].text);
}

void defaults_add_email(struct buf *b)
{
    add_lines(b, head, ARRAY_SIZE(head));
    add_lines(b, frame, ARRAY_SIZE(frame));
    add_lines(b, content, ARRAY_SIZE(content));
    add_lines(b, foot, ARRAY_SIZE(foot));
}

void defaults_add_email_alert(struct buf *b)
{
    add_lines(b, alert, ARRAY_SIZE(alert));
}
