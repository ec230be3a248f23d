/* HTML: what a value becomes in each place of a page, and what is no place for one. */
#include "tests/lib/test.h"

#include "common/core/template/html.h"
#include "common/core/template/html_entity.h"
#include "common/core/template/template.h"

struct html_case {
    const char *text, *want; /* "!" before a piece of the error's text */
};

static int render(struct str text, struct arena *a, struct str *ret, struct err *err)
{
    struct template_set *set = template_set_new();
    struct template_env env = {0};
    int rc;

    assert_int_equal(template_set_add(set, STR("f.tmpl"),
                                      STR("{{ define \"link\" }}<a href=\"{{ . }}\">{{ . }}</a>"
                                          "{{ end }}{{ define \"dot\" }}{{ . }}{{ end }}"
                                          "{{ define \"open\" }}<b title=\"{{ end }}"
                                          "{{ define \"query\" }}/p?{{ end }}"),
                                      err),
                     0);
    rc = template_execute(set, TEMPLATE_HTML, text, (struct tv){0}, &env, a, ret, err);
    template_set_free(set);
    return rc;
}

static void check(const struct html_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct arena *a = arena_new(0);
        struct str got = STR_EMPTY;
        struct err err = {0};
        int rc = render(str_from(cases[i].text), a, &got, &err);

        if (cases[i].want[0] == '!') {
            if (rc == 0 || strstr(err.text, cases[i].want + 1) == NULL)
                fail_msg("%s: got %d \"" STR_FMT "\", error \"%s\", want %s", cases[i].text, rc,
                         STR_ARG(got), err.text, cases[i].want);
            assert_int_equal(got.n, 0);
        } else {
            if (rc < 0 || !str_eq_c(got, cases[i].want))
                print_error("%s: %s\n", cases[i].text, err.text);
            assert_str_eq(got, cases[i].want);
            assert_int_equal(rc, 0);
        }
        arena_free(a);
    }
}

static void text(void **state)
{
    static const struct html_case cases[] = {
        {"", ""},
        {"{{ \"<>&\\\"'+\" }}", "&lt;&gt;&amp;&#34;&#39;&#43;"},
        {"{{ \"a\\x00b\" }}", "a\xef\xbf\xbd"
                              "b"},
        {"{{ 1 }}{{ true }}{{ 2.5 }}", "1true2.5"},
        {"{{ . }}|{{ print . }}", "|&lt;nil&gt;"},
        {"{{ list \"<\" 1 }}", "[&lt; 1]"},
        {"{{ dict \"k\" \"<\" }}", "map[k:&lt;]"},
        {"{{ (dict).x }}", ""},
        {"{{ $x := \"<\" }}{{ $x }}{{ $x = \">\" }}{{ $x }}", "&lt;&gt;"},
        {"{{ \"\xc3\xa4\\xff\" }}", "\xc3\xa4\xff"},
        {"1 < 2 && 3 > 2", "1 &lt; 2 && 3 > 2"},
        {"<3 </3 <! <? <", "&lt;3 &lt;/3 &lt;! &lt;? &lt;"},
        {"<{{ \"script\" }}>", "&lt;script>"},
        {"</{{ \"b\" }}>", "&lt;/b>"},
        {"<!{{ \"-\" }}->", "&lt;!-->"},
        {"<!doctype html><p>", "<!doctype html><p>"},
        {"<!DocType {{ \"<\" }}>", "<!DocType &lt;>"},
        {"a<!-- b -->c<!--d{{ \"x\" }}e--><!---->f", "acf"},
        {"<!-- a > -- > {{ \"-->\" }} -->b", "b"},
        {"<!-->a-->b", "b"}, /* a comment to us, an empty one to browsers: they see less text */
        {"<p>&lt;{{ \"&lt;\" }}</p>", "<p>&lt;&amp;lt;</p>"},
        {"<h1>{{ \"<\" }}</h1><my-tag>{{ \"<\" }}</my-tag>", "<h1>&lt;</h1><my-tag>&lt;</my-tag>"},
        {"<svg:a>{{ \"<\" }}<BR/>{{ \"<\" }}", "<svg:a>&lt;<BR/>&lt;"},
        {"<title>{{ \"</title><b>\" }}</title>{{ \"<\" }}",
         "<title>&lt;/title&gt;&lt;b&gt;</title>&lt;"},
        {"<TITLE>a <b> c</TITLE >{{ \"<\" }}", "<TITLE>a &lt;b> c</TITLE >&lt;"},
        {"<title></titles>{{ \"<\" }}</title/>", "<title>&lt;/titles>&lt;</title/>"},
        {"<textarea><!-- {{ \"-->\" }} --></textarea>", "<textarea>&lt;!-- --&gt; --></textarea>"},
        {"<pre>{{ \"a\\nb\" }}</pre>", "<pre>a\nb</pre>"},
    };

    (void)state;
    check(cases, ARRAY_SIZE(cases));
}

