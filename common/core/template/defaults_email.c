/* The default mail: a page of nested tables with all style on the elements, for that is what mail
 * programs show. Its bytes are Alertmanager's to the last space. */
#include "common/core/template/defaults.h"

/* Indentation. */
#define I2 "  "
#define I4 I2 I2
#define I6 I4 I2
#define I8 I4 I4
#define I10 I8 I2
#define I12 I8 I4
#define I14 I12 I2
#define I16 I8 I8
#define I18 I16 I2
#define I20 I16 I4

#define NO_MARGIN "margin: 0; "
#define FACE "font-family: 'Helvetica Neue', Helvetica, Arial, sans-serif; box-sizing: border-box;"
#define BASE NO_MARGIN FACE " font-size: 14px;"
#define STYLE(s) " style=\"" s "\""
#define PLAIN STYLE(BASE) /* what every element has at least */
#define STYLED(more) STYLE(BASE " " more)

#define OPEN(tag) "<" tag PLAIN ">"
#define BR "<br" PLAIN " />"
#define LINE(indent, text) indent text "\n"
#define TOP " valign=\"top\""

#define ROW(lines) \
    LINE(I16, OPEN("tr")) \
    LINE(I18, \
         "<td class=\"content-block\"" STYLED("vertical-align: top; padding: 0 0 20px;") TOP ">") \
    lines LINE(I18, "</td>") LINE(I16, "</tr>")

#define MEDIA(selector, rules) I2 selector " {\n" rules "  }\n"
#define RULE(text) I4 text " !important;\n"
#define GAP "\n"

#define STYLE_SHEET \
    "<style>\n@media only screen and (max-width: 640px) {\n" MEDIA("body", RULE("padding: 0")) \
        GAP MEDIA("h1,\nh2,\nh3,\nh4", RULE("font-weight: 800") RULE("margin: 20px 0 5px")) \
            GAP MEDIA("h1", RULE("font-size: 22px")) GAP MEDIA("h2", RULE("font-size: 18px")) \
                GAP MEDIA("h3", RULE("font-size: 16px")) \
                    GAP MEDIA(".container", RULE("padding: 0") RULE("width: 100%")) \
                        GAP MEDIA(".content", RULE("padding: 0")) \
                            GAP MEDIA(".content-wrap", RULE("padding: 10px")) \
                                GAP MEDIA(".invoice", RULE("width: 100%")) "}\n</style>\n"

#define HEAD \
    "\n\n<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Transitional//EN\" " \
    "\"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd\">\n" \
    "<html xmlns=\"http://www.w3.org/1999/xhtml\"" PLAIN ">\n" \
    "<head" PLAIN ">\n" \
    "<meta name=\"viewport\" content=\"width=device-width\"" PLAIN ">\n" \
    "<meta http-equiv=\"Content-Type\" content=\"text/html; charset=UTF-8\"" PLAIN ">\n" \
    "<title" PLAIN ">{{ template \"__subject\" . }}</title>\n" STYLE_SHEET "</head>\n\n"

#define SIDE "<td" STYLED("vertical-align: top;") TOP "></td>"

/* The coloured bar: how many alerts, and of which group. */
#define BAR(kind, color, after) \
    LINE(I12, "<td class=\"alert alert-" kind \
              "\"" STYLE(NO_MARGIN FACE " vertical-align: top; font-size: 16px; color: #fff; " \
                                        "font-weight: 500; padding: 20px; text-align: center; " \
                                        "border-radius: 3px 3px 0 0; background-color: " color \
                                        ";") TOP " align=\"center\" bgcolor=\"" color "\">") \
    LINE(I14, "{{ len .Alerts }} alert{{ if gt (len .Alerts) 1 }}s{{ end }} for " \
              "{{ range .GroupLabels.SortedPairs }}\n" I16 "{{ .Name }}={{ .Value }}" after \
              "\n" I14 "{{ end }}") \
    LINE(I12, "</td>")

#define BUTTON \
    "<a href=\"{{ template \"__alertmanagerURL\" . }}\" class=\"btn-primary\"" STYLED( \
        "text-decoration: none; color: #FFF; background-color: #348eda; " \
        "border: solid #348eda; border-width: 10px 20px; line-height: 2em; font-weight: bold; " \
        "text-align: center; cursor: pointer; display: inline-block; border-radius: 5px; " \
        "text-transform: capitalize;") ">View in {{ template \"__alertmanager\" . }}</a>"

const char defaults_email_alert[] = ROW(
    LINE(I20, OPEN("strong") "Labels</strong>" BR)
        LINE(I20, "{{ range .Labels.SortedPairs }}{{ .Name }} = {{ .Value }}" BR "{{ end }}")
            LINE(I20, "{{ if .Annotations }}" OPEN("strong") "Annotations</strong>" BR "{{ end }}")
                LINE(I20, "{{ range .Annotations.SortedPairs }}{{ .Name }} = {{ .Value }}" BR
                          "{{ end }}")
                    LINE(I20, "<a href=\"{{ .GeneratorURL }}\"" STYLED(
                                  "color: #348eda; text-decoration: underline;") ">Source</a>" BR));

#define EACH(alerts) \
    LINE(I16, "{{ range .Alerts." alerts " }}\n{{ template \"__tocsin_email_alert\" . }}" I16 \
              "{{ end }}")

