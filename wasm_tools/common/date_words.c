/* Tokens and words of dates. */
#include "date_words.h"

#include <ctype.h>
#include <limits.h>
#include <string.h>

struct token date_token(const char **text)
{
    struct token t = {.kind = END};
    const char *p = *text;
    for (;;) {
        if (isspace((unsigned char)*p) || *p == ',') {
            t.spaced = 1;
            p++;
        } else if (*p == '(') {
            int depth = 0;
            do {
                depth += (*p == '(') - (*p == ')');
                p++;
            } while (*p && depth);
        } else break;
    }
    const char *digits = p;
    if ((*p == '+' || *p == '-')) {
        digits = p + 1;
        while (isspace((unsigned char)*digits)) digits++;
    }
    if (isdigit((unsigned char)*digits)) {
        t.kind = digits > p ? SIGNED : NUMBER;
        t.sign = *p == '-' ? -1 : 1;
        for (p = digits; isdigit((unsigned char)*p); p++, t.digits++) {
            if (t.number > LLONG_MAX / 10 - 10) t.digits = 100;
            else t.number = t.number * 10 + (*p - '0');
        }
        t.number *= t.sign;
        if ((*p == '.' || *p == ',') && isdigit((unsigned char)p[1])) {
            t.fraction = 1;
            long unit = 100000000;
            for (p++; isdigit((unsigned char)*p); p++, unit /= 10) t.nano += unit * (*p - '0');
            t.nano *= t.sign;
        }
    } else if (isalpha((unsigned char)*p)) {
        t.kind = WORD;
        size_t n = 0;
        for (; isalpha((unsigned char)*p) || *p == '.'; p++)
            if (*p != '.' && n < sizeof(t.text) - 1) t.text[n++] = (char)tolower((unsigned char)*p);
        t.text[n] = 0;
    } else if (*p) {
        t.kind = PUNCT;
        t.punct = (unsigned char)*p++;
    }
    *text = p;
    return t;
}

int date_find_word(const char *list, const char *word, int shortened)
{
    size_t n = strlen(word);
    int i = 0;
    for (const char *p = list; *p; i++) {
        size_t len = strcspn(p, " ");
        if ((n == len || (shortened && n == 3)) && !strncmp(p, word, n)) return i;
        p += len + (p[len] == ' ');
    }
    return -1;
}

int date_month_of(const char *word)
{
    if (!strcmp(word, "sept")) return 9;
    return date_find_word("january february march april may june july august september october november december", word, 1) + 1;
}

int date_weekday_of(const char *word)
{
    if (!strcmp(word, "tues")) return 2;
    if (!strcmp(word, "wednes")) return 3;
    if (!strcmp(word, "thur") || !strcmp(word, "thurs")) return 4;
    return date_find_word("sunday monday tuesday wednesday thursday friday saturday", word, 1);
}

int date_ordinal_of(const char *word, long long *n)
{
    static const long long values[] = {-1, 0, 1, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    int i = date_find_word("last this next first third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth", word, 0);
    if (i >= 0) *n = values[i];
    return i >= 0;
}

int date_zone_of(const char *word, long long *minutes)
{
    static const struct {
        const char *name;
        int minutes;
    } zones[] = {{"utc", 0}, {"gmt", 0}, {"ut", 0}, {"z", 0}, {"wet", 0}, {"west", 60}, {"bst", 60}, {"cet", 60}, {"met", 60},
                 {"cest", 120}, {"mest", 120}, {"eet", 120}, {"eest", 180}, {"msk", 180}, {"ist", 330}, {"sgt", 480},
                 {"jst", 540}, {"est", -300}, {"edt", -240}, {"cst", -360}, {"cdt", -300}, {"mst", -420}, {"mdt", -360},
                 {"pst", -480}, {"pdt", -420}, {"akst", -540}, {"hst", -600}};
    for (size_t i = 0; i < sizeof(zones) / sizeof(*zones); i++)
        if (!strcmp(zones[i].name, word)) return *minutes = zones[i].minutes, 1;
    return 0;
}

int date_unit_of(const char *word, long long *times)
{
    static const struct {
        const char *name;
        int unit, times;
    } units[] = {{"second", 1, 1}, {"sec", 1, 1}, {"minute", 2, 1}, {"min", 2, 1}, {"hour", 3, 1}, {"day", 4, 1},
                 {"week", 4, 7}, {"fortnight", 4, 14}, {"month", 5, 1}, {"year", 6, 1}};
    size_t n = strlen(word);
    if (n > 1 && word[n - 1] == 's') n--;
    for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
        if (strlen(units[i].name) == n && !strncmp(units[i].name, word, n)) return *times = units[i].times, units[i].unit;
    return 0;
}