static void attributes(void **state)
{
    static const struct html_case cases[] = {
        {"<a title=\"{{ \"\\\"<>&'+\" }}\">", "<a title=\"&#34;&lt;&gt;&amp;&#39;&#43;\">"},
        {"<a title='{{ \"'\" }}' id=\"{{ 1 }}\">", "<a title='&#39;' id=\"1\">"},
        {"<a title = \"{{ 1 }}\" >", "<a title = \"1\" >"},
        {"<a title=x{{ \" y=z\" }}>", "<a title=x&#32;y&#61;z>"},
        {"<a title={{ \"a\\tb\\nc\\vd\\fe\\rf`g\" }}>",
         "<a title=a&#9;b&#10;c&#11;d&#12;e&#13;f&#96;g>"},
        {"<a title={{ \"\\x00\\xff\" }}>", "<a title=&#xfffd;&#xfffd;>"},
        {"<a title={{ \"\" }} {{ \"x\" }}>", "<a title=ZgotmplZ x>"},
        {"<a title={{ \"/><script>\" }}>", "<a title=/&gt;&lt;script&gt;>"},
        {"<a title={{ 1 }}{{ 2 }} b>", "<a title=12 b>"},
        {"<a title={{ 1 }}>{{ \"<\" }}", "<a title=1>&lt;"},
        {"<a title=a=b>", "!\"=\" in unquoted attr"},
        {"<a title=a`b>", "!\"`\" in unquoted attr"},
        {"<a title=a<b>", "!\"<\" in unquoted attr"},
        {"<a title=it's>", "!\"'\" in unquoted attr"},
        {"<a \"b\">", "!\"\"\" in attribute name"},
        {"<a b<c>", "!\"<\" in attribute name"},
        {"<a =b>", "!expected space, attr name, or end of tag"},
        {"<input {{ \"CHECKED\" }} {{ \"x1\" }}>", "<input checked x1>"},
        {"<input {{ \"\" }}>", "<input ZgotmplZ>"},
        {"<input {{ \"a b\" }}>", "<input ZgotmplZ>"},
        {"<input {{ \"a=b\" }}>", "<input ZgotmplZ>"},
        {"<input {{ \"href\" }}=\"x\">", "<input ZgotmplZ=\"x\">"},
        {"<input {{ \"style\" }}>", "<input ZgotmplZ>"},
        {"<input {{ \"onLoad\" }}>", "<input ZgotmplZ>"},
        {"<input {{ \"type\" }} {{ \"srcset\" }} {{ \"myurl\" }} {{ \"value\" }}>",
         "<input ZgotmplZ ZgotmplZ ZgotmplZ ZgotmplZ>"},
        {"<input {{ \"a\" }}=\"{{ \"<\" }}\">", "<input a=\"&lt;\">"},
        {"<input a{{ \"b\" }}=\"c\" {{ \"d\" }}e=f>", "<input ab=\"c\" de=f>"},
        {"<p data-{{ \"b\" }}=\"{{ \"<\" }}\" ARIA-a{{ 1 }}b={{ 2 }}>",
         "<p data-b=\"&lt;\" ARIA-a1b=2>"},
        {"<p o{{ \"nclick\" }}=\"{{ \"f()\" }}\">", "!the name of the attribute must be known"},
        {"<p {{ \"o\" }}{{ \"nclick\" }}={{ \"f()\" }}>", "!name of the attribute must be known"},
        {"<p {{ \"h\" }}ref=\"{{ \"x:\" }}\">", "!the name of the attribute must be known"},
        {"<p hr{{/* cut */}}ef=\"{{ \"x:\" }}\">", "!the name of the attribute must be known"},
        {"<p {{ if true }}a{{ 1 }}{{ end }}>", "<p a1>"},
        {"<input a {{ \"b\" }} c>", "<input a b c>"},
        {"<a title=\"{{ if true }}x{{ else }}y{{ end }}{{ \"<\" }}\">", "<a title=\"x&lt;\">"},
        {"<a{{ if true }} b=\"1\"{{ end }} c=\"{{ \"<\" }}\">", "<a b=\"1\" c=\"&lt;\">"},
        {"<br/><br />{{ \"<\" }}", "<br/><br />&lt;"},
        {"<img alt=\"{{ \"<\" }}\"/>", "<img alt=\"&lt;\"/>"},
        {"<a title=\"<!-- {{ \"<\" }} -->\">", "<a title=\"<!-- &lt; -->\">"},
        {"<h{{ 1 }}>{{ \"<\" }}</h{{ 1 }}>", "<h1>&lt;</h1>"},
        {"<td{{ if true }} id=\"a\"{{ end }}>", "<td id=\"a\">"},
        {"<i{{ if true }} id=\"a\"{{ end }} {{ \"b\" }}>", "<i id=\"a\" b>"},
        {"<scrip{{ \"t\" }}>", "!part of a tag's name"},
        {"<S{{ if true }} {{ end }}{{ \"tyle\" }}>", "!part of a tag's name"},
        {"<h{{ 1 }}2>", "!part of a tag's name"},
        {"<h{{ 1 }}=\"{{ 2 }}\">", "!part of a tag's name"},
        {"<script{{ \"x\" }}>", "!part of a tag's name"},
        {"<script{{ if true }} async{{ end }}>{{ 1 }}</script>", "<script async> 1 </script>"},
        {"<td{{ if true }} nowrap {{ else }}{{ end }}>", "<td nowrap >"},
        {"<td{{ if false }} nowrap {{ end }}x=\"y\">", "!part of a tag's name"},
        {"<img/src=\"{{ \"x:\" }}\"/alt=\"{{ \"x:\" }}\"/>", "<img/src=\"#ZgotmplZ\"/alt=\"x:\"/>"},
        {"<a href/=\"{{ \"x:\" }}\">", "!expected space, attr name, or end of tag"},
        {"<tit{{/* cut */}}le>", "!part of a tag's name"},
        {"<s{{/* cut */}} id=\"{{ \"<\" }}\"/>", "<s id=\"&lt;\"/>"},
        {"<a title=\"<b>{{ \"<\" }}", "!ends in a non-text context: an attribute"},
        {"<a ", "!ends in a non-text context: a tag"},
        {"<a b", "!ends in a non-text context: an attribute's name"},
        {"<a b=", "!ends in a non-text context: a tag, before an attribute's value"},
        {"<!-- a", "!ends in a non-text context: a comment"},
        {"<title>a", "!ends in a non-text context: a title or textarea"},
        {"<iframe srcdoc=\"{{ \"<b>\" }}\">", "<iframe srcdoc=\"&lt;b&gt;\">"},
        {"<meta name=\"x\" content=\"{{ \"a&b\" }}\">{{ \"<\" }}",
         "<meta name=\"x\" content=\"a&amp;b\">&lt;"},
        {"<meta http-equiv=refresh content=\"0; url={{ \"javascript:x\" }}\">",
         "<meta http-equiv=refresh content=\"0; url=#ZgotmplZ\">"},
        {"<meta http-equiv=refresh content=\"0; URL = {{ \"http://a\" }}; {{ \"x:y\" }}\">",
         "<meta http-equiv=refresh content=\"0; URL = http://a; x:y\">"},
    };

    (void)state;
    check(cases, ARRAY_SIZE(cases));
}

