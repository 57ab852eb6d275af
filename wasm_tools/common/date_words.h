/* What a date is written in: tokens, and the words for months, days, units and zones. */
#ifndef AGENTSH_DATE_WORDS_H
#define AGENTSH_DATE_WORDS_H

enum kind { END, WORD, NUMBER, SIGNED, PUNCT };

struct token {
    enum kind kind;
    char text[24];
    long long number;
    int digits, sign, punct;
    long nano; /* of a fraction behind the number */
    int fraction, spaced; /* there was one; white space stood before */
};

/* The next token of a text, which moves on behind it. */
struct token date_token(const char **text);

/* The number of a word in a list that spaces separate, from 0; -1 when it is not there. Three letters are enough where it may
 * be shortened. */
int date_find_word(const char *list, const char *word, int shortened);
/* 1 to 12; 0 for no month. */
int date_month_of(const char *word);
/* 0 to 6 from Sunday; -1 for no day. */
int date_weekday_of(const char *word);
/* Whether it is one of last, this, next, third...; how many that moves on. */
int date_ordinal_of(const char *word, long long *n);
/* Whether it names a zone; its minutes east. */
int date_zone_of(const char *word, long long *minutes);
/* The unit that a word names, once or many: 1 to 6 from seconds to years, with how many of them; 0 for none. */
int date_unit_of(const char *word, long long *times);

#endif