#define COUNT(alerts) \
    ROW(LINE(I20, OPEN("strong") "[{{ len .Alerts." alerts " }}] " alerts "</strong>"))

#define CONTENT \
    ROW(LINE(I20, BUTTON)) \
    LINE(I16, "{{ if .Alerts.Firing }}\n" COUNT("Firing") I16 "{{ end }}") \
    EACH("Firing") \
    "\n" LINE(I16, "{{ if .Alerts.Resolved }}\n" LINE( \
                       I18, "{{ if .Alerts.Firing }}\n" ROW(LINE(I20, BR) LINE( \
                                I20, "<hr" PLAIN " />") LINE(I20, BR)) I18 "{{ end }}") \
                       COUNT("Resolved") I16 "{{ end }}") EACH("Resolved")

#define FOOTER \
    LINE(I8, "<div class=\"footer\"" STYLED( \
                 "width: 100%; clear: both; color: #999; padding: 20px;") ">") \
    LINE(I10, "<table width=\"100%\"" PLAIN ">") \
    LINE(I12, OPEN("tr")) \
    LINE(I14, "<td class=\"aligncenter content-block\"" STYLE( \
                  NO_MARGIN FACE " vertical-align: top; padding: 0 0 20px; text-align: center; " \
                                 "color: #999; font-size: 12px;") \
                  TOP " align=\"center\">" \
                      "<a href=\"{{ .ExternalURL }}\"" STYLE( \
                          NO_MARGIN FACE " text-decoration: underline; color: #999; font-size: " \
                                         "12px;") ">Sent by {{ template \"__alertmanager\" . " \
                                                  "}}</a></td>") \
    LINE(I12, "</tr>") \
    LINE(I10, "</table>") \
    LINE(I8, "</div></div>")

const char defaults_email_html[] = HEAD "<body itemscope "
                                        "itemtype=\"https://schema.org/EmailMessage\"" STYLED(
                                            "-webkit-font-smoothing: antialiased; "
                                            "-webkit-text-size-adjust: none; height: 100%; "
                                            "line-height: 1.6em; background-color: #f6f6f6; width: "
                                            "100%;") ">\n\n"
                                                     "<table class=\"body-wrap\"" STYLED("backgroun"
                                                                                         "d-color: "
                                                                                         "#f6f6f6; "
                                                                                         "width: "
                                                                                         "100%;") " width=\"100%\" bgcolor=\"#f6f6f6\">\n" LINE(
                                                         I2, OPEN("tr")) LINE(I4, SIDE)
                                                         LINE(I4,
                                                              "<td class=\"container\" "
                                                              "width=\"600\"" STYLE(
                                                                  FACE
                                                                  " font-size: 14px; "
                                                                  "vertical-align: top; display: "
                                                                  "block; max-width: 600px; "
                                                                  "margin: 0 auto; clear: both;")
                                                                  TOP
                                                              ">") LINE(I6,
                                                                        "<div "
                                                                        "class=\"content\"" STYLE(
                                                                            FACE
                                                                            " font-size: 14px; "
                                                                            "max-width: 600px; "
                                                                            "margin: 0 auto; "
                                                                            "display: block; "
                                                                            "padding: 20px;") ">")
                                                             LINE(I8, "<table class=\"main\" "
                                                                      "width=\"100%\" "
                                                                      "cellpadding=\"0\" "
                                                                      "cellspacing=\"0\"" STYLED(
                                                                          "background-color: #fff; "
                                                                          "border: 1px solid "
                                                                          "#e9e9e9; border-radius: "
                                                                          "3px;") " bgcolor=\"#"
                                                                                  "fff\">")
                                                                 LINE(I10, OPEN("tr")) LINE(
                                                                     I12,
                                                                     "{{ if .Alerts.Firing "
                                                                     "}}\n" BAR("warning",
                                                                                "#E6522C", "") I12
                                                                     "{{ else }}\n" BAR(
                                                                         "good", "#68B90F", " ") I12
                                                                     "{{ end }}") LINE(I10, "</tr>")
                                                                     LINE(I10, OPEN("tr")) LINE(
                                                                         I12,
                                                                         "<td "
                                                                         "class=\"content-"
                                                                         "wrap\"" STYLED(
                                                                             "vertical-align: top; "
                                                                             "padding: 30px;") TOP
                                                                         ">") LINE(I14,
                                                                                   "<table "
                                                                                   "width=\"100%\" "
                                                                                   "cellpadding="
                                                                                   "\"0\" "
                                                                                   "cellspacing="
                                                                                   "\"0\"" PLAIN
                                                                                   ">") CONTENT
                                                                         LINE(I14, "</table>") LINE(
                                                                             I12,
                                                                             "</td>") LINE(I10,
                                                                                           "</tr>")
                                                                             LINE(I8, "</table>") "\n" FOOTER LINE(
                                                                                 I4,
                                                                                 "</td>") LINE(I4,
                                                                                               SIDE)
                                                                                 LINE(
                                                                                     I2,
                                                                                     "</tr>") "</"
                                                                                              "tabl"
                                                                                              "e>"
                                                                                              "\n\n"
                                                                                              "</"
                                                                                              "body"
                                                                                              ">\n<"
                                                                                              "/htm"
                                                                                              "l>"
                                                                                              "\n";