static void urls(void **state)
{
    static const struct html_case cases[] = {
        {"<a href=\"{{ \"HTTPS://a/b?c=d&e#f\" }}\">", "<a href=\"HTTPS://a/b?c=d&amp;e#f\">"},
        {"<a href='{{ \"a'b(c)\" }}'>", "<a href='a%27b%28c%29'>"},
        {"<a href={{ \"a b\" }}>", "<a href=a%20b>"},
        {"<a href={{ \"\" }}>", "<a href=ZgotmplZ>"},
        {"<a href={{ \"a=b+c\" }}>", "<a href=a&#61;b&#43;c>"},
        {"<a href=\"{{ \"data:text/html,x\" }}\">", "<a href=\"#ZgotmplZ\">"},
        {"<a href=\"{{ \"vbscript:x\" }}\">", "<a href=\"#ZgotmplZ\">"},
        {"<a href=\"{{ \" javascript:x\" }}\">", "<a href=\"#ZgotmplZ\">"},
        {"<a href=\"{{ \"java\\tscript:x\" }}\">", "<a href=\"#ZgotmplZ\">"},
        {"<a href=\" {{ \"javascript:x\" }}\">", "<a href=\" #ZgotmplZ\">"},
        {"<a href=\"{{ \"java\" }}{{ \"script:x\" }}\">", "<a href=\"java#ZgotmplZ\">"},
        {"<a href=\"{{ \"MailTo:a@b\" }}\">", "<a href=\"MailTo:a@b\">"},
        {"<a href=\"{{ \"//h/a:b\" }}{{ \"?\" }}\">", "<a href=\"//h/a:b?\">"},
        {"<a href=\"{{ \"%41%zz%\" }}\">", "<a href=\"%41%25zz%25\">"},
        {"<a href=\"{{ \"\xc3\xa4\" }}\">", "<a href=\"%c3%a4\">"},
        {"<a href=\"{{ \"\\x00\\n\" }}\">", "<a href=\"%00%0a\">"},
        {"<a href=\"/{{ \"a:b?c\" }}\">", "<a href=\"/a:b?c\">"},
        {"<a href=\"/?q={{ \"a+b c/d?e&f=g#h%\" }}\">",
         "<a href=\"/?q=a%2bb%20c%2fd%3fe%26f%3dg%23h%25\">"},
        {"<a href=\"/#{{ \"a/b\" }}\">", "<a href=\"/#a%2fb\">"},
        {"<a href=\"/&#63;{{ \"a/b\" }}\">", "<a href=\"/&#63;a%2fb\">"},
        {"<a href=\"/&quest;{{ \"a/b\" }}\">", "<a href=\"/&quest;a%2fb\">"},
        {"<a href=\"/&amp;{{ \"a/b\" }}\">", "<a href=\"/&amp;a/b\">"},
        {"<a href=\"/&auml;{{ \"a/b\" }}\">", "<a href=\"/&auml;a/b\">"},
        {"<a href=\"{{ if true }}/a{{ else }}/b{{ end }}{{ \"c d\" }}\">", "<a href=\"/ac%20d\">"},
        {"<a href=\"/{{ if true }}?{{ end }}{{ 1 }}\">", "!ambiguous context within a URL"},
        {"<a href=\"{{ if true }}/{{ end }}{{ \"x:y\" }}\">", "!ambiguous context within a URL"},
        {"<a href=\"/{{ if true }}?a{{ end }}\">", "<a href=\"/?a\">"},
        {"<a href=\"/{{ if true }}?a{{ end }}#{{ \"/\" }}\">", "<a href=\"/?a#%2f\">"},
        {"<a href=\"{{ range list 1 2 }}{{ . }}/{{ end }}\">", "<a href=\"1/2/\">"},
        {"<a href=\"{{ range list 1 2 }}{{ . }}/{{ end }}{{ 3 }}\">", "!ambiguous"},
        {"<a href=\"{{ range list 1 2 }}{{ . }}?{{ end }}\">", "<a href=\"1?2?\">"},
        {"<a href=\"/{{ range list 1 2 }}{{ . }}/{{ end }}\">", "<a href=\"/1/2/\">"},
        {"<form action=\"{{ \"x:\" }}\" method=\"{{ \"<\" }}\">",
         "<form action=\"#ZgotmplZ\" method=\"&lt;\">"},
        {"<a xlink:href=\"{{ \"x:\" }}\" data-href=\"{{ \"x:\" }}\" xmlns:a=\"{{ \"x:\" }}\">",
         "<a xlink:href=\"#ZgotmplZ\" data-href=\"#ZgotmplZ\" xmlns:a=\"#ZgotmplZ\">"},
        {"<a HREF=\"{{ \"x:\" }}\" my-uri=\"{{ \"x:\" }}\" srclang=\"{{ \"x:\" }}\">",
         "<a HREF=\"#ZgotmplZ\" my-uri=\"#ZgotmplZ\" srclang=\"x:\">"},
        {"<img srcset=\"{{ \"a.png 2x, b c.png 1x\" }}\">", "<img srcset=\"a.png 2x,#ZgotmplZ\">"},
        {"<img srcset=\"{{ \"/a b, javascript:x 2x,/c\" }}\">",
         "<img srcset=\"/a b,#ZgotmplZ,/c\">"},
        {"<img srcset=\"{{ \"\" }}{{ \"a,\" }}\">", "<img srcset=\"a,\">"},
        {"<img srcset=\"{{ safeUrl \"/a,b c\" }} 2x\">", "<img srcset=\"/a%2cb%20c 2x\">"},
    };

    (void)state;
    check(cases, ARRAY_SIZE(cases));
}

