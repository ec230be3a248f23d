extern "C" {
#include "common/base/float_text.h"
}

#include <charconv>
#include <cmath>

extern "C" size_t float_digits(double v, char ret_digits[32], int *ret_point)
{
    char text[40];
    std::to_chars_result r =
        std::to_chars(text, text + sizeof(text), std::fabs(v), std::chars_format::scientific);
    size_t n = 0;
    const char *p = text;
    int exponent = 0;
    bool minus;

    for (; p < r.ptr && *p != 'e'; p++) {
        if (*p != '.')
            ret_digits[n++] = *p;
    }
    p++;
    minus = p < r.ptr && *p == '-';
    for (p++; p < r.ptr; p++)
        exponent = exponent * 10 + (*p - '0');
    while (n > 1 && ret_digits[n - 1] == '0')
        n--;
    *ret_point = (minus ? -exponent : exponent) + 1;
    return n;
}

extern "C" bool float_parse(struct str text, double *ret)
{
    bool minus = false;
    std::chars_format format = std::chars_format::general;
    std::from_chars_result r;
    double v = 0;

    if (text.n > 0 && (text.p[0] == '+' || text.p[0] == '-')) {
        minus = text.p[0] == '-';
        text = str_sub(text, 1, text.n);
    }
    if (text.n > 2 && text.p[0] == '0' && (text.p[1] == 'x' || text.p[1] == 'X')) {
        format = std::chars_format::hex;
        text = str_sub(text, 2, text.n);
    }
    if (text.n == 0 || text.p[0] == '-' || text.p[0] == '+' || text.p[text.n - 1] == ')')
        return false;
    r = std::from_chars(text.p, text.p + text.n, v, format);
    if (r.ec != std::errc() || r.ptr != text.p + text.n)
        return false;
    *ret = minus ? -v : v;
    return true;
}