static void css(void **state)
{
    static const struct html_case cases[] = {
        {"<p style=\"width: {{ 12 }}px; color: {{ \"#fff\" }}\">",
         "<p style=\"width: 12px; color: #fff\">"},
        {"<p style=\"{{ \"a;b\" }}\">", "<p style=\"ZgotmplZ\">"},
        {"<p style=\"{{ \"url(x)\" }}\">", "<p style=\"ZgotmplZ\">"},
        {"<p style=\"{{ \"exp\\\\72 ession\" }}\">", "<p style=\"ZgotmplZ\">"},
        {"<p style=\"{{ \"EXPRESSION\" }}\">", "<p style=\"ZgotmplZ\">"},
        {"<p style=\"{{ \"-moz-binding\" }}\">", "<p style=\"ZgotmplZ\">"},
        {"<p style=\"{{ \"a--b\" }}\">", "<p style=\"ZgotmplZ\">"},
        {"<p style=\"{{ \"-0.5em, 1% solid\" }}\">", "<p style=\"-0.5em, 1% solid\">"},
        {"<p style=\"{{ \"a\\\\3b b\" }}\">", "<p style=\"ZgotmplZ\">"},
        {"<p style=\"{{ \"1+1\" }}\">", "<p style=\"1&#43;1\">"},
        {"<p style={{ \"a b\" }}>", "<p style=a&#32;b>"},
        {"<p style={{ \"\" }}>", "<p style=ZgotmplZ>"},
        {"<p style='font-family: \"{{ \"a\\\"b;'c/\" }}\"'>",
         "<p style='font-family: \"a\\22 b\\3b\\27 c\\2f \"'>"},
        {"<p style=\"font-family: '{{ \"x:y\" }}'\">", "<p style=\"font-family: '#ZgotmplZ'\">"},
        {"<p style=\"font-family: 'a{{ \"x:y\\\\\" }}'\">",
         "<p style=\"font-family: 'ax\\3ay\\\\'\">"},
        {"<p style=\"background: url({{ \"javascript:x\" }})\">",
         "<p style=\"background: url(#ZgotmplZ)\">"},
        {"<p style=\"background: URL( {{ \"/a b)\" }} )\">",
         "<p style=\"background: URL( /a%20b%29 )\">"},
        {"<p style=\"background: url(/a?{{ \"b/\" }})\">",
         "<p style=\"background: url(/a?b%2f)\">"},
        {"<p style=\"background: url('/{{ \"a'b\" }}')\">",
         "<p style=\"background: url('/a%27b')\">"},
        {"<p style=\"background: url(&#34;/{{ \"a b\" }}&#34;); width: {{ \"a b\" }}\">",
         "<p style=\"background: url(&#34;/a%20b&#34;); width: a b\">"},
        {"<p style=\"a: curl({{ \"b\" }})\">", "<p style=\"a: curl(b)\">"},
        {"<p style=\"a: b /* {{ \"c\" }} */ {{ 1 }}\">", "<p style=\"a: b /*  */ 1\">"},
        {"<p style=\"a: &lpar;{{ \"b\" }}&rpar;\">", "<p style=\"a: &lpar;b&rpar;\">"},
        {"<p style=\"a: &auml;{{ \"b\" }}\">", "!an entity that is not known here"},
        {"<p style=\"a: 'b\\{{ 1 }}'\">", "!unfinished escape sequence in CSS string"},
        {"<style>p { /* a {{ 1 }} b */ color: {{ \"red\" }} // c\n }</style>",
         "<style>p {   color: red \n }</style>"},
        {"<style>a{b:c}</style>{{ \"<\" }}", "<style>a{b:c}</style>&lt;"},
        {"<style>{{ \"</style><script>\" }}</style>", "<style>ZgotmplZ</style>"},
        {"<style>p:after { content: \"{{ \"</style>\" }}\" }</style>",
         "<style>p:after { content: \"\\3c\\2fstyle\\3e \" }</style>"},
        {"<style>p { content: \"a\\\"{{ \"b\" }}\" }</style>",
         "<style>p { content: \"a\\\"b\" }</style>"},
        {"<style>@import \"{{ \"x:y\" }}\";</style>", "<style>@import \"#ZgotmplZ\";</style>"},
        {"<style></STYLE{{ \" \" }}></style>", "!an end tag is cut in two"},
        {"<style></{{ \"style\" }}></style>", "!an end tag is cut in two"},
        {"<style>a", "!ends in a non-text context: CSS"},
    };

    (void)state;
    check(cases, ARRAY_SIZE(cases));
}

static void javascript(void **state)
{
    static const struct html_case cases[] = {
        {"<script>x = {{ \"a\\\"</script>\" }};</script>",
         "<script>x = \"a\\\"\\u003c/script\\u003e\";</script>"},
        {"<script>x={{ true }}+{{ . }}-{{ -1 }}</script>", "<script>x= true + null - -1 </script>"},
        {"<script>x = {{ dict \"a\" (list 1 \"b\") }}</script>",
         "<script>x = {\"a\":[1,\"b\"]}</script>"},
        {"<script>x = {{ safeHtml \"<b>\" }}</script>", "<script>x = \"\\u003cb\\u003e\"</script>"},
        {"<script>x = {{ print 1 2 }}</script>", "<script>x = \"1 2\"</script>"},
        {"<script>x = \"{{ \"\\\"\\\\\\n<>&'+/`\\x01\" }}\"</script>",
         "<script>x = \"\\u0022\\\\\\n\\u003c\\u003e\\u0026\\u0027\\u002b\\/\\u0060\\u0001\""
         "</script>"},
        {"<script>x = 'a\\'{{ \"\\u2028\" }}'; y = {{ 1 }}</script>",
         "<script>x = 'a\\'\\u2028'; y =  1 </script>"},
        {"<script>x = `a${ {{ 1 }} }{{ \"${`\" }}`; {{ 2 }}</script>",
         "<script>x = `a${  1  }\\u0024\\u007b\\u0060`;  2 </script>"},
        {"<script>x = `${ {a: `${ {{ 1 }} }{{ \"$\" }}`} }{{ \"$\" }}`</script>",
         "<script>x = `${ {a: `${  1  }\\u0024`} }\\u0024`</script>"},
        {"<script>x = /a{{ \"b.[c]\" }}/.test({{ 1 }})</script>",
         "<script>x = /ab\\.\\[c\\]/.test( 1 )</script>"},
        {"<script>x = /{{ \"\" }}/</script>", "<script>x = /(?:)/</script>"},
        {"<script>x = /[/\"]/.test({{ 1 }})</script>", "<script>x = /[/\"]/.test( 1 )</script>"},
        {"<script>x = /[{{ 1 }}]/</script>", "!unfinished JS regexp charset"},
        {"<script>x = a / {{ 1 }} / '{{ \"'\" }}'</script>",
         "<script>x = a /  1  / '\\u0027'</script>"},
        {"<script>x = 1 / '{{ \"'\" }}'</script>", "<script>x = 1 / '\\u0027'</script>"},
        {"<script>return /'/; {{ 1 }}</script>", "<script>return /'/;  1 </script>"},
        {"<script>x++ / '{{ \"'\" }}'</script>", "<script>x++ / '\\u0027'</script>"},
        {"<script>x = a + /'/; {{ 1 }}</script>", "<script>x = a + /'/;  1 </script>"},
        {"<script>f(x) / '{{ \"'\" }}'</script>", "<script>f(x) / '\\u0027'</script>"},
        {"<script>{{ 1 }}/2/'{{ \"'\" }}'</script>", "<script> 1 /2/'\\u0027'</script>"},
        {"<script>{{ if true }}a{{ else }}={{ end }}/{{ 1 }}/</script>",
         "!'/' could start a division or regexp"},
        {"<script>a // {{ \"x\" }} </script>\n{{ 1 }}</script>", "<script>a \n 1 </script>"},
        {"<script>a /* {{ \"x\" }} */ b /* \n */ c</script>", "<script>a   b \n c</script>"},
        {"<script><!-- a\n{{ 1 }} --> b\n</script>", "<script>\n 1  \n</script>"},
        {"<script>#! a\n{{ 1 }}</script>", "<script>\n 1 </script>"},
        {"<script>x = \"<script>\" + '</script><!--'</script>",
         "<script>x = \"\\x3Cscript>\" + '\\x3C/script>\\x3C!--'</script>"},
        {"<script>x = \"a<b\"</script>", "<script>x = \"a<b\"</script>"},
        {"<script>x = \"<{{ \"\" }}script>\"</script>", "<script>x = \"\\x3Cscript>\"</script>"},
        {"<script>x = \"\\{{ 1 }}\"</script>", "!unfinished escape sequence in JS string"},
        {"<script>x = \"a", "!ends in a non-text context: a string of JavaScript"},
        {"<script></script{{ 1 }}></script>", "!an end tag is cut in two"},
        {"<SCRIPT>{{ \"a\" }}</SCRIPT>{{ \"<\" }}", "<SCRIPT>\"a\"</SCRIPT>&lt;"},
        {"<script type=\"text/template\"><b>{{ \"<\" }}</b></script>",
         "<script type=\"text/template\"><b>&lt;</b></script>"},
        {"<script type=\"application/ld+json; a=b\">{{ \"<\" }}</script>",
         "<script type=\"application/ld+json; a=b\">\"\\u003c\"</script>"},
        {"<script type=module>{{ \"<\" }}</script>", "<script type=module>\"\\u003c\"</script>"},
        {"<script type=\"\">{{ \"<\" }}</script>", "<script type=\"\">\"\\u003c\"</script>"},
        {"<script type=\"{{ \"a\" }}\">", "!the type of a script must be known"},
        {"<script type={{ \"a\" }}>", "!the type of a script must be known"},
        {"<script src=\"{{ \"x:\" }}\"></script>", "<script src=\"#ZgotmplZ\"></script>"},
        {"<a onclick=\"f('{{ \"');g('\" }}')\">", "<a onclick=\"f('\\u0027);g(\\u0027')\">"},
        {"<a onclick='f(&quot;{{ \"\\\"\" }}&quot;, {{ \"b\" }})'>",
         "<a onclick='f(&quot;\\u0022&quot;, &#34;b&#34;)'>"},
        {"<a onclick='f(&#39;{{ \"'\" }}&#x27;)'>", "<a onclick='f(&#39;\\u0027&#x27;)'>"},
        {"<a onclick=\"f(&bogus;{{ 1 }})\">", "!an entity that is not known here"},
        {"<a onclick=f({{ \"a b\" }})>", "<a onclick=f(&#34;a&#32;b&#34;)>"},
        {"<a onclick=\"a /* {{ 1 }} */\">", "<a onclick=\"a /*  */\">"},
        {"<a onclick=\"'\" title=\"{{ \"<\" }}\">", "<a onclick=\"'\" title=\"&lt;\">"},
        {"<a data-onclick=\"{{ \"a\" }}\">", "<a data-onclick=\"&#34;a&#34;\">"},
    };

    (void)state;
    check(cases, ARRAY_SIZE(cases));
}

static void marks(void **state)
{
    static const struct html_case cases[] = {
        {"{{ safeHtml \"<b>&amp;</b>\" }}", "<b>&amp;</b>"},
        {"<title>{{ safeHtml \"<b>&amp;\" }}</title>", "<title>&lt;b&gt;&amp;</title>"},
        {"<a title=\"{{ safeHtml \"a<i x='>'>b</i><!-- c -->&lt;\\\"\" }}\">",
         "<a title=\"ab&lt;&#34;\">"},
        {"<a title={{ safeHtml \"<i>a b</i>&amp;\" }}>", "<a title=a&#32;b&amp;>"},
        {"<a title={{ safeHtml \"<i></i>\" }}>", "<a title=ZgotmplZ>"},
        {"<a title=\"{{ safeHtml \"1 < 2<script>x</script>3\" }}\">", "<a title=\"1 &lt; 23\">"},
        {"<a href=\"{{ safeHtml \"x:<\" }}\">", "<a href=\"#ZgotmplZ\">"},
        {"{{ safeHtml \"<b>\" | print }}", "&lt;b&gt;"},
        {"{{ safeUrl \"<b>\" }}", "&lt;b&gt;"},
        {"<a href=\"{{ safeUrl \"tel:+1 2\" }}\">", "<a href=\"tel:&#43;1%202\">"},
        {"<a href=\"/?q={{ safeUrl \"a=b&c d\" }}\">", "<a href=\"/?q=a=b&amp;c%20d\">"},
        {"<a href=\"{{ safeUrl \"javascript:alert('1')\" }}\">",
         "<a href=\"javascript:alert%28%271%27%29\">"},
    };

    (void)state;
    check(cases, ARRAY_SIZE(cases));
}

static void escapers_that_users_write(void **state)
{
    static const struct html_case cases[] = {
        {"{{ \"<+\" | html }}", "&lt;+"},
        {"{{ html \"<\" }}{{ html \"<\" 1 2 }}", "&lt;&lt;1 2"},
        {"{{ html . }}", "&lt;nil&gt;"},
        {"<a title=\"{{ \"<+\" | html }}\">", "<a title=\"&lt;+\">"},
        {"<title>{{ \"<\" | html }}</title>", "<title>&lt;</title>"},
        {"<a title={{ \"<\" | html }}>", "!predefined escaper \"html\" disallowed"},
        {"<a href={{ \"<\" | html }}>", "<a href=&amp;lt;>"},
        {"<a href=\"{{ \"x:<\" | html }}\">", "<a href=\"#ZgotmplZ\">"},
        {"{{ html \"<\" | print }}", "!predefined escaper \"html\" disallowed"},
        {"{{ \"<\" | urlquery | printf \"%s\" }}", "!predefined escaper \"urlquery\" disallowed"},
        {"{{ print (html \"<\") }}", "&amp;lt;"},
        {"{{ \"a b<\" | urlquery }}", "a&#43;b%3C"},
        {"<a href=\"/?{{ urlquery \"a b\" }}\">", "<a href=\"/?a&#43;b\">"},
        {"<a href=\"/{{ urlquery \"a/b\" }}\">", "<a href=\"/a%2Fb\">"},
        {"<a href=\"{{ \"x:y\" | urlquery }}\">", "<a href=\"%23ZgotmplZ\">"},
        {"{{ \"<\" | js }}", "\\u003C"},
        {"<script>{{ \"<\" | html }}</script>", "<script>\"\\u0026lt;\"</script>"},
    };

    (void)state;
    check(cases, ARRAY_SIZE(cases));
}

static void branches_and_calls(void **state)
{
    static const struct html_case cases[] = {
        {"{{ if true }}<b>{{ else }}<i>{{ end }}{{ \"<\" }}", "<b>&lt;"},
        {"{{ if true }}<b title=\"{{ else }}<i title=\"{{ end }}{{ \"<\" }}\">",
         "<b title=\"&lt;\">"},
        {"{{ if true }}<b title=\"{{ else }}<i title='{{ end }}\">",
         "!{{if}} branches end in different contexts: an attribute in double quotes, an attribute"},
        {"{{ with 1 }}<b {{ end }}>", "!{{with}} branches end in different contexts"},
        {"<b {{ if true }}a{{ end }}>", "<b a>"},
        {"<b {{ if true }}a=\"1\"{{ else if 0 }}b{{ else }}c{{ end }}>", "<b a=\"1\">"},
        {"<b title={{ if true }}\"a\"{{ end }}>", "!branches end in different contexts"},
        {"<b title={{ if true }}a{{ else }}b{{ end }}>", "<b title=a>"},
        {"{{ range list 1 2 }}<b>{{ . }}</b>{{ else }}<i>{{ end }}", "<b>1</b><b>2</b>"},
        {"{{ range list 1 }}<b title=\"{{ end }}", "!{{range}} branches end in different contexts"},
        {"<b {{ range list 1 }}\" {{ end }}>", "!in attribute name"},
        {"<script>{{ range list 1 2 }}{{ . }},{{ end }}</script>", "<script> 1 , 2 ,</script>"},
        {"{{ range list \"<\" 2 }}{{ . }}{{ break }}<b title=\"{{ end }}", "&lt;"},
        {"{{ range list 1 2 }}{{ if eq . 1 }}{{ continue }}{{ end }}{{ . }}{{ end }}", "2"},
        {"{{ range list 1 }}<b title=\"{{ if true }}{{ break }}{{ end }}\">{{ end }}",
         "!branches end in different contexts"},
        {"{{ range list 1 }}<b>{{ if true }}{{ break }}{{ else }}{{ continue }}{{ end }}x{{ end }}",
         "<b>"},
        {"{{ template \"link\" \"a <b\" }}", "<a href=\"a%20%3cb\">a &lt;b</a>"},
        {"{{ template \"dot\" \"<\" }}<a title={{ template \"dot\" \"a b\" }} "
         "href=\"{{ template \"dot\" \"x:\" }}\">",
         "&lt;<a title=a&#32;b href=\"#ZgotmplZ\">"},
        {"<script>{{ template \"dot\" \"<\" }}</script>", "<script>\"\\u003c\"</script>"},
        {"<style>{{ template \"dot\" \"<\" }}</style>", "<style>ZgotmplZ</style>"},
        {"{{ template \"open\" }}{{ \"<\" }}\">", "<b title=\"&lt;\">"},
        {"<a href=\"{{ template \"query\" }}{{ \"/\" }}\">", "<a href=\"/p?%2f\">"},
        {"<a href=\"{{ block \"b\" \"<\" }}{{ . }}{{ end }}\">{{ template \"b\" \"<\" }}",
         "<a href=\"%3c\">&lt;"},
        {"{{ if false }}{{ template \"none\" }}{{ end }}", "!no such template \"none\""},
        {"{{ define \"r\" }}{{ if . }}({{ index . 0 }}{{ template \"r\" (slice . 1) }}){{ end }}"
         "{{ end }}{{ template \"r\" \"ab\" }}",
         "(97(98))"},
        {"{{ define \"r\" }}{{ if . }}<b>{{ template \"r\" (slice . 1) }}{{ . }}</b>{{ end }}"
         "{{ end }}{{ template \"r\" \"<\" }}",
         "<b>&lt;</b>"},
        {"{{ define \"r\" }}{{ if . }}{{ template \"r\" 0 }}{{ end }}<b title=\"{{ end }}"
         "{{ template \"r\" 1 }}\">",
         "!cannot compute output context for template r"},
        {"{{ define \"r\" }}{{ . }}{{ if . }} title=\"{{ template \"r\" 0 }}\"{{ end }}{{ end }}"
         "<b {{ template \"r\" \"a\" }}>",
         "!in attribute name"},
        {"{{ define \"a\" }}{{ if . }}{{ template \"b\" . }}{{ end }}{{ end }}"
         "{{ define \"b\" }}<i>{{ . }}{{ template \"a\" 0 }}</i>{{ end }}{{ template \"a\" \"<\" "
         "}}",
         "<i>&lt;</i>"},
        {"{{ define \"x\" }}{{ range list 1 2 }}{{ break }}{{ end }}{{ . }}{{ end }}"
         "{{ range list \"<\" }}{{ template \"x\" . }}{{ end }}",
         "&lt;"},
    };

    (void)state;
    check(cases, ARRAY_SIZE(cases));
}

static void errors_say_where(void **state)
{
    static const struct html_case cases[] = {
        {"a\n <b title=x\"y>", "!html/template::2:"},
        {"{{ define \"d\" }}<b \"{{ end }}\n{{ template \"d\" }}", "!html/template::1:"},
        {"{{ template \"f.tmpl\" }}{{ .x.y }}", ""},
        {"ab{{ index list 1 }}", "!template: :1:5: executing \"\" at <index>: error calling"},
    };
    struct arena *a = arena_new(0);
    struct str got = STR_EMPTY;
    struct err err = {0};

    (void)state;
    check(cases, 3);
    assert_true(render(str_from(cases[3].text), a, &got, &err) < 0);
    assert_non_null(strstr(err.text, cases[3].want + 1));
    assert_str_eq(got, "ab"); /* what was written before a value failed is kept */
    arena_free(a);
}

/* What would take too long to follow, or too deep, is refused and not followed. */
static void analysis_is_bounded(void **state)
{
    struct arena *a = arena_new(0);
    struct str got = STR_EMPTY;
    struct err err = {0};
    struct buf b;

    (void)state;
    buf_init(&b, 0);
    for (unsigned i = 0; i < 5000; i++)
        buf_add_fmt(&b, "{{ define \"t%u\" }}{{ template \"t%u\" }}{{ end }}", i, i + 1);
    buf_add_str(&b, STR("{{ define \"t5000\" }}{{ end }}{{ template \"t0\" }}"));
    assert_true(render(buf_str(&b), a, &got, &err) < 0);
    assert_non_null(strstr(err.text, "exceeded maximum template depth"));
    buf_reset(&b);
    for (unsigned i = 0; i < 100; i++) /* each round of each ends elsewhere than it began */
        buf_add_str(&b, STR("{{ range list }}<a href=\"/"));
    for (unsigned i = 0; i < 100; i++)
        buf_add_str(&b, STR("?\">{{ end }}"));
    assert_true(render(buf_str(&b), a, &got, &err) < 0);
    buf_reset(&b);
    buf_add_str(&b, STR("<script>"));
    for (unsigned i = 0; i < 60000; i++)
        buf_add_str(&b, STR("''+"));
    buf_add_str(&b, STR("1</script>"));
    assert_int_equal(render(buf_str(&b), a, &got, &err), 0);
    assert_int_equal(got.n, b.n);
    buf_clear(&b);
    arena_free(a);
}

static size_t count(struct str s, char ch)
{
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++)
        n += s.p[i] == ch;
    return n;
}

/* Whatever a value is, the page has the marks that its author gave it, and ends where it should. */
static void no_value_changes_the_page(void **state)
{
    static const char *const pages[] = {
        "<p>{{ . }}</p>",
        "<title>{{ . }}</title>",
        "<textarea>{{ . }}</textarea>",
        "<!-- {{ . }} --><i {{ . }}>",
        "<a title=\"{{ . }}\" id='{{ . }}' class={{ . }}>",
        "<a href=\"{{ . }}\"><a href='/{{ . }}?{{ . }}'><a href={{ . }}>",
        "<img srcset=\"{{ . }}\" src=\"#{{ . }}\">",
        "<meta http-equiv=refresh content=\"0; url={{ . }}\">",
        "<p style=\"a: {{ . }}; b: '{{ . }}'; c: url({{ . }})\">",
        "<style>a { b: {{ . }} \"{{ . }}\" url('{{ . }}') /* {{ . }} */ }</style>",
        "<script>a = {{ . }} + \"{{ . }}\" + '{{ . }}' + `{{ . }}${ {{ . }} }`</script>",
        "<script>a = /{{ . }}/.test({{ . }}) /* {{ . }} */</script>",
        "<a onclick=\"f({{ . }}, '{{ . }}', `{{ . }}`)\" onload='g(\"{{ . }}\")'>",
        "<a data-{{ . }}=\"{{ . }}\" xlink:href='{{ . }}'>",
    };
    static const char *const values[] = {
        "<script>alert(1)</script>",
        "</script>",
        "</style>",
        "</title></textarea>",
        "-->",
        "<!--",
        "]]>",
        "\"",
        "'",
        "`",
        "\" onload=\"x",
        "' onload='x",
        " onload=x",
        ">",
        "<",
        "&lt;",
        "&#60;",
        "javascript:x",
        "JaVaScRiPt:x",
        "data:text/html,<b>",
        "//x",
        "/*",
        "*/",
        "//",
        "\\",
        "\\'",
        "${x}",
        "{{ . }}",
        "expression(1)",
        "url(x)",
        ";",
        "}",
        "{",
        ")",
        "(",
        "\n",
        "\r\n",
        "\t",
        " ",
        "\xe2\x80\xa8",
        "\xff<",
        "\xc3",
        "+ADw-",
        "=",
        "x=y",
        "a, javascript:x 2x",
        "on",
        "style",
        "\x01",
        "\x7f",
        "%3Cscript%3E",
        "\\3c script",
        "\\u003c",
        "0",
        "null",
        "#",
        "?",
        "@import",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(pages); i++) {
        struct template_set *set = template_set_new();
        struct arena *a = arena_new(0);
        struct template_env env = {0};
        struct template *t = NULL;
        struct str tame, wild;
        struct err err;

        assert_int_equal(template_parse_html(&t, set, str_from(pages[i]), &err), 0);
        assert_int_equal(template_render(t, tv_str(STR("x")), &env, a, &tame, &err), 0);
        for (size_t j = 0; j < ARRAY_SIZE(values); j++) {
            struct html_ctx end = {0};
            struct html_fault fault;

            assert_int_equal(template_render(t, tv_str(str_from(values[j])), &env, a, &wild, &err),
                             0);
            if (count(wild, '<') != count(tame, '<') || count(wild, '>') != count(tame, '>') ||
                html_scan(&end, wild, NULL, &fault) < 0 || end.state != HTML_TEXT)
                fail_msg("%s with %s: " STR_FMT, pages[i], values[j], STR_ARG(wild));
        }
        template_free(t);
        template_set_free(set);
        arena_free(a);
    }
}

static void entities(void **state)
{
    static const struct {
        const char *text, *want;
        bool known;
    } cases[] = {
        {"a&amp;b&lt", "a&b<", true},
        {"&#65;&#x42;&#67", "ABC", true},
        {"&;&#;&#x;&", "&;&#;&#x;&", true},
        {"&ampx;", "&x;", true},
        {"&nope;", "&nope;", false},
        {"&nope", "&nope", true},
        {"&#0;&#xd800;", "\xef\xbf\xbd\xef\xbf\xbd", true},
        {"&#99999999999;", "\xef\xbf\xbd", true},
        {"&colon;&Tab;&NewLine;", ":\t\n", true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct buf b;

        buf_init(&b, 0);
        assert_int_equal(html_unescape(&b, str_from(cases[i].text)), cases[i].known);
        assert_str_eq(buf_str(&b), cases[i].want);
        buf_clear(&b);
    }
}

/* However a text is cut into pieces, it is read as one; or not at all, when the cut leaves a doubt.
 */
static void pieces_are_read_as_the_whole(void **state)
{
    static const char page[] =
        "<p class=\"a\">b<a href='/c?d'>e</a><style>f { g: url(\"h\") }</style>"
        "<title>i</title><script>j = 'k' / l;</script>";
    size_t whole = 0;

    (void)state;
    for (size_t cut = 0; cut < sizeof(page); cut++) {
        struct html_ctx c = {0};
        struct html_fault fault;
        struct buf b;

        buf_init(&b, 0);
        if (html_scan(&c, str_sub(str_from(page), 0, cut), &b, &fault) == 0 &&
            html_scan(&c, str_sub(str_from(page), cut, sizeof(page)), &b, &fault) == 0 &&
            c.state == HTML_TEXT) {
            struct str got = buf_str(&b);

            whole += str_eq_c(got, page);
            if (got.n != sizeof(page) - 1) /* a lone "<" at the cut */
                assert_int_equal(got.n, sizeof(page) + 2);
        }
        buf_clear(&b);
    }
    assert_in_range(whole, 60, sizeof(page));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text),
        cmocka_unit_test(attributes),
        cmocka_unit_test(urls),
        cmocka_unit_test(css),
        cmocka_unit_test(javascript),
        cmocka_unit_test(marks),
        cmocka_unit_test(escapers_that_users_write),
        cmocka_unit_test(branches_and_calls),
        cmocka_unit_test(errors_say_where),
        cmocka_unit_test(analysis_is_bounded),
        cmocka_unit_test(no_value_changes_the_page),
        cmocka_unit_test(entities),
        cmocka_unit_test(pieces_are_read_as_the_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
